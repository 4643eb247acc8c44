//! Handles, arrays and out parameters across the border.

use crate::status::{Fault, dt_status};

/// What an opaque pointer points to.
#[repr(C)]
pub(crate) struct Handle<T> {
    /// The kind's own number, first in every handle.
    kind: u64,
    pub value: T,
}

/// The opaque type of a handle: what it is made of, and how it is known.
pub(crate) trait Opaque {
    type Value;
    const KIND: u64;
    const NAME: &'static str;
}

/// Hands a value out; the out parameter is written last.
pub(crate) unsafe fn give<O: Opaque>(value: O::Value, out: *mut *mut O) -> Result<(), Fault> {
    let handle = Box::into_raw(Box::new(Handle { kind: O::KIND, value }));
    // SAFETY: a place for a pointer by the header's rules, or null.
    unsafe { write(out, handle.cast(), "the place for the handle") }.inspect_err(|_| {
        // SAFETY: made above, and seen by nobody.
        drop(unsafe { Box::from_raw(handle) });
    })
}

/// What a handle of the caller's holds.
pub(crate) unsafe fn look<'a, O: Opaque>(handle: *const O) -> Result<&'a O::Value, Fault> {
    let handle = handle.cast::<Handle<O::Value>>();
    if handle.is_null() {
        return Err(Fault::new(dt_status::DT_BAD_HANDLE, format!("the {} is null", O::NAME)));
    }
    // SAFETY: a handle that is alive by the header's rules: of whatever kind, it begins with a u64.
    let right = handle.is_aligned() && unsafe { handle.cast::<u64>().read() } == O::KIND;
    if !right {
        return Err(Fault::new(dt_status::DT_BAD_HANDLE, format!("this is not a {}", O::NAME)));
    }
    // SAFETY: of this kind, and alive.
    Ok(unsafe { &(*handle).value })
}

/// Takes a handle back and sets the caller's variable to null, if `may_go` agrees.
pub(crate) unsafe fn take_back<O: Opaque>(
    variable: *mut *mut O,
    may_go: impl FnOnce(&O::Value) -> Result<(), Fault>,
) -> Result<(), Fault> {
    if variable.is_null() {
        let text = format!("the address of the {} is null: give the address of the handle", O::NAME);
        return Err(Fault::new(dt_status::DT_BAD_HANDLE, text));
    }
    // SAFETY: a variable of the caller's that holds a handle, by the header's rules.
    let handle = unsafe { variable.read() };
    // SAFETY: as above.
    may_go(unsafe { look(handle) }?)?;
    // SAFETY: `look` saw that it is a handle of this kind, which `give` boxed.
    unsafe {
        let handle = handle.cast::<Handle<O::Value>>();
        (*handle).kind = 0;
        variable.write(std::ptr::null_mut());
        drop(Box::from_raw(handle));
    }
    Ok(())
}

/// An array of the caller's.
pub(crate) unsafe fn array<'a, T>(pointer: *const T, count: usize, what: &str) -> Result<&'a [T], Fault> {
    if count == 0 {
        return Ok(&[]);
    }
    check(pointer, count, what)?;
    // SAFETY: checked as far as can be; the rest is the header's rule.
    Ok(unsafe { std::slice::from_raw_parts(pointer, count) })
}

/// An array of the caller's, to write.
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

/// Copies numbers into an array of the caller's that must hold them all.
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
    // SAFETY: as for this function.
    unsafe { array_mut(out, values.len(), what) }?.copy_from_slice(values);
    Ok(())
}

/// An out parameter that must be there.
pub(crate) unsafe fn write<T>(out: *mut T, value: T, what: &str) -> Result<(), Fault> {
    if out.is_null() || !out.is_aligned() {
        return Err(Fault::new(dt_status::DT_BAD_USE, format!("`{what}` is null: give a place to write to")));
    }
    // SAFETY: not null, aligned, and a place for a T by the header's rules.
    unsafe { out.write(value) };
    Ok(())
}

/// A structure of the caller's whose first member is its size; none for null.
pub(crate) unsafe fn structure<'a, T>(pointer: *const T, what: &str) -> Result<Option<&'a T>, Fault> {
    if pointer.is_null() {
        return Ok(None);
    }
    check(pointer, 1, what)?;
    // SAFETY: every such structure begins with a size_t.
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
    // SAFETY: it says itself that it is one.
    Ok(Some(unsafe { &*pointer }))
}
