//! Properties of the network for any weights, tested with small models at awkward lengths.

use std::cell::RefCell;

use deeptalk_rt::Result;
use deeptalk_rt::animation::Animation;
use deeptalk_rt::layers::Observer;
use deeptalk_rt::networks::ModelFile;
use deeptalk_rt::networks::deeptalk::synth_model;
use deeptalk_rt::networks::deeptalk::{Choice, Config, DeepTalk, MotionCodes};
use deeptalk_rt::runtime::{Draw, Take};
use deeptalk_rt::tensor::cpu::{Cpu, Tensor};
use deeptalk_rt::tensor::{Clips, Context, Dtype, Packed};

/// Loads a model of these sizes, with weights from the formula.
fn loaded(config: &Config) -> DeepTalk<Cpu> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.safetensors");
    synth_model(&path, config, Dtype::F32).unwrap();
    DeepTalk::load(&ModelFile::open(path).unwrap(), Cpu::F32).unwrap()
}

/// Tests of every property, for a small model of each kind.
macro_rules! properties {
    ($($property:ident,)*) => {
        mod published {
            static MODEL: std::sync::LazyLock<super::DeepTalk<super::Cpu>> =
                std::sync::LazyLock::new(|| super::loaded(&super::Config::tiny()));
            $(#[test] fn $property() { super::$property(&MODEL) })*
        }
        mod with_spectrograms {
            static MODEL: std::sync::LazyLock<super::DeepTalk<super::Cpu>> =
                std::sync::LazyLock::new(|| super::loaded(&super::Config::tiny_log_mel()));
            $(#[test] fn $property() { super::$property(&MODEL) })*
        }
    };
}

properties! {
    a_clip_in_a_packed_batch_gives_what_it_gives_alone_at_every_stage,
    one_two_and_three_threads_give_the_same_bytes_every_time,
    silence_a_constant_and_full_scale_square_waves_give_finite_motion,
    loudness_that_no_recording_has_gives_finite_motion_or_an_error,
    drawn_codes_repeat_with_their_seed_and_differ_between_seeds,
    a_temperature_of_zero_or_next_to_it_takes_the_likeliest_codes,
    several_takes_are_what_each_is_alone,
    an_emotion_blended_by_nothing_is_the_own_one_and_by_one_the_other,
    any_uncertainty_factor_gives_finite_motion_that_repeats,
    a_long_recording_has_every_frame_and_no_jump_where_windows_meet,
    up_to_a_minute_there_is_one_window_and_beyond_it_there_are_more,
    codes_become_four_frames_each_and_come_back_in_the_same_number,
    codes_and_motions_that_do_not_fit_are_errors,
    the_emotion_of_a_motion_is_told_for_one_code_and_beyond_the_position_table,
}

/// Noise and a voice of varying pitch, in syllables: every second is different, and a seed gives the same
/// samples.
fn speech(samples: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut phase = 0f64;
    (0..samples)
        .map(|i| {
            let t = i as f64 / 16_000.0 + seed as f64;
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let noise = (state >> 40) as f64 / (1u64 << 23) as f64 - 1.0;
            phase += (120.0 + 40.0 * (t * 1.7).sin() + 25.0 * (t * 0.31).cos()) / 16_000.0;
            let voice: f64 =
                (1..8).map(|h| (phase * h as f64 * std::f64::consts::TAU).sin() / h as f64).sum();
            let syllable = (t * 12.1).sin().max(0.0) * (0.6 + 0.4 * (t * 0.9).sin());
            let hiss = (t * 7.3).cos().max(0.0) * 0.15;
            (0.3 * syllable * voice + hiss * noise + 0.002 * noise) as f32
        })
        .collect()
}

fn takes(model: &DeepTalk<Cpu>, samples: &[f32], takes: &[Take]) -> Vec<Animation> {
    model.takes(samples, takes, &mut |_| Ok(())).unwrap()
}

fn greedy(model: &DeepTalk<Cpu>, samples: &[f32]) -> Animation {
    takes(model, samples, &[Take::default()]).remove(0)
}

fn drawn(model: &DeepTalk<Cpu>, samples: &[f32], draw: Draw) -> Animation {
    takes(model, samples, &[Take { draw, ..Take::default() }]).remove(0)
}

fn codes<'a>(motion: &'a Animation, name: &str) -> &'a [i32] {
    motion.extras.i32(name).unwrap()
}

