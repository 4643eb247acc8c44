//! Tensor operations, and the devices that implement them.
//!
//! A network is written once, over [`Ops`]. A tensor is a packed batch ([`Clips`]) of rows with some
//! channels, row-major. Each operation has its usual name in the field. Larger ones (a transformer layer) are
//! methods with a default body made of smaller ones. A device may override the method with a fused kernel;
//! the default body is then the reference for the tests of that kernel.
//!
//! Shapes are checked once, in [`shapes`], by every device alike.

mod clips;
pub mod counting;
pub mod cpu;
pub mod cuda;
mod device;
mod engine;
pub mod noise;
mod ops;
mod params;
pub mod shapes;
mod stored;

pub use clips::Clips;
pub use device::{Device, NumberFormat, OnDevice, OpenDevice};
pub use engine::{Engine, Lease, NetworkId, Part};
pub use ops::{
    CodeOps, Context, DiffusionOps, EmbeddingOps, FrontLayer, FrontNorm, MeshOps, Neighbors, Ops, Outputs,
    Packed, Role, RowOps, SampleCodes, SkinTables, SpeechOps, Typed,
};
pub use params::{
    Activation, Affine, AttentionBias, Conv1d, ConvTranspose1d, Linear, Norm, Padding, TransformerLayer,
};
pub use stored::{Dtype, Stored};
