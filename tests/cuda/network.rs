//! The tiny network, stage by stage against the CPU.

use std::path::Path;

use deeptalk_rt::Result;
use deeptalk_rt::networks::deeptalk::{Choice, Config, DeepTalk, DeepTalkNetwork, synth_model};
use deeptalk_rt::networks::{Golden, ModelFile, Stages, Values, golden_files, record_on};
use deeptalk_rt::tensor::cpu::Cpu;
use deeptalk_rt::tensor::cuda::{Cuda, Gpu};
use deeptalk_rt::tensor::{
    Activation, Affine, Clips, Context, Dtype, Engine, Norm, Ops, Role, RowOps, SampleCodes, Stored,
};
use deeptalk_rt::verify::{Limits, against_golden};

use crate::stand_in::on_stand_in;
use crate::this_test;

/// The largest normalised error of a stage. One rounding to fp16 is 2e-4; a stage sums dozens of them.
const LIMIT: f64 = 5e-3;

/// fp16 weights, so that both devices start from the same numbers.
pub fn model() -> ModelFile {
    model_of(&Config::tiny())
}

pub fn model_of(config: &Config) -> ModelFile {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    synth_model(&path, config, Dtype::F16).unwrap();
    ModelFile::from_bytes(std::fs::read(path).unwrap(), "model").unwrap()
}

/// Speech-like: a voice that rises and falls, and some noise.
pub fn speech(samples: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    (0..samples)
        .map(|i| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let t = i as f32 / 16_000.0;
            let voice = (t * 800.0 + (t * 9.0).sin() * 4.0).sin() * (0.3 + 0.2 * (t * 20.0).sin());
            voice + (state >> 16) as f32 / 65_536.0 * 0.05 - 0.025
        })
        .collect()
}

/// The whole network: speech to motion, the motion's own codes and emotion. Codes of a reference replace the
/// chosen ones. Returns the stages of each clip.
fn forward<B: Ops>(
    model: &DeepTalk<B>,
    clips: &[&[f32]],
    sample: Option<u64>,
    reference: Option<&[Stages]>,
) -> Result<Vec<Stages>> {
    let draw = |stream| {
        sample.map(|seed| SampleCodes {
            temperature: 0.8,
            seeds: (0..clips.len() as u64).map(|clip| seed + clip).collect(),
            stream,
            first_rows: vec![5; clips.len()],
        })
    };
    let (top, bottom) = (draw(0), draw(1));
    let actors: Vec<usize> = (0..clips.len()).map(|clip| clip % model.config().actors.len()).collect();
    let given = reference.map(|reference| model.upload_given(clips, reference)).transpose()?;
    let given = given.as_ref().map_or([None; 2], |given| given.each_ref().map(Option::as_ref));
    let choice = Choice { sample: [top.as_ref(), bottom.as_ref()], given };
    record_on(model.ops(), clips.len(), |observer| {
        let analysis = model.analyse(clips, observer)?;
        let animated = model.animate(&analysis.content, &analysis.emotion.mu, &actors, &choice, observer)?;
        model.emotion_of_motion(&animated.motion, observer)?.expect("the tiny model can tell");
        Ok(())
    })
}

/// The values of a stage, all clips one after another.
fn numbers(stages: &[Stages], name: &str) -> Vec<f32> {
    let of_clip = |stages: &Stages| match &stages[name].values {
        Values::Numbers(values) => values.clone(),
        Values::Codes(_) => panic!("{name} are codes"),
    };
    stages.iter().flat_map(of_clip).collect()
}

/// The norm of the difference divided by the norm of the reference, over all values.
pub fn error(got: &[f32], want: &[f32]) -> f64 {
    assert_eq!(got.len(), want.len());
    let sum = |f: &dyn Fn(f64, f64) -> f64| -> f64 {
        got.iter().zip(want).map(|(g, w)| f(f64::from(*g), f64::from(*w))).sum()
    };
    let error = (sum(&|g, w| (g - w).powi(2)) / sum(&|_, w| w * w).max(1e-30)).sqrt();
    if error.is_nan() { f64::INFINITY } else { error }
}

