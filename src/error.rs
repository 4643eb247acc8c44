//! The one error type of the crate, and what each kind means to the shell.

use std::path::{Path, PathBuf};

/// `Result` with the crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong, told in full: what, where, expected, found, and the next step.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The command or the options make no sense together.
    #[error("{0}")]
    Usage(String),
    /// An input file is not what it should be.
    #[error("{}", .0)]
    BadInput(Box<BadInput>),
    /// The operating system refused to read or write.
    #[error("{}: cannot {action}: {source}; {next}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried, as a verb phrase: "write the motion".
        action: &'static str,
        /// What the system said.
        source: std::io::Error,
        /// What to do about it.
        next: &'static str,
    },
    /// The device that was asked for cannot be used; the text says why and what to do.
    #[error("{0}")]
    Device(String),
    /// The device failed while it worked: its memory is full, or it is broken.
    #[error("{0}")]
    DeviceFailed(String),
    /// Two tensors do not fit: a defect of the caller, found at the border of an operation.
    #[error("{op}: {what}: expected {expected}, found {found}")]
    Shape {
        /// The operation.
        op: &'static str,
        /// The tensor or the property.
        what: String,
        /// The shape that would fit.
        expected: String,
        /// The shape that came.
        found: String,
    },
    /// The caller asked to stop.
    #[error("stopped on request; nothing half-written is left behind")]
    Cancelled,
}

/// The five things that a complaint about an input file must say.
#[derive(Debug)]
pub struct BadInput {
    /// The file.
    pub path: PathBuf,
    /// What is wrong, in a few words: "the tensor `content.norm.weight` has the wrong shape".
    pub what: String,
    /// What would have been right.
    pub expected: String,
    /// What stood there.
    pub found: String,
    /// What the user can do now.
    pub next: String,
}

impl std::fmt::Display for BadInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { path, what, expected, found, next } = self;
        write!(f, "{}: {what}: expected {expected}, found {found}; {next}", path.display())
    }
}

/// A next step that programs tell in words of their own: a command line names its flag, a window its button.
///
/// Errors hold the library's words ([`text`](Self::text)); [`Error::advice`] finds them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Advice {
    /// Run on the processor instead of a GPU.
    UseCpu,
    /// Give a face to an output that shows one.
    GiveFace,
    /// Give the face that a model was made for.
    FaceOfModel,
    /// Make the face file again.
    MakeFace,
    /// Make a model file.
    MakeModel,
    /// Import a published checkpoint.
    ImportCheckpoint,
    /// Store the numbers of a model as f32.
    StoreF32,
    /// Write the columns of a motion instead of retargeting them.
    PlainColumns,
}

impl Advice {
    /// Every next step.
    pub const ALL: [Self; 8] = [
        Self::UseCpu,
        Self::GiveFace,
        Self::FaceOfModel,
        Self::MakeFace,
        Self::MakeModel,
        Self::ImportCheckpoint,
        Self::StoreF32,
        Self::PlainColumns,
    ];

    /// The words in which errors give this advice.
    pub const fn text(self) -> &'static str {
        match self {
            Self::UseCpu => "run on the processor, which works everywhere",
            Self::GiveFace => "give the face that is to be shown",
            Self::FaceOfModel => "give a face with the model's channels",
            Self::MakeFace => "make the face file again",
            Self::MakeModel => "get the model file again, or make one",
            Self::ImportCheckpoint => "import the checkpoint first",
            Self::StoreF32 => "store its numbers as f32",
            Self::PlainColumns => "have its columns written as they are",
        }
    }
}

impl Error {
    /// The next steps in the text of this error for which a program may have words of its own.
    ///
    /// ```
    /// use deeptalk_rt::{Advice, Error};
    ///
    /// let error = Error::Usage(format!("talk.glb shows a face; {}", Advice::GiveFace.text()));
    /// assert_eq!(error.advice(), [Advice::GiveFace]);
    /// ```
    pub fn advice(&self) -> Vec<Advice> {
        let text = self.to_string();
        Advice::ALL.into_iter().filter(|advice| text.contains(advice.text())).collect()
    }

    /// A complaint about an input file, in the order in which it is read aloud.
    pub fn bad_input(
        path: impl AsRef<Path>,
        what: impl Into<String>,
        expected: impl Into<String>,
        found: impl Into<String>,
        next: impl Into<String>,
    ) -> Self {
        Self::BadInput(Box::new(BadInput {
            path: path.as_ref().into(),
            what: what.into(),
            expected: expected.into(),
            found: found.into(),
            next: next.into(),
        }))
    }

    /// A file that cannot be opened or read: for the user that is a bad input, not an accident.
    pub fn unreadable(path: impl AsRef<Path>, source: std::io::Error) -> Self {
        Self::bad_input(
            path,
            "cannot be read",
            "a readable file",
            source.to_string(),
            "check the name and the permissions",
        )
    }

    /// The process's exit code: 1 failed, 2 wrong use, 3 bad input file, 4 no such device.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::BadInput(_) => 3,
            Self::Device(_) => 4,
            Self::DeviceFailed(_) | Self::Io { .. } | Self::Shape { .. } | Self::Cancelled => 1,
        }
    }
}
