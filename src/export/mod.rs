//! Animations to files: the ending of the name chooses the format.
//!
//! [`FORMATS`] is the table of formats; [`write()`] writes files of data, [`draw`] pictures and video. A new
//! format is a row of the table and a module with a `write` function; it writes into an [`AtomicFile`] and
//! lets [`Failure`](crate::files::Failure) carry the errors.
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
mod format;
pub mod glb;
pub mod html;
mod json;
pub mod live_link;
mod npy;
mod npz;
mod occlusion;
mod surface;

use std::path::Path;

use self::format::Writer;
pub use self::format::{Ending, FORMATS, Format, Holds, MapOf};
use crate::animation::{Animation, Track};
use crate::encode::picture::{Drawn, Hooks, Picture, Scene, render_outputs};
use crate::files::{AtomicFile, Written};
use crate::rig::{Face, Morphed};
use crate::{Advice, Error, Result};

/// A function that computes the vertices of some consecutive frames: the index of the first frame, and a
/// slice for x, y, z of every vertex, whose length gives the number of frames.
pub type FillVertices<'a> = dyn Fn(usize, &mut [f32]) -> Result<()> + 'a;

/// The source of the vertices of an animation of parameters. It gives some frames at a time, so that a long
/// animation is never in memory as a whole.
#[derive(Clone, Copy)]
pub struct VertexSource<'a> {
    /// The number of vertices in every frame.
    pub vertices: usize,
    /// Computes the vertices of some frames.
    pub fill: &'a FillVertices<'a>,
}

/// The layout of a file and the data that is written besides the animation.
#[derive(Clone, Copy, Default)]
pub struct Options<'a> {
    /// The layout of the file, such as `arkit`; none for the ending's usual layout.
    pub layout: Option<&'a str>,
    /// Vertices, for formats that hold them beside parameters.
    pub vertices: Option<VertexSource<'a>>,
    /// The face that moves, for formats that show one.
    pub face: Option<&'a Face>,
    /// The sound, mono at 16 kHz, for formats that take it; empty for a file without sound.
    pub speech: &'a [f32],
    /// The heading of a page; empty for the file's own name.
    pub title: &'a str,
}

/// One file to write.
struct Request<'a> {
    path: &'a Path,
    animation: &'a Animation,
    options: &'a Options<'a>,
}

impl Request<'_> {
    fn face(&self) -> Result<&Face> {
        self.options.face.ok_or_else(|| {
            Error::Usage(format!(
                "{}: this format shows a face, and none was given; {}",
                self.path.display(),
                Advice::GiveFace.text()
            ))
        })
    }

    /// The heading: the title, or the name of the file without its ending.
    fn title(&self) -> std::borrow::Cow<'_, str> {
        match self.options.title {
            "" => self.path.file_stem().unwrap_or_default().to_string_lossy(),
            title => title.into(),
        }
    }
}

/// Writes an animation in the format that the ending of `path` and the layout of the options name.
///
/// The file is written under a temporary name and moved into place when it is complete; after a failure the
/// earlier file of that name is unchanged. Equal animations give equal bytes.
///
/// # Errors
///
/// [`Error::Usage`] for an unknown ending, for a picture ([`draw`] makes those) and for a format that cannot
/// hold the animation, [`Error::Shape`] for an animation whose arrays do not fit each other or that holds
/// numbers that are not finite, [`Error::Io`] where the system refuses, and the errors of the vertex source.
pub fn write(path: impl AsRef<Path>, animation: &Animation, options: &Options<'_>) -> Result<Written> {
    let path = path.as_ref();
    let format = match options.layout {
        Some(layout) => Format::of_layout(path, layout)?,
        None => Format::of_path(path)?,
    };
    let Writer::File(writer) = format.writer else {
        let known = FORMATS.iter().filter(|format| !format.is_picture() && format.layout.is_none());
        let endings: Vec<String> = known.map(|format| format.ending.to_string()).collect();
        return Err(Error::Usage(format!(
            "{}: this format is a picture, which is drawn of a scene, not written of an animation alone; formats of data are {}",
            path.display(),
            endings.join(", ")
        )));
    };
    animation.check()?;
    check_names(animation)?;
    format.check(path, animation)?;
    if let (Track::Vertices(vertices), true) = (&animation.track, format.needs_face) {
        let request = Request { path, animation, options };
        let morphed = Morphed::of(request.face()?, vertices, animation.rate, path)?;
        let options = &Options { face: Some(&morphed.face), ..*options };
        let request = Request { path, animation: &morphed.animation, options };
        return AtomicFile::write(path, |file| writer(file, &request));
    }
    let request = Request { path, animation, options };
    AtomicFile::write(path, |file| writer(file, &request))
}

/// Draws a scene into pictures and video, each frame once for all of them; their endings choose the formats.
///
/// # Errors
/// [`Error::Usage`] for a path without the ending of a picture, and the errors of [`render_outputs`].
pub fn draw(scene: &Scene, paths: &[impl AsRef<Path>], hooks: &Hooks) -> Result<Drawn> {
    let picture = |path: &Path| match Format::of_path(path)?.writer {
        Writer::Picture(picture) => Ok(picture),
        Writer::File(_) => {
            Err(Error::Usage(format!("{}: the ending does not name a picture", path.display())))
        }
    };
    let outputs: Vec<(Picture, &Path)> =
        paths.iter().map(|path| Ok((picture(path.as_ref())?, path.as_ref()))).collect::<Result<_>>()?;
    render_outputs(scene, &outputs, hooks)
}

/// Refuses extras whose names would be equal in a file.
fn check_names(animation: &Animation) -> Result<()> {
    const TAKEN: [&str; 6] = ["motion", "fps", "names", "filters", "frames", "vertices"];
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
