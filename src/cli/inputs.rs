//! The names of recordings, before any is opened, and standard input as one of them.

use std::io::{IsTerminal, copy, stdin};
use std::path::{Path, PathBuf};

use deeptalk_rt::{Error, Result};
use tempfile::NamedTempFile;

/// True for the name that stands for standard input.
pub fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Standard input in a file that goes away with the result, if it is one of the recordings: formats whose index is at
/// their end cannot be read from a pipe.
///
/// # Errors
/// [`Error::Usage`] if it is named twice or is a terminal; [`Error::Io`] if there is no room for it.
pub fn spool(inputs: &[PathBuf]) -> Result<Option<NamedTempFile>> {
    match inputs.iter().filter(|path| is_standard_input(path)).count() {
        0 => return Ok(None),
        1 if stdin().is_terminal() => {
            return Err(Error::Usage("-: standard input is a terminal: pipe a recording into it".into()));
        }
        1 => {}
        _ => return Err(Error::Usage("-: standard input can be one recording only".into())),
    }
    let folder = std::env::temp_dir();
    let failed = |source| Error::Io {
        path: folder.clone(),
        action: "keep standard input in a file",
        source,
        next: "free space there, or name another folder in TMPDIR",
    };
    let mut file = NamedTempFile::with_prefix("standard-input-").map_err(failed)?;
    copy(&mut stdin().lock(), &mut file).map_err(failed)?;
    Ok(Some(file))
}

/// Refuses names that are no files of this machine: addresses, patterns that the shell did not expand.
///
/// # Errors
/// [`Error::Usage`] with what to do instead.
pub fn check(inputs: &[PathBuf]) -> Result<()> {
    inputs.iter().try_for_each(|path| {
        let name = path.to_string_lossy();
        let wrong = |next: &str| Err(Error::Usage(format!("{name}: {next}")));
        if ["http://", "https://", "ftp://"].iter().any(|scheme| name.starts_with(scheme)) {
            return wrong("nothing is fetched from a network: download the recording, and give its file");
        }
        if name.contains(['*', '?']) && !path.exists() {
            return wrong(
                "no file has a name of this pattern, so the shell left it as it is: check the folder",
            );
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_file_is_told_with_the_way_round_it() {
        let told = |name: &str| check(&[name.into()]).map_err(|error| error.to_string());
        assert_eq!(told("-"), Ok(()));
        assert!(told("https://example.org/a.wav").unwrap_err().contains("download the recording"));
        assert!(told("clips/*.wav").unwrap_err().contains("the shell left it"));
        assert_eq!(told("a.wav"), Ok(()));
    }
}
