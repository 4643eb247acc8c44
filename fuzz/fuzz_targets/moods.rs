#![no_main]
//! A file of moods.

use deeptalk_rt::animation::NamedEmotions;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let moods = deeptalk_fuzz::with_file(bytes, |path| NamedEmotions::load(path, "model"));
    if let Ok(moods) = moods {
        assert!(moods.names().all(|name| moods.get(name).is_ok()));
    }
});
