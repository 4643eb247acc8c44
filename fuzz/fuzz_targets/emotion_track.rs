#![no_main]
//! Moods over time, in CSV or JSON, and the mood of every second.

use deeptalk_fuzz::MOODS;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(track) = deeptalk_fuzz::with_file(bytes, |path| MOODS.track_file(path)) {
        track.check(2).expect("a track that was read is valid");
        let heard = MOODS.get("happy").expect("a known mood");
        for seconds in [0.0, 0.04, 1.0, 1e3, 1e9] {
            let emotion = track.at(seconds, Some(heard)).expect("an emotion at every time");
            assert!(emotion.mu.iter().all(|number| number.is_finite()), "{track:?}");
        }
    }
});
