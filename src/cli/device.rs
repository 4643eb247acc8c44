//! The bare device, for those who look into the network.

use deeptalk_rt::runtime::Device;
use deeptalk_rt::tensor::cpu::Cpu;
use deeptalk_rt::tensor::cuda::Cuda;
use deeptalk_rt::{Error, Result};

use super::say;

/// What there is.
pub enum Opened {
    Cpu(Cpu),
    CpuBf16(Cpu),
    Cuda(Cuda),
}

/// # Errors
/// [`Error::Device`] if what is asked for cannot be used; `auto` says why and takes the CPU.
pub fn open(device: Device) -> Result<Opened> {
    match device {
        Device::Cpu => Ok(Opened::Cpu(Cpu::F32)),
        Device::CpuBf16 => Cpu::bf16().map(Opened::CpuBf16),
        Device::Cuda(number) => Cuda::new(number).map(Opened::Cuda),
        Device::Auto => match Cuda::new(0) {
            Ok(cuda) => Ok(Opened::Cuda(cuda)),
            Err(Error::Device(why)) => {
                fell_back(&why);
                Ok(Opened::Cpu(Cpu::F32))
            }
            Err(other) => Err(other),
        },
    }
}

/// Tells why `auto` took the CPU.
pub fn fell_back(why: &str) {
    say::line(format_args!("running on the CPU: {why}"));
}
