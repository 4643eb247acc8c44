//! Import of published checkpoints at small sizes, written by real torch (tests/make_checkpoints.py).

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use deeptalk_rt::files::{SafetensorsFile, Tensors, open_tensors};
use deeptalk_rt::networks::ImportReport;
use deeptalk_rt::networks::ModelFile;
use deeptalk_rt::networks::deeptalk::Config;
use deeptalk_rt::networks::deeptalk::config::{EmotionConfig, MotionEmotionConfig, TransformerConfig};
use deeptalk_rt::networks::deeptalk::{DeepTalk, config_of, import_deeptalk, synth_model};
use deeptalk_rt::runtime::Take;
use deeptalk_rt::tensor::cpu::{Cpu, Tensor};
use deeptalk_rt::tensor::{
    Activation, Clips, Context, Conv1d, ConvTranspose1d, Dtype, Linear, Packed, Padding, Role, RowOps, Stored,
};
use deeptalk_rt::{Error, Result};

/// The sizes of the small checkpoints: all different, so that a wrong layout cannot pass.
fn small() -> Config {
    let transformer = |layers, heads, feed_forward| TransformerConfig { layers, heads, feed_forward };
    let mut config = Config::tiny();
    for (index, out) in [4, 4, 6, 6, 8, 8, 10].into_iter().enumerate() {
        config.content.conv[index].out = out;
    }
    config.content.hidden = 16;
    config.content.positional_kernel = 6;
    config.content.transformer = transformer(2, 2, 22);
    config.content.output = 6;
    config.emotion = EmotionConfig {
        conv: config.content.conv.clone(),
        hidden: 24,
        positional_groups: 4,
        transformer: transformer(5, 3, 20),
        ..config.emotion
    };
    config.emotion_head.max_frames = 60;
    config.emotion_head.transformer = transformer(2, 2, 18);
    config.emotion_head.width = 12;
    config.predictor.style = 10;
    config.predictor.encoder = transformer(1, 2, 14);
    config.predictor.features = 7;
    config.predictor.hidden = 20;
    config.predictor.transformer = transformer(2, 2, 26);
    config.motion_prior.codes_t = 9;
    config.motion_prior.width_t = 8;
    config.motion_prior.codes_b = 11;
    config.motion_prior.width_b = 16;
    config.motion_prior.transformer_t = transformer(1, 2, 13);
    config.motion_prior.transformer_b = transformer(1, 3, 15);
    let mut head = config.emotion_head.clone();
    head.max_frames = 50;
    head.transformer = transformer(1, 4, 21);
    head.pool_width = 6;
    config.motion_emotion = Some(MotionEmotionConfig { features: vec![17, 19, 5], hidden: 28, head });
    config.check().unwrap();
    config
}

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

const WHOLE: &str = "small_DEEPTalk.pth";
const FER: &str = "small_FER.pth";

type Numbers = BTreeMap<String, (Vec<usize>, Vec<u8>)>;

fn numbers(model: &ModelFile) -> Numbers {
    model.tensors().map(|t| (t.name.clone(), (t.shape.clone(), t.bytes().to_vec()))).collect()
}

struct Imported {
    report: ImportReport,
    model: ModelFile,
    _folder: tempfile::TempDir,
}

fn import_as(paths: &[PathBuf], dtype: Dtype) -> Result<Imported> {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("model.safetensors");
    let report = import_deeptalk(paths, &target, &small(), dtype, &mut |_| Ok(()));
    if report.is_err() {
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "something was left behind");
    }
    Ok(Imported { report: report?, model: ModelFile::open(target)?, _folder: folder })
}

fn import(paths: &[PathBuf]) -> Result<Imported> {
    import_as(paths, Dtype::F32)
}

fn imported(names: &[&str]) -> Imported {
    import(&names.iter().map(|name| data(name)).collect::<Vec<_>>()).unwrap()
}

