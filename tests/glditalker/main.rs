//! A second network, whole: GLDiTalker against golden files, stage by stage; recordings of any length; what it refuses.

mod program;
mod streams;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use deeptalk_rt::networks::glditalker::{Config, GldiTalkerNetwork};
use deeptalk_rt::networks::{Golden, ModelFile, Network, architecture, synth_model, synth_model_of};
use deeptalk_rt::runtime::{Model, ModelOptions, Session, Take};
use deeptalk_rt::tensor::cpu::Cpu;
use deeptalk_rt::tensor::{Device, Dtype};
use deeptalk_rt::verify::{Limits, against_golden};
use tempfile::tempdir;

const GOLDENS: [&str; 4] = ["tiny_short", "tiny_long", "mid_short", "mid_long"];

fn golden(name: &str) -> Golden {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/glditalker");
    Golden::open(&folder.join(format!("{name}.safetensors"))).unwrap()
}

/// The model that a golden file was made with.
fn model_of(name: &str) -> ModelFile {
    let folder = tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    synth_model_of(&path, &golden(name), Dtype::F32, &mut |_| Ok(())).unwrap();
    ModelFile::from_bytes(std::fs::read(path).unwrap(), "model").unwrap()
}

fn network_of(name: &str) -> Arc<dyn Network> {
    model_of(name).open_on(&Device::Cpu.open().unwrap()).unwrap()
}

/// A model of a configuration, in a file.
fn write(path: &Path, config: &Config) {
    let architecture = architecture("GLDiTalker").unwrap();
    synth_model(path, architecture, &config.to_json(), Dtype::F32, &mut |_| Ok(())).unwrap();
}

fn model(config: &Config) -> Model {
    let folder = tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    write(&path, config);
    Model::from_bytes(std::fs::read(path).unwrap()).unwrap()
}

/// The tiny sizes with a limited past, so that long recordings and streams go on with kept keys and values.
fn tiny_with_context() -> Config {
    let mut config = Config::tiny();
    config.diffusion.context = 50;
    config
}

fn speech(samples: usize) -> Vec<f32> {
    (0..samples).map(|i| (i as f32 * 0.05).sin() * (0.2 + 0.1 * (i as f32 * 3e-4).sin())).collect()
}

fn rms(values: impl Iterator<Item = f32>) -> f64 {
    let (sum, count) = values.fold((0f64, 0), |(sum, count), x| (sum + f64::from(x).powi(2), count + 1));
    (sum / f64::from(count.max(1))).sqrt()
}

/// Both samplers, both ways of stage 1, at 25 and 30 frames a second, with and without a limited past.
#[test]
fn every_stage_of_every_golden_file_is_the_references() {
    let mut stages = 0;
    for name in GOLDENS {
        let golden = golden(name);
        let comparison = against_golden(&*network_of(name), &golden, Limits::F32).unwrap();
        assert!(comparison.skipped.is_empty(), "{name}: {:?}", comparison.skipped);
        for row in &comparison.rows {
            println!("{name} {:28} {:.1e}", row.stage, row.error);
            assert!(row.passed(), "{name}: {row:?}");
        }
        // All tensors of the file but the noise, which is an input.
        assert_eq!(comparison.rows.len() + 1, golden.stages().len(), "{name}");
        stages += comparison.rows.len();
    }
    assert_eq!(stages, 256);
}

#[test]
fn the_noise_of_a_golden_file_is_that_of_its_seed() {
    for name in GOLDENS {
        let golden = golden(name);
        let noise = golden.numbers("noise").unwrap();
        let seed = golden.whole_number("seed", 0).unwrap();
        let [rows, columns] = golden.stages()["noise"].shape;
        let (draws, frames) = (6, rows / 6);
        for draw in 0..draws {
            let drawn = deeptalk_rt::tensor::noise::normal_rows(seed, 256 + draw as u32, 0..frames, columns);
            let stored = &noise[draw * frames * columns..][..frames * columns];
            let worst = drawn.iter().zip(stored).fold(0f32, |worst, (a, b)| worst.max((a - b).abs()));
            assert!(worst < 1e-6, "{name}: draw {draw}: {worst}");
        }
    }
}

