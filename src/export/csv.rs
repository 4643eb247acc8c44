//! A table of comma-separated values as in RFC 4180, but with line feeds as line ends.

use std::io::Write;

use super::Request;
use crate::files::{AtomicFile, Failure};

/// Writes the header `frame,time,` with the names, then one row for each frame. The time is in seconds; each
/// number is the shortest text that reads back as the same f32.
pub(super) fn write(file: &mut AtomicFile, request: &Request<'_>) -> Result<(), Failure> {
    let animation = request.animation;
    let mut row = String::from("frame,time");
    for name in &animation.parameters()?.names {
        row.push(',');
        row.push_str(&quoted(name));
    }
    for frame in 0..animation.frames() {
        row.push('\n');
        file.write_all(row.as_bytes())?;
        row.clear();
        row.push_str(&format!("{frame},{}", animation.rate.seconds(frame)));
        for value in animation.frame(frame) {
            row.push_str(&format!(",{value:?}"));
        }
    }
    row.push('\n');
    file.write_all(row.as_bytes())?;
    Ok(())
}

/// A field: in quotes if a reader would otherwise misread it.
fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.into()
    }
}
