//! The devices, and the one function that opens them.

use std::fmt::{Display, Formatter};
use std::str::FromStr;

use super::counting::Counter;
use super::cpu::Cpu;
use super::cuda::Gpu;
use super::{Engine, Ops};
use crate::{Error, Result};

/// The name of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Device {
    /// The processor in f32: the numeric reference.
    #[default]
    Cpu,
    /// The processor with products in bf16, if it has such instructions: faster than f32, and half the
    /// memory.
    CpuBf16,
    /// A GPU by its number.
    Cuda(usize),
    /// The first GPU if it can be used, else the processor in f32.
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

impl Device {
    /// Opens the device.
    ///
    /// # Errors
    /// [`Error::Device`] if the device cannot be used; [`Device::Auto`] opens the processor then.
    pub fn open(self) -> Result<OpenDevice> {
        let open = |backend, name: String| Ok(OpenDevice { backend, name, fallback: None });
        match self {
            Self::Cpu => open(Backend::Cpu(Cpu::F32), self.to_string()),
            Self::CpuBf16 => open(Backend::Cpu(Cpu::bf16()?), self.to_string()),
            Self::Cuda(number) => {
                let cuda = Gpu::new(number)?;
                let name = format!("{self} {}", cuda.name());
                open(Backend::Cuda(cuda), name)
            }
            Self::Auto => match Self::Cuda(0).open() {
                Err(Error::Device(why)) => Ok(OpenDevice { fallback: Some(why), ..Self::Cpu.open()? }),
                outcome => outcome,
            },
        }
    }
}

/// An opened device. Clones share it.
#[derive(Debug, Clone)]
pub struct OpenDevice {
    backend: Backend,
    name: String,
    fallback: Option<String>,
}

#[derive(Debug, Clone)]
enum Backend {
    Cpu(Cpu),
    Cuda(Gpu),
    Counting(Counter),
}

/// Work that is generic over back ends.
pub trait OnDevice {
    /// The result.
    type Output;
    /// Does the work with the engine of one back end.
    fn on<E: Engine<Context: Ops>>(self, engine: E) -> Self::Output;
}

impl OpenDevice {
    /// The counting device, which computes nothing.
    pub fn counting(counter: Counter) -> Self {
        Self { backend: Backend::Counting(counter), name: "counting".into(), fallback: None }
    }

    /// `cpu`, `cpu:bf16`, or `cuda:0` and the name of the GPU.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The reason why [`Device::Auto`] took the processor, if it did.
    pub fn fallback(&self) -> Option<&str> {
        self.fallback.as_deref()
    }

    /// Runs work with the engine of this device.
    pub fn run<W: OnDevice>(&self, work: W) -> W::Output {
        match &self.backend {
            Backend::Cpu(engine) => work.on(*engine),
            Backend::Cuda(engine) => work.on(engine.clone()),
            Backend::Counting(engine) => work.on(engine.clone()),
        }
    }

    /// The number format of weights and activations.
    pub fn format(&self) -> NumberFormat {
        match &self.backend {
            Backend::Cpu(cpu) if *cpu == Cpu::F32 => NumberFormat::F32,
            Backend::Cpu(_) => NumberFormat::Bf16,
            Backend::Cuda(_) => NumberFormat::F16,
            Backend::Counting(_) => NumberFormat::F32,
        }
    }

    /// The GPU, if this device is one.
    pub fn cuda(&self) -> Option<&Gpu> {
        if let Backend::Cuda(cuda) = &self.backend { Some(cuda) } else { None }
    }
}

/// The number format of a device's products. Sums are f32 in all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberFormat {
    /// 32-bit floats.
    F32,
    /// 16-bit IEEE floats.
    F16,
    /// 16-bit floats with the exponent of f32; activations between products are f32.
    Bf16,
}