fn agrees(lengths: &[usize], sample: Option<u64>) {
    agrees_with(&model(), lengths, sample);
}

fn agrees_with(file: &ModelFile, lengths: &[usize], sample: Option<u64>) {
    let clips: Vec<Vec<f32>> = lengths.iter().enumerate().map(|(i, &n)| speech(n, i as u32)).collect();
    let clips: Vec<&[f32]> = clips.iter().map(Vec::as_slice).collect();
    let cpu = forward(&DeepTalk::load(file, Cpu::F32).unwrap(), &clips, sample, None).unwrap();
    let model = DeepTalk::load(file, Gpu::new(0).unwrap()).unwrap();
    let cuda = forward(&model, &clips, sample, Some(&cpu)).unwrap();

    let names: Vec<&String> = cpu[0].keys().collect();
    assert!(names.len() > 20, "{} stages", names.len());
    assert_eq!(names, cuda[0].keys().collect::<Vec<_>>());
    let mut bad = Vec::new();
    for name in names {
        if let Values::Codes(_) = &cpu[0][name].values {
            let (mut differ, mut all) = (0, 0);
            for (want, got) in cpu.iter().zip(&cuda) {
                let (Values::Codes(want), Values::Codes(got)) = (&want[name].values, &got[name].values)
                else {
                    panic!("{name} are not codes")
                };
                differ += want.iter().zip(got).filter(|(a, b)| a != b).count();
                all += want.len();
            }
            // The logits of a random network are close to each other: some differ by less than their error.
            assert!(differ * 10 <= all, "{name}: {differ} of {all} codes differ");
            continue;
        }
        let error = error(&numbers(&cuda, name), &numbers(&cpu, name));
        println!("{error:.1e} {name}");
        if error > LIMIT {
            bad.push((error, name));
        }
    }
    assert!(bad.is_empty(), "over {LIMIT}: {bad:?}");
}

#[test]
fn every_stage_agrees_with_the_cpu_on_a_packed_batch() {
    on_stand_in(this_test!(every_stage_agrees_with_the_cpu_on_a_packed_batch), &[], || {
        agrees(&[9_000, 700, 16_001], None)
    });
}

#[test]
fn every_stage_agrees_with_the_cpu_on_hopper() {
    let test = this_test!(every_stage_agrees_with_the_cpu_on_hopper);
    on_stand_in(test, &[("STAND_IN_CUDA_CAPABILITY", "90")], || agrees(&[4_000, 700], None));
}

#[test]
fn every_stage_of_a_model_with_spectrograms_agrees_with_the_cpu_on_a_packed_batch() {
    let test = this_test!(every_stage_of_a_model_with_spectrograms_agrees_with_the_cpu_on_a_packed_batch);
    // Without the clip of one sample that the other sizes have: all its frames but one are silent and equal,
    // and a norm over channels that hardly differ divides one device's rounding by its own (5.8e-3).
    on_stand_in(test, &[], || agrees_with(&model_of(&Config::tiny_log_mel()), &[9_000, 700, 16_001], None));
}

#[test]
fn every_stage_of_a_model_with_spectrograms_agrees_with_the_cpu_on_hopper() {
    let test = this_test!(every_stage_of_a_model_with_spectrograms_agrees_with_the_cpu_on_hopper);
    on_stand_in(test, &[("STAND_IN_CUDA_CAPABILITY", "90")], || {
        agrees_with(&model_of(&Config::tiny_log_mel()), &[4_000, 700], None)
    });
}

/// The sizes of the trained model, with weights from the formula.
#[test]
fn every_stage_of_the_default_sizes_agrees_with_the_cpu() {
    let test = this_test!(every_stage_of_the_default_sizes_agrees_with_the_cpu);
    on_stand_in(test, &[("STAND_IN_CUDA_CHECKS", "0")], || {
        agrees_with(&model_of(&Config::default_model()), &[9_000, 700], None)
    });
}

