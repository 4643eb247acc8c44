//! NumPy's `.npy`: the track alone.

use super::Request;
use crate::animation::Track;
use crate::files::npy::{write_f32, write_header};
use crate::files::{AtomicFile, Failure};

/// Writes the track: f32, (frames, parameters) or (frames, vertices, 3).
pub(super) fn write(file: &mut AtomicFile, request: &Request<'_>) -> Result<(), Failure> {
    let animation = request.animation;
    match &animation.track {
        Track::Parameters(parameters) => {
            write_header(file, "<f4", &[animation.frames(), parameters.names.len()])?;
        }
        Track::Vertices(vertices) => write_header(file, "<f4", &[animation.frames(), vertices.count, 3])?,
    }
    write_f32(file, animation.values())?;
    Ok(())
}
