//! C functions of the motions of whole recordings.

use std::ffi::c_char;

use deeptalk_rt::animation::Animation;
use deeptalk_rt::export;

use crate::handle::{self, Opaque};
use crate::status::{dt_status, guard};
use crate::text;

/// The motion of a whole recording; read-only.
pub struct dt_motion {
    _opaque: [u8; 0],
}

impl Opaque for dt_motion {
    type Value = Animation;
    const KIND: u64 = u64::from_le_bytes(*b"dt_motio");
    const NAME: &'static str = "motion";
}

/// Writes the number of frames of a motion and the number of values of a frame. Thread rules: any thread, any
/// number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dt_motion_shape(
    motion: *const dt_motion,
    frames: *mut usize,
    parameters: *mut usize,
) -> dt_status {
    guard(|| {
        let motion = unsafe { handle::look(motion) }?;
        unsafe {
            handle::write(frames, motion.frames(), "frames")?;
            handle::write(parameters, motion.width(), "parameters")
        }
    })
}

/// Copies the values of a motion, row-major (frames, parameters), into `out`, which has room for `capacity`
/// floats. Returns DT_TOO_SMALL if they do not fit. Thread rules: any thread, any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dt_motion_values(
    motion: *const dt_motion,
    out: *mut f32,
    capacity: usize,
) -> dt_status {
    guard(|| {
        let motion = unsafe { handle::look(motion) }?;
        unsafe { handle::copy(&motion.rows()?, out, capacity, "the values") }
    })
}

/// Writes a motion to a file; the file appears complete or not at all. The ending chooses the format: .npz,
/// .npy, .csv or .json. Thread rules: any thread, any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dt_motion_write(motion: *const dt_motion, path: *const c_char) -> dt_status {
    guard(|| {
        let motion = unsafe { handle::look(motion) }?;
        let path = unsafe { text::read(path, "the path") }?;
        export::write(path, motion, &Default::default())?;
        Ok(())
    })
}

/// Frees a motion and sets `*motion` to null. Thread rules: any thread, but no other thread may use this
/// handle at the same time or afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dt_motion_free(motion: *mut *mut dt_motion) -> dt_status {
    guard(|| unsafe { handle::take_back(motion, |_| Ok(())) })
}
