use std::fs;

use deeptalk_rt::runtime::Take;
use deeptalk_rt::runtime::{Control, Frames, Model, Session, StreamOptions};
use deeptalk_rt::{Error, Result};
use proptest::prelude::*;

use super::{MODEL, bytes, model_with_threads, speech};

/// The codes of a codebook that these frames are the first to show.
fn codes(frames: &Frames, book: &str) -> Vec<i32> {
    let found = frames.codes.iter().find(|(name, _)| *name == book);
    found.map(|(_, codes)| codes.clone()).unwrap_or_default()
}

/// All frames of a stream that gets its sound in these pieces.
fn stream<'a>(options: &StreamOptions, pieces: impl IntoIterator<Item = &'a [f32]>) -> Vec<Frames> {
    stream_of(&MODEL, options, pieces)
}

fn stream_of<'a>(
    model: &Model,
    options: &StreamOptions,
    pieces: impl IntoIterator<Item = &'a [f32]>,
) -> Vec<Frames> {
    let mut session = Session::new(model);
    session.begin(options).unwrap();
    let mut all = Vec::new();
    for piece in pieces {
        let waiting = session.push(piece).unwrap();
        let frames = session.poll();
        assert_eq!(frames.count(), waiting);
        all.push(frames);
    }
    session.finish().unwrap();
    all.push(session.poll());
    assert!(session.poll().is_empty());
    all
}

/// The numbers, rows and codes of all frames, joined.
fn joined(frames: &[Frames]) -> (Vec<f32>, Vec<i32>, Vec<i32>) {
    let mut all = (Vec::new(), Vec::new(), Vec::new());
    for frames in frames {
        assert_eq!(frames.first, all.0.len() / 53, "frames come in order, each once");
        all.0.extend(&frames.values);
        all.1.extend(codes(frames, "codes_t"));
        all.2.extend(codes(frames, "codes_b"));
    }
    all
}

#[test]
fn a_frame_comes_look_ahead_and_hop_after_its_sound_and_all_come_in_the_end() {
    let options = StreamOptions::default();
    let samples = speech("speech_a");
    let mut session = Session::new(&MODEL);
    session.begin(&options).unwrap();
    let (mut delays, mut count) = (Vec::new(), 0);
    for (index, sample) in samples.iter().enumerate() {
        if session.push(&[*sample]).unwrap() > 0 {
            let frames = session.poll();
            // From the beginning of the first frame's sound to now: the delay of a player with a constant
            // rate.
            delays.push((index + 1) as f64 / 16_000.0 - frames.first as f64 / 25.0);
            count += frames.count();
        }
    }
    let mean = delays.iter().sum::<f64>() / delays.len() as f64;
    assert!((mean - session.delay()).abs() < 1e-9, "{mean} s");
    session.finish().unwrap();
    count += session.poll().count();
    assert_eq!(count, samples.len().div_ceil(640));
}

#[test]
fn whole_context_and_look_ahead_come_close_to_one_shot() {
    // The emotion comes from another recording, so that only the stream of words is compared.
    let samples: Vec<f32> = speech("speech_c").into_iter().cycle().take(64_000).collect();
    let mut session = Session::new(&MODEL);
    let take = Take::default().with_emotion(session.emotion(&samples).unwrap());
    let whole = session.animate(&samples, &take).unwrap();
    let options = StreamOptions { take, context: 60.0, look_ahead: 10.0, ..StreamOptions::default() };
    let (values, top, bottom) = joined(&stream(&options, [&samples[..]]));
    assert_eq!(values.len(), whole.values().len());
    assert_eq!((top.len(), bottom.len()), (25, 50));
    let equal = top.iter().zip(whole.extras.i32("codes_t").unwrap()).filter(|(a, b)| a == b).count();
    assert!(equal >= 23, "{equal} of 25 codes");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn the_cut_does_not_matter(
        sizes in prop::collection::vec(1usize..=48_000, 1..40),
        rate in prop::sample::select(vec![16_000u32, 44_100, 48_000, 8_000]),
        hop in 1usize..12,
        look_ahead in 0usize..12,
        context in 0usize..60,
        alpha in prop::option::of(0.1f32..2.0),
        temperature in prop::sample::select(vec![0.0f32, 0.8]),
    ) {
        let samples: Vec<f32> = speech("speech_b").into_iter().cycle().take(150_001).collect();
        let mut take = Take::default().with_seed(9).with_temperature(temperature, temperature);
        take.draw.alpha = alpha;
        let options = StreamOptions {
            take,
            rate,
            hop: hop as f32 / 25.0,
            look_ahead: look_ahead as f32 / 25.0,
            context: context as f32 / 25.0,
            ..StreamOptions::default()
        };
        let whole = joined(&stream(&options, [&samples[..]]));
        let mut rest = &samples[..];
        let mut pieces = Vec::new();
        for size in sizes.iter().cycle() {
            let (piece, later) = rest.split_at(rest.len().min(*size));
            pieces.push(piece);
            rest = later;
            if rest.is_empty() { break }
        }
        let cut = joined(&stream(&options, pieces));
        prop_assert_eq!(bytes(&whole.0), bytes(&cut.0));
        prop_assert_eq!((whole.1, whole.2), (cut.1, cut.2));
        let frames = (150_001u64 * 16_000 + u64::from(rate) / 2) / u64::from(rate);
        prop_assert_eq!(whole.0.len() as u64 / 53, frames.div_ceil(640));
    }
}

