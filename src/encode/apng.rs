//! `.apng`: an animated PNG. Each frame but the first is cropped to the part that changed. With an opaque
//! background, unchanged pixels within the crop are transparent, so that the previous frame remains visible:
//! this compresses far better.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use png::{BitDepth, BlendOp, ColorType, Compression, DisposeOp, Encoder, Writer};

use super::changes::changed;
use super::scene::{Scene, Sink};
use crate::animation::Rate;
use crate::files::{AtomicFile, Written};
use crate::render::{Background, Image};
use crate::{Error, Result};

/// An APNG being written.
pub(super) struct Apng {
    path: PathBuf,
    file: Shared,
    writer: Writer<Shared>,
    opaque: bool,
    shown: Vec<u8>,
}

impl Apng {
    pub fn create(scene: &Scene, path: &Path) -> Result<Self> {
        let file = Shared(Arc::new(Mutex::new(Some(AtomicFile::create(path)?))));
        let [seconds, frames] = delay(scene.motion.rate).ok_or_else(|| {
            Error::Usage(format!(
                "{}: an apng cannot show {} frames a second: a whole number up to 655, or a fraction of numbers up to 65535",
                path.display(),
                scene.motion.rate
            ))
        })?;
        let opaque = scene.options().background != Background::Transparent;
        let count = u32::try_from(scene.frames()).unwrap_or(u32::MAX);
        let mut encoder = Encoder::new(file.clone(), scene.options().width, scene.options().height);
        encoder.set_color(ColorType::Rgba);
        encoder.set_depth(BitDepth::Eight);
        encoder.set_compression(Compression::Fast);
        let prepared = encoder
            .set_animated(count, 0)
            .and_then(|()| encoder.set_frame_delay(seconds, frames))
            .and_then(|()| encoder.set_dispose_op(DisposeOp::None))
            .and_then(|()| encoder.set_blend_op(if opaque { BlendOp::Over } else { BlendOp::Source }));
        let writer = prepared.and_then(|()| encoder.write_header()).map_err(|error| failure(path, error))?;
        Ok(Self { path: path.into(), file, writer, opaque, shown: vec![] })
    }
}

/// The duration of a frame as a fraction: seconds and frames.
fn delay(rate: Rate) -> Option<[u16; 2]> {
    let scale = if rate.denominator() == 1 { 100 } else { 1 };
    let fits = |number: u32| number.checked_mul(scale).and_then(|number| u16::try_from(number).ok());
    Some([fits(rate.denominator())?, fits(rate.numerator())?])
}

impl Sink for Apng {
    fn frame(&mut self, _: usize, image: &Image) -> Result<()> {
        let (width, height) = (image.width as usize, image.height as usize);
        let [left, top, right, bottom] = changed(&self.shown, &image.pixels, width, height, 4);
        let mut part = Vec::with_capacity((right - left) * (bottom - top) * 4);
        for y in top..bottom {
            let row = (y * width + left) * 4..(y * width + right) * 4;
            part.extend_from_slice(&image.pixels[row.clone()]);
            if self.opaque && !self.shown.is_empty() {
                let start = part.len() - row.len();
                let pixels = part[start..].chunks_exact_mut(4).zip(self.shown[row].chunks_exact(4));
                pixels.filter(|(new, old)| new == old).for_each(|(pixel, _)| pixel.fill(0));
            }
        }
        // The position is reset first: the encoder checks the size against the position after every call.
        let written = self
            .writer
            .reset_frame_position()
            .and_then(|()| self.writer.set_frame_dimension((right - left) as u32, (bottom - top) as u32))
            .and_then(|()| self.writer.set_frame_position(left as u32, top as u32))
            .and_then(|()| self.writer.write_image_data(&part));
        self.shown.clone_from(&image.pixels);
        written.map_err(|error| failure(&self.path, error))
    }

    fn finish(self: Box<Self>) -> Result<Written> {
        self.writer.finish().map_err(|error| failure(&self.path, error))?;
        let file = self.file.lock().take();
        file.ok_or(Error::Cancelled)?.finish()
    }
}

/// The file, shared with the writer of `png`, which does not return it.
#[derive(Clone)]
struct Shared(Arc<Mutex<Option<AtomicFile>>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Option<AtomicFile>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lock().as_mut().map_or(Ok(bytes.len()), |file| file.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.lock().as_mut().map_or(Ok(()), Write::flush)
    }
}

/// The error for an error of `png` at a file.
pub(super) fn failure(path: &Path, error: png::EncodingError) -> Error {
    let source = match error {
        png::EncodingError::IoError(source) => source,
        other => io::Error::other(other),
    };
    Error::Io { path: path.into(), action: "write the file", source, next: "check the folder and try again" }
}
