//! Atomic files: a file appears complete or not at all.

use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::draft::Draft;
use super::hash::hex;
use crate::{Error, Result};
use sha2::{Digest, Sha256};

/// A file being written: buffered, on the file system of its target, and put in place by
/// [`finish`](Self::finish). If it is dropped before that, it is deleted and the older file of that name
/// stays.
#[derive(Debug)]
pub struct AtomicFile {
    target: PathBuf,
    writer: BufWriter<Draft>,
    /// The hash of the bytes written so far; `None` after a seek, when only the finished file can be hashed.
    hash: Option<Sha256>,
    position: u64,
    bytes: u64,
}

/// Size and hash of a file that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of its content, 64 lower-case hexadecimal digits.
    pub sha256: String,
}

/// The error of a writer: an I/O error that does not name its file yet, or an error that is complete.
#[derive(Debug)]
pub enum Failure {
    /// An error of the operating system.
    System(io::Error),
    /// Any other error.
    Other(Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

impl AtomicFile {
    /// Creates a file, lets `content` write into it, and moves it into place.
    ///
    /// # Errors
    ///
    /// Those of [`create`](Self::create), of `content`, and of [`finish`](Self::finish).
    pub fn write(
        path: impl AsRef<Path>,
        content: impl FnOnce(&mut Self) -> std::result::Result<(), Failure>,
    ) -> Result<Written> {
        let mut file = Self::create(path)?;
        match content(&mut file) {
            Ok(()) => file.finish(),
            Err(Failure::System(error)) => Err(file.refused(error)),
            Err(Failure::Other(error)) => Err(error),
        }
    }

    /// Creates the file beside `path`. A link is followed: the file that it names is the one replaced.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] where `path` is a folder or a device, or its folder is missing or cannot be written.
    pub fn create(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let target = path.canonicalize().unwrap_or_else(|_| path.into());
        let refuse =
            |source, next| Err(Error::Io { path: path.into(), action: "write the file", source, next });
        if target.file_name().is_none() {
            let source = io::Error::new(ErrorKind::InvalidInput, "it does not name a file");
            return refuse(source, "give the name of a file");
        }
        if target.is_dir() {
            return refuse(io::Error::from(ErrorKind::IsADirectory), "give the name of a file in it");
        }
        if target.exists() && !target.is_file() {
            let source = io::Error::new(ErrorKind::InvalidInput, "it is a device or a pipe");
            return refuse(source, "give the name of an ordinary file");
        }
        let folder = match target.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        if !folder.is_dir() {
            let source = io::Error::new(ErrorKind::NotFound, "its folder does not exist");
            return refuse(source, "create the folder or choose another one");
        }
        let draft = Draft::create(folder).map_err(|error| refused(&target, 0, error))?;
        let writer = BufWriter::with_capacity(1 << 18, draft);
        Ok(Self { target, writer, hash: Some(Sha256::new()), position: 0, bytes: 0 })
    }

    /// Writes the buffer to the disk and renames the file to its target.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] where the disk is full or the system refuses; nothing of the new file is left then.
    pub fn finish(mut self) -> Result<Written> {
        self.writer.flush().map_err(|error| self.refused(error))?;
        self.writer.get_ref().file().sync_all().map_err(|error| self.refused(error))?;
        let hash = match self.hash.take() {
            Some(hash) => hash,
            None => hash_of(self.writer.get_mut().file_mut()).map_err(|error| self.refused(error))?,
        };
        let sha256 = hex(hash);
        let Self { target, writer, bytes, .. } = self;
        let (draft, _) = writer.into_parts();
        draft.persist(&target).map_err(|error| refused(&target, bytes, error))?;
        Ok(Written { bytes, sha256 })
    }

    pub(crate) fn refused(&self, error: io::Error) -> Error {
        let on_disk = self.writer.get_ref().file().metadata().map_or(0, |metadata| metadata.len());
        refused(&self.target, on_disk, error)
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.writer.write(bytes)?;
        if let Some(hash) = &mut self.hash {
            hash.update(&bytes[..written]);
        }
        self.position += written as u64;
        self.bytes = self.bytes.max(self.position);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

impl Seek for AtomicFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = self.writer.seek(to)?;
        if position != self.position {
            self.hash = None;
        }
        self.position = position;
        Ok(position)
    }

    fn stream_position(&mut self) -> io::Result<u64> {
        Ok(self.position)
    }
}

fn hash_of(file: &mut File) -> io::Result<Sha256> {
    let mut hash = Sha256::new();
    let mut block = vec![0; 1 << 18];
    file.rewind()?;
    loop {
        match file.read(&mut block)? {
            0 => return Ok(hash),
            bytes => hash.update(&block[..bytes]),
        }
    }
}

/// The error for a system error at `path`, of which `bytes` are on the disk, with the next step.
fn refused(path: &Path, bytes: u64, source: io::Error) -> Error {
    let (source, next) = match source.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            let text = format!("the disk is full: {bytes} bytes were written");
            (io::Error::new(source.kind(), text), "free space or choose another folder")
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            (source, "choose a folder that you may write to")
        }
        _ => (source, "check the folder and try again"),
    };
    Error::Io { path: path.into(), action: "write the file", source, next }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names_in(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_dropped_file_leaves_what_was_there_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npy");
        std::fs::write(&path, "before").unwrap();
        let mut file = AtomicFile::create(&path).unwrap();
        file.write_all(b"after").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"before");
        drop(file);
        assert_eq!(names_in(folder.path()), ["a.npy"]);
        assert_eq!(std::fs::read(&path).unwrap(), b"before");
        let stopped = AtomicFile::write(&path, |file| {
            file.write_all(b"after")?;
            Err(Error::Cancelled.into())
        });
        assert!(matches!(stopped, Err(Error::Cancelled)));
        assert_eq!(names_in(folder.path()), ["a.npy"]);
    }

    #[test]
    fn the_hash_is_the_files_whether_or_not_the_writer_went_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npy");
        let expected = Written {
            bytes: 3,
            sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad".into(),
        };
        let straight = AtomicFile::write(&path, |file| Ok(file.write_all(b"abc")?));
        assert_eq!(straight.unwrap(), expected);
        let back = AtomicFile::write(&path, |file| {
            file.write_all(b"xbc")?;
            assert_eq!(file.stream_position()?, 3);
            file.rewind()?;
            Ok(file.write_all(b"a")?)
        });
        assert_eq!(back.unwrap(), expected);
        assert_eq!(std::fs::read(&path).unwrap(), b"abc");
    }

    #[test]
    fn places_that_cannot_be_written_are_refused_with_a_reason() {
        let folder = tempfile::tempdir().unwrap();
        let complaint = |path: &Path| {
            let error = AtomicFile::create(path).unwrap_err();
            assert_eq!(error.exit_code(), 1);
            error.to_string()
        };
        assert!(complaint(folder.path()).contains("is a directory; give the name of a file in it"));
        assert!(complaint(&folder.path().join("no/a.npy")).contains("its folder does not exist; create"));
        assert!(complaint(Path::new("")).contains("it does not name a file"));
        assert_eq!(names_in(folder.path()), [""; 0]);
    }

    #[cfg(unix)]
    #[test]
    fn a_device_is_never_replaced_not_even_through_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("a.npy");
        std::os::unix::fs::symlink("/dev/null", &link).unwrap();
        assert!(AtomicFile::create(&link).unwrap_err().to_string().contains("it is a device or a pipe"));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_a_link_and_the_file_behind_it_is_replaced_with_ordinary_permissions() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file.npy"), folder.path().join("link.npy"));
        let by_hand = folder.path().join("by_hand");
        std::fs::write(&file, "before").unwrap();
        std::fs::write(&by_hand, "").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        AtomicFile::write(&link, |out| Ok(out.write_all(b"after")?)).unwrap();
        assert!(link.is_symlink());
        assert_eq!(std::fs::read(&file).unwrap(), b"after");
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&file), mode(&by_hand));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_told_with_the_bytes_that_were_written() {
        let mut full = File::options().write(true).open("/dev/full").unwrap();
        let error = full.write_all(b"a").unwrap_err();
        assert_eq!(
            refused(Path::new("a.npz"), 4_096, error).to_string(),
            "a.npz: cannot write the file: the disk is full: 4096 bytes were written; \
             free space or choose another folder"
        );
    }
}