/// The values of the formula in Rust, with or without the emotion of a motion.
fn expected(motion_emotion: bool) -> Numbers {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let mut config = small();
    if !motion_emotion {
        config.motion_emotion = None;
    }
    synth_model(&path, &config, Dtype::F32).unwrap();
    numbers(&ModelFile::open(path).unwrap())
}

/// Requires equal bytes, except in the tables of sines, which two mathematical libraries round differently.
fn assert_same(found: &Numbers, expected: &Numbers) {
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (name, (shape, bytes)) in expected {
        assert_eq!(&found[name].0, shape, "{name}");
        if name.ends_with("position_table") {
            let floats = |bytes: &[u8]| -> Vec<f32> { bytemuck::pod_collect_to_vec(bytes) };
            for (a, b) in floats(&found[name].1).into_iter().zip(floats(bytes)) {
                assert!((a - b).abs() < 1e-6, "{name}: {a} {b}");
            }
        } else {
            assert!(&found[name].1 == bytes, "{name} differs");
        }
    }
}

#[test]
fn what_torch_wrote_by_the_formula_is_what_the_formula_gives_here() {
    let whole = imported(&[WHOLE, FER]);
    assert!(whole.report.notes[0].ends_with("yes"));
    assert_eq!(config_of(&whole.model).unwrap(), small());
    assert_same(&numbers(&whole.model), &expected(true));
    let source = &whole.model.provenance().source;
    assert!(source.contains("small_DEEPTalk.pth (SHA-256 ") && source.contains("small_FER.pth (SHA-256 "));
    let other_way_round = imported(&[FER, WHOLE]);
    assert_same(&numbers(&other_way_round.model), &numbers(&whole.model));
}

#[test]
fn without_fer_there_is_no_emotion_of_a_motion_and_the_model_still_runs() {
    let Imported { report, model, _folder } = imported(&[WHOLE]);
    assert!(report.notes[0].contains("give FER.pth too"));
    assert!(config_of(&model).unwrap().motion_emotion.is_none());
    assert_same(&numbers(&model), &expected(false));
    let model = DeepTalk::load(&model, Cpu::F32).unwrap();
    let samples: Vec<f32> = (0..20_001).map(|i| (i as f32 * 0.21).sin() * 0.3).collect();
    let motion = model.takes(&samples, &[Take::default()], &mut |_| Ok(())).unwrap().remove(0);
    assert_eq!(motion.frames(), 32);
    assert!(motion.values().iter().all(|value| value.is_finite()));
    let motion = Cpu::F32.upload(&Clips::one(32), 53, motion.values()).unwrap();
    assert!(model.emotion_of_motion(&motion, &()).unwrap().is_none());
}

/// Shapes and values by their published names.
type Published = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

/// Every tensor of an archive as f32, to be written under other names.
fn contents(name: &str) -> Published {
    let archive = open_tensors(data(name)).unwrap();
    let read = |name: String| {
        let tensor = (archive.shape(&name).unwrap(), archive.read_f32(&name).unwrap());
        (name, tensor)
    };
    archive.names().into_iter().map(read).collect()
}

fn safetensors_of(tensors: &Published) -> tempfile::TempPath {
    let views = tensors.iter().map(|(name, (shape, values))| {
        let bytes = bytemuck::cast_slice(values);
        (name, safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.clone(), bytes).unwrap())
    });
    let mut file = tempfile::Builder::new().suffix(".safetensors").tempfile().unwrap();
    file.write_all(&safetensors::serialize(views, None).unwrap()).unwrap();
    file.into_temp_path()
}

#[test]
fn both_spellings_of_weight_norm_are_one_model() {
    let mut rest = contents(WHOLE);
    rest.retain(|name, _| !name.starts_with("audio_model."));
    let rest = safetensors_of(&rest);
    let older = open_tensors(data("small_older_weight_norm.pth")).unwrap();
    assert!(older.names().iter().any(|name| name.ends_with("pos_conv_embed.conv.weight_g")));
    // The formula computes values from names, so equal values show that the newer names were used.
    let model = import(&[data("small_older_weight_norm.pth"), rest.to_path_buf()]).unwrap();
    assert_same(&numbers(&model.model), &numbers(&imported(&[WHOLE]).model));
}

