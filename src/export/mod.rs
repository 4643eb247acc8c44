//! Motion to files, one format a file; the ending of the name chooses the format.
//!
//! [`write()`] is the one call. A new format is a variant of [`Format`], its ending in `FORMATS`, a module with a
//! `write` function, and a line in the dispatch below; it writes into an [`AtomicFile`] and lets [`Failure`](crate::files::Failure) carry
//! whatever goes wrong.
//!
//! ```
//! use deeptalk_rt::animation::{Animation, Rate};
//! use deeptalk_rt::export;
//!
//! # let folder = tempfile::tempdir().unwrap();
//! let names = ["mouthSmileLeft", "jaw_x", "jaw_y", "jaw_z"].map(String::from);
//! let values = vec![0.0, 0.0, 0.0, 0.0, 0.5, 0.1, 0.0, 0.0]; // two frames
//! let motion = Animation::from_parameters(Rate::whole(25), names, values);
//! let written = export::write(folder.path().join("talk.csv"), &motion, &export::Options::default())?;
//! assert!(written.bytes > 0);
//! # Ok::<(), deeptalk_rt::Error>(())
//! ```

mod csv;
pub mod curves;
pub mod glb;
pub mod html;
mod json;
mod npy;
mod npz;
mod occlusion;
mod surface;

use std::io::Write as _;
use std::path::Path;

use crate::animation::{Animation, arkit};
use crate::encode::Picture;
use crate::files::{AtomicFile, Written};
use crate::rig::Face;
use crate::{Error, Result};

/// The formats, each with the ending that names it.
const FORMATS: [(Format, &str); 6] = [
    (Format::Npz, "npz"),
    (Format::Npy, "npy"),
    (Format::Csv, "csv"),
    (Format::Json, "json"),
    (Format::Html, "html"),
    (Format::Glb, "glb"),
];

/// What a motion can be written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// NumPy arrays: everything, with vertices if there is a source of them.
    Npz,
    /// One NumPy array, (frames, parameters): the parameters alone, as the published demo writes them.
    Npy,
    /// A table: frame, time and the parameters; or, if asked for, ARKit weights ([`arkit`]).
    Csv,
    /// An object with everything but vertices; or, if asked for, ARKit weights ([`arkit`]).
    Json,
    /// A page with the moving face, the sound and the curves ([`html`]).
    Html,
    /// glTF 2.0 with morph targets and a jaw joint ([`glb`]).
    Glb,
}

impl Format {
    /// The format that a file's ending names, in capitals or not.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] with the endings that are known.
    pub fn from_path(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        let known = FORMATS.iter().find(|(_, known)| ending.eq_ignore_ascii_case(known));
        known.map(|(format, _)| *format).ok_or_else(|| {
            let known: Vec<String> = FORMATS.iter().map(|(_, ending)| format!(".{ending}")).collect();
            Error::Usage(format!(
                "{}: the ending does not name a format: give the file one of the endings {}",
                path.display(),
                known.join(", ")
            ))
        })
    }
}

/// What a path asks for: a format of data, or pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// For [`write()`].
    Data(Format),
    /// For [`crate::encode::picture::render_outputs`].
    Picture(Picture),
}

impl Kind {
    /// What the ending says; a slash at the end, or a folder that is there and has no ending, asks for a folder of frames.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] with the endings that are known.
    pub fn from_path(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        if let Some(picture) = Picture::from_path(path) {
            return Ok(Self::Picture(picture));
        }
        Format::from_path(path).map(Self::Data).map_err(|_| {
            let known: Vec<String> = FORMATS.iter().map(|(_, ending)| format!(".{ending}")).collect();
            Error::Usage(format!(
                "{}: the ending does not name a format: the known ones are {}, .mp4, .gif, .apng, .png (a contact sheet), and a \
                 name that ends with / for a folder of frames",
                path.display(),
                known.join(", ")
            ))
        })
    }
}

