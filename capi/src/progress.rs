//! The caller's hold on running work.

use std::ffi::{CString, c_char, c_int, c_void};

use deeptalk_rt::Error;
use deeptalk_rt::runtime::{Control, Step};

use crate::handle;
use crate::status::Fault;

/// Is told of every step: the stage that was finished ("frames" when frames are), frames done and frames in all. Anything but 0 stops the work, which then returns
/// DT_CANCELLED.
///
/// Thread rules: it is called on a thread of the model's while the caller waits, never twice at once for one call. It must return: no exception, no longjmp.
/// Functions on the same session return DT_BUSY.
pub type dt_progress =
    Option<unsafe extern "C" fn(user: *mut c_void, stage: *const c_char, done: usize, total: usize) -> c_int>;

/// A callback and what it is given.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dt_control {
    /// sizeof(dt_control).
    pub size: usize,
    /// Null: nobody is told, nothing stops.
    pub progress: dt_progress,
    /// Passed to `progress` as it is.
    pub user: *mut c_void,
}

/// The caller waits while the other thread has it.
struct Callback(dt_control);

// SAFETY: the header says that the callback runs on another thread while the caller waits; what `user` points to is the caller's business.
unsafe impl Send for Callback {}

impl Callback {
    fn call(&self, step: Step) -> deeptalk_rt::Result<()> {
        let Some(progress) = self.0.progress else { return Ok(()) };
        let stage = CString::new(step.stage).unwrap_or_default();
        // SAFETY: a function of the caller's with this signature.
        match unsafe { progress(self.0.user, stage.as_ptr(), step.done, step.total) } {
            0 => Ok(()),
            _ => Err(Error::Cancelled),
        }
    }
}

/// Runs work under the caller's control; null: under none.
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
