//! Which device the network runs on.

use std::fmt::{Display, Formatter};
use std::str::FromStr;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Device {
    /// The processor: the numeric reference.
    #[default]
    Cpu,
    /// The processor, with products in bf16, where it has such: faster, and half the memory.
    CpuBf16,
    /// A GPU by its number.
    Cuda(usize),
    /// The first GPU if it can be used, else the processor.
    Auto,
}

impl FromStr for Device {
    type Err = String;

    /// `cpu`, `cpu:bf16`, `cuda`, `cuda:N` or `auto`.
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cpu:bf16" => Ok(Self::CpuBf16),
            "cuda" => Ok(Self::Cuda(0)),
            _ => text
                .strip_prefix("cuda:")
                .and_then(|number| number.parse().ok().map(Self::Cuda))
                .ok_or_else(|| "expected auto, cpu, cpu:bf16, cuda or cuda:N, such as cuda:1".into()),
        }
    }
}

impl Display for Device {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::CpuBf16 => f.write_str("cpu:bf16"),
            Self::Cuda(number) => write!(f, "cuda:{number}"),
        }
    }
}
