//! Memory maps of files; the only place that makes one.

use std::ops::{Deref, Range};
use std::path::Path;

use memmap2::Mmap;

use super::regular;

use crate::{Error, Result};

/// A memory map of a whole file, read-only.
#[derive(Debug)]
pub(crate) struct FileMap(Mmap);

impl FileMap {
    /// Maps the file at `path`.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let unreadable = |error| Error::unreadable(path, error);
        // Checked before the file is opened: opening a pipe would block until something writes to it.
        regular(path)?;
        let file = std::fs::File::open(path).map_err(unreadable)?;
        // SAFETY: the map is read-only, and nothing here writes to input files. Another program that shortens
        // the file while it is being read ends this process with a bus error; no memory map can exclude that.
        #[allow(unsafe_code)]
        unsafe { Mmap::map(&file) }.map(Self).map_err(unreadable)
    }

    /// Lets the system drop the pages of `range`, which has been read, so that a large file takes little
    /// memory.
    pub(crate) fn release(&self, range: Range<usize>) {
        const WORTH_A_CALL: usize = 256 << 10;
        #[cfg(unix)]
        if range.len() >= WORTH_A_CALL {
            // SAFETY: the pages belong to a read-only map of a file and are never written to; a dropped page
            // is read from the file again when it is touched. If the system refuses, nothing changes, so the
            // result is ignored.
            #[allow(unsafe_code)]
            let _ = unsafe {
                self.0.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, range.start, range.len())
            };
        }
    }
}

impl AsRef<[u8]> for FileMap {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Deref for FileMap {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}
