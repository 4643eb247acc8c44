//! The table of formats: the only place that defines the meaning of an ending, the inputs of a format and its
//! content.

use std::path::{MAIN_SEPARATOR_STR, Path};

use super::{Request, csv, glb, html, json, live_link, npy, npz};
use crate::animation::arkit::Arkit;
use crate::animation::{Animation, Retarget, Track};
use crate::encode::Picture;
use crate::files::{AtomicFile, Failure};
use crate::{Error, Result};

/// One row of the table [`FORMATS`].
///
/// ```
/// use deeptalk_rt::export::Format;
///
/// let format = Format::of_path("talk.MP4")?;
/// assert!(format.needs_face && format.takes_sound && !format.holds.vertices);
/// # Ok::<(), deeptalk_rt::Error>(())
/// ```
pub struct Format {
    /// The rule by which a file is recognised from its name.
    pub ending: Ending,
    /// The name of a layout that the ending alone does not choose; none for the ending's usual layout.
    pub layout: Option<&'static str>,
    /// A description of the file, in one line.
    pub about: &'static str,
    /// True if the format shows a face.
    pub needs_face: bool,
    /// True if the file contains the sound.
    pub takes_sound: bool,
    /// The parts of an animation that the format keeps.
    pub holds: Holds,
    /// Writes the file.
    pub(super) writer: Writer,
}

/// The rule by which a file is recognised from its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The part after the last dot, in small letters.
    Suffix(&'static str),
    /// A slash at the end, or a folder that exists and has no ending.
    Folder,
}

/// The parts of an animation that a format keeps.
#[derive(Clone, Copy, Default)]
pub struct Holds {
    /// A track of parameters.
    pub parameters: bool,
    /// A track of vertices.
    pub vertices: bool,
    /// The vertices of a face, beside the parameters that move it.
    pub face_vertices: bool,
    /// The extras.
    pub extras: bool,
    /// For formats that hold only the channels of one rig: the map from the columns of an animation to these
    /// channels.
    pub retargeted: Option<MapOf>,
}

/// The map from an animation with the given columns.
pub type MapOf = fn(&[String]) -> Result<Box<dyn Retarget>>;

