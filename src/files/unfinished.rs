//! Temporary files and folders that this process has not finished.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

static UNFINISHED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// A temporary path that [`discard_unfinished`] removes; dropped when the path is finished or gone.
#[derive(Debug)]
pub(crate) struct Unfinished(PathBuf);

impl Unfinished {
    pub(crate) fn new(path: &Path) -> Self {
        paths().insert(path.into());
        Self(path.into())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        paths().remove(&self.0);
    }
}

fn paths() -> std::sync::MutexGuard<'static, BTreeSet<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes every temporary file and folder of outputs that are not finished. Only for a program that ends at
/// once: an output that is still being written fails after this call.
pub fn discard_unfinished() {
    for path in std::mem::take(&mut *paths()) {
        let removed =
            if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
        // The program ends now; there is nobody left to tell.
        drop(removed);
    }
}
