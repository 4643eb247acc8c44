//! Status codes and error messages of the C functions.

use std::cell::RefCell;
use std::ffi::c_char;
use std::panic::{AssertUnwindSafe, catch_unwind};

use deeptalk_rt::Error;

use crate::text;

/// The result of a function.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum dt_status {
    /// Done.
    DT_OK = 0,
    /// The operating system refused a request, or the work failed.
    DT_FAILED = 1,
    /// Invalid arguments.
    DT_BAD_USE = 2,
    /// A file that is missing, damaged or of the wrong kind.
    DT_BAD_INPUT = 3,
    /// The device is not usable.
    DT_NO_DEVICE = 4,
    /// The progress callback asked to stop. The session can be used again.
    DT_CANCELLED = 5,
    /// A null handle, or a handle of another kind.
    DT_BAD_HANDLE = 6,
    /// The session is in use by another thread, or by the call that runs the current callback.
    DT_BUSY = 7,
    /// The buffer is too small. Functions with a `length` parameter have written the needed length to it.
    DT_TOO_SMALL = 8,
    /// A defect of the library. Free the handles that were used in the call.
    DT_DEFECT = 9,
}

use dt_status::{DT_BAD_INPUT, DT_BAD_USE, DT_CANCELLED, DT_DEFECT, DT_FAILED, DT_NO_DEVICE, DT_OK};

thread_local! {
    static LAST_ERROR: RefCell<String> = const { RefCell::new(String::new()) };
}

/// The status and the message of a function that failed.
pub(crate) struct Fault {
    pub status: dt_status,
    pub text: String,
}

impl Fault {
    pub fn new(status: dt_status, text: impl Into<String>) -> Self {
        Self { status, text: text.into() }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let status = match error {
            Error::Usage(_) | Error::Shape { .. } => DT_BAD_USE,
            Error::BadInput(_) => DT_BAD_INPUT,
            Error::Device(_) => DT_NO_DEVICE,
            Error::Cancelled => DT_CANCELLED,
            _ => DT_FAILED,
        };
        Self { status, text: error.to_string() }
    }
}

/// Runs the body of a C function: stores its error message, and turns a panic into DT_DEFECT, so that nothing
/// unwinds into C.
pub(crate) fn guard(body: impl FnOnce() -> Result<(), Fault>) -> dt_status {
    let fault = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => return DT_OK,
        Ok(Err(fault)) => fault,
        Err(payload) => {
            let text = payload.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no message");
            Fault::new(DT_DEFECT, format!("a defect of the library: {text}; please report it"))
        }
    };
    // The thread-local is gone while its thread ends; then there is no reader either.
    let _ = LAST_ERROR.try_with(|last| last.replace(fault.text));
    fault.status
}

/// Copies the error message of this thread's last function that did not return DT_OK into `buffer`,
/// NUL-terminated and cut to `capacity` bytes. If `length` is not null, `*length` becomes the length of the
/// whole message without the NUL. A null `buffer` with capacity 0 asks for the length alone.
/// Thread rules: any thread; each thread has its own last error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dt_last_error(
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> dt_status {
    let last = LAST_ERROR.try_with(|last| last.borrow().clone()).unwrap_or_default();
    let written = unsafe { text::write_cut(&last, buffer, capacity, length) };
    if written { DT_OK } else { DT_BAD_USE }
}
