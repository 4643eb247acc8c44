//! The launches of the published sizes on a GPU of compute capability 9.0, at lengths whose emulation would
//! take hours: kernels are counted and not run.

use deeptalk_rt::networks::deeptalk::{Config, DeepTalk};
use deeptalk_rt::tensor::cuda::{Cuda, Gpu};

use crate::network::{model_of, speech, unseen};
use crate::stand_in::{counts, launched, on_stand_in};
use crate::this_test;

const COUNTED: [(&str, &str); 2] = [("STAND_IN_CUDA_RUN", "0"), ("STAND_IN_CUDA_CAPABILITY", "90")];

/// The possible kernels of a product: tiles of three sizes, and shared sums.
const CHOICES: [&str; 4] =
    ["matmul_sm90_64x64", "matmul_sm90_128x128", "matmul_sm90_128x256", "layer_norm_of_parts_3"];

/// The number of launches of each of [`CHOICES`] in one of three forwards of `seconds` seconds: the first
/// runs kernel by kernel, the second is recorded and replayed, the third replayed.
fn forwards(model: &DeepTalk<Cuda>, seconds: usize) -> [u64; 4] {
    let clip = speech(seconds * 16_000, 1);
    let before = CHOICES.map(launched);
    unseen(model, &[&clip]);
    let after = CHOICES.map(launched);
    unseen(model, &[&clip]);
    unseen(model, &[&clip]);
    let chosen = std::array::from_fn(|i| after[i] - before[i]);
    println!("{seconds} s: {chosen:?} of {CHOICES:?}, {:.0} MB", counts().bytes_in_use as f64 / 1e6);
    chosen
}

#[test]
#[ignore = "makes a model of the published sizes"]
fn ten_seconds_fit_into_800_megabytes_and_every_length_takes_the_kernels_of_its_shapes() {
    let test =
        this_test!(ten_seconds_fit_into_800_megabytes_and_every_length_takes_the_kernels_of_its_shapes);
    on_stand_in(test, &COUNTED, || {
        let model = DeepTalk::load(&model_of(&Config::base()), Gpu::new(0).unwrap()).unwrap();
        // From few rows to enough blocks of the largest tile.
        assert_eq!(forwards(&model, 1), [136, 2, 0, 28]);
        assert_eq!(forwards(&model, 10), [46, 88, 4, 28]);
        let megabytes = counts().bytes_in_use / 1_000_000;
        assert!(megabytes <= 800, "{megabytes} MB");
        assert_eq!(forwards(&model, 60), [15, 52, 71, 4]);
    });
}
