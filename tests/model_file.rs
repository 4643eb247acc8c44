//! Invalid model files, and the properties of valid ones.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use deeptalk_rt::networks::ModelFile;
use deeptalk_rt::networks::deeptalk::synth_model;
use deeptalk_rt::networks::deeptalk::{Config, DeepTalk};
use deeptalk_rt::runtime::Take;
use deeptalk_rt::tensor::Dtype;
use deeptalk_rt::tensor::cpu::Cpu;
use deeptalk_rt::{BadInput, Error, Result};
use proptest::prelude::*;
use serde_json::{Value, json};

fn made(dtype: Dtype) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    synth_model(&path, &Config::tiny(), dtype).unwrap();
    std::fs::read(path).unwrap()
}

static SOUND: LazyLock<Vec<u8>> = LazyLock::new(|| made(Dtype::F32));
static HALVES: LazyLock<Vec<u8>> = LazyLock::new(|| made(Dtype::F16));

/// The parts of a model file, to be changed.
#[derive(Clone)]
struct Parts {
    header: Value,
    data: Vec<u8>,
}

impl Parts {
    fn of(bytes: &[u8]) -> Self {
        let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        Self {
            header: serde_json::from_slice(&bytes[8..8 + header]).unwrap(),
            data: bytes[8 + header..].to_vec(),
        }
    }

    fn join(&self) -> Vec<u8> {
        let header = self.header.to_string();
        [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &self.data].concat()
    }

    fn config(&mut self, change: impl FnOnce(&mut Value)) {
        let text = self.header["__metadata__"]["config"].as_str().unwrap();
        let mut config = serde_json::from_str(text).unwrap();
        change(&mut config);
        self.header["__metadata__"]["config"] = json!(config.to_string());
    }

    fn begin(&self, tensor: &str) -> usize {
        self.header[tensor]["data_offsets"][0].as_u64().unwrap() as usize
    }
}

fn open_and_load(path: &Path) -> Result<()> {
    DeepTalk::load(&ModelFile::open(path)?, Cpu::F32).map(drop)
}

/// The error for a file with these bytes, which must be the same from the disk and from memory.
fn refused(bytes: &[u8]) -> BadInput {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bad.safetensors");
    std::fs::write(&path, bytes).unwrap();
    let begin = Instant::now();
    let complaint = complaint(open_and_load(&path), &path);
    let memory =
        ModelFile::from_bytes(bytes.to_vec(), "memory").and_then(|model| DeepTalk::load(&model, Cpu::F32));
    let memory = match memory.map(drop) {
        Err(Error::BadInput(complaint)) => complaint,
        other => panic!("{other:?}"),
    };
    assert!(begin.elapsed() < Duration::from_secs(5), "{complaint}");
    assert_eq!(memory.what, complaint.what);
    complaint
}

fn complaint(result: Result<()>, path: &Path) -> BadInput {
    let error = result.expect_err("a bad model was taken for a good one");
    assert_eq!(error.exit_code(), 3, "{error}");
    let Error::BadInput(complaint) = error else { panic!("{error:?}") };
    assert_eq!(complaint.path, path);
    for part in [&complaint.what, &complaint.expected, &complaint.found, &complaint.next] {
        assert!(!part.is_empty(), "{complaint}");
    }
    assert!(complaint.to_string().len() < 2000, "a complaint that nobody reads: {complaint}");
    *complaint
}

/// Changes the valid model and asserts that the error contains `says`.
fn broken(says: &str, change: impl FnOnce(&mut Parts)) {
    let mut parts = Parts::of(&SOUND);
    change(&mut parts);
    let complaint = refused(&parts.join()).to_string();
    assert!(complaint.contains(says), "expected `{says}` in: {complaint}");
}

#[test]
fn a_model_that_was_taken_apart_and_joined_is_sound() {
    let joined = Parts::of(&SOUND).join();
    assert_ne!(joined, *SOUND, "the padding of the header is gone");
    DeepTalk::load(&ModelFile::from_bytes(joined, "joined").unwrap(), Cpu::F32).unwrap();
}

