//! The motion prior (TH-VQVAE): codes to motion and back: `docs/networks/deeptalk.md` section 7.

use super::config::MotionPriorConfig;
use crate::Result;
use crate::layers::attention_bias::near;
use crate::layers::{Codebook, Observer, Scope, Source, TransformerConfig};
use crate::tensor::{Activation, Conv1d, ConvTranspose1d, Linear, Ops, Padding, TransformerLayer};

/// The codes of a motion.
pub struct MotionCodes<C> {
    /// One for four frames.
    pub top: C,
    /// One for two frames.
    pub bottom: C,
}

/// The slope of the leaky units.
const SLOPE: f32 = 0.2;

/// The tensors of the motion prior.
#[derive(Debug, Clone)]
pub struct MotionPrior<W> {
    codebook_t: Codebook<W>,
    codebook_b: Codebook<W>,
    /// Motion to bottom rows.
    encoder_b: Squasher<W>,
    /// Bottom rows to top rows.
    encoder_t: Squasher<W>,
    /// Top codes to bottom rows, for choosing bottom codes.
    decoder_t: Expander<W>,
    /// Top codes to bottom rows, for decoding.
    upsample_t: ConvTranspose1d<W>,
    /// Both codes to frames.
    decoder_b: Expander<W>,
    /// Frames to motion.
    smooth: Conv1d<W>,
}

impl<W> MotionPrior<W> {
    pub(super) fn load<S: Source<Weight = W>>(
        at: &mut Scope<'_, S>,
        config: &MotionPriorConfig,
        parameters: usize,
    ) -> Result<Self> {
        let (t, b, kernel) = (config.width_t, config.width_b, config.kernel);
        let half = (kernel - 1) / 2;
        let (shape, padding) = ([parameters, kernel, t + b], Padding::Zero(half, half));
        Ok(Self {
            codebook_t: Codebook::load(at, "codebook_t", config.codes_t, t)?,
            codebook_b: Codebook::load(at, "codebook_b", config.codes_b, b)?,
            encoder_b: Squasher::load(&mut at.at("encoder_b"), config, parameters)?,
            encoder_t: Squasher::load(&mut at.at("encoder_t"), config, t)?,
            decoder_t: Expander::load(&mut at.at("decoder_t"), config, t, config.transformer_t)?,
            upsample_t: ConvTranspose1d::load(&mut at.at("upsample_t"), [4, t, t], 2, 1, 0)?,
            decoder_b: Expander::load(&mut at.at("decoder_b"), config, t + b, config.transformer_b)?,
            smooth: Conv1d::load(&mut at.at("smooth"), shape, 1, 1, padding)?,
        })
    }

    /// Codes to motion: (frames, parameters).
    pub(super) fn decode<B: Ops<Weight = W>>(
        &self,
        ops: &B,
        codes: &MotionCodes<B::Codes>,
        observer: &dyn Observer<B>,
    ) -> Result<B::Tensor> {
        let top = self.codebook_t.lookup(ops, &codes.top)?;
        let top = ops.conv_transpose1d(&top, &self.upsample_t, Activation::None)?;
        observer.stage("vq.upsample_t", &top)?;
        let bottom = self.codebook_b.lookup(ops, &codes.bottom)?;
        let x = self.decoder_b.forward(ops, &ops.concat(&[&top, &bottom])?)?;
        let motion = ops.conv1d(&x, &self.smooth, Activation::None)?;
        observer.stage("motion", &motion)?;
        Ok(motion)
    }

    /// Motion (frames, parameters; frames a multiple of 4) to codes.
    pub(super) fn encode<B: Ops<Weight = W>>(
        &self,
        ops: &B,
        motion: &B::Tensor,
    ) -> Result<MotionCodes<B::Codes>> {
        let bottom = self.encoder_b.forward(ops, motion)?;
        let top = self.codebook_t.quantize(ops, &self.encoder_t.forward(ops, &bottom)?)?;
        let decoded = self.expand_top(ops, &top)?;
        let bottom = self.codebook_b.quantize(ops, &ops.concat(&[&decoded, &bottom])?)?;
        Ok(MotionCodes { top, bottom })
    }

