//! Two measurements side by side.

use std::path::Path;

use super::report::{FORMAT, FORMAT_VERSION, Report};
use crate::files::read_whole;
use crate::{Error, Result};

/// A measurement of every case has some 20 kB.
const LARGEST_FILE: u64 = 16 << 20;

/// What both have measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// Length of each clip.
    pub seconds: f64,
    /// Clips.
    pub batch: usize,
    /// The old median.
    pub old_ms: f64,
    /// The new median.
    pub new_ms: f64,
}

impl Difference {
    /// The new time divided by the old one.
    pub fn ratio(&self) -> f64 {
        self.new_ms / self.old_ms
    }
}

impl Report {
    /// Reads a file that `bench --json` has written.
    ///
    /// # Errors
    /// [`Error::BadInput`] for any other file.
    pub fn read(path: &Path) -> Result<Self> {
        let next = "give a file that `deeptalk-rt bench --json FILE` of this version has written";
        let text = read_whole(path, LARGEST_FILE, next)?;
        let what = "is not a measurement that this program knows";
        let bad = |expected: &str, found: String| Error::bad_input(path, what, expected, found, next);
        let value: serde_json::Value =
            serde_json::from_slice(&text).map_err(|error| bad("JSON", error.to_string()))?;
        let found = (value["format"].as_str(), value["format_version"].as_u64());
        if found != (Some(FORMAT), Some(FORMAT_VERSION.into())) {
            let expected = format!("format {FORMAT:?}, format_version {FORMAT_VERSION}");
            return Err(bad(&expected, format!("{}, {}", value["format"], value["format_version"])));
        }
        serde_json::from_value(value).map_err(|error| bad("all fields of a measurement", error.to_string()))
    }
}

/// The cases that both measurements have, in the order of the new one.
pub fn compare(old: &Report, new: &Report) -> Vec<Difference> {
    let difference = |case: &super::Case| {
        let same = |other: &&super::Case| (other.seconds, other.batch) == (case.seconds, case.batch);
        let old = old.cases.iter().find(same)?;
        let [old_ms, new_ms] = [old, case].map(|case| case.end_to_end.p50_ms);
        Some(Difference { seconds: case.seconds, batch: case.batch, old_ms, new_ms })
    };
    new.cases.iter().filter_map(difference).collect()
}
