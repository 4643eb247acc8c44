//! The memory map: the one place where a file is memory.

use std::path::Path;

use memmap2::Mmap;

use crate::{Error, Result};

/// Maps a whole file, read-only.
pub(crate) fn map_file(path: &Path) -> Result<Mmap> {
    let unreadable = |error| Error::unreadable(path, error);
    let file = std::fs::File::open(path).map_err(unreadable)?;
    if !file.metadata().map_err(unreadable)?.is_file() {
        let next = "give the file itself";
        return Err(Error::bad_input(
            path,
            "cannot be mapped",
            "a regular file",
            "a folder or a device",
            next,
        ));
    }
    // SAFETY: the map is private and read-only, and nothing here writes to input files. Another program that shortens the file while it
    // is being read ends this process with a bus error; no memory map can exclude that.
    unsafe { Mmap::map(&file) }.map_err(unreadable)
}