#[test]
fn every_frame_is_decoded_from_the_codes_that_were_given_out() {
    let samples = speech("speech_b");
    // Without the fade at the beginning.
    let options = StreamOptions { floor: 1e-6, rest_after: 3600.0, ..StreamOptions::default() };
    let all = stream(&options, samples.chunks(3_200));
    let (_, top, bottom) = joined(&all);
    let frames = samples.len().div_ceil(640);
    assert_eq!((top.len(), bottom.len()), (frames.div_ceil(4), frames.div_ceil(2)));
    let mut shown = 0;
    let (mut tops, mut bottoms) = (0, 0);
    for frames in &all {
        shown += frames.count();
        tops += codes(frames, "codes_t").len();
        bottoms += codes(frames, "codes_b").len();
        assert_eq!(
            (tops, bottoms),
            (shown.div_ceil(4), shown.div_ceil(2)),
            "just the codes of what is shown"
        );
    }
}

#[test]
fn silence_rests_before_between_and_after_speech() {
    let speech = speech("speech_a");
    let mut samples = vec![0.0; 48_000];
    samples.extend(&speech);
    samples.extend((0..96_000).map(|i| 0.001 * (i as f32 * 0.7).sin()));
    let (values, ..) = joined(&stream(&StreamOptions::default(), [&samples[..]]));
    let moves = |frame: usize| values[frame * 53..(frame + 1) * 53].iter().any(|value| *value != 0.0);
    let spoken = 75 + speech.len() / 640;
    assert!((0..60).all(|frame| !moves(frame)), "at rest before the first sound");
    assert!((85..spoken).all(moves), "moving while it is spoken");
    let end = spoken + 25 + 15;
    assert!((end..values.len() / 53).all(|frame| !moves(frame)), "at rest again in room noise");
    let (silent, ..) = joined(&stream(&StreamOptions::default(), [&[0.0; 70_000][..]]));
    assert!(silent.len() == 110 * 53 && silent.iter().all(|value| *value == 0.0));
}

#[test]
fn a_bad_sample_is_refused_and_leaves_the_stream_as_it_was() {
    let samples = speech("speech_c");
    let options = StreamOptions::default();
    let expected = joined(&stream(&options, [&samples[..]]));
    let mut session = Session::new(&MODEL);
    let mut all = Vec::new();
    for piece in samples.chunks(5_000) {
        for bad in [f32::NAN, f32::INFINITY, 1e30] {
            let mut spoiled = piece.to_vec();
            spoiled[17] = bad;
            let error = session.push(&spoiled).unwrap_err();
            assert!(error.exit_code() == 2 && error.to_string().contains("sample 17"), "{error}");
        }
        session.push(piece).unwrap();
        all.push(session.poll());
    }
    session.finish().unwrap();
    session.finish().unwrap();
    all.push(session.poll());
    assert_eq!(joined(&all), expected);
    assert!(session.push(&samples).unwrap_err().to_string().contains("finished"));
    assert_eq!(session.push(&[]).unwrap(), 0);
    session.begin(&options).unwrap();
    session.push(&samples).unwrap();
    assert_eq!(session.poll().first, 0);
}

