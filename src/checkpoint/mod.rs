//! Model files, and what they are made from.

mod model_file;
mod published;
mod synth;

pub use model_file::{ModelFile, Provenance, tensor_shapes, write_model};
pub use published::{Published, Recipes};
pub use synth::{Formula, synth_model};