#[test]
fn the_parts_stand_in_for_what_the_whole_lacks() {
    let prefix = "sequence_decoder.motion_prior.";
    let mut rest = contents(WHOLE);
    rest.retain(|name, _| !name.starts_with(prefix));
    let without_prior = safetensors_of(&rest);
    let error = import(&[without_prior.to_path_buf()]).err().unwrap();
    assert_eq!(error.exit_code(), 3);
    assert!(error.to_string().contains(prefix), "{error}");
    let with = import(&[without_prior.to_path_buf(), data("small_TH-VQVAE.pth")]).unwrap();
    assert_same(&numbers(&with.model), &expected(false));

    let prefix = "sequence_decoder.DEE.";
    let (dee, rest): (BTreeMap<_, _>, BTreeMap<_, _>) =
        contents(WHOLE).into_iter().partition(|(name, _)| name.starts_with(prefix));
    let dee = dee.into_iter().map(|(name, t)| (name.strip_prefix(prefix).unwrap().to_owned(), t)).collect();
    let (dee, rest) = (safetensors_of(&dee), safetensors_of(&rest));
    assert_eq!(import(&[rest.to_path_buf()]).err().unwrap().exit_code(), 3);
    let with = import(&[dee.to_path_buf(), rest.to_path_buf(), data(FER)]).unwrap();
    assert_same(&numbers(&with.model), &expected(true));
}

#[test]
fn every_tensor_is_used_once_or_left_out_for_a_reason_that_is_told() {
    let Imported { report, .. } = imported(&[WHOLE, FER, "small_TH-VQVAE.pth"]);
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, reason) in &report.dropped {
        *reasons.entry(reason).or_default() += 1;
    }
    let total =
        [WHOLE, FER, "small_TH-VQVAE.pth"].map(|name| open_tensors(data(name)).unwrap().names().len());
    assert_eq!(report.used + report.dropped.len(), total.iter().sum::<usize>());
    assert!(!reasons.contains_key("is unknown"), "{:?}", report.dropped);
    assert!(!reasons.contains_key("the emotion of a motion needs FER.pth too"), "{reasons:?}");
    let whole = open_tensors(data(WHOLE)).unwrap().names();
    let aliases = whole.iter().filter(|name| name.starts_with("sequence_decoder.DEE_audio.")).count();
    assert_eq!(reasons["another name of a tensor of `sequence_decoder.DEE`"], aliases);
    // 4 batch norms in the motion prior, in two files, and 4 in FER.
    assert_eq!(reasons["counts batches of the training"], 4 + 4 + 4);
    assert_eq!(reasons["a template that layers were copied from"], 6 * 12);
    assert!(reasons["the same tensor is in another file"] > 50, "{reasons:?}");
    let named: BTreeSet<&str> = report.dropped.iter().map(|(name, _)| name.as_str()).collect();
    for name in [
        "audio_model.model.masked_spec_embed",
        "sequence_decoder.obj_vector.map.weight",
        "sequence_decoder.motion_prior.decoder_b.post_transformer_linear.bias",
        "sequence_decoder.motion_prior.quantize_t.ema_weight",
        "out_fc.weight",
        "bn_layers.0.running_mean",
    ] {
        assert!(named.contains(name), "{name} is not told");
    }

    let alone = imported(&[WHOLE]).report;
    let needs_fer = |(_, reason): &&(String, &str)| *reason == "the emotion of a motion needs FER.pth too";
    assert!(alone.dropped.iter().filter(needs_fer).count() > 40);
    assert_eq!(alone.used + alone.dropped.len(), whole.len());
}