/// As above on Hopper, where a block has room for each stack of narrow layers.
#[test]
fn every_stage_of_the_default_sizes_agrees_with_the_cpu_on_hopper() {
    let test = this_test!(every_stage_of_the_default_sizes_agrees_with_the_cpu_on_hopper);
    on_stand_in(test, &[("STAND_IN_CUDA_CHECKS", "0"), ("STAND_IN_CUDA_CAPABILITY", "90")], || {
        agrees_with(&model_of(&Config::default_model()), &[9_000, 700], None)
    });
}

/// The error of fp16 in a spectrogram of extreme samples of variance 1.
#[test]
fn a_spectrogram_keeps_its_digits_where_samples_are_extreme() {
    on_stand_in(this_test!(a_spectrogram_keeps_its_digits_where_samples_are_extreme), &[], || {
        let model = model_of(&Config::tiny_log_mel());
        let noise = speech(8_000, 3);
        let click = |i: usize| if i == 4_000 { 1.0 } else { 0.0 };
        let burst = |i: usize| if (4_000..4_200).contains(&i) { noise[i] } else { 1e-3 * noise[i] };
        let tone = |i: usize| (i as f32 * 0.9).sin();
        let square = |i: usize| if i % 100 < 50 { 1.0 } else { -1.0 };
        let clips: [(&str, &dyn Fn(usize) -> f32); 4] =
            [("click", &click), ("burst", &burst), ("tone", &tone), ("square", &square)];
        for (what, sample) in clips {
            let samples: Vec<f32> = (0..8_000).map(sample).collect();
            let cpu = forward(&DeepTalk::load(&model, Cpu::F32).unwrap(), &[&samples], None, None).unwrap();
            let cuda = DeepTalk::load(&model, Gpu::new(0).unwrap()).unwrap();
            let cuda = forward(&cuda, &[&samples], None, None).unwrap();
            for name in ["content.log_mel", "emotion.log_mel"] {
                let (want, got) = (numbers(&cpu, name), numbers(&cuda, name));
                let worst = got.iter().zip(&want).fold(0f32, |worst, (g, w)| worst.max((g - w).abs()));
                println!("{what}: {name}: {:.1e}, worst {worst:.1e}", error(&got, &want));
                assert!(error(&got, &want) < 5e-4, "{what}: {name}: {}", error(&got, &want));
                assert!(worst < 0.02, "{what}: {name}: {worst}");
            }
        }
    });
}

/// The published sizes: every kernel at its published width.
#[test]
#[ignore = "minutes of emulation"]
fn every_stage_of_the_published_sizes_agrees_with_the_cpu() {
    let test = this_test!(every_stage_of_the_published_sizes_agrees_with_the_cpu);
    on_stand_in(test, &[("STAND_IN_CUDA_CHECKS", "0")], || {
        agrees_with(&model_of(&Config::base()), &[700], None)
    });
}

/// As above with Hopper's kernels.
#[test]
#[ignore = "minutes of emulation"]
fn every_stage_of_the_published_sizes_agrees_with_the_cpu_on_hopper() {
    let test = this_test!(every_stage_of_the_published_sizes_agrees_with_the_cpu_on_hopper);
    let settings = [("STAND_IN_CUDA_CHECKS", "0"), ("STAND_IN_CUDA_CAPABILITY", "90")];
    on_stand_in(test, &settings, || agrees_with(&model_of(&Config::base()), &[700], None));
}

#[test]
fn drawn_codes_agree_with_the_cpu() {
    on_stand_in(this_test!(drawn_codes_agree_with_the_cpu), &[], || agrees(&[6_000, 3_000], Some(7)));
}

