//! Files that were downloaded the wrong way.

use std::path::Path;

use crate::{Error, Result};

/// Refuses what a download often gives instead of the file: a Git LFS pointer, or a web page.
///
/// # Errors
/// A bad input that names what the file is.
pub(crate) fn refuse_wrong_download(path: &Path, bytes: &[u8]) -> Result<()> {
    let head = &bytes[..bytes.len().min(256)];
    let text = head.trim_ascii_start().to_ascii_lowercase();
    let (found, next) = if text.starts_with(b"version https://git-lfs") {
        let next =
            "get the file itself: `git lfs pull` in its repository, or download it from the project's page";
        ("a Git LFS pointer, which only names the file", next)
    } else if [&b"<!doctype html"[..], b"<html", b"<head"].iter().any(|begin| text.starts_with(begin)) {
        ("a web page", "download the file again: the link led to a page")
    } else {
        return Ok(());
    };
    Err(Error::bad_input(path, "is not the file that was meant", "the file's own bytes", found, next))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_and_a_page_are_told_by_name() {
        let told = |bytes: &[u8]| refuse_wrong_download(Path::new("m.pth"), bytes).map_err(|e| e.to_string());
        let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n";
        assert!(told(pointer).unwrap_err().contains("found a Git LFS pointer"));
        assert!(told(b"\n <!DOCTYPE html><title>Sign in</title>").unwrap_err().contains("found a web page"));
        assert_eq!(told(b"PK\x03\x04"), Ok(()));
        assert_eq!(told(b""), Ok(()));
    }
}
