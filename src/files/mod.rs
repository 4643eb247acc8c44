//! File formats and file access: atomic writes, hashes, memory maps, safetensors, NumPy arrays, pickles and
//! torch archives.
//!
//! Of the crate, this module uses only the errors: it does not depend on sound, networks or faces.

mod atomic;
mod draft;
pub mod elements;
mod foreign;
mod hash;
mod map;
pub(crate) mod npy;
pub(crate) mod npz;
pub mod numpy;
pub mod pickle;
pub mod safetensors;
pub mod tensors;
mod torch;
mod unfinished;
mod whole;

pub use atomic::{AtomicFile, Failure, Written};
pub(crate) use foreign::refuse_wrong_download;
pub(crate) use hash::hex;
pub(crate) use map::FileMap;
pub use map::explain_bus_errors;
pub use tensors::{SafetensorsFile, Tensors, open_tensors};
pub use torch::TorchArchive;
pub(crate) use unfinished::Unfinished;
pub use unfinished::discard_unfinished;
pub(crate) use whole::{read_whole, regular};
