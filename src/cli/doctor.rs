//! `doctor`: what this machine offers, and what to do about what is missing.

use clap::Args;
use deeptalk_rt::networks::ModelFile;
use deeptalk_rt::rig::Face;
use deeptalk_rt::tensor::cpu::Cpu;
use deeptalk_rt::tensor::cuda::Gpu;
use deeptalk_rt::{Error, Result};

use super::say;

const EXAMPLES: &str = "\
Examples:
  deeptalk-rt doctor";

/// Tell what this machine offers, and what to do about what is missing
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Doctor {}

impl Doctor {
    pub fn execute(&self) -> Result<()> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let head = Face::builtin()?;
        let mut text = format!("deeptalk-rt {}\n", env!("CARGO_PKG_VERSION"));
        text += &format!("processor   {threads} threads, {}{}\n", vectors(), bf16());
        text += &format!("GPU         {}\n", gpus());
        text += &format!("face        {}, {} vertices, built in\n", head.name, head.vertex_count());
        text += &format!("model       {}\n", model());
        let sound = if cfg!(feature = "sound") { "AAC and FLAC" } else { "FLAC" };
        text += &format!("video       H.264, {sound}: encoders built in\n");
        say::result(&text)
    }
}

fn model() -> String {
    match ModelFile::builtin() {
        Ok(file) => {
            let parameters: usize = file.tensors().map(|tensor| tensor.shape.iter().product::<usize>()).sum();
            let size = say::size(file.bytes() as u64);
            format!("{} parameters, {size}, built in", say::count(parameters))
        }
        Err(error) => error.to_string(),
    }
}

fn gpus() -> String {
    let name = |number| match Gpu::new(number) {
        Ok(cuda) if cuda.launches_overlap() => format!("cuda:{number} {}, launches overlap", cuda.name()),
        Ok(cuda) => format!("cuda:{number} {}", cuda.name()),
        Err(error) => format!("cuda:{number} {error}"),
    };
    match Gpu::devices() {
        Ok(0) => "none".into(),
        Ok(count) => (0..count).map(name).collect::<Vec<_>>().join("\n            "),
        Err(Error::Device(why)) => why,
        Err(other) => other.to_string(),
    }
}

fn bf16() -> &'static str {
    if Cpu::bf16().is_ok() { ", bf16 products (--device cpu:bf16)" } else { "" }
}

#[cfg(target_arch = "x86_64")]
fn vectors() -> &'static str {
    if std::arch::is_x86_feature_detected!("avx512f") {
        "AVX-512"
    } else if std::arch::is_x86_feature_detected!("avx2") {
        "AVX2"
    } else {
        "SSE2"
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn vectors() -> &'static str {
    std::env::consts::ARCH
}