#[test]
fn a_clip_is_the_same_alone_and_in_a_packed_batch() {
    let network = network_of("mid_short");
    let clips = [speech(1), speech(17_123), speech(16_000)];
    let views: Vec<&[f32]> = clips.iter().map(Vec::as_slice).collect();
    let together = network.pass(&views, None, None).unwrap();
    let alone: Vec<f32> = views.iter().flat_map(|clip| network.pass(&[clip], None, None).unwrap()).collect();
    assert_eq!(together.len(), alone.len());
    let difference = rms(together.iter().zip(&alone).map(|(a, b)| a - b));
    assert!(difference < 1e-5 * rms(alone.iter().copied()), "{difference}");
    assert_eq!(network.pass(&[&[]], None, None).unwrap_err().exit_code(), 2);
}

#[test]
fn codes_of_a_motion_come_back_from_it() {
    let network = GldiTalkerNetwork::load(&model_of("mid_short"), Cpu::F32).unwrap();
    let network = network.lease().unwrap();
    let codes: Vec<i32> = (0..12).map(|i| i * 5 % 64).collect();
    let offsets = network.decode_codes(&codes).unwrap();
    assert_eq!(offsets.len(), 3 * 3 * 564);
    assert_eq!(network.encode(&offsets, &()).unwrap().len(), codes.len());
    assert_eq!(network.decode_codes(&codes[1..]).unwrap_err().exit_code(), 2);
    assert_eq!(network.encode(&offsets[1..], &()).unwrap_err().exit_code(), 2);

    let mut config = Config::tiny();
    config.motion.encoder = false;
    let folder = tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    write(&path, &config);
    let network = GldiTalkerNetwork::load(&ModelFile::open(&path).unwrap(), Cpu::F32).unwrap();
    let error = network.lease().unwrap().encode(&[0.0; 3 * 162], &()).unwrap_err().to_string();
    assert!(error.contains("no encoder"), "{error}");
}

#[test]
fn another_seed_is_another_take_and_the_same_one_is_the_same_bytes_on_any_threads() {
    let (model, samples) = (model(&tiny_with_context()), speech(20_000));
    let take = |seed| Take::default().with_seed(seed);
    let run = |take: &Take| Session::new(&model).animate(&samples, take).unwrap();
    let first = run(&take(1));
    assert_eq!((first.frames(), first.width()), (32, 3 * 162));
    assert_eq!(first, run(&take(1)));
    for other in [take(2), take(1).with_actor(2), take(1).with_steps(3), take(1).with_eta(1.0)] {
        assert_ne!(first, run(&other), "{other:?}");
    }
    // Takes of one recording share its sound.
    let takes = [take(1), take(2)];
    let both = Session::new(&model).takes(&samples, &takes, &mut Default::default()).unwrap();
    assert_eq!((&both[0], &both[1]), (&first, &run(&take(2))));

    let folder = tempdir().unwrap();
    let path = folder.path().join("mid.safetensors");
    write(&path, &Config::mid());
    let bytes: Vec<Vec<f32>> = [1, 2, 3]
        .map(|threads| {
            let model = ModelOptions::new().threads(threads).load(&path).unwrap();
            let motion = Session::new(&model).animate(&samples, &take(9)).unwrap();
            motion.rows().unwrap().into_owned()
        })
        .into();
    assert!(bytes[0] == bytes[1] && bytes[0] == bytes[2]);
}

/// A minute and more goes through windows; what one pass makes of it is nearly the same, and the sound of one end does not move the other.
#[test]
fn a_long_recording_is_nearly_that_of_one_pass() {
    let model = model(&tiny_with_context());
    let samples = speech(70 * 16_000 + 77);
    let windowed = Session::new(&model).animate(&samples, &Take::default()).unwrap();
    let whole = model.network().pass(&[&samples], None, None).unwrap();
    let windowed = windowed.rows().unwrap();
    assert_eq!(windowed.len(), whole.len());
    let moving = rms(whole.iter().copied());
    // Far from what only one of two windows heard, rounding alone is left: windows normalise their own samples.
    let difference = rms(windowed.iter().zip(&whole).map(|(a, b)| a - b)) / moving;
    assert!(difference < 0.05, "{difference}");
}

