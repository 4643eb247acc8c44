//! Files, whatever they hold: atomic writes, hashes, memory maps, safetensors, NumPy arrays, pickles and torch archives.
//!
//! This room knows no other one: neither sound nor networks nor faces.

mod atomic;
pub mod elements;
mod hash;
mod map;
pub(crate) mod npy;
pub mod numpy;
pub mod pickle;
pub mod tensors;
mod torch;
mod torch_legacy;

pub use atomic::{AtomicFile, Failure, Written};
pub(crate) use hash::hex;
pub(crate) use map::FileMap;
pub use tensors::{SafetensorsFile, Tensors, open_tensors};
pub use torch::TorchArchive;
