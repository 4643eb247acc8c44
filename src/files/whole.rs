//! Small files, read whole.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::{Error, Result};

/// The bytes of a regular file of at most `most` bytes. Nothing is read from a folder, a pipe or a device: a
/// pipe may never end, and opening one may block.
///
/// # Errors
/// A bad input that names the limit or the kind of file; `next` is its next step.
pub(crate) fn read_whole(path: &Path, most: u64, next: &str) -> Result<Vec<u8>> {
    let unreadable = |error| Error::unreadable(path, error);
    regular(path)?;
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(most + 1).read_to_end(&mut bytes)).map_err(unreadable)?;
    if bytes.len() as u64 > most {
        let expected = format!("at most {} MiB", most >> 20);
        return Err(Error::bad_input(path, "is too large", expected, "more", next));
    }
    Ok(bytes)
}

/// Refuses what is not a regular file.
///
/// # Errors
/// A bad input that names the kind of file.
pub(crate) fn regular(path: &Path) -> Result<()> {
    let kind = std::fs::metadata(path).map_err(|error| Error::unreadable(path, error))?.file_type();
    if kind.is_file() {
        return Ok(());
    }
    let found = if kind.is_dir() { "a folder" } else { "a pipe, a socket or a device" };
    Err(Error::bad_input(path, "cannot be read as a whole", "a regular file", found, "give the file itself"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_beyond_its_limit_and_a_device_are_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, vec![0; 1 << 20]).unwrap();
        assert_eq!(read_whole(&path, 1 << 20, "cut it").unwrap().len(), 1 << 20);
        std::fs::write(&path, vec![0; (1 << 20) + 1]).unwrap();
        let error = read_whole(&path, 1 << 20, "cut it").unwrap_err().to_string();
        assert!(error.ends_with("is too large: expected at most 1 MiB, found more; cut it"), "{error}");
        let error = read_whole(folder.path(), 1, "").unwrap_err().to_string();
        assert!(error.contains("expected a regular file, found a folder"), "{error}");
        #[cfg(unix)]
        {
            let error = read_whole(Path::new("/dev/zero"), 1, "").unwrap_err().to_string();
            assert!(error.contains("a pipe, a socket or a device"), "{error}");
        }
    }
}
