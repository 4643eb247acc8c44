//! Progress and cancellation for one call.

use std::ffi::{CString, c_char, c_int, c_void};

use deeptalk_rt::Error;
use deeptalk_rt::runtime::{Control, Step};

use crate::handle;
use crate::status::Fault;

/// Callback after every step of the work: the stage that ended ("frames" when frames are complete), the
/// frames done and the total number of frames. A return value other than 0 stops the work, which then returns
/// DT_CANCELLED.
///
/// Thread rules: the callback runs on a thread of the model while the caller waits, never twice at the same
/// time for one call. It must return normally, without an exception or longjmp. Functions on the same session
/// return DT_BUSY.
pub type dt_progress =
    Option<unsafe extern "C" fn(user: *mut c_void, stage: *const c_char, done: usize, total: usize) -> c_int>;

/// A progress callback and its argument.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dt_control {
    /// sizeof(dt_control).
    pub size: usize,
    /// Null: no progress is reported, and the work cannot be stopped.
    pub progress: dt_progress,
    /// Passed to `progress` unchanged.
    pub user: *mut c_void,
}

/// The callback, moved to the thread of the model that calls it while the caller waits.
struct Callback(dt_control);

// SAFETY: the header says that the callback runs on another thread while the caller waits; the caller answers
// for the memory behind `user`.
unsafe impl Send for Callback {}

impl Callback {
    fn call(&self, step: Step) -> deeptalk_rt::Result<()> {
        let Some(progress) = self.0.progress else { return Ok(()) };
        let stage = CString::new(step.stage).unwrap_or_default();
        // SAFETY: by the header's rules, a function of the caller with this signature.
        match unsafe { progress(self.0.user, stage.as_ptr(), step.done, step.total) } {
            0 => Ok(()),
            _ => Err(Error::Cancelled),
        }
    }
}

/// Runs work with the caller's progress callback; without one if `control` is null.
pub(crate) unsafe fn under<T>(
    control: *const dt_control,
    work: impl FnOnce(&mut Control<'_>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    match unsafe { handle::structure(control, "the control") }? {
        None => work(&mut Control::new()),
        Some(control) => {
            let callback = Callback(*control);
            let mut tell = move |step: Step| callback.call(step);
            work(&mut Control::new().progress(&mut tell))
        }
    }
}
