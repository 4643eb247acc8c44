//! Opening the device that the user named.

use deeptalk_rt::Result;
use deeptalk_rt::tensor::{Device, OpenDevice};

use super::say;

/// Opens a device and tells why `auto` took the CPU, if it did.
///
/// # Errors
/// [`Error::Device`](deeptalk_rt::Error::Device) if the device cannot be used.
pub fn open(device: Device) -> Result<OpenDevice> {
    let device = device.open()?;
    device.fallback().into_iter().for_each(fell_back);
    Ok(device)
}

/// Tells why `auto` took the CPU.
pub fn fell_back(why: &str) {
    say::line(format_args!("running on the CPU: {why}"));
}