#[test]
fn a_file_cut_off_anywhere_is_refused() {
    let header = 8 + u64::from_le_bytes(SOUND[..8].try_into().unwrap()) as usize;
    let whole = SOUND.len();
    for length in
        [0, 1, 7, 8, 9, 100, header - 1, header, header + 1, header + 4097, whole / 2, whole - 4, whole - 1]
    {
        let complaint = refused(&SOUND[..length]);
        assert!(complaint.what.contains("damaged") || length < 8, "{length}: {complaint}");
    }
    refused(&[&SOUND[..], b"x"].concat());
}

#[test]
fn a_header_that_is_too_long_or_no_header_is_refused() {
    let mut bytes = SOUND.clone();
    for length in
        [u64::MAX, u64::MAX - 7, 1 << 63, 1 << 40, (8 << 20) + 1, SOUND.len() as u64 - 7, 0, 1, 2, 500]
    {
        bytes[..8].copy_from_slice(&length.to_le_bytes());
        assert!(refused(&bytes).what.contains("damaged"));
    }
    for text in
        ["", "{", "[]", "null", "{}", "\u{0}", "{\"a\":1}", &"[".repeat(100_000), &"{\"a\":".repeat(99_999)]
    {
        refused(&[&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat());
    }
    refused(&vec![b'{'; 4096]);
    refused(&vec![0; 4096]);
    refused(b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00");
}

#[test]
fn offsets_that_overlap_leave_gaps_or_lie_outside_are_refused() {
    const FIRST: &str = "content.projection.weight";
    let offsets = |change: fn(&mut u64, &mut u64)| {
        move |parts: &mut Parts| {
            let value = &mut parts.header[FIRST]["data_offsets"];
            let (mut begin, mut end) = (value[0].as_u64().unwrap(), value[1].as_u64().unwrap());
            change(&mut begin, &mut end);
            *value = json!([begin, end]);
        }
    };
    broken("damaged", offsets(|begin, end| (*begin, *end) = (*begin - 4, *end - 4)));
    broken("damaged", offsets(|begin, end| (*begin, *end) = (*begin + 4, *end + 4)));
    broken("damaged", offsets(|_, end| *end += 4));
    broken("damaged", offsets(std::mem::swap));
    broken("damaged", offsets(|begin, end| (*begin, *end) = (u64::MAX - 8, u64::MAX)));
    broken("damaged", offsets(|begin, end| (*begin, *end) = (0, 1 << 50)));
    broken("damaged", |parts| parts.header[FIRST]["data_offsets"] = json!([-4, 4]));
    broken("damaged", |parts| parts.header[FIRST]["data_offsets"] = json!([0]));
    broken("damaged", |parts| parts.header[FIRST]["shape"] = json!([u64::MAX, 2]));
    broken("damaged", |parts| parts.header[FIRST]["shape"] = json!([1u64 << 32, 1u64 << 32]));
    broken("damaged", |parts| parts.data.extend([0; 64]));
    broken("damaged", |parts| {
        let other = parts.header["content.projection.bias"].clone();
        parts.header["content.output.bias"]["data_offsets"] = other["data_offsets"].clone();
    });
}

#[test]
fn tensors_that_do_not_belong_or_do_not_fit_are_named() {
    const NAME: &str = "predictor.top.input.weight";
    for (dtype, expected) in [("I32", "F32 or F16"), ("U32", "F32, F16 or I32")] {
        broken(&format!("`{NAME}` has the wrong type: expected {expected}, found {dtype}"), |parts| {
            parts.header[NAME]["dtype"] = json!(dtype);
        });
    }
    broken("damaged", |parts| parts.header[NAME]["dtype"] = json!("F64"));
    broken("damaged", |parts| parts.header[NAME]["dtype"] = json!("complex"));
    broken(&format!("`{NAME}` has the wrong shape: expected [32, 128], found [128, 32]"), |parts| {
        parts.header[NAME]["shape"] = json!([128, 32]);
    });
    broken(&format!("`{NAME}` has the wrong shape: expected [32, 128], found [4096]"), |parts| {
        parts.header[NAME]["shape"] = json!([4096]);
    });
    broken(&format!("`{NAME}` is missing"), |parts| {
        let header = parts.header.as_object_mut().unwrap();
        let tensor = header.remove(NAME).unwrap();
        header.insert("predictor.top.input.heavy".into(), tensor);
    });
    broken("`something.else` is unknown", |parts| {
        let end = parts.data.len();
        parts.data.extend([0; 8]);
        parts.header["something.else"] =
            json!({"dtype": "F32", "shape": [2], "data_offsets": [end, end + 8]});
    });
    broken("`empty` is unknown", |parts| {
        let end = parts.data.len();
        parts.header["empty"] = json!({"dtype": "F32", "shape": [0], "data_offsets": [end, end]});
    });
}

#[test]
fn every_tensor_is_missed_by_its_name() {
    let sound = ModelFile::from_bytes(SOUND.clone(), "sound").unwrap();
    let parts = Parts::of(&SOUND);
    let mut seen = 0;
    for tensor in sound.tensors() {
        let mut parts = parts.clone();
        let header = parts.header.as_object_mut().unwrap();
        let entry = header.remove(&tensor.name).unwrap();
        header.insert("stranger".into(), entry);
        let error = ModelFile::from_bytes(parts.join(), "one less").err().unwrap().to_string();
        assert!(error.contains(&format!("`{}` is missing", tensor.name)), "{error}");
        seen += 1;
    }
    assert!(seen > 200);
}

#[test]
fn numbers_that_are_none_are_named_with_their_place() {
    const NAME: &str = "motion_prior.codebook_b";
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::from_bits(0x7F80_0001)] {
        broken(&format!("`{NAME}` holds something that is not a number"), |parts| {
            let at = parts.begin(NAME) + 17 * 4;
            parts.data[at..at + 4].copy_from_slice(&value.to_le_bytes());
        });
    }
    for bits in [0x7C00u16, 0xFC00, 0x7E00, 0xFFFF] {
        let mut parts = Parts::of(&HALVES);
        let at = parts.begin(NAME) + 17 * 2;
        parts.data[at..at + 2].copy_from_slice(&bits.to_le_bytes());
        let complaint = refused(&parts.join()).to_string();
        assert!(complaint.contains(NAME) && complaint.contains("at element 17"), "{complaint}");
    }
    let last = SOUND.len() - 1;
    let mut bytes = SOUND.clone();
    bytes[last] = 0x7F;
    bytes[last - 1] = 0x80;
    refused(&bytes);
}

/// Large arrays are checked in blocks of 65,536 elements on several threads.
#[test]
fn numbers_that_are_none_are_found_in_every_block_of_a_large_array() {
    let bytes = std::fs::read("models/default.safetensors").unwrap();
    let mut parts = Parts::of(&bytes);
    let header = &parts.header;
    let elements = |entry: &Value| -> u64 {
        entry["shape"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).product()
    };
    let large = header.as_object().unwrap().iter().filter(|(name, _)| *name != "__metadata__");
    let (name, count) =
        large.map(|(name, entry)| (name.clone(), elements(entry))).max_by_key(|pair| pair.1).unwrap();
    assert_eq!(header[&name]["dtype"], "F16");
    assert!(count > 2 * 65_536, "{name} has {count} elements");
    let begin = parts.begin(&name);
    for element in [65_535, 65_536, 100_000, count as usize - 1] {
        let at = begin + 2 * element;
        let old = [parts.data[at], parts.data[at + 1]];
        parts.data[at..at + 2].copy_from_slice(&0x7E00u16.to_le_bytes());
        let complaint = refused(&parts.join()).to_string();
        assert!(complaint.contains(&format!("at element {element}")), "{complaint}");
        parts.data[at..at + 2].copy_from_slice(&old);
    }
}

#[test]
fn a_configuration_that_contradicts_the_tensors_or_itself_is_refused() {
    let config = |says: &str, pointer: &str, value: Value| {
        broken(says, |parts| parts.config(|config| *config.pointer_mut(pointer).unwrap() = value));
    };
    config("is missing", "/content/transformer/layers", json!(3));
    config("is unknown", "/content/transformer/layers", json!(1));
    config("is unknown", "/motion_emotion", Value::Null);
    config("has the wrong shape", "/predictor/features", json!(30));
    config("has the wrong shape", "/actors", json!(["A"]));
    config("has the wrong shape", "/channels", json!(["one"]));
    config("has the wrong shape", "/motion_prior/codes_t", json!(31));
    config("contradicts itself", "/content/transformer/heads", json!(0));
    config("contradicts itself", "/content/transformer/heads", json!(3));
    config("contradicts itself", "/content/hidden", json!(0));
    config("contradicts itself", "/content/conv/0/stride", json!(0));
    config("contradicts itself", "/content/conv", json!([]));
    config("contradicts itself", "/actors", json!([]));
    config("cannot be read", "/content/hidden", json!(-1));
    config("cannot be read", "/content/hidden", json!(64.5));
    config("cannot be read", "/content/hidden", json!("64"));
    config("cannot be read", "/content", Value::Null);
    broken("unknown field `speed`", |parts| parts.config(|config| config["speed"] = json!(1)));
    broken("missing field `actors`", |parts| {
        parts.config(|config| drop(config.as_object_mut().unwrap().remove("actors")));
    });
}

/// Every number of a JSON value, by its path.
fn numbers(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Number(_) => found.push(path.into()),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(i, item)| numbers(item, &format!("{path}/{i}"), found));
        }
        Value::Object(items) => {
            items.iter().for_each(|(key, item)| numbers(item, &format!("{path}/{key}"), found));
        }
        _ => {}
    }
}

