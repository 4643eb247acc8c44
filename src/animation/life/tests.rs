use proptest::prelude::*;

use super::super::filter::{FilterSettings, Sound};
use super::super::{Animation, arkit};
use super::*;

/// Sound with a level for each frame.
struct Levels(Vec<f32>);

impl Sound for Levels {
    fn is_loud(&self, frame: usize) -> bool {
        self.level(frame) > 0.003
    }

    fn level(&self, frame: usize) -> f32 {
        self.0.get(frame).copied().unwrap_or(0.0)
    }
}

/// Speech of so many seconds: syllables of about 0.2 s, every third or so with an accent, and pauses.
fn speech(seconds: usize, fps: usize, seed: u64) -> Levels {
    let mut random = Random::new(seed, 99);
    let mut levels = Vec::new();
    while levels.len() < seconds * fps {
        for _ in 0..4 + (random.share() * 10.0) as usize {
            let (length, loud) = (random.within([0.14, 0.26]), random.within([0.02, 0.05]));
            let loud = if random.happens(0.3) { 3.0 * loud } else { loud };
            let frames = (length * fps as f64) as usize;
            levels.extend((0..frames).map(|at| {
                let swell = (std::f64::consts::PI * (at as f64 + 0.5) / frames as f64).sin();
                (loud * (0.2 + 0.8 * swell)) as f32
            }));
        }
        levels.resize(levels.len() + (random.within([0.3, 0.9]) * fps as f64) as usize, 0.0);
    }
    levels.truncate(seconds * fps);
    Levels(levels)
}

fn settings(parts: &[LifePart]) -> FilterSettings {
    FilterSettings { life: Some(parts.to_vec()), ..FilterSettings::default() }
}

/// A motion of the ARKit channels, in which `set` columns have a value, filtered.
fn live(settings: &FilterSettings, fps: usize, seed: u64, sound: &Levels, set: &[(&str, f32)]) -> Animation {
    let names = arkit::names();
    let mut row = vec![0.0; names.len()];
    for (name, value) in set {
        row[names.iter().position(|n| n == name).unwrap()] = *value;
    }
    let mut motion =
        Animation::from_parameters(Rate::whole(fps as u32), names.clone(), row.repeat(sound.0.len()));
    motion.widen(&settings.columns(&names)).unwrap();
    settings.pipeline(&names, motion.rate, fps * 2 / 5, seed).unwrap().apply(&mut motion, sound);
    motion
}

fn column(motion: &Animation, name: &str) -> Vec<f64> {
    let column = motion.parameters().unwrap().names.iter().position(|n| n == name).unwrap();
    motion.values().chunks_exact(motion.columns()).map(|row| f64::from(row[column])).collect()
}

/// The first frame and the peak of each blink; one that the end cuts off is left out.
fn blinks(lids: &[f64]) -> Vec<(usize, f64)> {
    let mut found: Vec<(usize, f64)> = Vec::new();
    for (frame, closed) in lids.iter().enumerate() {
        match found.last_mut() {
            _ if *closed == 0.0 => {}
            Some((_, peak)) if lids[frame - 1] > 0.0 => *peak = peak.max(*closed),
            _ => found.push((frame, *closed)),
        }
    }
    if lids.last().is_some_and(|closed| *closed > 0.0) {
        found.pop();
    }
    found
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let (ma, mb) = (mean(a), mean(b));
    let sum = |f: &dyn Fn(f64, f64) -> f64| a.iter().zip(b).map(|(a, b)| f(a - ma, b - mb)).sum::<f64>();
    sum(&|a, b| a * b) / (sum(&|a, _| a * a) * sum(&|_, b| b * b)).sqrt()
}

/// The values less their mean over the second around each.
fn fast(values: &[f64], fps: usize) -> Vec<f64> {
    let around = |at: usize| &values[at.saturating_sub(fps / 2)..(at + fps / 2).min(values.len())];
    (0..values.len())
        .map(|at| values[at] - around(at).iter().sum::<f64>() / around(at).len() as f64)
        .collect()
}