    /// Top codes to the rows (bottom codes, width of a top code) that the choice of bottom codes reads.
    pub(super) fn expand_top<B: Ops<Weight = W>>(&self, ops: &B, top: &B::Codes) -> Result<B::Tensor> {
        self.decoder_t.forward(ops, &self.codebook_t.lookup(ops, top)?)
    }

    /// The rows of both codebooks that the codes name.
    pub(super) fn code_vectors<B: Ops<Weight = W>>(
        &self,
        ops: &B,
        codes: &MotionCodes<B::Codes>,
    ) -> Result<(B::Tensor, B::Tensor)> {
        Ok((self.codebook_t.lookup(ops, &codes.top)?, self.codebook_b.lookup(ops, &codes.bottom)?))
    }
}

/// The tensors that halve the frames. The batch norm before `linear` is folded into it.
#[derive(Debug, Clone)]
struct Squasher<W> {
    conv: Conv1d<W>,
    linear: Linear<W>,
    layers: Vec<TransformerLayer<W>>,
    attention_rows: usize,
}

impl<W> Squasher<W> {
    fn load<S: Source<Weight = W>>(
        at: &mut Scope<'_, S>,
        config: &MotionPriorConfig,
        input: usize,
    ) -> Result<Self> {
        let (width, half) = (config.width_t, (config.kernel - 1) / 2);
        let (shape, padding) = ([width, config.kernel, input], Padding::Replicate(half, half));
        let (transformer, activation) = (config.transformer_t, Activation::Gelu);
        Ok(Self {
            conv: Conv1d::load(&mut at.at("conv"), shape, 2, 1, padding)?,
            linear: Linear::load(&mut at.at("linear"), width, width)?,
            layers: TransformerLayer::load_stack(&mut at.at("layers"), width, transformer, activation)?,
            attention_rows: config.attention_rows,
        })
    }

    /// Half as many rows.
    fn forward<B: Ops<Weight = W>>(&self, ops: &B, x: &B::Tensor) -> Result<B::Tensor> {
        let x = ops.conv1d(x, &self.conv, Activation::LeakyRelu(SLOPE))?;
        let x = ops.linear(&x, &self.linear, Activation::None)?;
        ops.transformer_stack(x, &self.layers, &near(self.attention_rows))
    }
}

/// The tensors that double the frames. The batch norm before `linear` is folded into it.
#[derive(Debug, Clone)]
struct Expander<W> {
    conv: ConvTranspose1d<W>,
    linear: Linear<W>,
    layers: Vec<TransformerLayer<W>>,
    attention_rows: usize,
}

impl<W> Expander<W> {
    fn load<S: Source<Weight = W>>(
        at: &mut Scope<'_, S>,
        config: &MotionPriorConfig,
        width: usize,
        transformer: TransformerConfig,
    ) -> Result<Self> {
        let (kernel, activation) = (config.kernel, Activation::Gelu);
        let shape = [kernel, width, width];
        Ok(Self {
            conv: ConvTranspose1d::load(&mut at.at("conv"), shape, 2, (kernel - 1) / 2, 1)?,
            linear: Linear::load(&mut at.at("linear"), width, width)?,
            layers: TransformerLayer::load_stack(&mut at.at("layers"), width, transformer, activation)?,
            attention_rows: config.attention_rows,
        })
    }

    /// Twice as many rows.
    fn forward<B: Ops<Weight = W>>(&self, ops: &B, x: &B::Tensor) -> Result<B::Tensor> {
        let x = ops.conv_transpose1d(x, &self.conv, Activation::LeakyRelu(SLOPE))?;
        let x = ops.linear(&x, &self.linear, Activation::None)?;
        ops.transformer_stack(x, &self.layers, &near(self.attention_rows))
    }
}
