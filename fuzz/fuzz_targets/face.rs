#![no_main]
//! A face file; one that is read is prepared and posed.

use deeptalk_rt::rig::{Face, Rig};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(face) = Face::from_bytes(bytes, "face") {
        let columns = face.parameter_names().len();
        let rig = Rig::new(face);
        let _ = rig.vertices_of_rows(&vec![0.1; columns]);
    }
});
