//! The denoiser: noisy latents, sound, style and step to clean latents: `docs/networks/glditalker.md` section
//! 3.
//!
//! A frame's cross-attention sees the condition of its own frame alone, so its softmax is 1 and the attention
//! is a linear layer of the condition: a track of the sound, computed once a clip, plus a row of the step,
//! computed once a plan.

use super::config::Config;
use super::schedule::Update;
use super::stages::SamplerNames;
use super::steps::StepEncoder;
use crate::Result;
use crate::layers::attention_bias::slopes;
use crate::layers::{Observer, Scope, Source};
use crate::tensor::{Activation, AttentionBias, Clips, Linear, Norm, Ops, Packed, Role};

/// The tensors of the denoiser.
#[derive(Debug)]
pub struct Denoiser<W> {
    noise_encoder: Linear<W>,
    /// (width, styles): a column is a style.
    style: Vec<f32>,
    steps: StepEncoder,
    layers: Vec<DenoiserLayer<W>>,
    output: Linear<W>,
    sizes: Sizes,
}

#[derive(Debug, Clone, Copy)]
struct Sizes {
    width: usize,
    styles: usize,
    heads: usize,
    /// Frames after which positions repeat.
    period: usize,
    /// Frames that a frame sees, itself included; `usize::MAX` for all.
    context: usize,
}

/// A post-norm layer: causal self-attention, the collapsed cross-attention, feed-forward.
#[derive(Debug)]
struct DenoiserLayer<W> {
    q: Linear<W>,
    /// Keys of all heads, then values.
    kv: Linear<W>,
    out: Linear<W>,
    norm1: Norm<W>,
    /// The values of the cross-attention, without their bias.
    cross_value: Linear<W>,
    /// The output of the cross-attention, without its bias.
    cross_out: Linear<W>,
    cross_value_bias: Vec<f32>,
    cross_out_bias: Vec<f32>,
    norm2: Norm<W>,
    up: Linear<W>,
    down: Linear<W>,
    norm3: Norm<W>,
}

/// The inputs of the denoiser that are the same at every step, for some frames.
pub(super) struct Condition<T> {
    /// Positions and style: (frames, width).
    still: T,
    /// The sound's share of the cross-attention, layer by layer: (frames, width).
    tracks: Vec<T>,
}

/// A plan with what follows from it alone.
pub(super) struct Steps<T> {
    pub updates: Vec<Update>,
    /// The codes of the steps: (steps, width), row-major.
    pub codes: Vec<f32>,
    /// The steps' share of the cross-attention with its biases, layer by layer: (steps, width) for every
    /// clip.
    rows: Vec<T>,
}

impl<T: Packed> Condition<T> {
    /// The output of a layer's cross-attention at step `k` of a plan: (frames, width).
    pub fn cross<B: Ops<Tensor = T>>(
        &self,
        ops: &B,
        steps: &Steps<T>,
        (k, layer): (usize, usize),
    ) -> Result<T> {
        let (track, row) = (&self.tracks[layer], ops.slice_rows(&steps.rows[layer], k, 1)?);
        ops.add(track, &ops.broadcast_rows(&row, track.clips())?)
    }
}

/// Keys and values of frames that were denoised, for every step and layer.
pub(super) struct Kept<T>(Vec<Option<T>>);

impl<T> Kept<T> {
    /// No kept keys and values: the state before the first frame.
    pub fn none() -> Self {
        Self(Vec::new())
    }

    /// The same in another form.
    ///
    /// # Errors
    /// Those of `form`.
    pub fn map<U>(&self, form: impl Fn(&T) -> Result<U>) -> Result<Kept<U>> {
        let kept = self.0.iter().map(|kept| kept.as_ref().map(&form).transpose());
        Ok(Kept(kept.collect::<Result<_>>()?))
    }
}

impl<W> DenoiserLayer<W> {
    fn load<S: Source<Weight = W>>(at: &mut Scope<'_, S>, width: usize, feed_forward: usize) -> Result<Self> {
        let square = &[width, width];
        let cross = &mut at.at("cross");
        let value = cross.tensor("value.weight", square, Role::Linear)?;
        let out = cross.tensor("out.weight", square, Role::Linear)?;
        let cross_value_bias = cross.host("value.bias", &[width])?;
        let cross_out_bias = cross.host("out.bias", &[width])?;
        Ok(Self {
            q: Linear::load(&mut at.at("q"), width, width)?,
            kv: Linear::load(&mut at.at("kv"), 2 * width, width)?,
            out: Linear::load(&mut at.at("out"), width, width)?,
            norm1: Norm::load(&mut at.at("norm1"), width)?,
            cross_value: Linear { weight: value, bias: None },
            cross_out: Linear { weight: out, bias: None },
            cross_value_bias,
            cross_out_bias,
            norm2: Norm::load(&mut at.at("norm2"), width)?,
            up: Linear::load(&mut at.at("up"), feed_forward, width)?,
            down: Linear::load(&mut at.at("down"), width, feed_forward)?,
            norm3: Norm::load(&mut at.at("norm3"), width)?,
        })
    }

    /// The steps' share of the cross-attention: `Wo (Wv E_d + bv) + bo`.
    fn step_rows<B: Ops<Weight = W>>(&self, ops: &B, codes: &B::Tensor) -> Result<B::Tensor> {
        let biased = |x: B::Tensor, bias: &[f32]| {
            let clips = x.clips();
            let bias = ops.upload(&clips.map(|_| 1), bias.len(), &bias.repeat(clips.count()))?;
            ops.add(&x, &ops.broadcast_rows(&bias, clips)?)
        };
        let x = biased(ops.linear(codes, &self.cross_value, Activation::None)?, &self.cross_value_bias)?;
        biased(ops.linear(&x, &self.cross_out, Activation::None)?, &self.cross_out_bias)
    }
}

