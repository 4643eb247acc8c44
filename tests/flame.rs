//! Import of FLAME's files (written by tests/make_flame.py: real numpy and scipy, and a stand-in for chumpy).

use std::io::Write;
use std::path::{Path, PathBuf};

use deeptalk_rt::rig::{Face, Rig, import_flame};

const VERTICES: usize = 7;

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// The values of make_flame.py.
fn value(seed: i64, index: usize) -> f64 {
    ((index as i64 * 7919 + seed * 104_729) % 10_007 - 5003) as f64 / 1e5
}

fn single(x: f64) -> f32 {
    x as f32
}

fn half(x: f64) -> f32 {
    half::f16::from_f32(x as f32).to_f32()
}

fn columns(seed: i64, all: usize, some: std::ops::Range<usize>, round: fn(f64) -> f32) -> Vec<f32> {
    let rows = VERTICES * 3;
    some.flat_map(|column| (0..rows).map(move |row| round(value(seed, row * all + column)))).collect()
}

fn assert_is_the_model(name: &str, edition: &str, shapes: fn(f64) -> f32) -> Face {
    let face = import_flame(data(name)).unwrap();
    assert_eq!(face.edition, edition, "{name}");
    assert_eq!(face.template, columns(1, 1, 0..1, single), "{name}");
    assert_eq!(face.identity_basis, Some(columns(2, 400, 0..300, shapes)), "{name}");
    assert_eq!(face.expression_basis, columns(2, 400, 300..350, shapes), "{name}");
    assert_eq!(face.pose_basis, Some(columns(3, 36, 0..36, single)), "{name}");
    assert_eq!(face.parents, [-1, 0, 1, 1, 1]);
    assert_eq!(face.joint_names, ["root", "neck", "jaw", "eye_left", "eye_right"]);
    assert_eq!((face.channels.len(), &*face.channels[0], &*face.channels[49]), (50, "exp_00", "exp_49"));
    assert_eq!(face.faces, (0..5).map(|i| [i, i + 1, i + 2]).collect::<Vec<_>>());
    let regressor = face.joint_regressor.as_ref().unwrap();
    let mut weights = [0.0; 5 * VERTICES];
    for joint in 0..5 {
        weights[joint * VERTICES + joint] = 0.75;
        weights[joint * VERTICES + joint + 2] = 0.25;
    }
    assert_eq!(regressor[..], weights, "{name}");
    for (k, joint) in face.joints.iter().enumerate() {
        assert!((f64::from(*joint) - (0.75 * value(1, k) + 0.25 * value(1, k + 6))).abs() < 1e-8);
    }
    assert_eq!(face.skinning_weights[..5], [0.625, 0.0, 0.375, 0.0, 0.0]);
    assert_eq!(face.skinning_weights[10..15], [0.0, 0.0, 1.0, 0.0, 0.0]);
    assert!(face.source.starts_with(name) && face.source.contains("SHA-256 "), "{}", face.source);
    assert!(face.source.ends_with("7 vertices instead of FLAME's 5023"), "{}", face.source);
    face
}

#[test]
fn flame_2020_is_read_with_its_chumpy_arrays_and_sparse_regressor() {
    let face = assert_is_the_model("flame2020.pkl", "FLAME 2020", single);
    assert!(face.license.contains("not to be passed on"));
    assert_is_the_model("flame2020_protocol0.pkl", "FLAME 2020", half);
}

#[test]
fn flame_2023_is_read_from_every_protocol_and_from_npz() {
    let face = assert_is_the_model("flame2023.pkl", "FLAME 2023", single);
    assert!(face.license.contains("CC-BY-4.0"));
    assert_is_the_model("flame2023_protocol2.pkl", "FLAME 2023", half);
    assert_is_the_model("flame2023_protocol5.pkl", "FLAME 2023", half);
    assert_is_the_model("flame2023.npz", "FLAME 2023", half);
    assert_is_the_model("flame2023_sparse.npz", "FLAME 2020", half);
}

#[test]
fn an_imported_face_moves_and_survives_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flame.face");
    let face = import_flame(data("flame2020.pkl")).unwrap();
    face.save(&path).unwrap();
    let loaded = Face::load(&path).unwrap();
    assert_eq!(loaded, face);
    let mut row = vec![0.0; 53];
    let rig = Rig::new(&loaded);
    for (rest, template) in rig.vertices_of_rows(&row).unwrap().iter().zip(&face.template) {
        assert!((rest - template).abs() < 1e-8);
    }
    (row[7], row[50]) = (1.0, 0.3);
    assert!(
        rig.vertices_of_rows(&row)
            .unwrap()
            .iter()
            .zip(&face.template)
            .any(|(moved, rest)| (moved - rest).abs() > 1e-3)
    );
}

fn refused(bytes: &[u8]) -> String {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let error = import_flame(file.path()).unwrap_err();
    assert_eq!(error.exit_code(), 3);
    let text = error.to_string();
    assert!(text.contains(&*file.path().to_string_lossy()) && text.len() < 1000, "{text}");
    text
}

/// The file with one run of bytes replaced by another.
fn edited(name: &str, old: &[u8], new: &[u8]) -> Vec<u8> {
    let bytes = std::fs::read(data(name)).unwrap();
    let at = bytes.windows(old.len()).position(|window| window == old).expect("the file has it");
    [&bytes[..at], new, &bytes[at + old.len()..]].concat()
}

#[test]
fn a_file_that_is_not_a_flame_model_is_refused_with_what_is_wrong() {
    for (old, new, expected) in [
        (b"v_template".as_slice(), b"w_template".as_slice(), "`v_template` is missing"),
        (b"kintree_table", b"kintree_tabla", "`kintree_table` is missing"),
        (b"cchumpy.ch\nCh\n", b"cchumpy.xx\nCh\n", "`chumpy.xx.Ch`"),
        (b"cscipy.sparse.csc\ncsc_matrix\n", b"cos\nsystem\n", "`os.system`"),
        (b"_shape", b"_shapf", "`_shape`"),
        (b"indptr", b"indptx", "`indptr`"),
        (b"U\x02f8", b"U\x02c8", "type `c8`"),
    ] {
        let text = refused(&edited("flame2020.pkl", old, new));
        assert!(text.contains(expected), "{expected}: {text}");
    }
    // The first shape of `v_template`, (7, 3), becomes (3, 7); and a weight is doubled.
    let text = refused(&edited("flame2023.pkl", b"K\x07K\x03\x86", b"K\x03K\x07\x86"));
    assert!(text.contains("`v_template`") && text.contains("[3, 7]"), "{text}");
    let text = refused(&edited("flame2023.pkl", &0.625f32.to_le_bytes(), &1.25f32.to_le_bytes()));
    assert!(text.contains("does not sum to 1"), "{text}");
    let text = refused(&edited("flame2023.pkl", &i64::from(u32::MAX).to_le_bytes(), &7i64.to_le_bytes()));
    assert!(text.contains("`parents`"), "{text}");
    for bytes in [
        b"".as_slice(),
        b"PK",
        b"hello",
        b"N.",
        b"}.",
        b"\x80\x02].",
        b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
    ] {
        refused(bytes);
    }
    for name in ["flame2020.pkl", "flame2023.npz"] {
        let whole = std::fs::read(data(name)).unwrap();
        for part in [1, 100, whole.len() / 2, whole.len() - 1] {
            refused(&whole[..part]);
        }
    }
    refused(&std::fs::read(data("torch_kinds.pth")).unwrap());
    assert_eq!(import_flame(data("nowhere.pkl")).unwrap_err().exit_code(), 3);
}
