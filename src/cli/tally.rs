//! The outcome of a run over many recordings.

use deeptalk_rt::Error;

/// Counts of the run and its exit code.
#[derive(Default)]
pub struct Tally {
    pub written: usize,
    pub failed: usize,
    pub exit_code: u8,
}

impl Tally {
    /// Counts a failure; the first one decides the exit code.
    pub fn fail(&mut self, error: &Error) {
        self.failed += 1;
        if self.exit_code == 0 {
            self.exit_code = error.exit_code();
        }
    }
}
