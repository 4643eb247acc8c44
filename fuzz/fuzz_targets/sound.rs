#![no_main]
//! A sound file: header, samples, mixing, resampling.

use deeptalk_rt::audio::{Wav, named_kind};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = named_kind(bytes);
    let samples = deeptalk_fuzz::with_file(bytes, |path| {
        let mut wav = Wav::open(path)?;
        // Resampling from 4 to 16 kHz gives four samples for one byte at most.
        assert!(wav.samples_16k() <= 4 * bytes.len() as u64 + 4);
        wav.read_all_16k(0.0, None)
    });
    if let Ok(samples) = samples {
        assert!(samples.iter().all(|sample| sample.is_finite()));
    }
});
