//! Building blocks that networks share: encoders, transformer layers, convolutions, vector quantisation. Each
//! file has a block's weights, their shapes and its forward.
//!
//! A block loads its tensors from a [`Scope`]: a place in the tree of names of a [`Source`].

pub mod attention_bias;
mod conv;
mod dense;
pub mod log_mel;
mod observer;
mod positions;
mod source;
mod transformer;
mod vector_quantizer;
pub mod wav2vec;

pub use dense::NORM_EPS;
pub use log_mel::{LogMel, LogMelConfig};
pub use observer::{Observer, timed};
pub use positions::sinusoidal_table;
pub use source::{Scope, Source};
pub use transformer::TransformerConfig;
pub use vector_quantizer::Codebook;
