//! NumPy's `.npy`: the parameters alone.

use crate::Motion;
use crate::files::npy::{write_f32, write_header};
use crate::files::{AtomicFile, Failure};

/// Writes the parameters: (frames, parameters), f32.
pub(super) fn write(file: &mut AtomicFile, motion: &Motion) -> Result<(), Failure> {
    write_header(file, "<f4", &[motion.frames(), motion.names.len()])?;
    write_f32(file, &motion.values)?;
    Ok(())
}
