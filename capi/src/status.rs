//! How functions end, and what they say of it.

use std::cell::RefCell;
use std::ffi::c_char;
use std::panic::{AssertUnwindSafe, catch_unwind};

use deeptalk_rt::Error;

use crate::text;

/// How a function ended.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum dt_status {
    /// Done.
    DT_OK = 0,
    /// The system refused, or the work failed.
    DT_FAILED = 1,
    /// Arguments that make no sense.
    DT_BAD_USE = 2,
    /// A file that is missing, damaged or of the wrong kind.
    DT_BAD_INPUT = 3,
    /// The device cannot be used.
    DT_NO_DEVICE = 4,
    /// The progress callback asked to stop. The session can be used again.
    DT_CANCELLED = 5,
    /// A null handle, or a handle of another kind.
    DT_BAD_HANDLE = 6,
    /// The session is in use: by another thread, or by the call whose callback this is.
    DT_BUSY = 7,
    /// The buffer is too small; the length that is needed was written where the function says.
    DT_TOO_SMALL = 8,
    /// A defect of the library. Free the handles that took part.
    DT_DEFECT = 9,
}

use dt_status::{DT_BAD_INPUT, DT_BAD_USE, DT_CANCELLED, DT_DEFECT, DT_FAILED, DT_NO_DEVICE, DT_OK};

thread_local! {
    static LAST_ERROR: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Why a function does not end well.
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

/// The border: nothing unwinds past it.
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
    // A thread that is ending has nobody to tell.
    let _ = LAST_ERROR.try_with(|last| last.replace(fault.text));
    fault.status
}

/// What the last function of this thread that did not return DT_OK had to say, in whole sentences, copied into `buffer` and NUL-terminated; cut
/// to `capacity` bytes. `*length`, unless null, becomes the length of the whole text without the NUL. A null `buffer` of capacity 0 asks for the length
/// alone. Thread rules: any thread; each has its own last error.
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
