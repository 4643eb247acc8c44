use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use deeptalk_rt::Error;
use deeptalk_rt::animation::Animation;
use deeptalk_rt::rig::{Face, Rig};
use deeptalk_rt::runtime::{Control, Device, EmotionVector, Model, ModelOptions, Session, Take};

use super::{BYTES, MODEL, bytes, model_with_threads, speech};

fn means(motion: &Animation) -> &[f32] {
    motion.extras.f32("emotion.mu").unwrap()
}

fn top_codes(motion: &Animation) -> &[i32] {
    motion.extras.i32("codes_t").unwrap()
}

#[test]
fn a_model_from_a_path_from_bytes_and_with_threads_of_its_own_speaks_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    std::fs::write(&path, &*BYTES).unwrap();
    let samples = speech("speech_c");
    let mut said = Vec::new();
    for model in [Model::load(&path).unwrap(), MODEL.clone(), model_with_threads(1), model_with_threads(3)] {
        assert_eq!(model.device(), "cpu");
        said.push(Session::new(&model).animate(&samples, &Take::default()).unwrap());
    }
    assert!(said.iter().all(|motion| bytes(motion.values()) == bytes(said[0].values())));
    assert_eq!(said[0].frames(), samples.len().div_ceil(640));
}

#[test]
fn what_cannot_be_loaded_says_so() {
    assert_eq!(Model::load("no/such/file").unwrap_err().exit_code(), 3);
    assert_eq!(Model::from_bytes(vec![1, 2, 3]).unwrap_err().exit_code(), 3);
    assert_eq!(ModelOptions::new().threads(0).from_bytes(BYTES.clone()).unwrap_err().exit_code(), 2);
    assert!("cuda:x".parse::<Device>().is_err());
    let auto = ModelOptions::new().device(Device::Auto).from_bytes(BYTES.clone()).unwrap();
    assert_eq!(auto.fallback().is_some(), auto.device() == "cpu");
}

#[test]
fn an_emotion_is_lent_set_blended_and_sampled() {
    let mut session = Session::new(&MODEL);
    let (words, other) = (speech("speech_a"), speech("speech_c"));
    let own = session.animate(&words, &Take::default()).unwrap();
    let lent = session.emotion(&other).unwrap();
    assert_ne!(lent, session.emotion(&words).unwrap());

    let all = session.animate(&words, &Take::default().with_emotion(lent.clone())).unwrap();
    assert_eq!(means(&all).len(), lent.mu.len());
    assert!(means(&all).iter().zip(&lent.mu).all(|(a, b)| (a - b).abs() < 1e-6));
    let none = session.animate(&words, &Take::default().with_blend(lent.clone(), 0.0)).unwrap();
    assert!(means(&none).iter().zip(means(&own)).all(|(a, b)| (a - b).abs() < 1e-6));
    let set = EmotionVector::set(&vec![1.0; lent.mu.len()]).unwrap();
    let set = session.animate(&words, &Take::default().with_emotion(set)).unwrap();
    assert_eq!(means(&set), vec![0.25; 16]);

    let draw = |seed| Take::default().with_alpha(3.0).with_seed(seed);
    let takes = session.takes(&words, &[draw(1), draw(1), draw(2)], &mut Control::new()).unwrap();
    assert_eq!(takes[0], takes[1]);
    assert_ne!(takes[0].values(), takes[2].values());

    let wide = EmotionVector::set(&[1.0; 5]).unwrap();
    let error = session.animate(&words, &Take::default().with_emotion(wide)).unwrap_err().to_string();
    assert!(error.contains("16 wide") && error.contains("of 5"), "{error}");
    assert!(session.animate(&words, &Take::default().with_actor(3)).is_err());
}

#[test]
fn a_batch_is_each_of_its_recordings_alone() {
    let mut session = Session::new(&MODEL);
    let long: Vec<f32> = speech("speech_a").into_iter().cycle().take(16_000 * 65 + 7).collect();
    let recordings = [speech("speech_a"), long, vec![0.1; 1], speech("speech_c")];
    let views: Vec<&[f32]> = recordings.iter().map(Vec::as_slice).collect();
    let lent = session.emotion(&recordings[3]).unwrap();
    for take in [
        Take::default(),
        Take::default().with_blend(lent, 0.5).with_alpha(0.5).with_seed(3).with_temperature(0.7, 0.2),
    ] {
        let batch = session.batch(&views, &take, &mut Control::new()).unwrap();
        for (recording, together) in recordings.iter().zip(&batch) {
            let alone = session.animate(recording, &take).unwrap();
            assert_eq!(alone.frames(), together.frames());
            let same = top_codes(&alone).iter().zip(top_codes(together)).filter(|(a, b)| a == b).count();
            assert!(same * 100 >= top_codes(&alone).len() * 99, "{same} of {}", top_codes(&alone).len());
            let mu = means(&alone).iter().zip(means(together));
            assert!(mu.into_iter().all(|(a, b)| (a - b).abs() < 1e-4));
        }
    }
    let error = session.batch(&[&recordings[0], &[]], &Take::default(), &mut Control::new()).unwrap_err();
    assert!(error.to_string().starts_with("recording 1: "), "{error}");
}