#[test]
fn absurd_sizes_anywhere_are_refused_before_anything_is_allocated() {
    let parts = Parts::of(&SOUND);
    let mut paths = Vec::new();
    let config: Value =
        serde_json::from_str(parts.header["__metadata__"]["config"].as_str().unwrap()).unwrap();
    numbers(&config, "", &mut paths);
    assert!(paths.len() > 70, "{paths:?}");
    let mut header_only = parts.clone();
    for path in &paths {
        for absurd in [0, 1_000_000_000_000, 1 << 62, u64::MAX] {
            header_only.header = parts.header.clone();
            header_only.config(|config| *config.pointer_mut(path).unwrap() = json!(absurd));
            let begin = Instant::now();
            let error = ModelFile::from_bytes(header_only.join(), "absurd").err();
            let error = error.unwrap_or_else(|| panic!("{path} = {absurd} was taken"));
            assert_eq!(error.exit_code(), 3, "{path} = {absurd}: {error}");
            assert!(begin.elapsed() < Duration::from_secs(1), "{path} = {absurd}");
        }
    }
}

#[test]
fn metadata_that_is_missing_or_another_programs_is_refused() {
    for (key, expected) in
        [("format", "deeptalk-rt model"), ("format_version", "1"), ("architecture", "DEEPTalk or GLDiTalker")]
    {
        let says = format!("`{key}`: expected {expected}, found ");
        broken(&format!("{says}nothing"), |parts| {
            parts.header["__metadata__"].as_object_mut().unwrap().remove(key);
        });
        broken(&format!("{says}2"), |parts| parts.header["__metadata__"][key] = json!("2"));
    }
    broken("found nothing", |parts| drop(parts.header.as_object_mut().unwrap().remove("__metadata__")));
    broken("configuration that cannot be read", |parts| {
        parts.header["__metadata__"].as_object_mut().unwrap().remove("config");
    });
    broken("configuration that cannot be read", |parts| {
        parts.header["__metadata__"]["config"] = json!("[".repeat(100_000));
    });
    broken("damaged", |parts| parts.header["__metadata__"]["format"] = json!(1));
}

