//! Bytes of whole files; the only place that maps one into memory.

use std::ops::{Deref, Range};
use std::path::Path;

use memmap2::Mmap;

use super::regular;
use crate::{Error, Result};

/// The largest file that is read into memory of the process. A larger one is mapped.
const LARGEST_PRIVATE: u64 = 64 << 20;

/// The bytes of a whole file, read-only.
///
/// Another program that shortens a mapped file ends the process with a bus error, also a process that embeds
/// this library. Files of up to 64 MiB are therefore read instead; a larger file must not be changed while it
/// is open. [`explain_bus_errors`] ends such a process with a sentence.
#[derive(Debug)]
pub(crate) enum FileMap {
    Private(Vec<u8>),
    Mapped(Mmap),
}

impl FileMap {
    /// Reads or maps the file at `path`.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let unreadable = |error| Error::unreadable(path, error);
        // Checked before the file is opened: opening a pipe would block until something writes to it.
        regular(path)?;
        let file = std::fs::File::open(path).map_err(unreadable)?;
        if file.metadata().map_err(unreadable)?.len() <= LARGEST_PRIVATE {
            return std::fs::read(path).map(Self::Private).map_err(unreadable);
        }
        // SAFETY: the map is read-only, and nothing here writes to input files. That no other program
        // shortens the file is the rule that the type's documentation gives.
        #[allow(unsafe_code)]
        unsafe { Mmap::map(&file) }.map(Self::Mapped).map_err(unreadable)
    }

    /// Lets the system drop the pages of `range`, which has been read, so that a large file takes little
    /// memory.
    pub(crate) fn release(&self, range: Range<usize>) {
        let Self::Mapped(map) = self else { return };
        const WORTH_A_CALL: usize = 256 << 10;
        #[cfg(unix)]
        if range.len() >= WORTH_A_CALL {
            // SAFETY: the pages belong to a read-only map of a file and are never written to; a dropped page
            // is read from the file again when it is touched. If the system refuses, nothing changes, so the
            // result is ignored.
            #[allow(unsafe_code)]
            let _ = unsafe {
                map.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, range.start, range.len())
            };
        }
    }
}

/// From now on, a bus error ends the process with a sentence on standard error and exit code 1 instead of a
/// signal. A bus error means that a mapped file, such as a model of more than 64 MiB, was shortened by
/// another program, or that its disk failed. For programs; a library should leave the signals to the program
/// that uses it. Nothing happens on systems other than Linux.
pub fn explain_bus_errors() {
    #[cfg(target_os = "linux")]
    {
        use rustix::io::write;
        use rustix::stdio::stderr;
        const SENTENCE: &[u8] =
            b"error: a file that is in use was shortened by another program, or its disk cannot be read; \
            run again with a file that stays as it is\n";
        let tell_and_end = || {
            // If standard error is closed, the exit code alone tells.
            let _ = write(stderr(), SENTENCE);
            signal_hook::low_level::exit(1);
        };
        // SAFETY: the handler calls `write` and `_exit` of the system alone, which are allowed in a signal
        // handler; it allocates nothing and takes no lock.
        #[allow(unsafe_code)]
        let registered =
            unsafe { signal_hook::low_level::register(signal_hook::consts::SIGBUS, tell_and_end) };
        // Without the handler the system's own stays, which ends the process too.
        drop(registered);
    }
}

impl AsRef<[u8]> for FileMap {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl Deref for FileMap {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Private(bytes) => bytes,
            Self::Mapped(map) => map,
        }
    }
}
