//! Ctrl-C and SIGTERM: a request to stop, which every command obeys within half a second.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use deeptalk_rt::files::discard_unfinished;
use deeptalk_rt::{Error, Result};

use super::say;

static ASKED: AtomicBool = AtomicBool::new(false);
/// The time that a step may still take to end by itself.
const GRACE: Duration = Duration::from_millis(350);

/// Handles Ctrl-C and SIGTERM from now on: [`check`] reports it to loops that can end cleanly. A step that
/// does not look is ended with the program; unfinished outputs are removed first.
pub fn listen() {
    // Without the handler the system's own stays: Ctrl-C ends the program at once. That is no reason not to
    // work.
    let _ = ctrlc::set_handler(|| {
        ASKED.store(true, Ordering::SeqCst);
        std::thread::sleep(GRACE);
        discard_unfinished();
        say::error(&Error::Cancelled);
        std::process::exit(Error::Cancelled.exit_code().into());
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
