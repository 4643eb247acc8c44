//! Handles, arrays and out parameters at the border to C.

use crate::status::{Fault, dt_status};

/// The memory behind an opaque pointer.
#[repr(C)]
pub(crate) struct Handle<T> {
    /// Number of the handle's kind; the first member of every handle.
    kind: u64,
    pub value: T,
}

/// The opaque type of a handle: the Rust value behind it, its kind's number and its name in messages.
pub(crate) trait Opaque {
    type Value;
    const KIND: u64;
    const NAME: &'static str;
}

/// Boxes a value as a handle and writes the handle to the out parameter, as the last step.
pub(crate) unsafe fn give<O: Opaque>(value: O::Value, out: *mut *mut O) -> Result<(), Fault> {
    let handle = Box::into_raw(Box::new(Handle { kind: O::KIND, value }));
    // SAFETY: by the header's rules, `out` is null or has room for a pointer.
    unsafe { write(out, handle.cast(), "the place for the handle") }.inspect_err(|_| {
        // SAFETY: boxed above, and no other pointer to it exists.
        drop(unsafe { Box::from_raw(handle) });
    })
}

/// The value behind a handle that the caller passes in.
pub(crate) unsafe fn look<'a, O: Opaque>(handle: *const O) -> Result<&'a O::Value, Fault> {
    let handle = handle.cast::<Handle<O::Value>>();
    if handle.is_null() {
        return Err(Fault::new(dt_status::DT_BAD_HANDLE, format!("the {} is null", O::NAME)));
    }
    // SAFETY: by the header's rules the handle is alive; every kind of handle begins with a u64.
    let right = handle.is_aligned() && unsafe { handle.cast::<u64>().read() } == O::KIND;
    if !right {
        return Err(Fault::new(dt_status::DT_BAD_HANDLE, format!("this is not a {}", O::NAME)));
    }
    // SAFETY: the kind was compared above, and the handle is alive by the header's rules.
    Ok(unsafe { &(*handle).value })
}

/// Frees a handle and sets the caller's variable to null, if `may_go` returns no error.
pub(crate) unsafe fn take_back<O: Opaque>(
    variable: *mut *mut O,
    may_go: impl FnOnce(&O::Value) -> Result<(), Fault>,
) -> Result<(), Fault> {
    if variable.is_null() {
        let text = format!("the address of the {} is null: give the address of the handle", O::NAME);
        return Err(Fault::new(dt_status::DT_BAD_HANDLE, text));
    }
    // SAFETY: by the header's rules, `variable` is a variable of the caller that holds a handle.
    let handle = unsafe { variable.read() };
    // SAFETY: as above.
    may_go(unsafe { look(handle) }?)?;
    // SAFETY: `look` checked that this is a handle of this kind, and `give` boxed every handle.
    unsafe {
        let handle = handle.cast::<Handle<O::Value>>();
        (*handle).kind = 0;
        variable.write(std::ptr::null_mut());
        drop(Box::from_raw(handle));
    }
    Ok(())
}

/// An array that the caller passes in.
pub(crate) unsafe fn array<'a, T>(pointer: *const T, count: usize, what: &str) -> Result<&'a [T], Fault> {
    if count == 0 {
        return Ok(&[]);
    }
    check(pointer, count, what)?;
    // SAFETY: checked as far as can be; the rest is the header's rule.
    Ok(unsafe { std::slice::from_raw_parts(pointer, count) })
}

/// An array that the caller passes in to be written.
pub(crate) unsafe fn array_mut<'a, T>(
    pointer: *mut T,
    count: usize,
    what: &str,
) -> Result<&'a mut [T], Fault> {
    if count == 0 {
        return Ok(&mut []);
    }
    check(pointer, count, what)?;
    // SAFETY: checked as far as can be; the rest is the header's rule.
    Ok(unsafe { std::slice::from_raw_parts_mut(pointer, count) })
}

fn check<T>(pointer: *const T, count: usize, what: &str) -> Result<(), Fault> {
    let bad = |text: String| Err(Fault::new(dt_status::DT_BAD_USE, text));
    if pointer.is_null() {
        return bad(format!("{what}: null, but {count} elements are announced"));
    }
    if !pointer.is_aligned() {
        return bad(format!("{what}: its address is not a multiple of {}", align_of::<T>()));
    }
    if count.checked_mul(size_of::<T>()).is_none_or(|bytes| bytes > isize::MAX as usize) {
        return bad(format!("{what}: {count} elements are more than memory has"));
    }
    Ok(())
}

/// Copies numbers into an array of the caller, which must have room for all of them.
pub(crate) unsafe fn copy<T: Copy>(
    values: &[T],
    out: *mut T,
    capacity: usize,
    what: &str,
) -> Result<(), Fault> {
    if capacity < values.len() {
        let text = format!("{what}: room for {capacity} elements, and {} are needed", values.len());
        return Err(Fault::new(dt_status::DT_TOO_SMALL, text));
    }
    // SAFETY: the contract of this function.
    unsafe { array_mut(out, values.len(), what) }?.copy_from_slice(values);
    Ok(())
}

/// Refuses an out parameter that cannot be written, before any work is done for it.
pub(crate) fn place<T>(out: *mut T, what: &str) -> Result<(), Fault> {
    let wrong = match (out.is_null(), out.is_aligned()) {
        (true, _) => "is null",
        (_, false) => "is not aligned",
        _ => return Ok(()),
    };
    Err(Fault::new(dt_status::DT_BAD_USE, format!("`{what}` {wrong}: give a place to write to")))
}

/// Refuses two arrays of `count` elements that cannot be written, or that overlap.
pub(crate) fn places<T>(
    [one, two]: [*mut T; 2],
    count: usize,
    [first, second]: [&str; 2],
) -> Result<(), Fault> {
    if count > 0 {
        check(one, count, first)?;
        check(two, count, second)?;
        if one.addr().abs_diff(two.addr()) < count * size_of::<T>() {
            let text = format!("{first} and {second} overlap: give two arrays");
            return Err(Fault::new(dt_status::DT_BAD_USE, text));
        }
    }
    Ok(())
}

/// Writes an out parameter, which must not be null.
pub(crate) unsafe fn write<T>(out: *mut T, value: T, what: &str) -> Result<(), Fault> {
    place(out, what)?;
    // SAFETY: not null and aligned; by the header's rules there is room for a T.
    unsafe { out.write(value) };
    Ok(())
}

/// A structure of the caller whose first member is its size; `None` for null.
pub(crate) unsafe fn structure<'a, T>(pointer: *const T, what: &str) -> Result<Option<&'a T>, Fault> {
    if pointer.is_null() {
        return Ok(None);
    }
    check(pointer, 1, what)?;
    // SAFETY: every structure of the header that comes this way begins with a size_t.
    let size = unsafe { pointer.cast::<usize>().read() };
    if size != size_of::<T>() {
        return Err(Fault::new(
            dt_status::DT_BAD_USE,
            format!(
                "{what}: its `size` is {size} and should be {}: begin with its init function",
                size_of::<T>()
            ),
        ));
    }
    // SAFETY: its `size` is that of a T, so the caller initialised it as one.
    Ok(Some(unsafe { &*pointer }))
}
