//! Model files, and what they are made from.

pub mod elements;
mod map;
pub mod numpy;
pub mod pickle;
pub mod source;
mod torch;
mod torch_legacy;

pub use source::{SafetensorsFile, Tensors, open_tensors};
pub use torch::TorchArchive;
