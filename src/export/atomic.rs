//! placeholder
use crate::{Error, Result};
use std::io::Write;
use std::path::{Path, PathBuf};
/// f
pub struct AtomicFile {
    path: PathBuf,
    file: std::io::BufWriter<tempfile::NamedTempFile>,
}
impl AtomicFile {
    /// c
    pub fn create(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let dir = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let file = tempfile::NamedTempFile::new_in(dir).map_err(|e| Error::unreadable(path, e))?;
        Ok(Self { path: path.into(), file: std::io::BufWriter::new(file) })
    }
    /// w
    pub fn write_all(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|e| Error::unreadable(&self.path, e))
    }
    /// f
    pub fn finish(self) -> Result<()> {
        let f = self.file.into_inner().map_err(|e| Error::unreadable(&self.path, e.into_error()))?;
        f.persist(&self.path).map_err(|e| Error::unreadable(&self.path, e.error))?;
        Ok(())
    }
}