#[test]
fn a_clip_has_the_same_bytes_alone_in_a_batch_and_again() {
    on_stand_in(this_test!(a_clip_has_the_same_bytes_alone_in_a_batch_and_again), &[], || {
        let model = DeepTalk::load(&model(), Gpu::new(0).unwrap()).unwrap();
        let (a, b, c) = (speech(5_000, 1), speech(640, 2), speech(8_200, 3));
        let run = |clips: &[&[f32]]| {
            let analysis = model.analyse(clips, &()).unwrap();
            let ops = model.ops();
            let animated = model
                .animate(
                    &analysis.content,
                    &analysis.emotion.mu,
                    &vec![0; clips.len()],
                    &Choice::default(),
                    &(),
                )
                .unwrap();
            (ops.download(&animated.motion).unwrap(), ops.download(&analysis.emotion.mu).unwrap())
        };
        let batch = run(&[&a, &b, &c]);
        assert_eq!(batch, run(&[&a, &b, &c]), "two runs differ");
        let alone = [run(&[&a]), run(&[&b]), run(&[&c])];
        let joined = (
            alone.iter().flat_map(|clip| clip.0.clone()).collect::<Vec<_>>(),
            alone.iter().flat_map(|clip| clip.1.clone()).collect::<Vec<_>>(),
        );
        assert_eq!(batch, joined, "alone and in a batch differ");
    });
}

/// Motion, emotion and codes, without an observer.
pub fn unseen<B: Ops>(model: &DeepTalk<B>, clips: &[&[f32]]) -> (Vec<f32>, Vec<f32>, Vec<i32>) {
    let ops = model.ops();
    let analysis = model.analyse(clips, &()).unwrap();
    let animated = model
        .animate(
            &analysis.content,
            &analysis.emotion.mu,
            &vec![model.config().actors.len() - 1; clips.len()],
            &Choice::default(),
            &(),
        )
        .unwrap();
    (
        ops.download(&animated.motion).unwrap(),
        ops.download(&analysis.emotion.mu).unwrap(),
        ops.download_codes(&animated.codes.bottom).unwrap(),
    )
}

#[test]
fn the_built_in_model_agrees_with_its_golden_files() {
    on_stand_in(
        this_test!(the_built_in_model_agrees_with_its_golden_files),
        &[("STAND_IN_CUDA_CHECKS", "0")],
        || {
            let model = DeepTalkNetwork::load(&ModelFile::builtin().unwrap(), Gpu::new(0).unwrap()).unwrap();
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/default");
            for file in golden_files(&folder).unwrap() {
                let report = against_golden(&model, &Golden::open(&file).unwrap(), Limits::F16).unwrap();
                assert!(report.rows.len() >= 5 && report.skipped.is_empty(), "{report:?}");
                assert!(
                    report.first_mismatch().is_none(),
                    "{}: {:?}",
                    file.display(),
                    report.first_mismatch()
                );
            }
        },
    );
}

