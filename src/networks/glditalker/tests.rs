//! The forms that run against the full forms of the specification.

use super::denoiser::Kept;
use super::forward::{Drawn, GldiTalker, GldiTalkerNetwork};
use super::{ARCHITECTURE, Config};
use crate::networks::{Draw, Formula, ModelFile, Published as _, synth_model};
use crate::tensor::cpu::{Cpu, Tensor};
use crate::tensor::{
    Activation, AttentionBias, Clips, Context, DiffusionOps, Dtype, Linear, Role, RowOps, Stored,
};

fn network(config: &Config) -> GldiTalker<Cpu> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    synth_model(&path, &ARCHITECTURE, &config.to_json(), Dtype::F32, &mut |_| Ok(())).unwrap();
    let file = ModelFile::from_bytes(std::fs::read(path).unwrap(), "model").unwrap();
    GldiTalkerNetwork::load(&file, Cpu::F32).unwrap().lease().unwrap()
}

fn upload(rows: usize, channels: usize, seed: f32) -> Tensor {
    let values: Vec<f32> = (0..rows * channels).map(|i| (i as f32 * 0.37 + seed).sin()).collect();
    Cpu::F32.upload(&Clips::one(rows), channels, &values).unwrap()
}

fn worst(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).fold(0f32, |worst, (a, b)| worst.max((a - b).abs()))
}

/// Queries, keys, scores and a softmax over the one key that a frame sees: an addition takes their place.
#[test]
fn the_full_cross_attention_is_the_addition_of_a_track_and_a_row() {
    let config = Config::mid();
    let (network, ops) = (network(&config), Cpu::F32);
    let (width, frames) = (config.diffusion.width, 37);
    let audio = upload(frames, width, 0.5);
    let (known, draw) = (network.known(&audio, 1, &[0]).unwrap(), Draw::default());
    let steps = network.steps(&draw, 1).unwrap();
    let linear = |name: &str| {
        let load = |part: &str, shape: &[usize], role| {
            let values = Formula.read(&format!("{name}.{part}"), shape).unwrap();
            ops.load(Stored::from_f32(part, shape, values), role).unwrap()
        };
        let weight = load("weight", &[width, width], Role::Linear);
        Linear { weight, bias: Some(load("bias", &[width], Role::Vector)) }
    };
    for layer in 0..config.diffusion.layers {
        for k in [0, 5] {
            let apply = |x: &Tensor, part: &str| {
                let name = format!("denoiser.layers.{layer}.cross.{part}");
                ops.linear(x, &linear(&name), Activation::None).unwrap()
            };
            let code = ops.upload(&Clips::one(1), width, &steps.codes[k * width..][..width]).unwrap();
            let code = ops.broadcast_rows(&code, &Clips::one(frames)).unwrap();
            let condition = ops.combine(&[(1.0, &audio), (1.0, &code)]).unwrap();
            let q = apply(&upload(frames, width, 2.0), "q_proj");
            let kv = ops.concat(&[&apply(&condition, "k_proj"), &apply(&condition, "v_proj")]).unwrap();
            let heads = config.diffusion.heads;
            let mixed = ops.attention(&q, &kv, heads, &AttentionBias::Window { rows: 1 }).unwrap();
            let full = ops.download(&apply(&mixed, "out_proj")).unwrap();
            let collapsed = ops.download(&known.cross(&ops, &steps, (k, layer)).unwrap()).unwrap();
            assert!(worst(&full, &collapsed) < 2e-6, "{}", worst(&full, &collapsed));
        }
    }
}

/// Chunks of any size with kept keys and values are one pass with the same context, and noise follows the
/// frame.
#[test]
fn one_denoiser_in_chunks_is_one_pass() {
    let config = Config::mid();
    let (network, ops) = (network(&config), Cpu::F32);
    let (width, latents, frames) = (config.diffusion.width, config.latents(), 131);
    let audio = upload(frames, width, 0.1);
    for eta in [0.0, 1.0] {
        let draw = Draw { seed: 3, steps: Some(4), eta: Some(eta), ..Draw::default() };
        let steps = network.steps(&draw, 1).unwrap();
        let sample = |range: std::ops::Range<usize>, kept: Option<&mut Kept<Tensor>>| {
            let (clips, first) = (Clips::one(range.len()), [range.start]);
            let part = ops.slice_rows(&audio, range.start, range.len()).unwrap();
            let known = network.known(&part, 2, &first).unwrap();
            let noise = Drawn { seed: 3, clips: &clips, first_frames: &first, latents };
            let x = network.sample(&clips, &steps, &known, &noise, kept, &()).unwrap();
            ops.download(&x).unwrap()
        };
        let whole = sample(0..frames, None);
        let mut kept = Kept::none();
        let cuts = [0, 3, 50, 51, 120, frames];
        let chunks: Vec<f32> =
            cuts.windows(2).flat_map(|cut| sample(cut[0]..cut[1], Some(&mut kept))).collect();
        assert!(worst(&whole, &chunks) < 2e-5, "{}", worst(&whole, &chunks));
    }
}
