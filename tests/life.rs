//! Life on the built-in model and head: blinks, gaze and head motion of speech and of silence.

use std::path::Path;

use deeptalk_rt::animation::filter::{FilterSettings, LoudFrames, Sound};
use deeptalk_rt::animation::{Animation, LifePart};
use deeptalk_rt::audio::{SAMPLE_RATE, read_sound};
use deeptalk_rt::runtime::{Model, Session, StreamOptions, Take};

const LOOK_AHEAD: usize = 10;
const FPS: f64 = 25.0;

/// Three sentences with pauses between them, several times.
fn speech(times: usize) -> Vec<f32> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let sentences = ["speech_a.wav", "speech_b.wav", "speech_c.wav"];
    let pause = vec![0.0; SAMPLE_RATE as usize * 3 / 5];
    let one =
        sentences.map(|name| [read_sound(folder.join(name), 0.0, None).unwrap(), pause.clone()].concat());
    one.concat().repeat(times)
}

fn all() -> FilterSettings {
    FilterSettings { life: Some(LifePart::ALL.to_vec()), ..FilterSettings::default() }
}

/// The motion of the built-in model with life.
fn live(motion: &Animation, samples: &[f32], seed: u64) -> Animation {
    let (settings, names) = (all(), motion.parameters().unwrap().names.clone());
    let mut motion = motion.clone();
    motion.widen(&settings.columns(&names)).unwrap();
    let sound = LoudFrames::of(samples, SAMPLE_RATE, motion.rate, 0.003);
    settings.pipeline(&names, motion.rate, LOOK_AHEAD, seed).unwrap().apply(&mut motion, &sound);
    motion
}

fn column(motion: &Animation, name: &str) -> Vec<f64> {
    let column = motion.parameters().unwrap().names.iter().position(|n| n == name).unwrap();
    (0..motion.frames()).map(|frame| f64::from(motion.frame(frame)[column])).collect()
}

/// The peak of each blink that the end does not cut off, and the largest value between blinks.
fn blinks(lids: &[f64]) -> (Vec<f64>, f64) {
    let ends_open = lids.last().is_some_and(|lid| *lid < 0.01);
    let mut parts: Vec<f64> =
        lids.split(|lid| *lid < 0.01).map(|blink| blink.iter().copied().fold(0.0, f64::max)).collect();
    if !ends_open {
        parts.pop();
    }
    let between = lids.iter().copied().filter(|lid| *lid < 0.01).fold(0.0, f64::max);
    (parts.into_iter().filter(|peak| *peak > 0.0).collect(), between)
}

/// The values less their mean over a second around each.
fn fast(values: &[f64]) -> Vec<f64> {
    let around = |at: usize| &values[at.saturating_sub(12)..(at + 13).min(values.len())];
    (0..values.len())
        .map(|at| values[at] - around(at).iter().sum::<f64>() / around(at).len() as f64)
        .collect()
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let (ma, mb) = (mean(a), mean(b));
    let sum = |f: &dyn Fn(f64, f64) -> f64| a.iter().zip(b).map(|(a, b)| f(a - ma, b - mb)).sum::<f64>();
    sum(&|a, b| a * b) / (sum(&|a, _| a * a) * sum(&|_, b| b * b)).sqrt()
}

/// The correlation of the head's nods with the loudness, both without what is slower than a second.
fn nods(motion: &Animation, samples: &[f32]) -> f64 {
    let sound = LoudFrames::of(samples, SAMPLE_RATE, motion.rate, 0.003);
    let level = |frame: usize| f64::from(sound.level(frame));
    let smooth = |at: usize| (at.saturating_sub(3)..at + 4).map(level).sum::<f64>() / 7.0;
    let loud: Vec<f64> = (0..motion.frames()).map(smooth).collect();
    correlation(&fast(&column(motion, "neck_x")), &fast(&loud))
}

fn degrees(motion: &Animation, name: &str) -> Vec<f64> {
    column(motion, name).iter().map(|angle| angle.to_degrees()).collect()
}

/// The mean speed of the head in degrees a second.
fn speed(motion: &Animation) -> f64 {
    let axes = ["neck_x", "neck_y", "neck_z"].map(|axis| degrees(motion, axis));
    let step = |at: usize| axes.iter().map(|axis| (axis[at] - axis[at - 1]).powi(2)).sum::<f64>().sqrt();
    (1..motion.frames()).map(step).sum::<f64>() * FPS / (motion.frames() - 1) as f64
}

