#![no_main]
//! A safetensors file and every array of it.

use deeptalk_rt::files::safetensors::Safetensors;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(file) = Safetensors::parse(bytes, 1 << 20) {
        for entry in file.entries() {
            let elements: usize = entry.shape.iter().product();
            assert_eq!(file.data(entry).len(), elements * entry.dtype.bitsize() / 8);
            assert_eq!(file.entry(&entry.name), Some(entry));
        }
    }
});
