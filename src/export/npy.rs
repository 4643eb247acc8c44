//! NumPy's `.npy`: the track alone.

use super::Request;
use crate::animation::Track;
use crate::files::npy::{write_f32, write_header};
use crate::files::{AtomicFile, Failure};

/// Frames of vertices that are computed and held at a time.
const FRAMES_AT_ONCE: usize = 64;

/// Writes the track: f32, (frames, parameters) or (frames, vertices, 3).
pub(super) fn write(file: &mut AtomicFile, request: &Request<'_>) -> Result<(), Failure> {
    let animation = request.animation;
    match &animation.track {
        Track::Parameters(parameters) => {
            write_header(file, "<f4", &[animation.frames(), parameters.names.len()])?;
        }
        Track::Vertices(vertices) => {
            let frames = animation.frames();
            write_header(file, "<f4", &[frames, vertices.count(), 3])?;
            for first in (0..frames).step_by(FRAMES_AT_ONCE) {
                write_f32(file, &vertices.positions(first..frames.min(first + FRAMES_AT_ONCE))?)?;
            }
            return Ok(());
        }
    }
    write_f32(file, animation.values())?;
    Ok(())
}
