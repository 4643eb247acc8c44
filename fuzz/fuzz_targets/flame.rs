#![no_main]
//! A FLAME model: a pickle, or an npz.

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = deeptalk_fuzz::with_file(bytes, |path| deeptalk_rt::rig::import_flame(path));
});