fn refused(path: &Path, says: &[&str]) {
    let error = import(&[path.to_path_buf()]).err().expect("a bad checkpoint was taken for a good one");
    assert_eq!(error.exit_code(), 3, "{error}");
    let Error::BadInput(complaint) = &error else { panic!("{error:?}") };
    assert_eq!(complaint.path, path);
    let text = error.to_string();
    assert!(text.len() < 1500 && !complaint.next.is_empty(), "{text}");
    for part in says {
        assert!(text.contains(part), "expected `{part}` in: {text}");
    }
}

#[test]
fn published_names_in_a_safetensors_file_are_as_good() {
    let file = safetensors_of(&contents(WHOLE));
    let model = import(&[file.to_path_buf()]).unwrap().model;
    assert_same(&numbers(&model), &numbers(&imported(&[WHOLE]).model));
}

#[test]
fn a_tensor_that_is_missing_misshapen_or_not_a_number_is_named() {
    let whole = contents(WHOLE);
    for name in [
        "audio_model.model.encoder.layers.1.attention.q_proj.weight",
        "audio_model.model.encoder.pos_conv_embed.conv.parametrizations.weight.original1",
        "sequence_decoder.DEE.audio_encoder.mean_pool.gru.bias_hh_l0_reverse",
        "sequence_decoder.motion_prior.decoder_t.expander.0.2.running_var",
        "sequence_decoder.squasher_2_t.post_linear.bias",
    ] {
        let broken = |change: &dyn Fn(&mut Published)| {
            let mut tensors = whole.clone();
            change(&mut tensors);
            safetensors_of(&tensors)
        };
        let file = broken(&|tensors| drop(tensors.remove(name)));
        refused(&file, &[name, "is missing"]);
        let file = broken(&|tensors| {
            let (shape, _) = tensors.get_mut(name).unwrap();
            shape.push(1);
        });
        refused(&file, &[name, "wrong shape", &format!("{:?}", whole[name].0)]);
        for value in [f32::NAN, f32::INFINITY] {
            let file = broken(&|tensors| tensors.get_mut(name).unwrap().1[3] = value);
            refused(&file, &[name, "not a number", "at element 3"]);
        }
    }
}

/// A value that becomes infinite in the arithmetic of the import is refused like an infinite one.
#[test]
fn numbers_that_cannot_be_folded_are_refused() {
    let whole = contents(WHOLE);
    for (name, value) in [
        ("sequence_decoder.motion_prior.decoder_t.expander.0.2.running_var", -5.0),
        ("sequence_decoder.motion_prior.encoder_b.squasher.0.2.running_var", -2e-5),
        ("audio_model.model.encoder.pos_conv_embed.conv.parametrizations.weight.original1", 0.0),
    ] {
        let mut tensors = whole.clone();
        tensors.get_mut(name).unwrap().1.fill(value);
        let file = safetensors_of(&tensors);
        refused(&file, &[]);
    }
}

#[test]
fn what_is_no_checkpoint_of_this_model_is_refused() {
    refused(
        &data("torch_state_dict.pth"),
        &["is not one of DEEPTalk's checkpoints", "sequence_encoder.linear.weight"],
    );
    refused(&data("flame2023.npz"), &[]);
    refused(&data("flame2023.pkl"), &[]);
    refused(Path::new("/nonexistent/DEEPTalk.pth"), &["cannot be read"]);
    refused(&data(""), &[]);
    let other_size = import_deeptalk(
        &[data(WHOLE)],
        &tempfile::tempdir().unwrap().path().join("x"),
        &Config::base(),
        Dtype::F32,
        &mut |_| Ok(()),
    );
    let error = other_size.unwrap_err();
    assert!(error.exit_code() == 3 && error.to_string().contains("wrong shape"), "{error}");
}