#[test]
fn controls_that_make_no_sense_are_sentences() {
    let model = model(&Config::tiny());
    let refused = |take: Take| {
        let error = Session::new(&model).animate(&[0.1; 1_000], &take).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        error.to_string()
    };
    for steps in [0, 1_001, 1_000_000_000] {
        let text = refused(Take::default().with_steps(steps));
        let expected =
            format!("denoising steps are a number from 1 to 1000, those of the training, not {steps}");
        assert_eq!(text, expected);
    }
    for eta in [-0.1, 1.5, f32::NAN] {
        let text = refused(Take::default().with_eta(eta));
        assert_eq!(text, format!("eta is a number from 0 (DDIM) to 1 (DDPM), not {eta}"));
    }
    let text = refused(Take::default().with_temperature(0.5, 0.0));
    assert!(text.starts_with("GLDiTalker does not have a temperature: its controls are"), "{text}");
    assert!(text.ends_with("denoising steps and eta"), "{text}");
    assert!(refused(Take::default().with_alpha(1.0)).contains("does not have alpha"));
    assert!(refused(Take::default().with_actor(3)).contains("there is no actor 3"));
    let error = Session::new(&model).emotion(&[0.1; 1_000]).unwrap_err();
    assert!(error.to_string().contains("does not have an emotion"), "{error}");

    let deeptalk = Model::builtin().unwrap();
    let error = Session::new(&deeptalk).animate(&[0.1; 1_000], &Take::default().with_steps(8)).unwrap_err();
    assert!(error.to_string().starts_with("DEEPTalk does not have denoising steps"), "{error}");
}

/// The bytes of a tensor in a model file.
fn spoil(path: &Path, tensor: &str, with: [u8; 4]) -> PathBuf {
    let mut bytes = std::fs::read(path).unwrap();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: serde_json::Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    let begin = header[tensor]["data_offsets"][0].as_u64().unwrap() as usize;
    bytes[8 + length + begin + 8..][..4].copy_from_slice(&with);
    let spoiled = path.with_extension("spoiled");
    std::fs::write(&spoiled, bytes).unwrap();
    spoiled
}

#[test]
fn a_model_with_a_number_that_is_none_or_a_vertex_that_does_not_exist_is_refused_by_name() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    write(&path, &Config::tiny());
    for (tensor, with, words) in [
        ("motion.template", f32::NAN.to_le_bytes(), "`motion.template` holds something that is not a number"),
        ("motion.table1", 41i32.to_le_bytes(), "indices from 0 to 40, found 41 at 2"),
        ("motion.table0", (-1i32).to_le_bytes(), "indices from 0 to 161, found -1 at 2"),
    ] {
        let error = Model::load(spoil(&path, tensor, with)).unwrap_err();
        assert_eq!(error.exit_code(), 3, "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn a_golden_file_says_its_model_whatever_the_architecture() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    synth_model_of(&path, &golden("tiny_long"), Dtype::F16, &mut |_| Ok(())).unwrap();
    let file = ModelFile::open(&path).unwrap();
    assert_eq!((file.architecture().name, file.spec().frame_rate.to_string().as_str()), ("GLDiTalker", "25"));
    let goldens = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let published = architecture("deeptalk").unwrap();
    for name in ["speech_a", "thvqvae_roundtrip"] {
        let golden = Golden::open(&goldens.join(name).with_extension("safetensors")).unwrap();
        let model = (published.model_of)(&golden).unwrap();
        assert_eq!(model.config, (published.sizes[0].config)(), "{name}: the published sizes");
    }
    let face = goldens.join("flame_lbs.safetensors");
    let error =
        synth_model_of(&path, &Golden::open(&face).unwrap(), Dtype::F16, &mut |_| Ok(())).unwrap_err();
    assert!(error.exit_code() == 3 && error.to_string().contains("which model"), "{error}");
}