#[test]
fn what_is_no_regular_file_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    complaint(open_and_load(folder.path()), folder.path());
    let missing = folder.path().join("missing.safetensors");
    complaint(open_and_load(&missing), &missing);
    #[cfg(unix)]
    {
        for device in ["/dev/zero", "/dev/null"] {
            complaint(open_and_load(Path::new(device)), Path::new(device));
        }
        // A pipe without a writer: opening it would block.
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let (sender, receiver) = std::sync::mpsc::channel();
        let path = pipe.clone();
        std::thread::spawn(move || sender.send(open_and_load(&path)));
        complaint(receiver.recv_timeout(Duration::from_secs(5)).unwrap(), &pipe);
    }
}

#[test]
fn a_model_written_twice_has_the_same_bytes_and_one_from_memory_is_the_one_on_disk() {
    assert!(*SOUND == made(Dtype::F32));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let written = synth_model(&path, &Config::tiny(), Dtype::F32).unwrap();
    assert_eq!(written.bytes as usize, SOUND.len());
    let (disk, memory) =
        (ModelFile::open(&path).unwrap(), ModelFile::from_bytes(SOUND.clone(), "m").unwrap());
    assert_eq!(disk.config(), memory.config());
    assert_eq!(disk.config(), Config::tiny().to_json());
    assert_eq!(disk.provenance(), memory.provenance());
    assert_eq!(disk.bytes(), memory.bytes());
    assert_eq!(disk.tensors().count(), memory.tensors().count());
    for (a, b) in disk.tensors().zip(memory.tensors()) {
        assert_eq!((&a.name, &a.shape, a.bytes()), (&b.name, &b.shape, b.bytes()));
        assert!(a.as_f32().is_some(), "{} cannot be used where it lies", a.name);
    }
}

