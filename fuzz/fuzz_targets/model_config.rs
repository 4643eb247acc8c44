#![no_main]
//! The configuration of a model, of every architecture: sizes, checks, the shapes of all tensors.

use deeptalk_rt::networks::ARCHITECTURES;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for architecture in ARCHITECTURES {
        if let Ok(inspection) = (architecture.inspect)(text) {
            assert!(!inspection.shapes.is_empty());
            let _ = inspection.spec.frames_for(16_000);
        }
    }
});
