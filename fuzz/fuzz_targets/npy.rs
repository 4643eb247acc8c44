#![no_main]
//! NumPy's npy, and an array in a pickle.

use deeptalk_rt::files::numpy::{Array, pickled_npy};
use deeptalk_rt::files::pickle::Pickle;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(array) = Array::from_npy(bytes) {
        assert!(array.shape.iter().product::<usize>() <= bytes.len());
    }
    if let Some(pickle) = pickled_npy(bytes)
        && let Ok(pickle) = Pickle::parse(pickle, "npy")
    {
        let _ = Array::from_pickle(pickle.root()).is_ok();
    }
    if let Ok(pickle) = Pickle::parse(bytes, "pickle") {
        let _ = Array::from_pickle(pickle.root()).is_ok();
    }
});
