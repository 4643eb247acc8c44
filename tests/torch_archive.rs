//! Checkpoints written by torch (tests/make_torch.py), and archives that torch would never write.

use std::io::Write;
use std::path::{Path, PathBuf};

use deeptalk_rt::files::elements::ElementType;
use deeptalk_rt::files::{SafetensorsFile, Tensors, TorchArchive, open_tensors};

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn assert_holds_what_torch_saved(name: &str, tensors: usize) {
    let expected = SafetensorsFile::open(data("torch_expected.safetensors")).unwrap();
    let archive = open_tensors(data(name)).unwrap();
    let names = archive.names();
    assert_eq!(names.len(), tensors, "{name}: {names:?}");
    for tensor in names {
        let key = format!("{name}:{tensor}");
        assert_eq!(archive.shape(&tensor), expected.shape(&key), "{key}");
        assert_eq!(archive.read_f32(&tensor).unwrap(), expected.read_f32(&key).unwrap(), "{key}");
    }
}

#[test]
fn every_kind_of_tensor_is_what_torch_saved_in_both_formats() {
    assert_holds_what_torch_saved("torch_kinds.pth", 16);
    assert_holds_what_torch_saved("torch_kinds_legacy.pth", 16);
    let archive = TorchArchive::open(data("torch_kinds.pth")).unwrap();
    assert_eq!(archive.names().next(), Some("float"));
    assert_eq!(archive.shape("permuted"), Some(&[5, 2, 4, 3][..]));
    assert_eq!(archive.dtype("half"), Some(ElementType::F16));
    assert_eq!(archive.dtype("bfloat16"), Some(ElementType::BF16));
    assert_eq!(archive.read_f32("tied").unwrap(), archive.read_f32("tied_again").unwrap());
    assert_eq!(archive.shape("nothing"), None);
    assert!(archive.read_f32("nothing").unwrap_err().to_string().contains("`nothing` is missing"));
}

#[test]
fn a_state_dict_is_found_however_it_is_wrapped() {
    assert_holds_what_torch_saved("torch_state_dict.pth", 11);
    assert_holds_what_torch_saved("torch_wrapped.pth", 11);
    assert_holds_what_torch_saved("torch_old_names.pth", 11);
    assert_holds_what_torch_saved("torch_parts.pth", 2);
    assert_holds_what_torch_saved("torch_parameters.pth", 8);
    let names = open_tensors(data("torch_wrapped.pth")).unwrap().names();
    for name in ["old.weight_g", "old.weight_v", "new.parametrizations.weight.original0", "norm.running_var"]
    {
        assert!(names.iter().any(|own| own == name), "{name}: {names:?}");
    }
}

#[test]
fn safetensors_are_read_through_the_same_door() {
    let file = open_tensors(data("torch_expected.safetensors")).unwrap();
    assert_eq!(file.shape("torch_parts.pth:encoder.weight"), Some(vec![2, 3]));
    assert_eq!(file.read_f32("torch_parts.pth:encoder.weight").unwrap().len(), 6);
    assert_eq!(file.shape("x"), None);
    assert_eq!(file.read_f32("x").unwrap_err().exit_code(), 3);
}