#[test]
fn every_blink_closes_the_eye_and_speech_has_12_to_25_a_minute() {
    for (fps, seed) in [(25, 0), (25, 1), (25, 2), (30, 3), (60, 4), (12, 5)] {
        let sound = speech(600, fps, seed);
        let motion = live(
            &settings(&LifePart::ALL),
            fps,
            seed,
            &sound,
            &[("eyeBlinkLeft", 0.3), ("eyeWideLeft", 0.4)],
        );
        let [left, right] = ["eyeBlinkLeft", "eyeBlinkRight"].map(|name| column(&motion, name));
        assert_eq!(left, right);
        let found = blinks(&left);
        assert!(found.iter().all(|(_, peak)| (0.85..=1.0).contains(peak)), "{fps} {seed}");
        let a_minute = found.len() as f64 / 10.0;
        println!("{fps} frames a second, seed {seed}: {a_minute} blinks a minute");
        assert!((12..=25).contains(&(a_minute.round() as usize)), "{fps} {seed}: {a_minute}");
        let wide = column(&motion, "eyeWideLeft");
        assert!(wide.iter().zip(&left).all(|(wide, closed)| (wide - 0.4 * (1.0 - closed)).abs() < 1e-6));
        let gaps: Vec<f64> =
            found.windows(2).map(|pair| (pair[1].0 - pair[0].0) as f64 / fps as f64).collect();
        assert!(gaps.iter().any(|gap| *gap < 1.0) && gaps.iter().any(|gap| *gap > 4.0), "blinks gather");
    }
}

#[test]
fn lids_close_faster_than_they_open() {
    let sound = speech(300, 250, 0);
    let motion = live(&settings(&[LifePart::Blink]), 250, 0, &sound, &[]);
    let lids = column(&motion, "eyeBlinkLeft");
    for (first, peak) in blinks(&lids) {
        let blink = &lids[first..];
        let closed = blink.iter().position(|lid| *lid >= peak).unwrap();
        let open = closed + blink[closed..].iter().position(|lid| *lid == 0.0).unwrap();
        let [down, whole] = [closed, open].map(|frames| frames as f64 / 250.0);
        assert!((0.09..=0.15).contains(&down) && whole - down > 1.4 * down, "{down} {whole}");
    }
}

#[test]
fn blinks_come_in_any_ten_seconds_of_silence_even_while_the_face_rests() {
    let silence = Levels(vec![0.0; 25 * 600]);
    let rests = FilterSettings { rest_after: Some(1.0), ..settings(&LifePart::ALL) };
    let motion = live(&rests, 25, 7, &silence, &[("mouthSmileLeft", 0.5)]);
    let lids = column(&motion, "eyeBlinkLeft");
    assert!(lids.windows(250).all(|part| part.contains(&0.0) && part.iter().any(|lid| *lid > 0.85)));
    let a_minute = blinks(&lids).len() as f64 / 10.0;
    assert!((9.0..20.0).contains(&a_minute), "{a_minute}");
    assert_eq!(column(&motion, "mouthSmileLeft").last(), Some(&0.0));
    for name in ["neck_y", "eyeLookInLeft"] {
        let values = column(&motion, name);
        assert!(values.windows(1000).all(|part| part.iter().any(|v| (v - part[0]).abs() > 0.01)), "{name}");
    }
}

#[test]
fn blinks_gather_at_pauses_and_at_large_gaze_shifts() {
    let (fps, sound) = (50, speech(1200, 50, 3));
    let motion = live(&settings(&[LifePart::Blink]), fps, 3, &sound, &[]);
    let found = blinks(&column(&motion, "eyeBlinkLeft"));
    let in_pause = |frame: usize| (frame..frame + 10).any(|frame| !sound.is_loud(frame));
    let near = found.iter().filter(|(frame, _)| in_pause(*frame)).count() as f64 / found.len() as f64;
    let usual = (0..sound.0.len()).filter(|frame| in_pause(*frame)).count() as f64 / sound.0.len() as f64;
    assert!(near > 1.3 * usual, "{near} of blinks, {usual} of all frames");
}