#[test]
fn parts_without_the_whole_are_refused_with_the_name_of_what_is_needed() {
    for parts in [&[FER][..], &["small_TH-VQVAE.pth"], &[FER, "small_TH-VQVAE.pth"]] {
        let paths: Vec<PathBuf> = parts.iter().map(|name| data(name)).collect();
        let error = import(&paths).err().unwrap();
        assert!(error.to_string().contains("DEEPTalk.pth is needed"), "{error}");
        assert!([2, 3].contains(&error.exit_code()));
    }
}

#[test]
fn halves_are_the_same_model_rounded_and_too_large_numbers_are_named() {
    let halves = import_as(&[data(WHOLE)], Dtype::F16).unwrap().model;
    let single = imported(&[WHOLE]).model;
    for (rounded, exact) in halves.tensors().zip(single.tensors()) {
        for (a, b) in exact.to_f32().into_iter().zip(rounded.to_f32()) {
            assert!((a - b).abs() <= a.abs() / 2048.0 + 2f32.powi(-25), "{}: {a} {b}", exact.name);
        }
    }
    let mut tensors = contents(WHOLE);
    tensors.get_mut("sequence_encoder.linear.bias").unwrap().1[2] = 65_520.0;
    let file = safetensors_of(&tensors);
    let error = import_as(&[file.to_path_buf()], Dtype::F16).err().unwrap();
    assert_eq!(error.exit_code(), 3);
    assert!(error.to_string().contains("`content.output.bias`") && error.to_string().contains("element 2"));
    import(&[file.to_path_buf()]).unwrap();
}

#[test]
fn pickles_that_would_run_something_are_refused_and_run_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let witness = folder.path().join("witness");
    let command = format!("touch {}", witness.display());
    let call = format!("cposix\nsystem\n(V{command}\ntR.");
    let nested = format!("(dVstate_dict\n(dVsequence_encoder.linear.weight\ncos\nsystem\n(V{command}\ntRss.");
    let reduce = format!("\u{2}c__builtin__\neval\n(V__import__('os').system('{command}')\ntR.");
    let deep = "(".repeat(1_000_000);
    let list = format!("{}{}.", "(l".repeat(200_000), "a".repeat(199_999));
    for (index, pickle) in [&call, &nested, &reduce, &deep, &list].into_iter().enumerate() {
        let pickle = pickle.trim_start_matches('\u{2}').as_bytes();
        let path = folder.path().join(format!("{index}.pth"));
        let mut zip = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
        let stored =
            zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        zip.start_file("archive/data.pkl", stored).unwrap();
        zip.write_all(pickle).unwrap();
        zip.finish().unwrap();
        refused(&path, &[]);
        let path = folder.path().join(format!("{index}.pkl"));
        std::fs::write(&path, [b"\x80\x02", pickle].concat()).unwrap();
        refused(&path, &[]);
        assert!(!witness.exists(), "pickle {index} ran a command");
    }
}

#[test]
fn torchs_other_ways_of_saving_are_read_too() {
    let python = std::env::var_os("DEEPTALK_TORCH_PYTHON").unwrap_or_else(|| "python3".into());
    let has_torch = Command::new(&python).args(["-c", "import torch, safetensors"]).output();
    if !has_torch.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: DEEPTALK_TORCH_PYTHON names no Python that has torch and safetensors");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let script = data("../make_checkpoints.py");
    let status = Command::new(&python).arg(script).arg("--variants").arg(folder.path()).status().unwrap();
    assert!(status.success());
    let expected = expected(false);
    for name in ["older_weight_norm.pth", "wrapped.pth", "legacy.pth"] {
        let model = import(&[folder.path().join(name)]).unwrap().model;
        assert_same(&numbers(&model), &expected);
    }
    let dee = open_tensors(folder.path().join("DEE.pt")).unwrap();
    assert_eq!(dee.shape("criterion.shift"), Some(vec![1]));
    let model = import(&[folder.path().join("DEE.pt"), data(WHOLE), data(FER)]).unwrap().model;
    assert_same(&numbers(&model), &self::expected(true));
}

