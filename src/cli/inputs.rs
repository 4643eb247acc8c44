//! The names of input files, before any is opened.

use std::path::PathBuf;

use deeptalk_rt::{Error, Result};

/// Refuses names that are no files of this machine: standard input, addresses, patterns that the shell did
/// not expand.
///
/// # Errors
/// [`Error::Usage`] with what to do instead.
pub fn check(inputs: &[PathBuf]) -> Result<()> {
    inputs.iter().try_for_each(|path| {
        let name = path.to_string_lossy();
        let wrong = |next: &str| Err(Error::Usage(format!("{name}: {next}")));
        if name == "-" {
            return wrong(
                "a recording is read from a file: save standard input to one, or use `deeptalk-rt stream`",
            );
        }
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
        assert!(told("-").unwrap_err().contains("deeptalk-rt stream"));
        assert!(told("https://example.org/a.wav").unwrap_err().contains("download the recording"));
        assert!(told("clips/*.wav").unwrap_err().contains("the shell left it"));
        assert_eq!(told("a.wav"), Ok(()));
    }
}