impl<W> Denoiser<W> {
    pub(super) fn load<S: Source<Weight = W>>(at: &mut Scope<'_, S>, config: &Config) -> Result<Self> {
        let diffusion = &config.diffusion;
        let (width, latents) = (diffusion.width, config.latents());
        let layers = (0..diffusion.layers)
            .map(|index| DenoiserLayer::load(&mut at.at("layers").at(index), width, diffusion.feed_forward));
        let layers = layers.collect::<Result<_>>()?;
        let context = if diffusion.context == 0 { usize::MAX } else { diffusion.context };
        Ok(Self {
            noise_encoder: Linear::load(&mut at.at("noise_encoder"), width, latents)?,
            style: at.host("style", &[width, diffusion.styles])?,
            steps: StepEncoder::load(at, width)?,
            layers,
            output: Linear::load(&mut at.at("output"), latents, width)?,
            sizes: Sizes {
                width,
                styles: diffusion.styles,
                heads: diffusion.heads,
                period: config.fps,
                context,
            },
        })
    }

    /// E_s: the row of a style.
    pub(super) fn style(&self, style: usize) -> Vec<f32> {
        self.style.iter().skip(style).step_by(self.sizes.styles).copied().collect()
    }

    /// Computes the inputs that follow from the audio condition E_a (frames, width) of some clips;
    /// `first_frames` holds the number of each clip's first frame in its recording.
    pub(super) fn condition<B: Ops<Weight = W>>(
        &self,
        ops: &B,
        audio: &B::Tensor,
        style: usize,
        first_frames: &[usize],
    ) -> Result<Condition<B::Tensor>> {
        let (style, Sizes { width, period, .. }) = (self.style(style), self.sizes);
        let positions = super::steps::sinusoids(0..period, width);
        let mut still = Vec::with_capacity(audio.clips().rows() * width);
        for (frames, first) in audio.clips().lengths().zip(first_frames) {
            for frame in *first..first + frames {
                let position = &positions[frame % period * width..][..width];
                still.extend(position.iter().zip(&style).map(|(position, style)| position + style));
            }
        }
        let track = |layer: &DenoiserLayer<W>| {
            let values = ops.linear(audio, &layer.cross_value, Activation::None)?;
            ops.linear(&values, &layer.cross_out, Activation::None)
        };
        Ok(Condition {
            still: ops.upload(audio.clips(), width, &still)?,
            tracks: self.layers.iter().map(track).collect::<Result<_>>()?,
        })
    }

    /// Computes the inputs that follow from a plan of steps, for `clips` clips.
    pub(super) fn steps<B: Ops<Weight = W>>(
        &self,
        ops: &B,
        updates: Vec<Update>,
        clips: usize,
    ) -> Result<Steps<B::Tensor>> {
        let codes = self.steps.codes(updates.iter().map(|update| update.step));
        let rows = Clips::from_lengths(vec![updates.len(); clips]);
        let uploaded = ops.upload(&rows, self.sizes.width, &codes.repeat(clips))?;
        let rows = self.layers.iter().map(|layer| layer.step_rows(ops, &uploaded)).collect::<Result<_>>()?;
        Ok(Steps { updates, codes, rows })
    }

    /// x0 of a state (frames, latents) in f32, at step `k` of the plan. With `kept`, the frames go on from
    /// those that were denoised before, and leave their keys and values behind.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn predict<B: Ops<Weight = W>>(
        &self,
        ops: &B,
        x: &B::Tensor,
        (steps, k): (&Steps<B::Tensor>, usize),
        condition: &Condition<B::Tensor>,
        mut kept: Option<&mut Kept<B::Tensor>>,
        names: &SamplerNames,
        observer: &dyn Observer<B>,
    ) -> Result<B::Tensor> {
        let Sizes { heads, period, context, .. } = self.sizes;
        let bias = AttentionBias::Causal { slopes: slopes(heads), period, context };
        let h = ops.linear(&ops.activations(x)?, &self.noise_encoder, Activation::None)?;
        let mut h = ops.add(&h, &condition.still)?;
        names.first(k, "input", None, |name| observer.stage(name, &h))?;
        if let Some(kept) = &mut kept {
            kept.0.resize_with(steps.updates.len() * self.layers.len(), || None);
        }
        for (index, layer) in self.layers.iter().enumerate() {
            let cross = condition.cross(ops, steps, (k, index))?;
            names.first(k, "cross", Some(index), |name| observer.stage(name, &cross))?;
            let q = ops.linear(&h, &layer.q, Activation::None)?;
            let mut kv = ops.linear(&h, &layer.kv, Activation::None)?;
            if let Some(kept) = &mut kept {
                let place = &mut kept.0[k * self.layers.len() + index];
                if let Some(earlier) = place {
                    kv = ops.join_rows(earlier, &kv)?;
                }
                let rows = kv.clips().rows();
                *place = Some(ops.slice_rows(&kv, rows.saturating_sub(context - 1), context - 1)?);
            }
            let mixed = ops.attention(&q, &kv, heads, &bias)?;
            h = ops.linear_add_layer_norm(&mixed, &layer.out, &h, &layer.norm1)?;
            h = ops.add_layer_norm(&h, &cross, &layer.norm2)?;
            let hidden = ops.linear(&h, &layer.up, Activation::Relu)?;
            h = ops.linear_add_layer_norm(&hidden, &layer.down, &h, &layer.norm3)?;
            names.first(k, "layer", Some(index), |name| observer.stage(name, &h))?;
        }
        ops.linear(&h, &self.output, Activation::None)
    }
}
