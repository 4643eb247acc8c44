//! Tensor operations, one trait for each family. A network requires the families that it uses.
//!
//! Shapes are written `(rows, channels)`; `rows` counts the rows of all clips. Operations on single rows
//! (`linear`, `layer_norm`, `add`, ...) do not depend on clips. Convolutions, `group_norm`, `attention`,
//! pooling and resampling work within one clip, so a clip's result does not depend on the other clips of the
//! batch.
//!
//! Every operation returns [`crate::Error::Shape`] for operands that do not fit.

mod codes;
mod context;
mod diffusion;
mod embeddings;
mod mesh;
mod rows;
mod speech;

pub use codes::{CodeOps, SampleCodes};
pub use context::{Context, Outputs, Packed, Role, Typed};
pub use diffusion::DiffusionOps;
pub use embeddings::EmbeddingOps;
pub use mesh::{MeshOps, Neighbors, SkinTables};
pub use rows::RowOps;
pub use speech::{FrontLayer, FrontNorm, SpeechOps};

/// All families together.
pub trait Ops: RowOps + CodeOps + SpeechOps + EmbeddingOps + MeshOps + DiffusionOps {}

impl<T: RowOps + CodeOps + SpeechOps + EmbeddingOps + MeshOps + DiffusionOps> Ops for T {}
