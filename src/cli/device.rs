//! Which device the network runs on.

use std::fmt::{Display, Formatter};
use std::str::FromStr;

use deeptalk_rt::backend::cpu::Cpu;
use deeptalk_rt::backend::cuda::Cuda;
use deeptalk_rt::{Error, Result};

use super::say;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// The first GPU if it can be used, else the CPU.
    Auto,
    Cpu,
    /// A GPU by its number.
    Cuda(usize),
}

/// What there is.
pub enum Device {
    Cpu(Cpu),
    Cuda(Cuda),
}

impl FromStr for Wish {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(0)),
            _ => text
                .strip_prefix("cuda:")
                .and_then(|number| number.parse().ok().map(Self::Cuda))
                .ok_or_else(|| "expected auto, cpu, cuda or cuda:N, such as cuda:1".into()),
        }
    }
}

impl Display for Wish {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(number) => write!(f, "cuda:{number}"),
        }
    }
}

impl Wish {
    /// The GPU's number, if it is one.
    pub fn number(self) -> usize {
        match self {
            Self::Cuda(number) => number,
            Self::Auto | Self::Cpu => 0,
        }
    }

    /// # Errors
    /// [`Error::Device`] if a GPU is asked for that cannot be used; `auto` says why and takes the CPU.
    pub fn open(self) -> Result<Device> {
        match self {
            Self::Cpu => Ok(Device::Cpu(Cpu)),
            Self::Cuda(number) => Cuda::new(number).map(Device::Cuda),
            Self::Auto => match Cuda::new(0) {
                Ok(cuda) => Ok(Device::Cuda(cuda)),
                Err(Error::Device(why)) => {
                    say::line(format_args!("running on the CPU: {why}"));
                    Ok(Device::Cpu(Cpu))
                }
                Err(other) => Err(other),
            },
        }
    }
}
