//! The vocabulary of tensor operations, and the devices that speak it.
//!
//! The network is written once, over [`Ops`]. A tensor is a packed batch ([`Clips`]) of rows with some
//! channels, row-major. Every operation has a name that the field knows; bigger ones (a transformer
//! layer) are methods with a default body made of the smaller ones, which a device may override with a
//! fused kernel: the default body is then that kernel's oracle.
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
