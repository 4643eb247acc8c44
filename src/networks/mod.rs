//! The networks, each in a folder of its own, and the model file that holds one.

mod builtin;
pub mod deeptalk;
mod model_file;

pub use model_file::{ARCHITECTURE, FORMAT_VERSION, ModelFile, Provenance, tensor_shapes, write_model};
