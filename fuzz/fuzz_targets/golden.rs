#![no_main]
//! A golden file: metadata and stages.

use deeptalk_rt::networks::Golden;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = deeptalk_fuzz::with_file(bytes, |path| Golden::open(path).map(drop));
});
