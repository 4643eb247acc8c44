//! The built-in model: the values of its PyTorch twin, and basic expectations of a talking face.

use std::path::Path;

use deeptalk_rt::Error;
use deeptalk_rt::networks::ModelFile;
use deeptalk_rt::networks::deeptalk::{DeepTalk, DeepTalkNetwork};
use deeptalk_rt::networks::{Golden, golden_files};
use deeptalk_rt::runtime::Take;
use deeptalk_rt::tensor::Context;
use deeptalk_rt::tensor::cpu::Cpu;
use deeptalk_rt::verify::{Limits, against_golden};

fn network() -> DeepTalkNetwork<Cpu> {
    DeepTalkNetwork::load(&ModelFile::builtin().unwrap(), Cpu::F32).unwrap()
}

fn model() -> DeepTalk<Cpu> {
    network().lease().unwrap()
}

/// Compares with `tests/golden/default`, written by
/// `python -m twin.golden models/default.safetensors -o tests/golden/default`.
fn is_the_twins(model: &DeepTalkNetwork<Cpu>, limits: Limits) {
    let files = golden_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/default")).unwrap();
    assert_eq!(files.len(), 2, "{files:?}");
    for file in files {
        let report = against_golden(model, &Golden::open(&file).unwrap(), limits).unwrap();
        assert!(report.rows.len() >= 5, "{report:?}");
        assert!(report.skipped.is_empty(), "not computed: {:?}", report.skipped);
        if let Some(row) = report.first_mismatch() {
            panic!("{}: {row:?}", file.display());
        }
    }
}

#[test]
fn every_stage_is_the_twins() {
    is_the_twins(&network(), Limits::F32);
}

#[test]
fn products_in_bf16_are_near_the_twins_or_refused_in_a_sentence() {
    match Cpu::bf16() {
        Ok(cpu) => {
            let network = DeepTalkNetwork::load(&ModelFile::builtin().unwrap(), cpu).unwrap();
            is_the_twins(&network, Limits::BF16);
            let model = network.lease().unwrap();
            // A tone, with silence in all other bands: samples must keep their digits.
            let tone: Vec<f32> =
                (0..19_680).map(|i| 0.3 * (i as f32 * 0.2).sin() * (i as f32 * 0.0016).sin()).collect();
            let content = |model: &DeepTalk<Cpu>| {
                let analysis = model.analyse(&[&tone], &()).unwrap();
                model.ops().download(&analysis.content).unwrap()
            };
            let (found, exact) = (content(&model), content(&self::model()));
            let apart = found.iter().zip(&exact).map(|(a, b)| (a - b).powi(2)).sum::<f32>();
            let size = exact.iter().map(|b| b * b).sum::<f32>();
            assert!(apart <= Limits::BF16.stage.powi(2) as f32 * size, "{apart} of {size}");
            // The device must not be f32 under another name, and a second run must give the same bytes.
            assert_ne!(found, exact);
            assert_eq!(found, content(&model));
        }
        Err(error) => {
            assert!(matches!(error, Error::Device(_)), "{error:?}");
            assert!(error.to_string().contains("take cpu"), "{error}");
        }
    }
}

/// Degrees of the jaw about x, frame by frame.
fn jaw(model: &DeepTalk<Cpu>, samples: &[f32]) -> Vec<f32> {
    let motions = model.takes(samples, &[Take::default()], &mut |_| Ok(())).unwrap();
    let width = model.config().parameters();
    motions[0].values().chunks_exact(width).map(|row| row[width - 3].to_degrees()).collect()
}

#[test]
fn the_jaw_moves_in_speech_and_rests_in_silence() {
    let model = model();
    let wav = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/speech_a.wav");
    let speech = deeptalk_rt::audio::read_sound(&wav, 0.0, None).unwrap();
    let speaking = jaw(&model, &speech);
    let (low, high) = speaking.iter().fold((f32::MAX, f32::MIN), |(low, high), &x| (low.min(x), high.max(x)));
    assert!(high - low > 4.0, "{low} to {high} degrees");
    assert!(high < 24.0, "{high} degrees");
    // Room noise at -50 dB.
    let mut state = 1u32;
    let noise: Vec<f32> = (0..48_000)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state as f32 / u32::MAX as f32 - 0.5) * 2.0 * 0.0055
        })
        .collect();
    let resting = jaw(&model, &noise).iter().sum::<f32>() / 75.0;
    assert!(resting < 0.1 * high, "{resting} degrees at rest, {high} in speech");
}

#[test]
fn the_built_in_head_has_the_channels_of_the_built_in_model() {
    let head = deeptalk_rt::rig::Face::builtin().unwrap();
    let model = ModelFile::builtin().unwrap();
    assert_eq!(model.spec().parameter_names()[..head.channels.len()], head.channels);
}
