//! Moods by name and over time: recordings and streams.

use deeptalk_rt::animation::{Easing, EmotionKey, EmotionTrack, EmotionVector, Mood, NamedEmotions};
use deeptalk_rt::runtime::{Model, ModelOptions, Session, StreamOptions, Take};

use super::{BYTES, MODEL, bytes, speech};

/// Moods of the tiny model, whose vectors have 16 numbers: each points along an axis of its own.
fn moods() -> NamedEmotions {
    let mut moods = NamedEmotions::default();
    for (axis, name) in ["neutral", "glad", "sly"].into_iter().enumerate() {
        let mut direction = [0.0; 16];
        direction[axis] = 1.0;
        moods.insert(name, EmotionVector::set(&direction).unwrap()).unwrap();
    }
    moods
}

fn model() -> Model {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("moods.safetensors");
    moods().save(&path, &MODEL.provenance().source, &[]).unwrap();
    ModelOptions::new().emotions(path).from_bytes(BYTES.clone()).unwrap()
}

fn take(text: &str) -> Take {
    Take::default().with_track(moods().track(text).unwrap())
}

#[test]
fn a_mood_by_its_name_is_its_vector_and_heard_is_the_default() {
    let mut session = Session::new(&MODEL);
    let samples = speech("speech_a");
    let set = Take::default().with_emotion(moods().get("glad").unwrap().clone());
    assert_eq!(session.animate(&samples, &take("glad")).unwrap(), session.animate(&samples, &set).unwrap());
    let own = session.animate(&samples, &Take::default()).unwrap();
    assert_eq!(session.animate(&samples, &take("heard")).unwrap(), own);
    let none = session.animate(&samples, &take("glad:0")).unwrap();
    let neutral = session.animate(&samples, &take("neutral")).unwrap();
    assert_eq!(none.extras.f32("emotion.mu"), neutral.extras.f32("emotion.mu"));
}

#[test]
fn moods_over_time_follow_their_keys_frame_by_frame() {
    let mut session = Session::new(&MODEL);
    let samples: Vec<f32> = speech("speech_a").into_iter().cycle().take(16_000 * 5 + 9).collect();
    let motion = session.animate(&samples, &take("0 neutral, 2 glad, 4 heard step")).unwrap();
    let own = session.animate(&samples, &Take::default()).unwrap();
    let mu = motion.extras.get("emotion.mu").unwrap();
    assert_eq!(mu.shape, [motion.frames(), 16]);
    let mu = motion.extras.f32("emotion.mu").unwrap();
    for (frame, row) in mu.chunks_exact(16).enumerate() {
        let angle = row[1].atan2(row[0]) / std::f32::consts::FRAC_PI_2;
        match frame {
            0..=37 => assert_eq!(angle, 0.0, "{frame}"),
            38..=49 => assert!(angle > 0.0 && angle < 1.0, "{frame}: {angle}"),
            50..=99 => assert!((angle - 1.0).abs() < 1e-6, "{frame}: {angle}"),
            _ => assert_eq!(row, own.extras.f32("emotion.mu").unwrap(), "{frame}"),
        }
    }
    assert_ne!(motion.values(), own.values());
}

#[test]
fn a_long_recording_has_a_row_of_emotion_for_every_frame_too() {
    let mut session = Session::new(&MODEL);
    let samples: Vec<f32> = speech("speech_a").into_iter().cycle().take(16_000 * 70 + 7).collect();
    let motion = session.animate(&samples, &take("0 heard, 30 glad:0.5, 65 sly").with_alpha(0.5)).unwrap();
    assert_eq!(motion.extras.get("emotion.mu").unwrap().shape, [motion.frames(), 16]);
    assert_eq!(motion.extras.get("emotion.logvar").unwrap().shape, [motion.frames(), 16]);
    assert!(motion.values().iter().all(|value| value.is_finite()));
}

#[test]
fn takes_with_strengths_need_a_neutral_mood() {
    let heard = EmotionTrack::default();
    assert_eq!(MODEL.emotion_at_strength(heard.clone(), 1.0).unwrap(), heard);
    let error = MODEL.emotion_at_strength(heard.clone(), 0.5).unwrap_err();
    assert!(error.exit_code() == 2 && error.to_string().contains("no mood `neutral`"), "{error}");
    assert!(model().emotion_at_strength(heard.clone(), 2.5).is_err());
    let half = model().emotion_at_strength(heard, 0.5).unwrap();
    assert_eq!(half.keys[0].strength, 0.5);
}

