//! Model files, and what they are made from.

mod builtin;
pub mod elements;
mod import;
mod map;
mod model_file;
pub mod numpy;
pub mod pickle;
mod published;
pub mod source;
mod synth;
mod torch;
mod torch_legacy;

pub use import::{ImportReport, import_deeptalk};
pub use model_file::{ARCHITECTURE, FORMAT_VERSION, ModelFile, Provenance, tensor_shapes, write_model};
pub use published::{Published, Recipes};
pub use source::{SafetensorsFile, Tensors, open_tensors};
pub use synth::{Formula, synth_model, synth_model_with};
pub use torch::TorchArchive;