/// The modules of torch and those of this crate, on the same input.
struct Modules {
    model: ModelFile,
    torch: SafetensorsFile,
}

impl Modules {
    fn weight(&self, name: &str) -> <Cpu as Context>::Weight {
        let stored: Stored = self.model.tensors().find(|stored| stored.name == name).unwrap().clone();
        Cpu::F32.load(stored, Role::Exact).unwrap()
    }

    fn linear(&self, name: &str) -> Linear<<Cpu as Context>::Weight> {
        Linear {
            weight: self.weight(&format!("{name}.weight")),
            bias: Some(self.weight(&format!("{name}.bias"))),
        }
    }

    fn transposed(
        &self,
        name: &str,
        padding: usize,
        output_padding: usize,
    ) -> ConvTranspose1d<<Cpu as Context>::Weight> {
        let Linear { weight, bias } = self.linear(name);
        ConvTranspose1d { weight, bias: bias.unwrap(), stride: 2, padding, output_padding }
    }

    fn input(&self, name: &str) -> Tensor {
        let name = format!("{name}.in");
        let shape = self.torch.shape(&name).unwrap();
        Cpu::F32.upload(&Clips::one(shape[0]), shape[1], &self.torch.read_f32(&name).unwrap()).unwrap()
    }

    /// Rows that torch has beyond ours are rows that the published code drops.
    fn assert_like_torch(&self, name: &str, ours: &Tensor, dropped: usize) {
        let name = format!("{name}.out");
        let torch = self.torch.read_f32(&name).unwrap();
        assert_eq!(self.torch.shape(&name).unwrap(), [ours.clips().rows() + dropped, ours.channels()]);
        let ours = Cpu::F32.download(ours).unwrap();
        for (a, b) in ours.iter().zip(&torch) {
            assert!((a - b).abs() < 2e-6 * b.abs().max(1.0), "{name}: {a} {b}");
        }
    }
}

#[test]
fn folded_norms_and_turned_layouts_compute_what_torchs_own_modules_do() {
    let Imported { model, _folder, .. } = imported(&[WHOLE]);
    let torch = SafetensorsFile::open(data("small_modules.safetensors")).unwrap();
    assert_eq!(torch.names().len(), 12);
    let modules = Modules { model, torch };
    for name in ["encoder_b", "encoder_t"] {
        let Linear { weight, bias } = modules.linear(&format!("motion_prior.{name}.conv"));
        let conv = Conv1d { weight, bias, stride: 2, groups: 1, padding: Padding::Replicate(2, 2) };
        let x = Cpu::F32.conv1d(&modules.input(name), &conv, Activation::LeakyRelu(0.2)).unwrap();
        let linear = modules.linear(&format!("motion_prior.{name}.linear"));
        modules.assert_like_torch(name, &Cpu::F32.linear(&x, &linear, Activation::None).unwrap(), 0);
    }
    for name in ["decoder_t", "decoder_b"] {
        let conv = modules.transposed(&format!("motion_prior.{name}.conv"), 2, 1);
        let x = Cpu::F32.conv_transpose1d(&modules.input(name), &conv, Activation::LeakyRelu(0.2)).unwrap();
        let linear = modules.linear(&format!("motion_prior.{name}.linear"));
        modules.assert_like_torch(name, &Cpu::F32.linear(&x, &linear, Activation::None).unwrap(), 0);
    }
    let conv = modules.transposed("motion_prior.upsample_t", 1, 0);
    let up = Cpu::F32.conv_transpose1d(&modules.input("upsample_t"), &conv, Activation::None).unwrap();
    modules.assert_like_torch("upsample_t", &up, 0);
    let Linear { weight, bias } = modules.linear("content.positional");
    let conv = Conv1d { weight, bias, stride: 1, groups: 4, padding: Padding::Zero(3, 2) };
    let positions = Cpu::F32.conv1d(&modules.input("positional"), &conv, Activation::None).unwrap();
    modules.assert_like_torch("positional", &positions, 1);
}
