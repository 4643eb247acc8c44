#![no_main]
//! A checkpoint of any kind: zip, the format before torch 1.6, safetensors.

use deeptalk_rt::files::open_tensors;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    deeptalk_fuzz::with_file(bytes, |path| {
        let Ok(tensors) = open_tensors(path) else { return };
        for name in tensors.names().iter().take(8) {
            let shape = tensors.shape(name).expect("a listed tensor has a shape");
            // Views may repeat elements of a storage; those are bounded, but slow to fuzz.
            if shape.iter().product::<usize>() <= 1 << 16 {
                let values = tensors.read_f32(name).expect("a listed tensor can be read");
                assert_eq!(values.len(), shape.iter().product::<usize>());
            }
        }
    });
});