#[test]
fn speech_of_the_built_in_model_is_alive() {
    let (samples, model) = (speech(4), Model::builtin().unwrap());
    let motion = Session::new(&model).animate(&samples, &Take::default()).unwrap();
    let minutes = motion.seconds() / 60.0;
    println!("| quantity | network alone | with life |\n|---|---|---|");
    let (own, _) =
        blinks(&column(&motion, "eyeBlinkLeft").iter().map(|lid| (lid - 0.2).max(0.0)).collect::<Vec<_>>());
    let least = |peaks: &[f64]| peaks.iter().copied().fold(f64::INFINITY, f64::min);
    let (mut count, mut peak, mut drift, mut r, mut most, mut moved) =
        (0, 1.0f64, 0.0f64, 1.0f64, [0.0f64; 3], 0.0);
    const SEEDS: u64 = 5;
    for seed in 0..SEEDS {
        let live = live(&motion, &samples, seed);
        let (peaks, between) = blinks(&column(&live, "eyeBlinkLeft"));
        (count, peak, drift) = (count + peaks.len(), peak.min(least(&peaks)), drift.max(between));
        r = r.min(nods(&live, &samples));
        for (most, axis) in most.iter_mut().zip(["neck_x", "neck_y", "neck_z"]) {
            *most = degrees(&live, axis).into_iter().fold(*most, |most, angle| most.max(angle.abs()));
        }
        moved += speed(&live) / SEEDS as f64;
        for name in ["mouthSmileLeft", "jaw_x", "browInnerUp"] {
            assert_eq!(column(&live, name), column(&motion, name), "{name}");
        }
    }
    let a_minute = count as f64 / minutes / SEEDS as f64;
    println!("| blinks a minute of speech | {:.1} | {a_minute:.1} |", own.len() as f64 / minutes);
    println!("| the least peak of a blink | {:.2} | {peak:.2} |", 0.2 + least(&own));
    println!("| the most that a lid is closed between blinks | {:.2} | {drift:.2} |", {
        let open = column(&motion, "eyeBlinkLeft").into_iter().filter(|lid| *lid < 0.2);
        open.fold(0.0, f64::max)
    });
    println!("| nods with loudness, r (least of {SEEDS} seeds) | - | {r:.2} |");
    println!(
        "| head down, left, to the shoulder: the most | 0 | {:.1}, {:.1}, {:.1} degrees |",
        most[0], most[1], most[2]
    );
    println!("| speed of the head, mean | 0 | {moved:.1} degrees a second |");
    assert!((12.0..=25.0).contains(&a_minute) && peak >= 0.85 && drift < 0.01);
    assert!(r > 0.3 && most.iter().all(|most| (2.0..=15.0).contains(most)) && (1.0..20.0).contains(&moved));
}

#[test]
fn silence_is_alive_and_lively_moods_move_more_than_sad_ones() {
    let model = Model::builtin().unwrap();
    let mut session = Session::new(&model);
    let silence = vec![0.0; 10 * SAMPLE_RATE as usize];
    let motion = session.animate(&silence, &Take::default()).unwrap();
    let counts: Vec<usize> =
        (0..20).map(|seed| blinks(&column(&live(&motion, &silence, seed), "eyeBlinkLeft")).0.len()).collect();
    println!("| blinks in 10 s of silence, seeds 0 to 19 | {counts:?} |");
    assert!(counts.iter().all(|count| (1..=5).contains(count)), "{counts:?}");

    let samples = speech(1);
    let mut of = |mood: &str| {
        let track = model.emotions().track(mood).unwrap();
        let motion = session.animate(&samples, &Take::default().with_track(track)).unwrap();
        speed(&live(&motion, &samples, 0))
    };
    let speeds = ["sad", "neutral", "angry", "happy", "surprised"].map(|mood| (mood, of(mood)));
    println!("| speed of the head by mood, degrees a second | {speeds:.1?} |");
    assert!(
        speeds[0].1 < 0.8 * speeds[1].1 && speeds[2..].iter().all(|(_, speed)| *speed > 1.05 * speeds[1].1)
    );
}

#[test]
fn a_stream_has_the_same_life_however_it_is_cut_and_that_of_a_recording() {
    let (samples, model) = (speech(1), Model::builtin().unwrap());
    let stream = |pieces: &[usize]| {
        let mut session = Session::new(&model);
        session.begin(&StreamOptions { filters: all(), ..StreamOptions::default() }).unwrap();
        let (mut at, mut values) = (0, Vec::new());
        for piece in pieces.iter().cycle() {
            let end = (at + piece).min(samples.len());
            session.push(&samples[at..end]).unwrap();
            values.extend(session.poll().values);
            at = end;
            if at == samples.len() {
                break;
            }
        }
        session.finish().unwrap();
        values.extend(session.poll().values);
        assert_eq!(session.columns().len(), 56);
        Animation::from_parameters(model.spec().frame_rate, session.columns(), values)
    };
    let whole = stream(&[samples.len()]);
    assert_eq!(whole, stream(&[1, 7_001, 333, 16_000]));
    assert_eq!(whole, stream(&[640]));
    let motion = Session::new(&model).animate(&samples, &Take::default()).unwrap();
    let live = live(&motion, &samples, 0);
    // What the network gives differs a little in a stream; blinks depend on the sound and the seed alone.
    assert_eq!(column(&live, "eyeBlinkLeft"), column(&whole, "eyeBlinkLeft"));
}