#[test]
fn halves_are_the_same_model_to_half_precision() {
    let single = ModelFile::from_bytes(SOUND.clone(), "f32").unwrap();
    let halves = ModelFile::from_bytes(HALVES.clone(), "f16").unwrap();
    let halves: BTreeMap<_, _> = halves.tensors().map(|t| (t.name.clone(), t.clone())).collect();
    for exact in single.tensors() {
        let rounded = &halves[&exact.name];
        assert_eq!((rounded.dtype, &rounded.shape), (Dtype::F16, &exact.shape));
        for (a, b) in exact.to_f32().into_iter().zip(rounded.to_f32()) {
            // Half of a unit in the last of 11 bits, or of the smallest subnormal.
            assert!((a - b).abs() <= a.abs() / 2048.0 + 2f32.powi(-25), "{}: {a} {b}", exact.name);
        }
    }
    assert_eq!(halves.len(), single.tensors().count());
}

#[test]
fn numbers_at_an_odd_address_give_the_same_motion() {
    let samples: Vec<f32> = (0..9_999).map(|i| (i as f32 * 0.37).sin() * 0.4).collect();
    let motion = |bytes: Vec<u8>| {
        let model = DeepTalk::load(&ModelFile::from_bytes(bytes, "model").unwrap(), Cpu::F32).unwrap();
        model.takes(&samples, &[Take::default()], &mut |_| Ok(())).unwrap()
    };
    let expected = motion(SOUND.clone());
    let header = Parts::of(&SOUND).header.to_string();
    for pad in 0..4 {
        let header = format!("{header}{}", " ".repeat(pad));
        let data = &Parts::of(&SOUND).data[..];
        let bytes = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), data].concat();
        assert_eq!(motion(bytes), expected, "{pad}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_changed_there_is_an_answer_and_no_panic(
        changes in prop::collection::vec((any::<u32>(), any::<u8>(), any::<bool>()), 1..6),
        cut in prop::option::weighted(0.3, any::<u32>()),
        halves: bool,
    ) {
        let mut bytes = if halves { HALVES.clone() } else { SOUND.clone() };
        let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        for (at, value, in_header) in changes {
            let length = if in_header { header } else { bytes.len() };
            bytes[at as usize % length] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut as usize % bytes.len());
        }
        let begin = Instant::now();
        match ModelFile::from_bytes(bytes, "random").and_then(|model| DeepTalk::load(&model, Cpu::F32)) {
            Err(error) => prop_assert_eq!(error.exit_code(), 3, "{}", error),
            Ok(model) => {
                let motion = model.takes(&[0.25; 701], &[Take::default()], &mut |_| Ok(())).unwrap();
                prop_assert_eq!(motion[0].frames(), 2);
            }
        }
        prop_assert!(begin.elapsed() < Duration::from_secs(10));
    }
}
