//! One JSON object, written as it goes: the text is never held whole.

use std::io;

use serde::{Serialize, Serializer};

use crate::Motion;
use crate::files::{AtomicFile, Failure};

/// The object. Every number is the shortest that reads back as the same f32.
#[derive(Serialize)]
struct Object<'a> {
    fps: f32,
    names: &'a [String],
    codes_t: &'a [i32],
    codes_b: &'a [i32],
    emotion: Emotion<'a>,
    /// A row of parameters for every frame, in the order of the names.
    frames: Rows<'a>,
}

/// The emotion's distribution: a row for every window.
#[derive(Serialize)]
struct Emotion<'a> {
    mu: Rows<'a>,
    logvar: Rows<'a>,
}

/// A table as a list of rows.
struct Rows<'a> {
    values: &'a [f32],
    width: usize,
}

impl Serialize for Rows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.values.chunks(self.width.max(1)))
    }
}

/// Writes `fps`, `names`, `codes_t`, `codes_b`, `emotion` (`mu`, `logvar`) and `frames`.
pub(super) fn write(file: &mut AtomicFile, motion: &Motion) -> Result<(), Failure> {
    let emotion_rows = |values| Rows { values, width: motion.emotion_width };
    let object = Object {
        fps: motion.fps,
        names: &motion.names,
        codes_t: &motion.codes_t,
        codes_b: &motion.codes_b,
        emotion: Emotion {
            mu: emotion_rows(&motion.emotion_mu),
            logvar: emotion_rows(&motion.emotion_logvar),
        },
        frames: Rows { values: &motion.values, width: motion.names.len() },
    };
    serde_json::to_writer(file, &object).map_err(io::Error::from)?;
    Ok(())
}
