//! For any bytes, the readers of foreign files return: soon, with little memory, and without a panic.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use deeptalk_rt::files::pickle::Pickle;
use deeptalk_rt::files::{Tensors, open_tensors};
use deeptalk_rt::rig::{Face, import_flame};
use proptest::prelude::*;

const CORPUS: [&str; 12] = [
    "torch_kinds.pth",
    "torch_kinds_legacy.pth",
    "torch_wrapped.pth",
    "torch_parts.pth",
    "torch_parameters.pth",
    "torch_module.pth",
    "torch_expected.safetensors",
    "flame2020.pkl",
    "flame2020_protocol0.pkl",
    "flame2023_protocol5.pkl",
    "flame2023_sparse.npz",
    "flame2023.npz",
];

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// One of the files, or, after the last one, a face file.
fn corpus(index: usize) -> Vec<u8> {
    static FACE: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let file = tempfile::NamedTempFile::new().unwrap();
        import_flame(data("flame2023.pkl")).unwrap().save(file.path()).unwrap();
        std::fs::read(file.path()).unwrap()
    });
    CORPUS.get(index).map_or_else(|| FACE.clone(), |name| std::fs::read(data(name)).unwrap())
}

/// Passes `bytes` to every reader, and reads everything that a reader returns.
fn offer(bytes: &[u8]) {
    let begin = Instant::now();
    let _ = Pickle::parse(bytes, "random").map(|pickle| pickle.root().describe());
    let _ = Face::from_bytes(bytes, "random");
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let _ = import_flame(file.path());
    if let Ok(tensors) = open_tensors(file.path()) {
        read_all(&*tensors);
    }
    assert!(begin.elapsed() < Duration::from_secs(10));
}

fn read_all(tensors: &dyn Tensors) {
    for name in tensors.names() {
        let shape = tensors.shape(&name).unwrap();
        assert_eq!(tensors.read_f32(&name).unwrap().len(), shape.iter().product::<usize>());
    }
}

/// An instruction of pickle with a plausible argument, so that random programs run for many steps.
fn instruction() -> impl Strategy<Value = Vec<u8>> {
    let opcode = prop::sample::select(&b"(.012FIJKLMNPQRSTUVXabcd}eghijl]opqrst)uGBC"[..]);
    let newer = 0x80u8..0x99;
    let plain = prop_oneof![opcode, newer].prop_map(|byte| vec![byte]);
    let names = prop::sample::select(vec![
        "ccollections\nOrderedDict\n",
        "c_codecs\nencode\n",
        "ccopy_reg\n_reconstructor\n",
        "ctorch\nFloatStorage\n",
        "ctorch._utils\n_rebuild_tensor_v2\n",
        "cnumpy.core.multiarray\n_reconstruct\n",
        "cnumpy\ndtype\n",
        "Vlatin1\n",
        "Vstorage\n",
        "X\x01\0\0\0w",
        "U\x02f8",
    ]);
    let small =
        (prop::sample::select(&b"hqKC"[..]), 0u8..4).prop_map(|(opcode, number)| vec![opcode, number]);
    prop_oneof![
        3 => plain,
        2 => names.prop_map(|name| name.as_bytes().to_vec()),
        2 => small,
        1 => prop::collection::vec(any::<u8>(), 0..9),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Pickle::parse(&bytes, "random");
        let _ = Face::from_bytes(&bytes, "random");
    }

    #[test]
    fn random_programs_are_answered(program in prop::collection::vec(instruction(), 0..120)) {
        let _ = Pickle::parse(&program.concat(), "random").map(|pickle| pickle.root().describe());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_behind_a_good_beginning_are_answered(
        begin in prop::sample::select(vec![&b"PK\x03\x04"[..], b"\x80\x02", b"\x93NUMPY\x01\x00\x10\x00", b"\x40\0\0\0\0\0\0\0{", b""]),
        bytes in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        offer(&[begin, &bytes].concat());
    }

    #[test]
    fn good_files_with_bytes_changed_are_answered(
        index in 0..=CORPUS.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        near_the_end in any::<bool>(),
    ) {
        let mut bytes = corpus(index);
        // The directory of a zip archive is at its end.
        let first = if near_the_end { bytes.len() - bytes.len().min(600) } else { 0 };
        for (at, byte) in changes {
            let place = first + at.index(bytes.len() - first);
            bytes[place] = byte;
        }
        offer(&bytes);
    }

    #[test]
    fn good_files_with_a_part_cut_out_or_doubled_are_answered(
        index in 0..=CORPUS.len(),
        (from, to) in (any::<prop::sample::Index>(), any::<prop::sample::Index>()),
    ) {
        let bytes = corpus(index);
        let (from, to) = (from.index(bytes.len()), to.index(bytes.len()));
        offer(&[&bytes[..from], &bytes[to..]].concat());
    }
}

#[test]
fn every_file_of_the_corpus_is_what_its_name_says() {
    for (index, name) in CORPUS.iter().enumerate() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&corpus(index)).unwrap();
        assert_eq!(import_flame(file.path()).is_ok(), name.starts_with("flame"), "{name}");
        let tensors = open_tensors(file.path());
        assert_eq!(tensors.is_ok(), name.starts_with("torch") && *name != "torch_module.pth", "{name}");
        tensors.into_iter().for_each(|tensors| read_all(&*tensors));
    }
    Face::from_bytes(&corpus(CORPUS.len()), "face").unwrap();
}