fn floats<'a>(motion: &'a Animation, name: &str) -> &'a [f32] {
    motion.extras.f32(name).unwrap()
}

fn assert_sound(motion: &Animation, samples: usize, what: &str) {
    assert_eq!(motion.frames(), samples.div_ceil(640), "{what}");
    for values in [motion.values(), floats(motion, "emotion.mu"), floats(motion, "emotion.logvar")] {
        assert!(!values.is_empty() && values.iter().all(|value| value.is_finite()), "{what}");
    }
}

/// Largest difference, divided by the largest value or by 1.
fn distance(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    assert!(a.iter().chain(b).all(|value| value.is_finite()));
    let largest = b.iter().fold(1f32, |largest, value| largest.max(value.abs()));
    a.iter().zip(b).fold(0f32, |worst, (a, b)| worst.max((a - b).abs())) / largest
}

/// Name, rows of each clip, channels, values.
type Stage = (&'static str, Clips, usize, Vec<f32>);

/// An observer that keeps every stage.
#[derive(Default)]
struct Recorder(RefCell<Vec<Stage>>);

impl Observer<Cpu> for Recorder {
    fn stage(&self, name: &'static str, x: &Tensor) -> Result<()> {
        self.0.borrow_mut().push((name, x.clips().clone(), x.channels(), Cpu::F32.download(x)?));
        Ok(())
    }
}

fn a_clip_in_a_packed_batch_gives_what_it_gives_alone_at_every_stage(model: &DeepTalk<Cpu>) {
    let lengths = [1, 639, 16_000, 640, 641, 99_999, 74_240];
    let clips: Vec<Vec<f32>> = lengths.iter().enumerate().map(|(i, &n)| speech(n, i as u64)).collect();
    let clips: Vec<&[f32]> = clips.iter().map(Vec::as_slice).collect();
    let run = |clips: &[&[f32]], actors: &[usize]| {
        let recorder = Recorder::default();
        let analysis = model.analyse(clips, &recorder).unwrap();
        let content = Cpu::F32.download(&analysis.content).unwrap();
        let rows = analysis.content.clips().clone();
        let animated = model
            .animate(&analysis.content, &analysis.emotion.mu, actors, &Choice::default(), &recorder)
            .unwrap();
        recorder.0.borrow_mut().push(("content", rows, analysis.content.channels(), content));
        let codes = [animated.codes.top, animated.codes.bottom];
        (
            recorder.0.into_inner(),
            codes.map(|codes| (codes.clips().clone(), Cpu::F32.download_codes(&codes).unwrap())),
        )
    };
    let actors = [0, 1, 2, 0, 1, 2, 0];
    let (packed, packed_codes) = run(&clips, &actors);
    for expected in ["content", "dee.mu", "dee.logvar", "predictor.logits_t", "predictor.logits_b", "motion"]
    {
        assert!(packed.iter().any(|(name, ..)| *name == expected), "no stage {expected}");
    }
    for (index, clip) in clips.iter().enumerate() {
        let (alone, codes) = run(&[clip], &[actors[index]]);
        for ((rows, together), (_, single)) in packed_codes.iter().zip(&codes) {
            assert_eq!(&together[rows.range(index)], &single[..], "codes of clip {index}");
        }
        assert_eq!(alone.len(), packed.len());
        for ((name, rows, channels, together), (same, _, _, single)) in packed.iter().zip(&alone) {
            assert_eq!(name, same);
            let rows = rows.range(index);
            let worst = distance(&together[rows.start * channels..rows.end * channels], single);
            // In a product of other rows the sums have another order; attention over codes and logarithms of
            // energies increase the difference.
            assert!(worst <= 2e-6, "{name} of clip {index} ({} samples): {worst:e}", clip.len());
        }
    }
}

fn one_two_and_three_threads_give_the_same_bytes_every_time(model: &DeepTalk<Cpu>) {
    for samples in [1, 641, 99_999] {
        let samples = speech(samples, 5);
        let all = [
            Take::default(),
            Take {
                actor: 2,
                draw: Draw { seed: 3, alpha: Some(1.0), temperature: [0.9, 1.1], ..Draw::default() },
                ..Take::default()
            },
        ];
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| takes(model, &samples, &all))
        };
        let bits = |motions: &[Animation]| -> Vec<u32> {
            motions.iter().flat_map(|motion| motion.values()).map(|value| value.to_bits()).collect()
        };
        let expected = run(1);
        for threads in [1, 2, 3] {
            let again = run(threads);
            assert_eq!(bits(&again), bits(&expected), "{threads} threads, {} samples", samples.len());
            assert_eq!(again, expected);
        }
    }
}

