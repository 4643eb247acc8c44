//! Post-norm transformer layers: sizes and tensors. The forward is
//! [`transformer_stack`](crate::tensor::RowOps::transformer_stack).

use serde::{Deserialize, Serialize};

use super::{Scope, Source};
use crate::Result;
use crate::tensor::{Activation, Linear, Norm, TransformerLayer};

/// Layers of a transformer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransformerConfig {
    /// Number of layers.
    pub layers: usize,
    /// Heads of a layer.
    pub heads: usize,
    /// Width of the feed-forward network.
    pub feed_forward: usize,
}

impl<W> TransformerLayer<W> {
    /// One layer of a place.
    ///
    /// # Errors
    /// As [`Source::tensor`].
    pub fn load<S: Source<Weight = W>>(
        at: &mut Scope<'_, S>,
        width: usize,
        config: TransformerConfig,
        activation: Activation,
    ) -> Result<Self> {
        Ok(Self {
            qkv: Linear::load(&mut at.at("qkv"), 3 * width, width)?,
            out: Linear::load(&mut at.at("out"), width, width)?,
            norm1: Norm::load(&mut at.at("norm1"), width)?,
            up: Linear::load(&mut at.at("up"), config.feed_forward, width)?,
            down: Linear::load(&mut at.at("down"), width, config.feed_forward)?,
            norm2: Norm::load(&mut at.at("norm2"), width)?,
            heads: config.heads,
            activation,
        })
    }

    /// All layers of a place: `0`, `1`, ...
    ///
    /// # Errors
    /// As [`Source::tensor`].
    pub fn load_stack<S: Source<Weight = W>>(
        at: &mut Scope<'_, S>,
        width: usize,
        config: TransformerConfig,
        activation: Activation,
    ) -> Result<Vec<Self>> {
        (0..config.layers).map(|index| Self::load(&mut at.at(index), width, config, activation)).collect()
    }
}