/// Fills in the vertices of some consecutive frames, as many as there is room for: the first one's index, and x, y, z of every vertex.
pub type FillVertices<'a> = dyn Fn(usize, &mut [f32]) -> Result<()> + 'a;

/// Where the vertices of a motion come from, some frames at a time, so that a long motion is never held whole.
#[derive(Clone, Copy)]
pub struct VertexSource<'a> {
    /// The number of vertices in every frame.
    pub vertices: usize,
    /// Computes some frames.
    pub fill: &'a FillVertices<'a>,
}

/// What is written besides the motion.
#[derive(Clone, Copy, Default)]
pub struct Options<'a> {
    /// Vertices, for the formats that have a place for them: npz.
    pub vertices: Option<VertexSource<'a>>,
    /// The face that moves: html and glb need it.
    pub face: Option<&'a Face>,
    /// The sound, mono at 16 kHz, for html; empty for a page without sound.
    pub speech: &'a [f32],
    /// The heading of the page, for html; empty for the file's own name.
    pub title: &'a str,
    /// For csv and json: ARKit weights at so many frames a second instead of the motion's own columns.
    pub arkit_fps: Option<u32>,
}

impl Options<'_> {
    fn face_for(&self, path: &Path) -> Result<&Face> {
        self.face.ok_or_else(|| {
            Error::Usage(format!(
                "{}: this format shows a face, and none was given; give --face",
                path.display()
            ))
        })
    }
}

/// Writes a motion in the format that the ending of `path` names.
///
/// The file is written under a temporary name and moved into place when it is whole: whoever finds it finds all of
/// it, and a failure leaves what was there before. The same motion gives the same bytes.
///
/// # Errors
///
/// [`Error::Usage`] for an unknown ending, [`Error::Shape`] for a motion whose tables do not fit each other or that
/// holds numbers that are not finite, [`Error::Io`] where the system refuses, and whatever the vertex source says.
pub fn write(path: impl AsRef<Path>, motion: &Animation, options: &Options<'_>) -> Result<Written> {
    let path = path.as_ref();
    let format = Format::from_path(path)?;
    motion.check()?;
    check_names(motion)?;
    AtomicFile::write(path, |file| match (format, options.arkit_fps) {
        (Format::Npz, _) => npz::write(file, motion, options),
        (Format::Npy, _) => npy::write(file, motion),
        (Format::Csv, None) => csv::write(file, motion),
        (Format::Json, None) => json::write(file, motion),
        (Format::Csv, Some(fps)) => Ok(file.write_all(arkit::csv(motion, fps, path)?.as_bytes())?),
        (Format::Json, Some(fps)) => Ok(file.write_all(arkit::json(motion, fps, path)?.as_bytes())?),
        (Format::Html, _) => {
            let face = options.face_for(path)?;
            let own = path.file_stem().unwrap_or_default().to_string_lossy();
            let title = if options.title.is_empty() { &own } else { options.title };
            Ok(file.write_all(html::page(motion, face, options.speech, title)?.as_bytes())?)
        }
        (Format::Glb, _) => Ok(file.write_all(&glb::bytes(motion, options.face_for(path)?)?)?),
    })
}

/// Refuses extras that files cannot tell apart.
fn check_names(animation: &Animation) -> Result<()> {
    const TAKEN: [&str; 5] = ["motion", "fps", "names", "frames", "vertices"];
    let mut names: Vec<String> = TAKEN.map(String::from).to_vec();
    for extra in animation.extras.iter() {
        let name = npz::entry_name(&extra.name);
        if name.is_empty() || names.contains(&name) {
            return Err(Error::Shape {
                op: "export",
                what: "the names of the extras".into(),
                expected: format!("different ones, none of them {}", TAKEN.join(", ")),
                found: format!("`{name}`"),
            });
        }
        names.push(name);
    }
    Ok(())
}