fn silence_a_constant_and_full_scale_square_waves_give_finite_motion(model: &DeepTalk<Cpu>) {
    for length in [1, 639, 640, 641, 2_560, 30_001] {
        for level in [0.0, 1.0, -1.0, 0.5, 1e-30, f32::MIN_POSITIVE / 4.0] {
            assert_sound(
                &greedy(model, &vec![level; length]),
                length,
                &format!("{length} samples of {level}"),
            );
        }
        for period in [2, 37, 640, 5_000] {
            let square: Vec<f32> =
                (0..length).map(|i| if i % period < period / 2 { 1.0 } else { -1.0 }).collect();
            assert_sound(&greedy(model, &square), length, &format!("a square wave of period {period}"));
        }
    }
}

fn loudness_that_no_recording_has_gives_finite_motion_or_an_error(model: &DeepTalk<Cpu>) {
    let quiet = speech(9_000, 1);
    for gain in [1e-20, 1e4, 1e10] {
        let loud: Vec<f32> = quiet.iter().map(|sample| sample * gain).collect();
        let motion = greedy(model, &loud);
        assert_sound(&motion, loud.len(), &format!("times {gain}"));
        assert!(
            codes(&motion, "codes_t").iter().any(|&code| code != 0),
            "times {gain}: logits that are not numbers"
        );
    }
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut samples = quiet.clone();
        samples[8_999] = bad;
        assert!(model.takes(&samples, &[Take::default()], &mut |_| Ok(())).is_err());
    }
    assert!(model.takes(&[], &[Take::default()], &mut |_| Ok(())).is_err());
}

fn drawn_codes_repeat_with_their_seed_and_differ_between_seeds(model: &DeepTalk<Cpu>) {
    let samples = speech(50_001, 2);
    let with = |seed, temperature| {
        drawn(model, &samples, Draw { seed, alpha: None, temperature, ..Draw::default() })
    };
    let motion = with(7, [1.0, 1.0]);
    assert_sound(&motion, samples.len(), "drawn");
    assert_eq!(with(7, [1.0, 1.0]), motion);
    let other = with(8, [1.0, 1.0]);
    assert_ne!(codes(&other, "codes_t"), codes(&motion, "codes_t"));
    assert_ne!(codes(&other, "codes_b"), codes(&motion, "codes_b"));

    let likeliest = greedy(model, &samples);
    let only_bottom = with(7, [0.0, 1.0]);
    assert_eq!(codes(&only_bottom, "codes_t"), codes(&likeliest, "codes_t"));
    assert_ne!(codes(&only_bottom, "codes_b"), codes(&likeliest, "codes_b"));
    let only_top = with(7, [1.0, 0.0]);
    assert_eq!(codes(&only_top, "codes_t"), codes(&motion, "codes_t"));
    assert_ne!(codes(&only_top, "codes_t"), codes(&likeliest, "codes_t"));
}

fn a_temperature_of_zero_or_next_to_it_takes_the_likeliest_codes(model: &DeepTalk<Cpu>) {
    let samples = speech(50_001, 2);
    let likeliest = greedy(model, &samples);
    for temperature in [0.0, 1e-7, f32::MIN_POSITIVE] {
        let motion = drawn(
            model,
            &samples,
            Draw { seed: 99, alpha: None, temperature: [temperature; 2], ..Draw::default() },
        );
        assert_eq!(motion, likeliest, "{temperature:e}");
    }
    for temperature in [-1.0, f32::NAN, f32::INFINITY] {
        let draw = Draw { seed: 1, alpha: None, temperature: [temperature, 0.0], ..Draw::default() };
        assert!(model.takes(&samples, &[Take { draw, ..Take::default() }], &mut |_| Ok(())).is_err());
    }
    let hot =
        drawn(model, &samples, Draw { seed: 99, alpha: None, temperature: [f32::MAX; 2], ..Draw::default() });
    assert_sound(&hot, samples.len(), "hot");
}

