//! Ctrl-C: the first one asks for a clean end, the second one ends the program at once.

use std::sync::atomic::{AtomicBool, Ordering};

use deeptalk_rt::{Error, Result};

use super::say;

static ASKED: AtomicBool = AtomicBool::new(false);
/// The exit code of a program that an interrupt ended.
const INTERRUPTED: i32 = 130;

/// Handles Ctrl-C (and SIGTERM) from now on: [`check`] reports it, so that no incomplete file is left behind.
pub fn listen() {
    // Without the handler the system's own stays: Ctrl-C ends the program at once. That is no reason not to work.
    let _ = ctrlc::set_handler(|| {
        if ASKED.swap(true, Ordering::SeqCst) {
            std::process::exit(INTERRUPTED);
        }
        say::line("stopping after this step; Ctrl-C again stops at once");
    });
}

/// The flag that a request to stop sets.
pub fn asked() -> &'static AtomicBool {
    &ASKED
}

/// Fails after a request to stop.
///
/// # Errors
/// [`Error::Cancelled`].
pub fn check() -> Result<()> {
    if ASKED.load(Ordering::SeqCst) { Err(Error::Cancelled) } else { Ok(()) }
}
