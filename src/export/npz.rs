//! NumPy's `.npz`: a zip of arrays, for `numpy.load(path, allow_pickle=False)`.
//!
//! The entries are stored, not deflated, as `numpy.savez` does: floats of motion shrink by a tenth at best, and
//! stored arrays are written at the speed of the disk and can be read in place.

use std::io::{self, Write};
use std::mem::ManuallyDrop;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::{Options, VertexSource};
use crate::Error;
use crate::animation::{Animation, Elements, Extra, Track};
use crate::files::npy::{write_f32, write_header, write_i32};
use crate::files::{AtomicFile, Failure};

/// Frames of vertices that are computed at once, and held.
const FRAMES_AT_ONCE: usize = 64;

/// Writes `motion` (frames, parameters), the extras of integers, `fps` (), `names` (parameters), the extras of floats, and `vertices`
/// (frames, vertices, 3) if the track is one of vertices or there is a source of them. A dot in the name of an extra becomes `_`.
pub(super) fn write(
    file: &mut AtomicFile,
    animation: &Animation,
    options: &Options<'_>,
) -> Result<(), Failure> {
    let mut arrays = Arrays { zip: ManuallyDrop::new(ZipWriter::new(file)) };
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
    for Extra { name, shape, elements } in animation.extras.iter() {
        if let Elements::F32(values) = elements {
            arrays.f32(&entry_name(name), shape, values)?;
        }
    }
    match (&animation.track, &options.vertices) {
        (Track::Vertices(vertices), _) => {
            arrays.f32("vertices", &[frames, vertices.count, 3], &vertices.values)?
        }
        (Track::Parameters(_), Some(source)) => arrays.vertices(frames, source)?,
        (Track::Parameters(_), None) => {}
    }
    arrays.zip.flush()?;
    ManuallyDrop::into_inner(arrays.zip).finish().map_err(io::Error::from)?;
    Ok(())
}

/// The name of an extra as a Python word.
pub(super) fn entry_name(extra: &str) -> String {
    extra.replace('.', "_")
}

/// The archive on its way. Given up, it is not dropped: that would write the archive's directory into a file that
/// is about to be deleted, and complain on stderr where the disk is full.
struct Arrays<'a> {
    zip: ManuallyDrop<ZipWriter<&'a mut AtomicFile>>,
}

impl Arrays<'_> {
    /// Opens an entry of four-byte elements and writes its header.
    fn start(&mut self, name: &str, descr: &str, shape: &[usize]) -> io::Result<()> {
        self.start_sized(name, descr, shape, 4 * shape.iter().map(|&axis| axis as u64).product::<u64>())
    }

    fn start_sized(&mut self, name: &str, descr: &str, shape: &[usize], bytes: u64) -> io::Result<()> {
        // The sizes of an entry stand before it: whether they need eight bytes must be known beforehand. The date is
        // fixed, so that the same motion gives the same file.
        let entry = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(DateTime::default())
            .large_file(bytes > u64::from(u32::MAX) - 1_024);
        self.zip.start_file(format!("{name}.npy"), entry)?;
        write_header(&mut *self.zip, descr, shape)
    }

    fn f32(&mut self, name: &str, shape: &[usize], values: &[f32]) -> io::Result<()> {
        self.start(name, "<f4", shape)?;
        write_f32(&mut *self.zip, values)
    }

    fn i32(&mut self, name: &str, shape: &[usize], values: &[i32]) -> io::Result<()> {
        self.start(name, "<i4", shape)?;
        write_i32(&mut *self.zip, values)
    }

    /// Fixed-width text: UTF-32, each padded with zeros to the longest.
    fn text(&mut self, name: &str, texts: &[String]) -> io::Result<()> {
        let width = texts.iter().map(|text| text.chars().count()).max().unwrap_or(0).max(1);
        let bytes = 4 * (width * texts.len()) as u64;
        self.start_sized(name, &format!("<U{width}"), &[texts.len()], bytes)?;
        for text in texts {
            let points = text.chars().map(u32::from).chain(std::iter::repeat(0)).take(width);
            let bytes: Vec<u8> = points.flat_map(u32::to_le_bytes).collect();
            self.zip.write_all(&bytes)?;
        }
        Ok(())
    }

    fn vertices(&mut self, frames: usize, source: &VertexSource<'_>) -> Result<(), Failure> {
        self.start("vertices", "<f4", &[frames, source.vertices, 3])?;
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
            write_f32(&mut *self.zip, block)?;
        }
        Ok(())
    }
}
