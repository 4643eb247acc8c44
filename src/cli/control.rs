//! Changes that reach a stream while it runs, one a line.

use std::fs::File;
use std::io::{BufRead, BufReader, Read as _};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use deeptalk_rt::runtime::Session;
use deeptalk_rt::{Error, Result};

use super::say;

/// The longest line; what is behind it counts as a line of its own.
const LONGEST_LINE: u64 = 4096;
/// Lines that wait for the next piece of sound; a writer that is faster waits.
const MOST_WAITING: usize = 64;

/// Lines from a file, a pipe or a descriptor.
pub struct Changes {
    lines: Receiver<String>,
}

impl Changes {
    /// Begins to read. A named pipe is opened again when its writer closes it.
    pub fn listen(path: &PathBuf) -> Result<Self> {
        path.metadata().map_err(|error| Error::unreadable(path, error))?;
        let (sender, lines) = sync_channel(MOST_WAITING);
        let path = path.clone();
        // Opening a pipe waits for its writer, so even that is done beside the stream. The thread ends with
        // the program.
        let read_lines = move || {
            loop {
                match File::open(&path) {
                    Ok(file) => {
                        let is_pipe = is_pipe(&file);
                        if !read(file, &sender) || !is_pipe {
                            return;
                        }
                    }
                    Err(error) => return say::error(&Error::unreadable(&path, error)),
                }
            }
        };
        thread::Builder::new().spawn(read_lines).map_err(|error| {
            Error::DeviceFailed(format!("no thread can be started that reads the changes: {error}"))
        })?;
        Ok(Self { lines })
    }

    /// Applies the lines that came. One that makes no sense is told on standard error, and the stream goes
    /// on.
    pub fn apply(&self, session: &mut Session) {
        while let Ok(line) = self.lines.try_recv() {
            let line = line.trim();
            let outcome = match line.split_once(char::is_whitespace) {
                Some(("emotion", mood)) => session.set_mood(mood.trim()),
                _ if line.is_empty() => Ok(()),
                _ => {
                    Err(Error::Usage(format!("a line of control is `emotion MOOD[:STRENGTH]`, not `{line}`")))
                }
            };
            if let Err(error) = outcome {
                say::error(&error);
            }
        }
    }
}

/// Passes lines on; false if nobody listens any more.
fn read(file: File, sender: &SyncSender<String>) -> bool {
    let mut reader = BufReader::new(file);
    loop {
        let mut line = Vec::new();
        match reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return true,
            Ok(_) => {
                if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                    return false;
                }
            }
        }
    }
}

#[cfg(unix)]
fn is_pipe(file: &File) -> bool {
    use std::os::unix::fs::FileTypeExt;
    file.metadata().is_ok_and(|metadata| metadata.file_type().is_fifo())
}

#[cfg(not(unix))]
fn is_pipe(_: &File) -> bool {
    false
}