#[test]
fn timings_tell_of_every_stage() {
    let mut session = Session::new(&MODEL);
    let motion = session.animate(&speech("speech_a"), &Take::default()).unwrap();
    let timings = session.timings();
    let parts =
        [timings.part("content"), timings.part("emotion"), timings.part("codes"), timings.part("motion")];
    assert!(parts.iter().all(|part| *part > Duration::ZERO), "{timings:?}");
    assert!(parts.iter().sum::<Duration>() <= timings.total);
    session.vertices(&Rig::new(Face::builtin().unwrap()), &motion).unwrap();
    assert!(
        session.timings().vertices > Duration::ZERO && session.timings().part("content") == Duration::ZERO
    );
}

#[test]
fn work_stops_at_whatever_stage_the_callback_says() {
    let samples = speech("speech_c");
    for model in [MODEL.clone(), model_with_threads(2)] {
        let mut session = Session::new(&model);
        let mut stages = Vec::new();
        let mut record = |step: deeptalk_rt::runtime::Step| {
            assert!(step.done <= step.total);
            stages.push(step.stage);
            Ok(())
        };
        session.takes(&samples, &[Take::default()], &mut Control::new().progress(&mut record)).unwrap();
        for name in ["wav2vec2.output", "dee.mu", "predictor.logits_t", "vq.upsample_t", "motion", "frames"] {
            assert!(stages.contains(&name), "{name} is not among {stages:?}");
        }
        let after = session.animate(&samples, &Take::default()).unwrap();
        for stop in 0..stages.len() {
            let mut told = 0;
            let mut callback = |_: deeptalk_rt::runtime::Step| {
                told += 1;
                if told > stop { Err(Error::Cancelled) } else { Ok(()) }
            };
            let control = &mut Control::new().progress(&mut callback);
            let outcome = session.takes(&samples, &[Take::default()], control);
            assert!(matches!(outcome, Err(Error::Cancelled)), "stage {stop}");
            assert_eq!(told, stop + 1, "nothing goes on after a stop");
        }
        assert_eq!(session.animate(&samples, &Take::default()).unwrap(), after);
        let flag = AtomicBool::new(true);
        let control = &mut Control::new().cancel(&flag);
        assert!(matches!(session.takes(&samples, &[Take::default()], control), Err(Error::Cancelled)));
    }
}

/// The program sets the flag from its handler of signals, so it must be looked at inside the network, and not
/// between windows only.
#[test]
fn a_flag_that_is_set_while_the_network_runs_stops_it_at_its_next_stage() {
    let samples = speech("speech_c");
    for model in [MODEL.clone(), model_with_threads(2)] {
        let mut session = Session::new(&model);
        for stop_at in ["wav2vec2.output", "predictor.logits_t", "vq.upsample_t"] {
            let flag = AtomicBool::new(false);
            let mut after = Vec::new();
            let mut callback = |step: deeptalk_rt::runtime::Step| {
                if flag.load(Ordering::Relaxed) {
                    after.push(step.stage);
                }
                flag.fetch_or(step.stage == stop_at, Ordering::Relaxed);
                Ok(())
            };
            let control = &mut Control::new().progress(&mut callback).cancel(&flag);
            let outcome = session.takes(&samples, &[Take::default()], control);
            assert!(matches!(outcome, Err(Error::Cancelled)), "{stop_at}");
            assert!(after.is_empty(), "{stop_at} was followed by {after:?}");
        }
    }
}

#[test]
fn vertices_on_the_device_are_those_of_the_host() {
    let mut session = Session::new(&MODEL);
    let motion = session.animate(&speech("speech_c"), &Take::default()).unwrap();
    let host = session.vertices(&Rig::new(Face::builtin().unwrap()), &motion).unwrap();
    let rig = MODEL.rig(Face::builtin().unwrap()).unwrap();
    let device = session.vertices(&rig, &motion).unwrap();
    assert_eq!(host.len(), motion.frames() * rig.face().vertex_count() * 3);
    let largest = host.iter().zip(&device).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(largest < 1e-5, "{largest} m");
    assert!(rig.vertices_of_rows(&[0.0; 7]).is_err());
    let mut foreign = motion.clone();
    foreign.parameters_mut().unwrap().names.swap(0, 1);
    assert_eq!(rig.vertices(&foreign).unwrap_err().exit_code(), 3);
}

#[test]
fn eight_sessions_in_eight_threads_on_one_model_are_right() {
    let model = model_with_threads(2);
    let voices = ["speech_a", "speech_b", "speech_c"].map(speech);
    let expected: Vec<_> =
        voices.iter().map(|voice| Session::new(&model).animate(voice, &Take::default()).unwrap()).collect();
    let done = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (model, voices, expected, done) = (&model, &voices, &expected, &done);
            scope.spawn(move || {
                let mut session = Session::new(model);
                for turn in 0..2 {
                    let voice = (thread + turn) % voices.len();
                    let motion = session.animate(&voices[voice], &Take::default()).unwrap();
                    assert_eq!(motion, expected[voice]);
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(done.into_inner(), 16);
}
