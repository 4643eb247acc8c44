//! Ctrl-C: the first asks for a clean end, the second ends at once.

use std::sync::atomic::{AtomicBool, Ordering};

use deeptalk_rt::{Error, Result};

use super::say;

static ASKED: AtomicBool = AtomicBool::new(false);
/// What shells expect of a program that an interrupt ended.
const INTERRUPTED: i32 = 130;

/// From now on a Ctrl-C (or a polite kill) is seen by [`check`], so that nothing half-written stays behind.
pub fn listen() {
    // Without the handler the system's own stays: Ctrl-C ends the program at once. That is no reason not to work.
    let _ = ctrlc::set_handler(|| {
        if ASKED.swap(true, Ordering::SeqCst) {
            std::process::exit(INTERRUPTED);
        }
        say::line("stopping after this step; Ctrl-C again stops at once");
    });
}

/// What somebody's wish to stop sets.
pub fn asked() -> &'static AtomicBool {
    &ASKED
}

/// Refuses to go on once somebody asked to stop.
///
/// # Errors
/// [`Error::Cancelled`].
pub fn check() -> Result<()> {
    if ASKED.load(Ordering::SeqCst) { Err(Error::Cancelled) } else { Ok(()) }
}