#[test]
fn gaze_holds_a_point_and_shifts_by_the_main_sequence() {
    let sound = speech(600, 500, 1);
    let motion = live(&settings(&[LifePart::Gaze]), 500, 1, &sound, &[]);
    let turns = arkit::Arkit::with_rotations(&motion.parameters().unwrap().names);
    assert!(turns.is_err(), "ARKit's names without a jaw's angles");
    let [inwards, outwards] = ["eyeLookInLeft", "eyeLookOutLeft"].map(|name| column(&motion, name));
    let yaw: Vec<f64> = inwards.iter().zip(&outwards).map(|(a, b)| 26.0 * (b - a)).collect();
    let (mut shifts, mut begin) = (Vec::new(), 0);
    for at in 1..yaw.len() {
        let moves = |at: usize| at < yaw.len() && (yaw[at] - yaw[at - 1]).abs() > 1e-9;
        if moves(at) && (at == 1 || !moves(at - 1)) {
            begin = at - 1;
        }
        if moves(at) && !moves(at + 1) {
            shifts.push((begin, at, (yaw[at] - yaw[begin]).abs()));
        }
    }
    assert!(shifts.len() > 200, "{}", shifts.len());
    for (begin, end, size) in &shifts {
        let takes = (end - begin) as f64 / 500.0;
        // The size of a shift is at least that to the side.
        assert!(takes >= 0.019 + 0.0022 * size && takes < 0.095, "{takes} s for {size} degrees");
    }
    let held = shifts.windows(2).map(|pair| (pair[1].0 - pair[0].1) as f64 / 500.0);
    assert!(held.clone().sum::<f64>() / held.count() as f64 > 0.6);
    assert!(yaw.iter().all(|yaw| yaw.abs() < 16.0) && yaw.iter().any(|yaw| yaw.abs() > 8.0));
}

#[test]
fn nods_go_with_accents_of_loudness_and_all_axes_move_within_human_ranges() {
    for seed in 0..4 {
        let (fps, sound) = (25, speech(300, 25, seed));
        let motion = live(&settings(&[LifePart::Head]), fps, seed, &sound, &[]);
        let pitch = column(&motion, NECK_NAMES[0]);
        let loud: Vec<f64> = sound.0.iter().map(|level| f64::from(*level)).collect();
        let smooth: Vec<f64> = (0..loud.len())
            .map(|at| loud[at.saturating_sub(3)..(at + 4).min(loud.len())].iter().sum::<f64>() / 7.0)
            .collect();
        let r = correlation(&fast(&pitch, fps), &fast(&smooth, fps));
        assert!(r > 0.3, "{seed}: r = {r}");
        for (axis, most) in NECK_NAMES.iter().zip([12.0, 15.0, 10.0]) {
            let angles: Vec<f64> = column(&motion, axis).iter().map(|angle| angle.to_degrees()).collect();
            let largest = angles.iter().fold(0.0f64, |most, angle| most.max(angle.abs()));
            assert!(largest > 2.0 && largest <= most, "{axis}: {largest}");
            let fastest =
                angles.windows(2).map(|pair| (pair[1] - pair[0]).abs() * fps as f64).fold(0.0, f64::max);
            assert!(fastest < 60.0, "{axis}: {fastest} degrees a second");
        }
    }
}

#[test]
fn a_sad_head_moves_less_than_a_happy_one() {
    let sound = speech(120, 25, 5);
    let way = |set: &[(&str, f32)]| {
        let motion = live(&settings(&[LifePart::Head]), 25, 5, &sound, set);
        column(&motion, NECK_NAMES[0]).windows(2).map(|pair| (pair[1] - pair[0]).abs()).sum::<f64>()
    };
    let neutral = way(&[]);
    let happy = way(&[("mouthSmileLeft", 0.6), ("mouthSmileRight", 0.6)]);
    let sad = way(&[("mouthFrownLeft", 0.5), ("mouthFrownRight", 0.5)]);
    assert!(happy > 1.15 * neutral && sad < 0.85 * neutral, "{sad} {neutral} {happy}");
}