fn several_takes_are_what_each_is_alone(model: &DeepTalk<Cpu>) {
    let samples = speech(30_000, 3);
    let emotion = model.emotion_vector(&speech(20_000, 11)).unwrap();
    let all = [
        Take::default(),
        Take { actor: 1, ..Take::default() },
        Take::default().with_emotion(emotion),
        Take {
            draw: Draw { seed: 1, alpha: Some(1.0), temperature: [0.5, 0.0], ..Draw::default() },
            ..Take::default()
        },
    ];
    let together = takes(model, &samples, &all);
    for (index, take) in all.iter().enumerate() {
        assert_eq!(takes(model, &samples, std::slice::from_ref(take))[0], together[index]);
    }
    for (index, motion) in together.iter().enumerate().skip(1) {
        assert_ne!(motion.values(), together[0].values(), "take {index} is no take of its own");
    }
}

fn an_emotion_blended_by_nothing_is_the_own_one_and_by_one_the_other(model: &DeepTalk<Cpu>) {
    let samples = speech(40_000, 4);
    let other = model.emotion_vector(&speech(35_000, 12)).unwrap();
    let with = |share| takes(model, &samples, &[Take::default().with_blend(other.clone(), share)]).remove(0);
    let own = greedy(model, &samples);
    assert!(distance(floats(&own, "emotion.mu"), &other.mu) > 1e-2, "the two emotions are alike");
    assert!(distance(floats(&with(0.0), "emotion.mu"), floats(&own, "emotion.mu")) <= 1e-6);
    assert!(distance(floats(&with(0.0), "emotion.logvar"), floats(&own, "emotion.logvar")) <= 1e-6);
    assert!(distance(with(0.0).values(), own.values()) <= 1e-4);
    assert!(distance(floats(&with(1.0), "emotion.mu"), &other.mu) <= 1e-6);
    assert!(distance(floats(&with(1.0), "emotion.logvar"), &other.logvar) <= 1e-6);

    let analysis = model.analyse(&[&samples], &()).unwrap();
    let vector = Cpu::F32.upload(&Clips::one(1), other.mu.len(), &other.mu).unwrap();
    let direct = model.animate(&analysis.content, &vector, &[0], &Choice::default(), &()).unwrap();
    let direct = Cpu::F32.download(&direct.motion).unwrap();
    assert!(distance(with(1.0).values(), &direct[..with(1.0).values().len()]) <= 1e-4);

    let half = with(0.5);
    let length: f32 = floats(&half, "emotion.mu").iter().map(|value| value * value).sum();
    assert!((length - 1.0).abs() < 1e-5, "a blend leaves the sphere");
    for share in [-0.1, 1.1, f32::NAN] {
        let take = Take::default().with_blend(other.clone(), share);
        assert!(model.takes(&samples, &[take], &mut |_| Ok(())).is_err());
    }
}

fn any_uncertainty_factor_gives_finite_motion_that_repeats(model: &DeepTalk<Cpu>) {
    let samples = speech(20_000, 6);
    let mut seen = Vec::new();
    for alpha in [0.0, -1.0, 1.0, 2.5, -40.0, 1e3, -1e3, 1e30, f32::MAX, f32::MIN] {
        let draw = Draw { seed: 21, alpha: Some(alpha), temperature: [0.0; 2], ..Draw::default() };
        let motion = drawn(model, &samples, draw.clone());
        assert_sound(&motion, samples.len(), &format!("alpha {alpha:e}"));
        assert!(
            codes(&motion, "codes_t").iter().any(|&code| code != 0),
            "alpha {alpha:e}: an emotion that is not a number"
        );
        assert_eq!(drawn(model, &samples, draw), motion);
        seen.push(motion.values().to_vec());
    }
    assert_ne!(seen[0], greedy(model, &samples).values(), "alpha 0 still draws: the spread is 1 then");
    assert_ne!(seen[0], seen[3]);
    for alpha in [f32::NAN, f32::INFINITY] {
        let draw = Draw { alpha: Some(alpha), ..Draw::default() };
        assert!(model.takes(&samples, &[Take { draw, ..Take::default() }], &mut |_| Ok(())).is_err());
    }
}

