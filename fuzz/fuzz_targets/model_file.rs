#![no_main]
//! A model file, up to its tensors.

use deeptalk_rt::networks::ModelFile;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(file) = ModelFile::from_bytes(bytes.to_vec(), "model") {
        assert!(file.tensors().all(|tensor| !tensor.bytes().is_empty()));
    }
});