#[test]
fn a_pickled_module_is_refused_by_name_with_what_to_do() {
    let text = TorchArchive::open(data("torch_module.pth")).unwrap_err().to_string();
    for part in ["torch_module.pth", "`torch.nn.modules.linear.Linear`", "save the `state_dict` alone"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

/// The error for an archive of these entries, stored.
fn archive(entries: &[(&str, &[u8])], compression: zip::CompressionMethod) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let mut writer = zip::ZipWriter::new(&mut file);
    for (name, bytes) in entries {
        writer
            .start_file(*name, zip::write::SimpleFileOptions::default().compression_method(compression))
            .unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap();
    file
}

fn refused(path: &Path) -> String {
    let error = open_tensors(path).unwrap_err();
    assert_eq!(error.exit_code(), 3);
    let text = error.to_string();
    assert!(text.contains(&*path.to_string_lossy()) && text.len() < 1000, "{text}");
    text
}

/// A state dict of one tensor `w`: its storage class, key, offset, shape and strides, in protocol 0.
fn one_tensor(class: &str, key: &str, offset: &str, shape: &str, strides: &str) -> Vec<u8> {
    let tuple = |list: &str| list.split_whitespace().map(|n| format!("I{n}\n")).collect::<String>();
    format!(
        "(dVw\nctorch._utils\n_rebuild_tensor_v2\n((Vstorage\nctorch\n{class}\nV{key}\nVcpu\nI4\ntQI{offset}\n({}t({}tI00\nNtRs.",
        tuple(shape),
        tuple(strides)
    )
    .into_bytes()
}

fn one_tensor_archive(pickle: &[u8]) -> tempfile::NamedTempFile {
    let floats: Vec<u8> = [1f32, 2.0, 3.0, 4.0].iter().flat_map(|x| x.to_le_bytes()).collect();
    archive(
        &[("a/data.pkl", pickle), ("a/byteorder", b"little"), ("a/data/0", &floats)],
        zip::CompressionMethod::Stored,
    )
}

#[test]
fn views_inside_their_storage_are_read_and_all_others_refused() {
    let read = |offset, shape, strides| {
        let file = one_tensor_archive(&one_tensor("FloatStorage", "0", offset, shape, strides));
        open_tensors(file.path()).unwrap().read_f32("w").unwrap()
    };
    assert_eq!(read("0", "2 2", "2 1"), [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(read("0", "2 2", "1 2"), [1.0, 3.0, 2.0, 4.0]);
    assert_eq!(read("1", "3", "1"), [2.0, 3.0, 4.0]);
    assert_eq!(read("3", "3 1", "0 77"), [4.0, 4.0, 4.0]);
    assert_eq!(read("3", "1 1", "9223372036854775807 18446744073709551615"), [4.0]);
    assert_eq!(read("2", "1 2", "9223372036854775807 0"), [3.0, 3.0]);
    assert_eq!(read("0", "", ""), [1.0]);
    assert!(read("9", "0 2", "2 1").is_empty());

    let huge = u64::MAX.to_string();
    for (offset, shape, strides) in [
        ("1", "4", "1"),
        ("4", "1", "1"),
        ("4", "", ""),
        ("0", "2 2", "3 1"),
        ("0", "4000000000", "0"),
        ("0", "4294967296 4294967296 4294967296", "0 0 0"),
        ("0", "2", huge.as_str()),
        ("0", "3", "9223372036854775807"),
        (huge.as_str(), "1", "1"),
        ("0", huge.as_str(), "0"),
        ("0", "2 2", "1"),
        ("-1", "1", "1"),
        ("0", "-1", "1"),
        ("0", "2", "-1"),
        ("99999999999999999999999999999", "1", "1"),
    ] {
        let file = one_tensor_archive(&one_tensor("FloatStorage", "0", offset, shape, strides));
        let text = refused(file.path());
        assert!(text.contains("`w`"), "{offset} {shape} {strides}: {text}");
    }
}

#[test]
fn entries_with_64_bit_sizes_are_found_where_they_are() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let mut writer = zip::ZipWriter::new(&mut file);
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, bytes) in [
        (
            "a/data/0",
            [1f32.to_le_bytes(), 2f32.to_le_bytes(), 3f32.to_le_bytes(), 4f32.to_le_bytes()].concat(),
        ),
        ("a/data.pkl", one_tensor("FloatStorage", "0", "1", "3", "1")),
    ] {
        writer.start_file(name, stored.large_file(true).with_alignment(64)).unwrap();
        writer.write_all(&bytes).unwrap();
    }
    writer.set_raw_zip64_extensible_data_sector(Box::default());
    writer.finish().unwrap();
    let bytes = std::fs::read(file.path()).unwrap();
    assert!(bytes.windows(4).any(|window| window == b"PK\x06\x06"), "it has a 64-bit directory");
    assert_eq!(open_tensors(file.path()).unwrap().read_f32("w").unwrap(), [2.0, 3.0, 4.0]);
}

#[test]
fn storages_that_are_missing_or_of_unknown_type_are_refused() {
    let text = refused(one_tensor_archive(&one_tensor("FloatStorage", "1", "0", "1", "1")).path());
    assert!(text.contains("`w` has no data") && text.contains("a storage `1`"), "{text}");
    let text = refused(one_tensor_archive(&one_tensor("ComplexFloatStorage", "0", "0", "1", "1")).path());
    assert!(text.contains("`torch.ComplexFloatStorage`"), "{text}");
    refused(one_tensor_archive(&one_tensor("Size", "0", "0", "1", "1")).path());
    // Elements of twice the width: the storage holds only two of them.
    refused(one_tensor_archive(&one_tensor("DoubleStorage", "0", "0", "3", "1")).path());
    refused(one_tensor_archive(&one_tensor("FloatStorage", &"k".repeat(100_000), "0", "1", "1")).path());
}

#[test]
fn an_archive_that_torch_would_not_write_is_refused() {
    use zip::CompressionMethod::{Deflated, Stored};
    let pickle = one_tensor("FloatStorage", "0", "0", "4", "1");
    for (entries, compression, expected) in [
        (vec![("a/data.pkl", &pickle[..]), ("a/data/0", &[0; 16])], Deflated, "compressed"),
        (vec![("a/data.pkl", &pickle), ("b/data.pkl", &pickle), ("a/data/0", &[0; 16])], Stored, "several"),
        (vec![("a.npy", b"x")], Stored, "none `data.pkl`"),
        (
            vec![("a/data.pkl", &pickle), ("a/byteorder", b"big"), ("a/data/0", &[0; 16])],
            Stored,
            "byte order",
        ),
        (vec![("a/data.pkl", &pickle), ("a/data/0", &[0; 15])], Stored, "outside its storage"),
        (vec![("a/data.pkl", b"")], Stored, "at byte 0"),
        (vec![("a/data.pkl", b"(d.")], Stored, "holds no tensors"),
        (vec![("a/data.pkl", b"(dVepoch\nI3\ns.")], Stored, "holds no tensors"),
        (vec![("a/data.pkl", b"I3\n.")], Stored, "the number 3"),
        (vec![("a/data.pkl", b"cos\nsystem\n(Vtrue\ntR.")], Stored, "os.system"),
    ] {
        let text = refused(archive(&entries, compression).path());
        assert!(text.contains(expected), "{expected}: {text}");
    }
}

#[test]
fn state_dicts_that_are_shared_over_and_over_are_refused() {
    // Four levels of a hundred names each for the same tensor: 10^8 names.
    let mut pickle = one_tensor("FloatStorage", "0", "0", "4", "1");
    pickle.pop();
    for level in 0..4 {
        pickle.extend(format!("p{level}\n0(d").bytes());
        for name in 0..100 {
            pickle.extend(format!("V{name}\ng{level}\ns").bytes());
        }
    }
    pickle.push(b'.');
    let text = refused(one_tensor_archive(&pickle).path());
    assert!(text.contains("too many tensors"), "{text}");

    let long = one_tensor("FloatStorage", "0", "0", "4", "1");
    let long = String::from_utf8(long).unwrap().replacen("Vw", &format!("V{}", "w".repeat(5000)), 1);
    assert!(refused(one_tensor_archive(long.as_bytes()).path()).contains("too long"));
}

#[test]
fn other_files_and_cut_ones_are_refused() {
    let write = |bytes: &[u8]| {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        file
    };
    for bytes in [
        b"".as_slice(),
        b"PK",
        b"PK\x03\x04",
        b"hello",
        b"\x80\x02N.",
        b"\x80",
        &[0; 9],
        b"\x01\0\0\0\0\0\0\0{",
        b"\x93NUMPY",
    ] {
        refused(write(bytes).path());
    }
    for name in ["torch_kinds.pth", "torch_kinds_legacy.pth", "torch_expected.safetensors"] {
        let whole = std::fs::read(data(name)).unwrap();
        for part in [1, 10, 100, whole.len() / 2, whole.len() - 1] {
            refused(write(&whole[..part]).path());
        }
    }
    refused(&data(""));
    refused(&data("nowhere.pth"));
}
