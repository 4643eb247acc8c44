//! Strings at the border to C.

use std::ffi::{CStr, c_char};

use crate::status::{Fault, dt_status};

/// A NUL-terminated string that the caller passes in.
pub(crate) unsafe fn read<'a>(text: *const c_char, what: &str) -> Result<&'a str, Fault> {
    if text.is_null() {
        return Err(Fault::new(dt_status::DT_BAD_USE, format!("{what} is null: give a text")));
    }
    // SAFETY: not null, and NUL-terminated by the header's rules.
    unsafe { CStr::from_ptr(text) }
        .to_str()
        .map_err(|_| Fault::new(dt_status::DT_BAD_USE, format!("{what} is not UTF-8")))
}

/// Copies a text into a buffer of the caller, or returns DT_TOO_SMALL; `*length` becomes the text's length
/// without the NUL.
pub(crate) unsafe fn write(
    text: &str,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> Result<(), Fault> {
    if buffer.is_null() && capacity > 0 {
        return Err(Fault::new(dt_status::DT_BAD_USE, "the buffer is null, but its capacity is not 0"));
    }
    let fits = capacity > text.len();
    // SAFETY: the contract of this function.
    unsafe { write_cut(text, buffer, if fits { capacity } else { 0 }, length) };
    if fits || (buffer.is_null() && capacity == 0 && !length.is_null()) {
        return Ok(());
    }
    let needed = text.len() + 1;
    Err(Fault::new(
        dt_status::DT_TOO_SMALL,
        format!("the buffer has {capacity} bytes and {needed} are needed"),
    ))
}

/// Copies as much of the text as fits; returns false if the buffer is null and its capacity is not 0.
pub(crate) unsafe fn write_cut(text: &str, buffer: *mut c_char, capacity: usize, length: *mut usize) -> bool {
    if buffer.is_null() && capacity > 0 {
        return false;
    }
    if capacity > 0 {
        let mut cut = text.len().min(capacity - 1);
        while !text.is_char_boundary(cut) {
            cut -= 1;
        }
        // SAFETY: the buffer has `capacity` bytes by the header's rules, and `cut < capacity`.
        unsafe {
            std::ptr::copy_nonoverlapping(text.as_ptr(), buffer.cast(), cut);
            buffer.add(cut).write(0);
        }
    }
    if !length.is_null() {
        // SAFETY: not null, and a size_t by the header's rules.
        unsafe { length.write_unaligned(text.len()) };
    }
    true
}
