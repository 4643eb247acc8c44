//! The file that an [`AtomicFile`](super::AtomicFile) writes into before it has its name.
//!
//! On Linux the file has no name at all (`O_TMPFILE`): however the process ends, killed or out of memory,
//! nothing is left behind. Where the file system cannot do that, the file has a temporary name in the folder
//! of its target.

use std::fs::File;
use std::io;
use std::path::Path;

use tempfile::NamedTempFile;

use super::unfinished::Unfinished;

#[derive(Debug)]
pub(super) enum Draft {
    #[cfg(target_os = "linux")]
    Unnamed(File),
    Named(NamedTempFile, Unfinished),
}

impl Draft {
    /// A new file in `folder`.
    pub fn create(folder: &Path) -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        if let Some(file) = unnamed(folder) {
            return Ok(Self::Unnamed(file));
        }
        Self::named(folder)
    }

    /// A new file with a temporary name.
    fn named(folder: &Path) -> io::Result<Self> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(".deeptalk-").suffix(".tmp");
        // Temporary files are private by default; this one gets the permissions of an ordinary file, by the
        // umask.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let file = builder.tempfile_in(folder)?;
        let unfinished = Unfinished::new(file.path());
        Ok(Self::Named(file, unfinished))
    }

    pub fn file(&self) -> &File {
        match self {
            #[cfg(target_os = "linux")]
            Self::Unnamed(file) => file,
            Self::Named(file, _) => file.as_file(),
        }
    }

    pub fn file_mut(&mut self) -> &mut File {
        match self {
            #[cfg(target_os = "linux")]
            Self::Unnamed(file) => file,
            Self::Named(file, _) => file.as_file_mut(),
        }
    }

    /// Gives the file its name, in place of an older file.
    pub fn persist(self, target: &Path) -> io::Result<()> {
        match self {
            #[cfg(target_os = "linux")]
            Self::Unnamed(file) => name(&file, target),
            Self::Named(file, _unfinished) => file.persist(target).map(drop).map_err(|error| error.error),
        }
    }
}

impl io::Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file_mut().flush()
    }
}

impl io::Seek for Draft {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        self.file_mut().seek(to)
    }
}

/// A file without a name in `folder`; none if the file system has no such files, or if `/proc` is missing,
/// through which the file gets its name later.
#[cfg(target_os = "linux")]
fn unnamed(folder: &Path) -> Option<File> {
    use rustix::fs::{Mode, OFlags, open};
    if !Path::new("/proc/self/fd").is_dir() {
        return None;
    }
    open(folder, OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC, Mode::from_raw_mode(0o666))
        .ok()
        .map(File::from)
}

/// A link cannot replace a file, so the file gets a temporary name first and is renamed.
#[cfg(target_os = "linux")]
fn name(file: &File, target: &Path) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    use std::sync::atomic::{AtomicU32, Ordering};

    use rustix::fs::{AtFlags, CWD, linkat};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let source = format!("/proc/self/fd/{}", file.as_raw_fd());
    loop {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = target.with_file_name(format!(".deeptalk-{}-{count}.tmp", std::process::id()));
        let _unfinished = Unfinished::new(&path);
        match linkat(CWD, &source, CWD, &path, AtFlags::SYMLINK_FOLLOW).map_err(io::Error::from) {
            Ok(()) => {
                return std::fs::rename(&path, target).inspect_err(|_| drop(std::fs::remove_file(&path)));
            }
            // Left by a process of the same number that was killed between the two steps.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    #[test]
    fn both_kinds_replace_a_file_and_leave_nothing_else() {
        let kinds: [fn(&Path) -> io::Result<Draft>; 2] = [Draft::create, Draft::named];
        for make in kinds {
            let folder = tempfile::tempdir().unwrap();
            let target = folder.path().join("a.npz");
            std::fs::write(&target, "before").unwrap();
            drop(make(folder.path()).unwrap());
            let mut draft = make(folder.path()).unwrap();
            draft.write_all(b"after").unwrap();
            assert_eq!(std::fs::read(&target).unwrap(), b"before");
            let mut reader = File::open(&target).unwrap();
            draft.persist(&target).unwrap();
            assert_eq!(std::fs::read(&target).unwrap(), b"after");
            // The new file takes the old one's name; a copy would write into the file that a reader has open.
            let mut read = String::new();
            reader.read_to_string(&mut read).unwrap();
            assert_eq!(read, "before");
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        }
    }
}
