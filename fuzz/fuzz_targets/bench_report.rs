#![no_main]
//! A report of `bench`, compared with itself.

use deeptalk_rt::bench::{Report, compare};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(report) = deeptalk_fuzz::with_file(bytes, |path| Report::read(path)) {
        let _ = compare(&report, &report).iter().map(|difference| difference.ratio()).sum::<f64>();
    }
});