#[test]
fn the_eyes_stay_on_their_point_while_the_head_turns() {
    let sound = speech(60, 25, 2);
    let motion = live(&settings(&[LifePart::Gaze, LifePart::Head]), 25, 2, &sound, &[]);
    let alone = live(&settings(&[LifePart::Gaze]), 25, 2, &sound, &[]);
    let yaw = |motion: &Animation| -> Vec<f64> {
        let [inwards, outwards] = ["eyeLookInLeft", "eyeLookOutLeft"].map(|name| column(motion, name));
        inwards.iter().zip(outwards).map(|(a, b)| 26.0 * (b - a)).collect()
    };
    let neck = column(&motion, NECK_NAMES[1]);
    for ((eye, neck), point) in yaw(&motion).iter().zip(neck).zip(yaw(&alone)) {
        assert!((eye + neck.to_degrees() - point).abs() < 1e-4);
    }
}

#[test]
fn parts_are_named_and_a_motion_without_their_channels_is_refused() {
    assert_eq!(LifePart::list("head, blink").unwrap(), [LifePart::Head, LifePart::Blink]);
    assert_eq!(LifePart::list("none").unwrap(), []);
    assert_eq!(LifePart::list("all").unwrap(), LifePart::ALL);
    for bad in ["", "blnk", "blink,", "none,head"] {
        assert!(LifePart::list(bad).unwrap_err().to_string().contains("blink, gaze and head"), "{bad}");
    }
    let flame = ["exp_00", "jaw_x"].map(String::from);
    for part in LifePart::ALL {
        assert!(!part.fits(&flame) && part.fits(&arkit::names()));
        let error = settings(&[part]).pipeline(&flame, Rate::whole(25), 10, 0).map(drop).unwrap_err();
        assert!(error.exit_code() == 2 && error.to_string().contains("`exp_00`"), "{error}");
    }
}

proptest! {
    #[test]
    fn the_same_rows_come_out_of_a_recording_and_of_a_stream(
        seed in any::<u64>(),
        parts in prop::sample::subsequence(LifePart::ALL.to_vec(), 1..=3),
        look_ahead in 0usize..20,
        levels in prop::collection::vec(prop_oneof![Just(0.0f32), 0.001f32..0.3], 1..300),
        rest_after in prop::option::of(0.0f64..2.0),
    ) {
        let (sound, rate, names) = (Levels(levels), Rate::whole(25), arkit::names());
        let settings = FilterSettings { rest_after, ..settings(&parts) };
        let frames = sound.0.len();
        let values: Vec<f32> = (0..frames * 52).map(|i| (i as f32 * 0.37).sin().abs()).collect();
        let mut whole = Animation::from_parameters(rate, names.clone(), values);
        whole.widen(&settings.columns(&names)).unwrap();
        let rows = whole.values().to_vec();
        settings.pipeline(&names, rate, look_ahead, seed).unwrap().apply(&mut whole, &sound);
        prop_assert!(whole.values().iter().all(|value| value.is_finite()));
        let mut stream = settings.pipeline(&names, rate, look_ahead, seed).unwrap();
        prop_assert_eq!(stream.latency(), 0);
        for (frame, row) in rows.chunks_exact(whole.columns()).enumerate() {
            // Sound that is not heard yet, or that the stream no longer keeps, is silence.
            let first = frame.saturating_sub(stream.reach());
            let heard = Levels(sound.0.iter().take(frame + look_ahead + 1).enumerate()
                .map(|(at, level)| if at < first { 0.0 } else { *level }).collect());
            let mut row = row.to_vec();
            prop_assert!(stream.push(&heard, &mut row));
            prop_assert_eq!(&row[..], whole.frame(frame));
        }
    }
}
