//! The output files of each recording, planned and tried before any work is done.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use deeptalk_rt::export::{Ending, Format};
use deeptalk_rt::files::AtomicFile;
use deeptalk_rt::{Error, Result};

/// A recording and its output files: for every take, one file for every format.
#[derive(Debug, PartialEq)]
pub struct Job {
    pub input: PathBuf,
    pub takes: Vec<Vec<PathBuf>>,
}

/// The target of the results.
pub enum Target<'a> {
    /// These files, for a single recording.
    Files(&'a [PathBuf]),
    /// A folder, with the ending for files in it.
    Folder(&'a Path, &'a str),
}

/// The files of every recording.
///
/// # Errors
/// [`Error::Usage`] where files have unknown endings, or two results would be one file.
pub fn plan(inputs: &[PathBuf], target: &Target<'_>, takes: usize) -> Result<Vec<Job>> {
    let job = |input: &PathBuf| {
        let bases = match target {
            Target::Files(files) => files.to_vec(),
            Target::Folder(folder, ending) => {
                let stem = input.file_stem().unwrap_or(input.as_os_str());
                let mut name = stem.to_owned();
                name.push(".");
                name.push(ending);
                vec![folder.join(name)]
            }
        };
        let takes = (1..=takes).map(|take| {
            bases.iter().map(|base| if takes == 1 { base.clone() } else { numbered(base, take) }).collect()
        });
        Job { input: input.clone(), takes: takes.collect() }
    };
    let jobs: Vec<Job> = inputs.iter().map(job).collect();
    check_names(&jobs)?;
    Ok(jobs)
}

/// `talk.npz` as take 2: `talk-2.npz`; a folder of frames `frames/` too: `frames-2/`.
fn numbered(base: &Path, take: usize) -> PathBuf {
    let mut name = base.file_stem().unwrap_or_default().to_owned();
    name.push(format!("-{take}"));
    if Ending::Folder.names(base) {
        name.push("/");
        return base.with_file_name(name);
    }
    if let Some(ending) = base.extension() {
        name.push(".");
        name.push(ending);
    }
    base.with_file_name(name)
}

/// Checks that endings are known and that no two results share a file.
fn check_names(jobs: &[Job]) -> Result<()> {
    let mut owners: HashMap<PathBuf, &Path> = HashMap::new();
    for job in jobs {
        for path in job.takes.iter().flatten() {
            Format::of_path(path)?;
            match owners.insert(real(path), &job.input) {
                None => {}
                Some(other) if other == job.input => {
                    return Err(Error::Usage(format!(
                        "{}: two results would go to this file: give each recording and each output once",
                        path.display()
                    )));
                }
                Some(other) => {
                    return Err(Error::Usage(format!(
                        "{} and {} would both be written to {}: rename one, or run them into different folders",
                        other.display(),
                        job.input.display(),
                        path.display()
                    )));
                }
            }
        }
    }
    Ok(())
}

/// The real path of a file, so that two names of one file are equal.
fn real(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match (path.canonicalize(), folder.canonicalize(), path.file_name()) {
        (Ok(path), _, _) => path,
        (_, Ok(folder), Some(name)) => folder.join(name),
        _ => path.into(),
    }
}

/// Tries every output: its folder must exist and be writable. Nothing is left behind. `reads` are input
/// files, which must not be replaced.
///
/// # Errors
/// [`Error::Usage`] for an output that is an input too, [`Error::Io`] where the system refuses.
pub fn check<'a>(
    outputs: impl IntoIterator<Item = &'a PathBuf>,
    reads: impl IntoIterator<Item = &'a PathBuf>,
) -> Result<()> {
    let reads: Vec<PathBuf> = reads.into_iter().map(|path| real(path)).collect();
    for path in outputs {
        if reads.contains(&real(path)) {
            return Err(Error::Usage(format!(
                "{}: this file is read, so nothing is written to it: choose another name",
                path.display()
            )));
        }
        if Ending::Folder.names(path) {
            check_folder(path)?;
        } else {
            AtomicFile::create(path)?;
        }
    }
    Ok(())
}

/// Makes a folder and those above it.
///
/// # Errors
/// [`Error::Io`] where the system refuses.
pub fn make_folder(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|source| Error::Io {
        path: folder.into(),
        action: "make the folder",
        source,
        next: "choose a folder that you may write to",
    })
}

/// Checks that a folder exists or can be made.
fn check_folder(path: &Path) -> Result<()> {
    // Without the slash at the end, whose parent would be the folder itself.
    let folder: PathBuf = path.components().collect();
    let probe = if folder.is_dir() { folder.join("frame") } else { folder };
    AtomicFile::create(probe).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(names: &[&str]) -> Vec<PathBuf> {
        names.iter().map(PathBuf::from).collect()
    }

    #[test]
    fn takes_are_numbered_before_the_ending() {
        let files = paths(&["out/talk.v2.npz", "talk.csv"]);
        let jobs = plan(&paths(&["a.wav"]), &Target::Files(&files), 2).unwrap();
        let expected =
            vec![paths(&["out/talk.v2-1.npz", "talk-1.csv"]), paths(&["out/talk.v2-2.npz", "talk-2.csv"])];
        assert_eq!(jobs, [Job { input: "a.wav".into(), takes: expected }]);
    }

    #[test]
    fn a_folder_takes_the_recordings_stems() {
        let inputs = paths(&["x/a.b.wav", "y/c"]);
        let jobs = plan(&inputs, &Target::Folder(Path::new("out"), "npy"), 1).unwrap();
        assert_eq!(jobs[0].takes, [paths(&["out/a.b.npy"])]);
        assert_eq!(jobs[1].takes, [paths(&["out/c.npy"])]);
    }

    #[test]
    fn two_results_never_share_a_file() {
        let inputs = paths(&["x/talk.wav", "y/talk.wav"]);
        let error = plan(&inputs, &Target::Folder(Path::new("out"), "npz"), 1).unwrap_err();
        assert!(
            error.to_string().starts_with("x/talk.wav and y/talk.wav would both be written to out/talk.npz")
        );
        let files = paths(&["talk.npz", "./talk.npz"]);
        assert_eq!(plan(&paths(&["a.wav"]), &Target::Files(&files), 1).unwrap_err().exit_code(), 2);
    }
}
