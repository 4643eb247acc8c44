#![no_main]
//! The mood of a line of live control, and of `--emotion`.

use deeptalk_fuzz::MOODS;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for line in text.lines() {
        if let Ok((_, strength)) = MOODS.change(line) {
            assert!((0.0..=2.0).contains(&strength));
        }
    }
    if let Ok(track) = MOODS.track(text) {
        track.check(2).expect("a track that was read is valid");
    }
});