#[test]
fn a_file_of_another_model_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("moods.safetensors");
    moods().save(&path, "another model", &[]).unwrap();
    let load = || ModelOptions::new().emotions(&path).from_bytes(BYTES.clone());
    assert_eq!(load().unwrap_err().exit_code(), 3);
    let mut wide = NamedEmotions::default();
    wide.insert("glad", EmotionVector::set(&[1.0; 5]).unwrap()).unwrap();
    wide.save(&path, &MODEL.provenance().source, &[]).unwrap();
    assert!(load().unwrap_err().to_string().contains("vectors of 16 numbers"));
}

/// Everything that a stream gives, with changes of mood before the piece of an index.
fn streamed(options: &StreamOptions, pieces: &[&[f32]], changes: &[(usize, &str)]) -> Vec<f32> {
    let mut session = Session::new(&model());
    session.begin(options).unwrap();
    let mut values = Vec::new();
    for (index, piece) in pieces.iter().enumerate() {
        for (_, mood) in changes.iter().filter(|(at, _)| *at == index) {
            session.set_mood(mood).unwrap();
        }
        session.push(piece).unwrap();
        values.extend(session.poll().values);
    }
    session.finish().unwrap();
    values.extend(session.poll().values);
    values
}

#[test]
fn a_stream_with_moods_over_time_does_not_depend_on_the_cut() {
    let samples: Vec<f32> = speech("speech_b").into_iter().cycle().take(80_001).collect();
    for text in ["0 glad, 2 heard, 3.1 sly:0.5 linear", "sly:1.5", "0 glad,2.2 sly step"] {
        let options = StreamOptions { take: take(text), ..StreamOptions::default() };
        let whole = streamed(&options, &[&samples], &[]);
        for size in [333, 640, 9_999] {
            let pieces: Vec<&[f32]> = samples.chunks(size).collect();
            assert_eq!(bytes(&whole), bytes(&streamed(&options, &pieces, &[])), "{text}, {size}");
        }
    }
}

#[test]
fn a_change_of_mood_shows_from_the_next_frame_on_and_leaves_those_before_alone() {
    let samples: Vec<f32> = speech("speech_b").into_iter().cycle().take(96_000).collect();
    let options = StreamOptions { take: take("neutral"), ..StreamOptions::default() };
    let pieces: Vec<&[f32]> = samples.chunks(3_200).collect();
    let plain = streamed(&options, &pieces, &[]);
    // 2 s were heard, so frames up to 1.6 s are given out: 40 of them.
    let changed = streamed(&options, &pieces, &[(10, "glad"), (20, "heard"), (20, "sly:0.5")]);
    assert_eq!(plain.len(), changed.len());
    assert_eq!(bytes(&plain[..40 * 53]), bytes(&changed[..40 * 53]));
    assert_ne!(plain[40 * 53..60 * 53], changed[40 * 53..60 * 53]);
    assert_eq!(
        bytes(&changed),
        bytes(&streamed(&options, &pieces, &[(10, "glad"), (20, "heard"), (20, "sly:0.5")]))
    );
}

#[test]
fn a_change_that_makes_no_sense_is_refused_and_the_stream_goes_on() {
    let samples = speech("speech_a");
    let mut session = Session::new(&model());
    session.push(&samples[..16_000]).unwrap();
    for bad in ["gald", "glad:9", "1 glad, 2 sly", "", "2 glad"] {
        assert_eq!(session.set_mood(bad).unwrap_err().exit_code(), 2, "{bad}");
    }
    session.push(&samples[16_000..]).unwrap();
    session.finish().unwrap();
    assert_eq!(session.poll().count(), samples.len().div_ceil(640));
    let key = EmotionKey { easing: Easing::Step, ..EmotionKey::new(0.0, Mood::Heard) };
    let bad = EmotionTrack { keys: vec![key.clone(), key], neutral: None };
    let options = StreamOptions { take: Take::default().with_track(bad), ..StreamOptions::default() };
    assert_eq!(session.begin(&options).unwrap_err().exit_code(), 2);
}
