//! The library from the view of programs: models that threads share, sessions, streams.

mod moods;
mod quality;
mod sessions;
mod streams;

use std::sync::LazyLock;

use deeptalk_rt::audio::read_sound;
use deeptalk_rt::networks::deeptalk::Config;
use deeptalk_rt::networks::deeptalk::synth_model;
use deeptalk_rt::runtime::{Model, ModelOptions};
use deeptalk_rt::tensor::Dtype;

/// The bytes of a tiny model of random weights.
static BYTES: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    synth_model(&path, &Config::tiny(), Dtype::F32).unwrap();
    std::fs::read(path).unwrap()
});
static MODEL: LazyLock<Model> = LazyLock::new(|| Model::from_bytes(BYTES.clone()).unwrap());

fn model_with_threads(count: usize) -> Model {
    ModelOptions::new().threads(count).from_bytes(BYTES.clone()).unwrap()
}

fn speech(name: &str) -> Vec<f32> {
    read_sound(format!("tests/golden/{name}.wav"), 0.0, None).unwrap()
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}