#[test]
fn a_replayed_recording_gives_the_bytes_of_the_first_run() {
    let test = this_test!(a_replayed_recording_gives_the_bytes_of_the_first_run);
    on_stand_in(test, &[], || {
        let file = model();
        let model = DeepTalk::load(&file, Gpu::new(0).unwrap()).unwrap();
        let a = [speech(2_500, 1), speech(700, 2)];
        let b = [speech(2_500, 3), speech(700, 4)];
        let longer = speech(3_300, 5);
        // The first run of a length launches kernels, the second is captured, later ones replay in new order.
        let [a, b] = [&a, &b].map(|clips| clips.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let (first_a, first_longer) = (unseen(&model, &a), unseen(&model, &[&longer]));
        let recorded_b = unseen(&model, &b);
        assert_eq!(unseen(&model, &a), first_a);
        assert_eq!(unseen(&model, &[&longer]), first_longer);
        assert_eq!(model.ops().recorded_parts(), 4, "two parts of two batches");
        let reserved = model.ops().reserved_memory();
        for _ in 0..3 {
            assert_eq!(unseen(&model, &b), recorded_b);
            assert_eq!(unseen(&model, &a), first_a);
            assert_eq!(unseen(&model, &[&longer]), first_longer);
        }
        assert_eq!(model.ops().reserved_memory(), reserved);
        let other = DeepTalk::load(&file, Gpu::new(0).unwrap()).unwrap();
        assert_eq!(unseen(&other, &b), recorded_b, "a recording and an ordinary run differ");
        let (motion, ..) = unseen(&DeepTalk::load(&file, Cpu::F32).unwrap(), &a);
        assert!(error(&first_a.0, &motion) < 0.1, "{}", error(&first_a.0, &motion));
    });
}

#[test]
fn threads_share_a_model_and_memory_stays_flat() {
    on_stand_in(this_test!(threads_share_a_model_and_memory_stays_flat), &[], || {
        let network = DeepTalkNetwork::load(&model(), Gpu::new(0).unwrap()).unwrap();
        let clips: Vec<Vec<f32>> = (0..4).map(|i| speech(640 + 900 * i, i as u32)).collect();
        let emotion = |model: &DeepTalk<Cuda>, clip: &[f32]| model.emotion_vector(clip).unwrap().mu;
        let model = network.lease().unwrap();
        let want: Vec<_> = clips.iter().map(|clip| emotion(&model, clip)).collect();
        let reserved = model.ops().reserved_memory();
        for _ in 0..3 {
            clips.iter().zip(&want).for_each(|(clip, want)| assert_eq!(&emotion(&model, clip), want));
        }
        assert_eq!(model.ops().reserved_memory(), reserved);
        drop(model);
        std::thread::scope(|scope| {
            for (clip, want) in clips.iter().zip(&want) {
                let network = &network;
                scope.spawn(move || {
                    (0..2).for_each(|_| assert_eq!(&emotion(&network.lease().unwrap(), clip), want))
                });
            }
        });
    });
}

/// An override of a default body, against that body; the other override is tested in `stack.rs`.
#[test]
fn the_norm_of_a_sum_is_the_norm_of_the_sum() {
    on_stand_in(this_test!(the_norm_of_a_sum_is_the_norm_of_the_sum), &[], || {
        let cuda = Gpu::new(0).unwrap().lease().unwrap();
        let (clips, channels) = (Clips::from_lengths([19, 1]), 72);
        let tensor = |seed| cuda.upload(&clips, channels, &speech(20 * channels, seed)).unwrap();
        let weight = |seed| {
            let values = speech(channels, seed);
            cuda.load(Stored::from_f32("weight", &[channels], values), Role::Vector).unwrap()
        };
        let norm = Norm { affine: Some(Affine { weight: weight(3), bias: weight(4) }), eps: 1e-5 };
        let (x, y) = (tensor(1), tensor(2));
        let fused = cuda.add_layer_norm(&x, &y, &norm).unwrap();
        let plain = cuda.layer_norm(&cuda.add(&x, &y).unwrap(), &norm, Activation::None).unwrap();
        let error = error(&cuda.download(&fused).unwrap(), &cuda.download(&plain).unwrap());
        assert!(error < 6e-4, "{error}");
    });
}

#[test]
fn a_tensor_of_another_context_is_a_sentence() {
    on_stand_in(this_test!(a_tensor_of_another_context_is_a_sentence), &[], || {
        let gpu = Gpu::new(0).unwrap();
        let [here, there] = [gpu.lease().unwrap(), gpu.lease().unwrap()];
        let (clips, values) = (Clips::from_lengths([2, 1]), [1.0; 15]);
        let [x, y] = [here.upload(&clips, 5, &values).unwrap(), there.upload(&clips, 5, &values).unwrap()];
        let error = here.add(&x, &y).expect_err("it was used").to_string();
        assert!(
            error.contains("a tensor of another context") && error.contains("download it there"),
            "{error}"
        );
        assert!(here.download(&y).is_err());
        // The next lease returns the same context, on any thread.
        drop(here);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let again = gpu.lease().unwrap();
                assert_eq!(again.download(&again.add(&x, &x).unwrap()).unwrap(), [2.0; 15]);
            });
        });
    });
}
