#![no_main]
//! A preset of filters, applied to a row.

use deeptalk_rt::animation::Rate;
use deeptalk_rt::animation::filter::FilterSettings;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(settings) = FilterSettings::from_toml(text) else { return };
    let _ = settings.names();
    let columns = ["jaw_x", "eyeBlinkLeft", "eyeBlinkRight", "mouthFunnel", "browInnerUp"].map(String::from);
    if let Ok(mut pipeline) = settings.pipeline(&columns, Rate::whole(25), 10) {
        for frame in 0..40 {
            let mut row = [0.1, 0.9, 0.4, frame as f32 * 0.1, -0.2];
            let _ = pipeline.push(&|frame: usize| frame % 3 == 0, &mut row);
            assert!(row.iter().all(|value| value.is_finite()), "{settings:?}: {row:?}");
        }
    }
});
