//! Streams of vertices: the same frames however the sound is cut.

use deeptalk_rt::networks::glditalker::Config;
use deeptalk_rt::runtime::{Frames, Model, Session, StreamOptions, Take};

use super::{model, rms, speech, tiny_with_context};

/// Everything that a stream gives for sound in these pieces.
fn stream<'a>(model: &Model, options: &StreamOptions, pieces: impl IntoIterator<Item = &'a [f32]>) -> Frames {
    let mut session = Session::new(model);
    session.begin(options).unwrap();
    let mut all = Frames { parameters: model.spec().width(), ..Frames::default() };
    let mut take = |frames: Frames| {
        assert_eq!(frames.first, all.count(), "frames come in order, each once");
        all.values.extend(frames.values);
    };
    for piece in pieces {
        session.push(piece).unwrap();
        take(session.poll());
    }
    session.finish().unwrap();
    take(session.poll());
    all
}

/// At 25 frames a second, and at 30, where a block of sound is three frames.
#[test]
fn frames_do_not_depend_on_how_the_sound_is_cut() {
    for config in [tiny_with_context(), Config::mid()] {
        let (model, samples) = (model(&config), speech(31_234));
        let options = StreamOptions { take: Take::default().with_seed(5), ..StreamOptions::default() };
        let whole = stream(&model, &options, [&samples[..]]);
        assert_eq!(whole.count(), model.spec().frames_for(samples.len()));
        assert!(whole.values.iter().all(|value| value.is_finite()));
        for piece in [1_601, 7_000] {
            assert!(stream(&model, &options, samples.chunks(piece)) == whole, "pieces of {piece}");
        }
        let other = StreamOptions { take: Take::default().with_seed(6), ..StreamOptions::default() };
        assert!(stream(&model, &other, [&samples[..]]) != whole);
    }
}

#[test]
fn a_frame_comes_look_ahead_and_hop_after_its_sound() {
    for (config, delay) in [(tiny_with_context(), 0.6), (Config::mid(), 0.6)] {
        let (model, samples) = (model(&config), speech(32_000));
        let mut session = Session::new(&model);
        session.begin(&StreamOptions::default()).unwrap();
        assert!((session.delay() - delay).abs() < 1e-9, "{}", session.delay());
        let rate = model.spec().frame_rate.per_second();
        for (index, piece) in samples.chunks(160).enumerate() {
            session.push(piece).unwrap();
            let frames = session.poll();
            if !frames.is_empty() {
                let heard = (index + 1) as f64 * 0.01;
                let late = heard - frames.first as f64 / rate;
                assert!((delay - 1e-6..delay + 0.011).contains(&late), "frame {}: {late}", frames.first);
            }
        }
    }
}

/// The hops of a stream go on from each other: with all of the sound ahead they are nearly the recording's own motion.
#[test]
fn a_stream_with_much_look_ahead_is_nearly_the_recording() {
    let (model, samples) = (model(&tiny_with_context()), speech(80_000));
    let options =
        StreamOptions { look_ahead: 3.0, context: 10.0, rest_after: 3600.0, ..StreamOptions::default() };
    let streamed = stream(&model, &options, [&samples[..]]);
    let whole = Session::new(&model).animate(&samples, &Take::default()).unwrap();
    let whole = whole.rows().unwrap();
    assert_eq!(streamed.values.len(), whole.len());
    let difference = rms(streamed.values.iter().zip(whole.iter()).map(|(a, b)| a - b));
    let moving = rms(whole.iter().copied());
    assert!(difference < 0.2 * moving, "{difference} of {moving}");
}

#[test]
fn a_silent_end_rests_and_what_cannot_stream_says_why() {
    let limited = model(&tiny_with_context());
    let mut samples = speech(16_000);
    samples.resize(80_000, 0.0);
    let frames = stream(&limited, &StreamOptions::default(), [&samples[..]]);
    let last = &frames.values[frames.values.len() - frames.parameters..];
    assert!(last.iter().all(|value| *value == 0.0), "the neutral mesh of a synthetic model is zeros");

    let begin = |model: &Model, options: StreamOptions| {
        let error = Session::new(model).begin(&options).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        error.to_string()
    };
    let text = begin(&model(&Config::tiny()), StreamOptions::default());
    assert!(text.contains("a stream cannot keep"), "{text}");
    let text = begin(&limited, StreamOptions { emotion_every: 2.0, ..StreamOptions::default() });
    assert!(text.starts_with("GLDiTalker does not have emotions to estimate"), "{text}");
    let text = begin(&limited, StreamOptions { hop: 0.0, ..StreamOptions::default() });
    assert!(text.contains("hop"), "{text}");
    let take = Take::default().with_steps(0);
    assert!(begin(&limited, StreamOptions { take, ..StreamOptions::default() }).contains("denoising steps"));
}
