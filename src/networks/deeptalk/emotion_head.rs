//! DEE's head: features of speech or of motion to the distribution of an emotion: `docs/networks/deeptalk.md`
//! section 4.

use super::config::HeadConfig;
use super::pool::Pool;
use crate::Result;
use crate::layers::{Observer, Scope, Source, TransformerConfig};
use crate::tensor::{Activation, AttentionBias, Linear, Ops, Packed, Role, TransformerLayer};

/// The distribution of an emotion, one row a clip.
pub struct Distribution<T> {
    /// (clips, width), of unit length.
    pub mu: T,
    /// (clips, width).
    pub logvar: T,
}

/// The tensors of a head.
#[derive(Debug)]
pub struct Head<W> {
    /// (max frames, width): added to the features.
    position_table: W,
    max_frames: usize,
    /// Shared by both branches.
    layers: Vec<TransformerLayer<W>>,
    mean: Branch<W>,
    logvar: Branch<W>,
}

/// One branch of a head: a layer, a projection, a pooling over time.
#[derive(Debug)]
struct Branch<W> {
    layers: Vec<TransformerLayer<W>>,
    projection: Linear<W>,
    pool: Pool,
}

impl<W> Head<W> {
    pub(super) fn load<S: Source<Weight = W>>(
        at: &mut Scope<'_, S>,
        config: &HeadConfig,
        width: usize,
        activation: Activation,
    ) -> Result<Self> {
        let transformer = config.transformer;
        Ok(Self {
            position_table: at.tensor("position_table", &[config.max_frames, width], Role::Rows)?,
            max_frames: config.max_frames,
            layers: TransformerLayer::load_stack(&mut at.at("layers"), width, transformer, activation)?,
            mean: Branch::load(&mut at.at("mean"), config, width, activation)?,
            logvar: Branch::load(&mut at.at("logvar"), config, width, activation)?,
        })
    }

    /// The distribution of the emotion in the features (rows, width); the rows before `first_row` are not
    /// frames.
    pub(super) fn forward<B: Ops<Weight = W>>(
        &self,
        ops: &B,
        features: &B::Tensor,
        first_row: usize,
        stage: &'static str,
        observer: &dyn Observer<B>,
    ) -> Result<Distribution<B::Tensor>> {
        let x = ops.slice_rows(features, first_row, self.max_frames)?;
        let x = ops.add_table(&x, &self.position_table)?;
        let x = ops.transformer_stack(x, &self.layers, &AttentionBias::None)?;
        observer.stage(stage, &x)?;
        let mean = self.mean.forward(ops, &x)?;
        Ok(Distribution { mu: ops.l2_normalize(&mean)?, logvar: self.logvar.forward(ops, &x)? })
    }
}

impl<W> Branch<W> {
    fn load<S: Source<Weight = W>>(
        at: &mut Scope<'_, S>,
        config: &HeadConfig,
        width: usize,
        activation: Activation,
    ) -> Result<Self> {
        let one = TransformerConfig { layers: 1, ..config.transformer };
        Ok(Self {
            layers: TransformerLayer::load_stack(&mut at.at("layers"), width, one, activation)?,
            projection: Linear::load(&mut at.at("projection"), config.width, width)?,
            pool: Pool::load(&mut at.at("pool"), config.pool_width)?,
        })
    }

    fn forward<B: Ops<Weight = W>>(&self, ops: &B, x: &B::Tensor) -> Result<B::Tensor> {
        let (first, rest) = self.layers.split_at(1);
        let x = ops.transformer_layer(x, &first[0], &AttentionBias::None)?;
        let x = ops.transformer_stack(x, rest, &AttentionBias::None)?;
        let x = ops.linear(&x, &self.projection, Activation::None)?;
        ops.sorted_pool(&x, &self.pool.weights(ops, x.clips())?)
    }
}