const WINDOW: usize = 32 * 25;

/// First frames of the windows, computed a second time from the text of the rule.
fn window_starts(frames: usize) -> Vec<usize> {
    let mut starts: Vec<usize> =
        (0..).map(|i| i * 28 * 25).take_while(|start| start + WINDOW < frames).collect();
    starts.push((frames - WINDOW).div_ceil(4) * 4);
    starts
}

/// The frames in which one window fades into the next.
fn fade(pair: &[usize]) -> std::ops::Range<usize> {
    let (shared, fade) = (pair[0] + WINDOW - pair[1], 2 * 25);
    let begin = pair[1] + (shared - fade) / 2;
    begin..begin + fade
}

/// The distance of each frame but the first from the previous frame.
fn changes(motion: &Animation) -> Vec<f32> {
    let change = |frame| {
        let (a, b) = (motion.frame(frame - 1), motion.frame(frame));
        a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt()
    };
    (1..motion.frames()).map(change).collect()
}

fn a_long_recording_has_every_frame_and_no_jump_where_windows_meet(model: &DeepTalk<Cpu>) {
    for (seconds, odd) in [(61, 1), (75, 639), (200, 0)] {
        let samples = speech(seconds * 16_000 + odd, seconds as u64);
        let motion = greedy(model, &samples);
        assert_sound(&motion, samples.len(), &format!("{seconds} s"));
        assert_eq!(codes(&motion, "codes_t").len(), codes(&motion, "codes_b").len() / 2);
        assert!((motion.frames()..=motion.frames() + 4).contains(&(codes(&motion, "codes_t").len() * 4)));
        if seconds < 100 {
            assert_eq!(greedy(model, &samples), motion, "{seconds} s twice");
        }

        let starts = window_starts(motion.frames());
        assert!(
            starts.len() >= seconds / 28 && motion.extras.get("emotion.mu").unwrap().shape[0] == starts.len()
        );
        // Change `i` is from frame `i` to `i + 1`: the changes of a seam are those from the frame before its
        // fade to the frame after it.
        let changes_at = |pair: &[usize]| fade(pair).start - 1..fade(pair).end;
        let all = changes(&motion);
        let mut inside: Vec<f32> = (0..all.len())
            .filter(|change| !starts.windows(2).any(|pair| changes_at(pair).contains(change)))
            .map(|change| all[change])
            .collect();
        inside.sort_by(f32::total_cmp);
        let limit = inside[(inside.len() as f64 * 0.999) as usize];
        for pair in starts.windows(2) {
            let worst = changes_at(pair).max_by(|a, b| all[*a].total_cmp(&all[*b])).unwrap();
            // One frame in a thousand changes by more, also without seams. A larger change at a seam is
            // accepted if one of its windows has that change alone.
            let alone = |start: usize| {
                let end = ((start + WINDOW) * 640).min(samples.len());
                changes(&greedy(model, &samples[start * 640..end]))[worst - start]
            };
            let accepted = all[worst] <= limit || all[worst] <= alone(pair[0]).max(alone(pair[1]));
            assert!(
                accepted,
                "{seconds} s: change {worst} at a seam is {}, inside it is {limit}",
                all[worst]
            );
        }
    }
}

fn up_to_a_minute_there_is_one_window_and_beyond_it_there_are_more(model: &DeepTalk<Cpu>) {
    let samples = speech(60 * 16_000 + 1, 8);
    let width = Config::tiny().emotion_head.width;
    assert_eq!(floats(&greedy(model, &samples[..60 * 16_000]), "emotion.mu").len(), width);
    assert_eq!(floats(&greedy(model, &samples), "emotion.mu").len(), 3 * width);
}

