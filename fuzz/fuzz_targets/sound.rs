#![no_main]
//! A sound file of any format: header, samples, mixing, resampling.

use deeptalk_rt::audio::{Sound, named_kind};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = named_kind(bytes);
    let heard = deeptalk_fuzz::with_file(bytes, |path| Sound::open(path)?.read(0.0, None));
    if let Ok(heard) = heard {
        assert!(heard.samples.iter().all(|sample| sample.is_finite()));
    }
});