#[test]
fn a_stream_that_was_stopped_at_any_stage_goes_on_where_it_was() {
    let samples = speech("speech_c");
    let options = StreamOptions { hop: 0.4, ..StreamOptions::default() };
    let expected = joined(&stream(&options, [&samples[..]]));
    for every in [3, 7, 20] {
        let mut session = Session::new(&MODEL);
        session.begin(&options).unwrap();
        let mut all = Vec::new();
        let mut steps = 0;
        let mut stops = 0;
        let mut callback = |_: deeptalk_rt::runtime::Step| -> Result<()> {
            steps += 1;
            // Each interval is longer than the last one, so that the work ends.
            if steps == every + stops {
                steps = 0;
                stops += 1;
                return Err(Error::Cancelled);
            }
            Ok(())
        };
        let mut control = Control::new().progress(&mut callback);
        for piece in samples.chunks(9_000) {
            let mut outcome = session.push_with(piece, &mut control);
            while outcome.is_err() {
                all.push(session.poll());
                outcome = session.push_with(&[], &mut control);
            }
            all.push(session.poll());
        }
        while session.finish_with(&mut control).is_err() {}
        all.push(session.poll());
        assert_eq!(joined(&all), expected);
        assert!(stops > 5, "{stops}");
    }
}

#[test]
fn frames_that_nobody_polls_are_not_piled_up_without_end() {
    let mut session = Session::new(&MODEL);
    session.begin(&StreamOptions { hop: 10.0, context: 0.0, ..StreamOptions::default() }).unwrap();
    let minute = vec![0.0; 16_000 * 60];
    let error = (0..20).find_map(|_| session.push(&minute).err()).unwrap();
    assert!(error.to_string().contains("poll"), "{error}");
    assert!(session.poll().count() <= 11 * 60 * 25);
    session.push(&minute).unwrap();
}

#[test]
fn streams_on_one_model_do_not_disturb_each_other() {
    let model = model_with_threads(2);
    let options = StreamOptions::default();
    let voices = ["speech_a", "speech_b", "speech_c"].map(speech);
    let expected: Vec<_> =
        voices.iter().map(|voice| joined(&stream_of(&model, &options, voice.chunks(4_000)))).collect();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (model, options, voices, expected) = (&model, &options, &voices, &expected);
            scope.spawn(move || {
                let voice = thread % voices.len();
                let pieces = voices[voice].chunks(1_000 + 777 * thread);
                assert_eq!(joined(&stream_of(model, options, pieces)), expected[voice]);
            });
        }
    });
}

#[test]
fn the_emotion_moves_and_a_lent_one_stays() {
    let (mut samples, other) = (speech("speech_a"), speech("speech_c"));
    samples.extend(&other);
    let mut session = Session::new(&MODEL);
    let lent = session.emotion(&other).unwrap();
    let own = joined(&stream(&StreamOptions::default(), [&samples[..]]));
    // Each option alone: a stream that ignored one of them would be the usual one.
    let usual = StreamOptions::default;
    for other in [
        StreamOptions { emotion_smoothing: 0.0, ..usual() },
        StreamOptions { emotion_smoothing: 5.0, ..usual() },
        StreamOptions { emotion_every: 0.2, ..usual() },
        StreamOptions { emotion_context: 0.4, ..usual() },
    ] {
        assert_ne!(joined(&stream(&other, [&samples[..]])).0, own.0, "{other:?}");
    }
    let drawn = |seed| {
        let take = Take::default().with_alpha(3.0).with_seed(seed);
        joined(&stream(&StreamOptions { take, ..usual() }, [&samples[..]])).0
    };
    assert_eq!(drawn(1), drawn(1));
    assert_ne!(drawn(1), drawn(2), "the emotion is drawn by the seed");
    let jump = StreamOptions { emotion_smoothing: 0.0, emotion_every: 0.2, ..usual() };
    let all = StreamOptions { take: Take::default().with_emotion(lent.clone()), ..StreamOptions::default() };
    let all_jump = StreamOptions { take: Take::default().with_emotion(lent), ..jump };
    let spoken = joined(&stream(&all, [&samples[..]]));
    assert_eq!(spoken, joined(&stream(&all_jump, [&samples[..]])));
    assert_ne!(spoken.0, own.0);
}

#[test]
#[ignore = "minutes: an hour of sound"]
fn an_hour_takes_no_more_memory_than_a_minute() {
    let resident = || -> u64 {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    let speech: Vec<f32> = speech("speech_b");
    let mut session = Session::new(&MODEL);
    let (mut sound, mut frames) = (speech.iter().cycle().copied(), 0);
    let mut after_a_minute = 0;
    for second in 1..=3600 {
        let piece: Vec<f32> = sound.by_ref().take(16_000).collect();
        session.push(&piece).unwrap();
        frames += session.poll().count();
        if second == 60 {
            after_a_minute = resident();
        }
    }
    session.finish().unwrap();
    frames += session.poll().count();
    assert_eq!(frames, 3600 * 25);
    let grown = resident().saturating_sub(after_a_minute);
    println!("{after_a_minute} kB after a minute, {grown} kB more after an hour");
    assert!(grown < 4_000, "{grown} kB more after an hour");
}