/// The writer of a format.
#[derive(Clone, Copy)]
pub(super) enum Writer {
    /// A function that writes the file.
    File(fn(&mut AtomicFile, &Request<'_>) -> Result<(), Failure>),
    /// A picture encoder; each frame is drawn once for all pictures that need it.
    Picture(Picture),
}

const PARAMETERS: Holds =
    Holds { parameters: true, vertices: false, face_vertices: false, extras: false, retargeted: None };
const ARKIT: Holds = Holds { parameters: false, retargeted: Some(arkit_map), ..PARAMETERS };

/// All formats, in the order in which help texts list them.
pub static FORMATS: [Format; 13] = [
    Format {
        about: "NumPy arrays: motion, its names and rate, codes, emotion; vertices if a face is given",
        holds: Holds { vertices: true, face_vertices: true, extras: true, ..PARAMETERS },
        ..Format::data("npz", npz::write)
    },
    Format {
        about: "one NumPy array: motion alone, as the published demo writes it",
        holds: Holds { vertices: true, ..PARAMETERS },
        ..Format::data("npy", npy::write)
    },
    Format {
        about: "a table: frame, time and a column for each parameter",
        ..Format::data("csv", csv::write)
    },
    Format {
        about: "a JSON object with everything but vertices",
        holds: Holds { extras: true, ..PARAMETERS },
        ..Format::data("json", json::write)
    },
    Format {
        about: "H.264 video with the sound",
        takes_sound: true,
        ..Format::picture(Ending::Suffix("mp4"), Picture::Mp4)
    },
    Format {
        about: "a moving picture of 255 colours",
        ..Format::picture(Ending::Suffix("gif"), Picture::Gif)
    },
    Format {
        about: "a moving picture of all colours; may be transparent",
        ..Format::picture(Ending::Suffix("apng"), Picture::Apng)
    },
    Format {
        about: "a contact sheet: frames over the waveform and the curves of jaw, lips and brows",
        takes_sound: true,
        ..Format::picture(Ending::Suffix("png"), Picture::Sheet)
    },
    Format { about: "a folder of frames, one PNG each", ..Format::picture(Ending::Folder, Picture::Frames) },
    Format {
        about: "one page with the head in 3D, the sound and the curves; opens without a network",
        needs_face: true,
        takes_sound: true,
        ..Format::data("html", html::write)
    },
    Format {
        about: "glTF 2.0 with morph targets and joints",
        needs_face: true,
        ..Format::data("glb", glb::write)
    },
    Format {
        layout: Some("arkit"),
        about: "ARKit's 52 weights in the columns of Live Link Face",
        holds: ARKIT,
        ..Format::data("csv", |file, request| text(file, live_link::csv(request.animation)?))
    },
    Format {
        layout: Some("arkit"),
        about: "ARKit's 52 weights as JSON",
        holds: ARKIT,
        ..Format::data("json", |file, request| text(file, live_link::json(request.animation)?))
    },
];

fn arkit_map(columns: &[String]) -> Result<Box<dyn Retarget>> {
    Ok(Box::new(Arkit::with_rotations(columns)?))
}

fn text(file: &mut AtomicFile, text: String) -> Result<(), Failure> {
    Ok(std::io::Write::write_all(file, text.as_bytes())?)
}

impl Format {
    const fn data(
        ending: &'static str,
        writer: fn(&mut AtomicFile, &Request<'_>) -> Result<(), Failure>,
    ) -> Self {
        Self {
            ending: Ending::Suffix(ending),
            layout: None,
            about: "",
            needs_face: false,
            takes_sound: false,
            holds: PARAMETERS,
            writer: Writer::File(writer),
        }
    }

    const fn picture(ending: Ending, picture: Picture) -> Self {
        Self { ending, needs_face: true, writer: Writer::Picture(picture), ..Self::data("", csv::write) }
    }

    /// The format of the name of a file or folder; capital and small letters are equal.
    ///
    /// # Errors
    /// [`Error::Usage`] with the known endings.
    pub fn of_path(path: impl AsRef<Path>) -> Result<&'static Self> {
        Self::find(path.as_ref(), None)
    }

    /// The format of a file in a named layout, such as `arkit`.
    ///
    /// # Errors
    /// [`Error::Usage`] with the known endings, or with those that have the layout.
    pub fn of_layout(path: impl AsRef<Path>, layout: &str) -> Result<&'static Self> {
        Self::find(path.as_ref(), Some(layout))
    }

    fn find(path: &Path, layout: Option<&str>) -> Result<&'static Self> {
        fn known(layout: Option<&str>) -> impl Iterator<Item = &'static Format> {
            FORMATS.iter().filter(move |format| format.layout == layout)
        }
        if let Some(format) = known(layout).find(|format| format.ending.names(path)) {
            return Ok(format);
        }
        if let (Some(layout), true) = (layout, known(None).any(|format| format.ending.names(path))) {
            let endings: Vec<String> = known(Some(layout)).map(|format| format.ending.to_string()).collect();
            return Err(Error::Usage(format!(
                "{}: the layout `{layout}` is one of {} files only",
                path.display(),
                endings.join(" and ")
            )));
        }
        let endings: Vec<String> = known(None).map(|format| format.ending.to_string()).collect();
        Err(Error::Usage(format!(
            "{}: the ending does not name a format: the known ones are {}",
            path.display(),
            endings.join(", ")
        )))
    }

    /// The names of all layouts that an ending alone does not choose.
    pub fn layouts() -> impl Iterator<Item = &'static str> {
        let layout = |index: &usize| FORMATS[*index].layout;
        (0..FORMATS.len())
            .filter(move |index| layout(index).is_some() && !(0..*index).any(|i| layout(&i) == layout(index)))
            .filter_map(|index| FORMATS[index].layout)
    }

    /// True if the format shows a face or moves a rig of its own, in place of keeping the numbers of a motion.
    pub fn is_shown(&self) -> bool {
        self.needs_face || self.holds.retargeted.is_some()
    }

    /// True if the format is a picture or video: [`crate::export::draw`] writes it, and
    /// [`crate::export::write`] the others.
    pub fn is_picture(&self) -> bool {
        matches!(self.writer, Writer::Picture(_))
    }

    /// True for a video with sound.
    pub fn has_sound(&self) -> bool {
        matches!(self.writer, Writer::Picture(Picture::Mp4))
    }

    /// Refuses an animation that the format cannot hold.
    ///
    /// # Errors
    /// [`Error::Usage`] with the content that the format can hold.
    pub(super) fn check(&self, path: &Path, animation: &Animation) -> Result<()> {
        let Track::Vertices(vertices) = &animation.track else { return Ok(()) };
        if self.holds.vertices || self.needs_face {
            return Ok(());
        }
        let holding = FORMATS.iter().filter(|format| format.holds.vertices);
        let endings: Vec<String> = holding.map(|format| format.ending.to_string()).collect();
        Err(Error::Usage(format!(
            "{}: this format holds parameters, and the animation has {} vertices of the mesh `{}` a frame; write {}",
            path.display(),
            vertices.count(),
            vertices.topology(),
            endings.join(" or ")
        )))
    }
}

impl Ending {
    /// True if the path has this ending.
    pub fn names(self, path: impl AsRef<Path>) -> bool {
        let path = path.as_ref();
        let text = path.as_os_str().as_encoded_bytes();
        let has_slash = text.ends_with(b"/") || text.ends_with(MAIN_SEPARATOR_STR.as_bytes());
        match self {
            Self::Folder => has_slash || (path.extension().is_none() && path.is_dir()),
            Self::Suffix(suffix) => {
                !has_slash && path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case(suffix))
            }
        }
    }
}

impl std::fmt::Display for Ending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Suffix(suffix) => write!(f, ".{suffix}"),
            Self::Folder => f.write_str("NAME/"),
        }
    }
}

impl PartialEq for Format {
    fn eq(&self, other: &Self) -> bool {
        (self.ending, self.layout) == (other.ending, other.layout)
    }
}

impl std::fmt::Debug for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.ending, self.layout.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_words_and_a_name_of_its_own() {
        for (index, format) in FORMATS.iter().enumerate() {
            assert!(!format.about.is_empty() && format.about.len() <= 90, "{format:?}");
            assert!(!FORMATS[..index].contains(format), "{format:?} twice");
            assert_eq!(format.is_picture() || format.needs_face, format.needs_face, "{format:?}");
        }
        assert_eq!(Format::layouts().collect::<Vec<_>>(), ["arkit"]);
    }
}