fn codes_become_four_frames_each_and_come_back_in_the_same_number(model: &DeepTalk<Cpu>) {
    for lengths in [vec![1], vec![2], vec![19], vec![1, 3, 62], vec![99]] {
        let top = Clips::from_lengths(lengths.iter().copied());
        let bottom = top.map(|codes| 2 * codes);
        let some = |clips: &Clips, book: usize| {
            let codes: Vec<i32> = (0..clips.rows()).map(|i| (i * 7919 % book) as i32).collect();
            Cpu::F32.upload_codes(clips, &codes).unwrap()
        };
        let codes = MotionCodes { top: some(&top, 32), bottom: some(&bottom, 48) };
        let motion = model.decode_codes(&codes).unwrap();
        assert_eq!((motion.clips(), motion.channels()), (&top.map(|codes| 4 * codes), 53));
        let again = model.encode_motion(&motion).unwrap();
        assert_eq!((again.top.clips(), again.bottom.clips()), (&top, &bottom));
        let within = |codes: Vec<i32>, book| codes.iter().all(|code| (0..book).contains(code));
        assert!(within(Cpu::F32.download_codes(&again.top).unwrap(), 32));
        assert!(within(Cpu::F32.download_codes(&again.bottom).unwrap(), 48));
    }
}

fn codes_and_motions_that_do_not_fit_are_errors(model: &DeepTalk<Cpu>) {
    let codes = |top: &[i32], bottom: &[i32]| {
        let upload = |codes: &[i32]| Cpu::F32.upload_codes(&Clips::one(codes.len()), codes);
        let codes = MotionCodes { top: upload(top)?, bottom: upload(bottom)? };
        model.decode_codes(&codes)
    };
    assert!(codes(&[0], &[0, 0]).is_ok());
    for (top, bottom) in
        [(&[0][..], &[0][..]), (&[0], &[0, 0, 0]), (&[32], &[0, 0]), (&[-1], &[0, 0]), (&[0], &[0, 48])]
    {
        assert!(codes(top, bottom).is_err(), "{top:?} {bottom:?}");
    }
    for (frames, width) in [(5, 53), (6, 53), (4, 52)] {
        let motion = Cpu::F32.upload(&Clips::one(frames), width, &vec![0.1; frames * width]).unwrap();
        assert!(model.encode_motion(&motion).is_err(), "{frames} frames, {width} wide");
    }
}

fn the_emotion_of_a_motion_is_told_for_one_code_and_beyond_the_position_table(model: &DeepTalk<Cpu>) {
    let motion = |lengths: &[usize]| {
        let clips = Clips::from_lengths(lengths.iter().copied());
        let values: Vec<f32> = (0..clips.rows() * 53).map(|i| ((i * i) as f32 * 0.013).sin() * 0.3).collect();
        Cpu::F32.upload(&clips, 53, &values).unwrap()
    };
    for frames in [1, 4, 249, 250, 251, 1_000] {
        let emotion = model.emotion_of_motion(&motion(&[frames]), &()).unwrap().expect("the model can tell");
        let (mu, logvar) =
            (Cpu::F32.download(&emotion.mu).unwrap(), Cpu::F32.download(&emotion.logvar).unwrap());
        assert_eq!((mu.len(), logvar.len()), (16, 16));
        assert!(logvar.iter().all(|value| value.is_finite()));
        assert!((mu.iter().map(|value| value * value).sum::<f32>() - 1.0).abs() < 1e-5, "{frames} frames");
        let own = model.match_probability((&mu, &logvar), (&mu, &logvar)).unwrap();
        assert!((0.0..=1.0).contains(&own));
    }
    let of = |lengths: &[usize]| {
        Cpu::F32.download(&model.emotion_of_motion(&motion(lengths), &()).unwrap().unwrap().mu).unwrap()
    };
    assert!(
        distance(&of(&[250]), &of(&[1_000])) <= 1e-6,
        "frames behind the position table are not looked at"
    );
    assert!(distance(&of(&[250]), &of(&[249])) > 1e-6);
    assert!(distance(&of(&[4, 251, 8])[..16], &of(&[4])) <= 1e-6);
}
