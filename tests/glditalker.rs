//! A second network: the audio encoder of GLDiTalker against golden files, chosen by the architecture in the model file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use deeptalk_rt::networks::{Golden, ModelFile, Network, architecture, synth_model};
use deeptalk_rt::runtime::{Model, Session, Take};
use deeptalk_rt::tensor::{Device, Dtype};
use deeptalk_rt::verify::{Limits, against_golden};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/glditalker").join(format!("{name}.safetensors"))
}

fn model_file(sizes: &str) -> ModelFile {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let architecture = architecture("glditalker").unwrap();
    let sizes = architecture.sizes.iter().find(|known| known.name == sizes).unwrap();
    synth_model(&path, architecture, &(sizes.config)(), Dtype::F32, &mut |_| Ok(())).unwrap();
    ModelFile::from_bytes(std::fs::read(path).unwrap(), "model").unwrap()
}

fn network(sizes: &str) -> Arc<dyn Network> {
    model_file(sizes).open_on(&Device::Cpu.open().unwrap()).unwrap()
}

/// 25 frames a second, where tokens are stacked, and 30, where they are resampled first.
#[test]
fn every_stage_of_the_audio_encoder_is_the_references() {
    for (sizes, file) in [("tiny", "tiny_short"), ("mid", "mid_short")] {
        let comparison =
            against_golden(&*network(sizes), &Golden::open(&golden(file)).unwrap(), Limits::F32).unwrap();
        let stages: Vec<&str> = comparison.rows.iter().map(|row| row.stage.as_str()).collect();
        assert_eq!(
            stages,
            ["conv", "projection", "positional", "layer0", "tokens", "frames", "condition"]
                .map(|stage| format!("audio.{stage}"))
        );
        for row in &comparison.rows {
            println!("{file} {:18} {:.1e}", row.stage, row.error);
            assert!(row.passed(), "{file}: {row:?}");
        }
    }
}

#[test]
fn a_clip_has_the_same_condition_alone_and_in_a_packed_batch() {
    let network = network("mid");
    let clip = |samples: usize| -> Vec<f32> { (0..samples).map(|i| (i as f32 * 0.07).sin() * 0.3).collect() };
    let clips = [clip(1), clip(17_123), clip(16_000)];
    let views: Vec<&[f32]> = clips.iter().map(Vec::as_slice).collect();
    let together = network.pass(&views, None, None).unwrap();
    let alone: Vec<f32> = views.iter().flat_map(|clip| network.pass(&[clip], None, None).unwrap()).collect();
    assert_eq!(together.len(), alone.len());
    let worst = together.iter().zip(&alone).fold(0f32, |worst, (a, b)| worst.max((a - b).abs()));
    assert!(worst < 1e-4, "{worst}");
    assert_eq!(network.pass(&[&[]], None, None).unwrap_err().exit_code(), 2);
}

#[test]
fn animating_with_the_encoder_alone_is_refused_in_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let architecture = architecture("GLDiTalker").unwrap();
    let tiny = architecture.sizes.iter().find(|known| known.name == "tiny").unwrap();
    synth_model(&path, architecture, &(tiny.config)(), Dtype::F16, &mut |_| Ok(())).unwrap();
    let model = Model::load(&path).unwrap();
    assert_eq!((model.spec().architecture, model.spec().width()), ("GLDiTalker", 3 * 162));
    let error = Session::new(&model).animate(&[0.1; 1_000], &Take::default()).unwrap_err();
    assert!(error.exit_code() == 2 && error.to_string().contains("audio encoder"), "{error}");
}
