//! A folder of frames: `frame_00000.png`, `frame_00001.png`, ...

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use png::{BitDepth, ColorType, Compression, Encoder};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::apng;
use super::scene::{Scene, Sink};
use crate::files::{Unfinished, Written, hex};
use crate::render::{Background, Image};
use crate::{Error, Result};

/// A folder of frames being written. Frames are written into a hidden folder beside it, or in it if it
/// exists.
pub(super) struct Frames {
    folder: PathBuf,
    gathering: TempDir,
    _unfinished: Unfinished,
    /// Bytes per pixel: 4 with transparency, else 3.
    bytes: usize,
    names: Vec<String>,
    /// The hash of all files, one after another.
    hash: Sha256,
    written: u64,
}

impl Frames {
    pub fn create(scene: &Scene, path: &Path) -> Result<Self> {
        // Without the slash at the end: with it, the parent would be the folder itself.
        let folder: PathBuf = path.components().collect();
        let parent = if folder.is_dir() {
            refuse_leftovers(&folder, scene.frames())?;
            folder.clone()
        } else {
            match folder.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent.into(),
                _ => PathBuf::from("."),
            }
        };
        let mut builder = tempfile::Builder::new();
        builder.prefix(".deeptalk-").suffix(".tmp");
        // With the permissions of an ordinary folder, by the umask.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
        let gathering = builder.tempdir_in(&parent).map_err(|error| refused(&folder, error))?;
        let unfinished = Unfinished::new(gathering.path());
        let bytes = if scene.options().background == Background::Transparent { 4 } else { 3 };
        Ok(Self {
            folder,
            gathering,
            _unfinished: unfinished,
            bytes,
            names: vec![],
            hash: Sha256::new(),
            written: 0,
        })
    }
}

/// Refuses a folder with old frames whose numbers would follow the new ones.
fn refuse_leftovers(folder: &Path, frames: usize) -> Result<()> {
    let left = folder.join(name(frames));
    if left.exists() {
        let source = io::Error::new(
            io::ErrorKind::AlreadyExists,
            format!("{} of a longer run is there", name(frames)),
        );
        let next = "empty the folder or choose another one";
        return Err(Error::Io { path: folder.into(), action: "write the frames", source, next });
    }
    Ok(())
}

fn name(frame: usize) -> String {
    format!("frame_{frame:05}.png")
}

impl Sink for Frames {
    fn frame(&mut self, frame: usize, image: &Image) -> Result<()> {
        let mut file = Vec::new();
        write_png(&mut file, image.width, image.height, &image.pixels, self.bytes)
            .map_err(|error| apng::failure(&self.folder, error))?;
        let path = self.gathering.path().join(name(frame));
        fs::write(path, &file).map_err(|error| refused(&self.folder, error))?;
        self.hash.update(&file);
        self.written += file.len() as u64;
        self.names.push(name(frame));
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<Written> {
        let Self { folder, gathering, names, hash, written, .. } = *self;
        if folder.is_dir() {
            for name in names {
                let moved = fs::rename(gathering.path().join(&name), folder.join(&name));
                moved.map_err(|error| refused(&folder, error))?;
            }
        } else {
            fs::rename(gathering.path(), &folder).map_err(|error| refused(&folder, error))?;
            // The folder has another name now and must not be removed.
            let _ = gathering.keep();
        }
        Ok(Written { bytes: written, sha256: hex(hash) })
    }
}

/// Writes a picture of 4 bytes per pixel as RGBA, or as RGB without the fourth.
fn write_png(
    file: &mut Vec<u8>,
    width: u32,
    height: u32,
    pixels: &[u8],
    bytes: usize,
) -> Result<(), png::EncodingError> {
    let mut encoder = Encoder::new(file, width, height);
    encoder.set_color(if bytes == 4 { ColorType::Rgba } else { ColorType::Rgb });
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::Fast);
    let mut writer = encoder.write_header()?;
    if bytes == 4 {
        writer.write_image_data(pixels)?;
    } else {
        let opaque: Vec<u8> =
            pixels.as_chunks::<4>().0.iter().flat_map(|pixel| &pixel[..3]).copied().collect();
        writer.write_image_data(&opaque)?;
    }
    writer.finish()
}

fn refused(folder: &Path, source: io::Error) -> Error {
    let next = "check that the folder above it exists and may be written to";
    Error::Io { path: folder.into(), action: "write the frames", source, next }
}
