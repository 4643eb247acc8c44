//! NumPy's `.npz`: the track, its names and rate, the extras, and vertices.

use super::{Request, VertexSource};
use crate::Error;
use crate::animation::{Elements, Extra, Track};
use crate::files::npz::NpzWriter;
use crate::files::{AtomicFile, Failure};

/// Frames of vertices that are computed and held at a time.
const FRAMES_AT_ONCE: usize = 64;

/// Writes `motion` (frames, parameters), the extras of integers, `fps` (), `names` (parameters), `filters` if
/// there were any, the extras of floats, and `vertices` (frames, vertices, 3) if the track has vertices or
/// there is a source of them. A dot in the name of an extra becomes `_`.
pub(super) fn write(file: &mut AtomicFile, request: &Request<'_>) -> Result<(), Failure> {
    let Request { animation, options, .. } = request;
    let mut arrays = NpzWriter::new(file);
    let frames = animation.frames();
    if let Track::Parameters(parameters) = &animation.track {
        arrays.f32("motion", &[frames, parameters.names.len()], &parameters.values)?;
    }
    for Extra { name, shape, elements } in animation.extras.iter() {
        if let Elements::I32(values) = elements {
            arrays.i32(&entry_name(name), shape, values)?;
        }
    }
    arrays.f32("fps", &[], &[animation.rate.per_second() as f32])?;
    if let Track::Parameters(parameters) = &animation.track {
        arrays.text("names", &parameters.names)?;
    }
    if !animation.filters.is_empty() {
        arrays.text("filters", &animation.filters)?;
    }
    for Extra { name, shape, elements } in animation.extras.iter() {
        if let Elements::F32(values) = elements {
            arrays.f32(&entry_name(name), shape, values)?;
        }
    }
    match (&animation.track, &options.vertices) {
        (Track::Vertices(vertices), _) => {
            let fill = |first: usize, out: &mut [f32]| {
                let count = out.len() / (3 * vertices.count());
                out.copy_from_slice(&vertices.positions(first..first + count)?);
                Ok(())
            };
            let source = VertexSource { vertices: vertices.count(), fill: &fill };
            vertices_of(&mut arrays, frames, &source)?;
        }
        (Track::Parameters(_), Some(source)) => vertices_of(&mut arrays, frames, source)?,
        (Track::Parameters(_), None) => {}
    }
    Ok(arrays.finish()?)
}

/// The name of an extra as a Python word.
pub(super) fn entry_name(extra: &str) -> String {
    extra.replace('.', "_")
}

/// Writes the vertices of a source, some frames at a time.
fn vertices_of(arrays: &mut NpzWriter<'_>, frames: usize, source: &VertexSource<'_>) -> Result<(), Failure> {
    arrays.begin_f32("vertices", &[frames, source.vertices, 3])?;
    let width = source.vertices * 3;
    if width == 0 {
        return Ok(());
    }
    let mut block = vec![0.0; FRAMES_AT_ONCE.min(frames) * width];
    for first in (0..frames).step_by(FRAMES_AT_ONCE) {
        let block = &mut block[..FRAMES_AT_ONCE.min(frames - first) * width];
        (source.fill)(first, block)?;
        if let Some(at) = block.iter().position(|value| !value.is_finite()) {
            let (frame, vertex) = (first + at / width, at % width / 3);
            return Err(Failure::Other(Error::Shape {
                op: "export",
                what: "the vertices".into(),
                expected: "finite numbers".into(),
                found: format!("{} in frame {frame}, vertex {vertex}", block[at]),
            }));
        }
        arrays.append_f32(block)?;
    }
    Ok(())
}
