//! Stage 1: offsets of vertices to latents, latents to offsets: `docs/networks/glditalker.md` sections 5 to
//! 8.

use super::config::{Config, MotionConfig};
use crate::Result;
use crate::layers::attention_bias::slopes;
use crate::layers::{Codebook, Observer, Scope, Source, TransformerConfig};
use crate::tensor::{Activation, AttentionBias, Clips, Linear, Neighbors, Ops, Packed, TransformerLayer};

/// Frames that go through the spiral convolutions together: bounds their memory.
const FRAMES_AT_ONCE: usize = 32;

/// The decoder, and the encoder if the model has it.
#[derive(Debug)]
pub struct Motion<W> {
    /// Scaled latents to the width of the transformer: the scale of the latents is folded in.
    from_latent: Linear<W>,
    decoder: Vec<TransformerLayer<W>>,
    hidden: Linear<W>,
    /// To x, y, z of every vertex: the scale of the offsets is folded in.
    pub(super) output: Linear<W>,
    codebook: Codebook<W>,
    encoder: Option<Encoder<W>>,
    heads: usize,
    components: usize,
    latent_scale: f32,
}

/// Offsets to latents.
#[derive(Debug)]
struct Encoder<W> {
    spirals: Vec<Spiral<W>>,
    fuse1: Linear<W>,
    fuse2: Linear<W>,
    layers: Vec<TransformerLayer<W>>,
    to_latent: Linear<W>,
}

/// A spiral convolution (Gong et al., "SpiralNet++", ICCVW 2019) at the vertices of the next level.
#[derive(Debug)]
struct Spiral<W> {
    neighbors: Neighbors,
    linear: Linear<W>,
}

impl<W> Encoder<W> {
    fn load<S: Source<Weight = W>>(at: &mut Scope<'_, S>, config: &Config) -> Result<Self> {
        let motion = &config.motion;
        let (width, length) = (motion.width, motion.spiral_length);
        let (mut spirals, mut input) = (Vec::new(), 3);
        for (index, &out) in motion.spiral_channels.iter().enumerate() {
            let [from, to] = [motion.levels[index], motion.levels[index + 1]];
            let table = at.table(format!("table{index}"), &[to, length], from)?;
            let linear = Linear::load(&mut at.at("spiral").at(index), out, length * input)?;
            spirals.push(Spiral {
                neighbors: Neighbors { vertices: from, length, table: table.into() },
                linear,
            });
            input = out;
        }
        let last = motion.levels[motion.levels.len() - 1] * input;
        Ok(Self {
            spirals,
            fuse1: Linear::load(&mut at.at("fuse1"), width, last)?,
            fuse2: Linear::load(&mut at.at("fuse2"), width, width)?,
            layers: TransformerLayer::load_stack(
                &mut at.at("encoder"),
                width,
                transformer(motion),
                Activation::Gelu,
            )?,
            to_latent: Linear::load(&mut at.at("to_latent"), config.latents(), width)?,
        })
    }

    /// Offsets (frames * V, 3) of a few frames to their fused features (frames, width).
    fn fuse<B: Ops<Weight = W>>(
        &self,
        ops: &B,
        offsets: &[f32],
        frames: usize,
        observer: &dyn Observer<B>,
    ) -> Result<B::Tensor> {
        let mut x = ops.upload(&Clips::one(offsets.len() / 3), 3, offsets)?;
        for (spiral, name) in self.spirals.iter().zip(super::stages::spirals()) {
            let gathered = ops.gather(&x, &spiral.neighbors)?;
            x = ops.elu(&ops.linear(&gathered, &spiral.linear, Activation::None)?)?;
            observer.stage(name, &x)?;
        }
        let x = ops.stack_frames(&x, x.clips().rows() / frames)?;
        let x = ops.linear(&x, &self.fuse1, Activation::Gelu)?;
        ops.linear(&x, &self.fuse2, Activation::None)
    }
}

fn transformer(motion: &MotionConfig) -> TransformerConfig {
    TransformerConfig { layers: motion.layers, heads: motion.heads, feed_forward: motion.feed_forward }
}

impl<W> Motion<W> {
    pub(super) fn load<S: Source<Weight = W>>(at: &mut Scope<'_, S>, config: &Config) -> Result<Self> {
        let motion = &config.motion;
        let MotionConfig { width, decoder_hidden, .. } = *motion;
        Ok(Self {
            from_latent: Linear::load(&mut at.at("from_latent"), width, config.latents())?,
            decoder: TransformerLayer::load_stack(
                &mut at.at("decoder"),
                width,
                transformer(motion),
                Activation::Gelu,
            )?,
            hidden: Linear::load(&mut at.at("hidden"), decoder_hidden, width)?,
            output: Linear::load(&mut at.at("output"), 3 * config.vertices(), decoder_hidden)?,
            codebook: Codebook::load(at, "codebook", motion.codes, motion.channels)?,
            encoder: motion.encoder.then(|| Encoder::load(at, config)).transpose()?,
            heads: motion.heads,
            components: motion.components,
            latent_scale: config.diffusion.latent_scale as f32,
        })
    }

    /// The bias of the temporal layers: `-slope |i - j|`.
    fn bias(&self) -> AttentionBias {
        AttentionBias::Distance { slopes: slopes(self.heads), free_rows: 0 }
    }

    /// Scaled latents (frames, latents) in f32 to the rows that the output layer reads: (frames, hidden).
    pub(super) fn decode<B: Ops<Weight = W>>(
        &self,
        ops: &B,
        latents: &B::Tensor,
        observer: &dyn Observer<B>,
    ) -> Result<B::Tensor> {
        let x = ops.linear(&ops.activations(latents)?, &self.from_latent, Activation::None)?;
        observer.stage("decode.input", &x)?;
        let x = ops.transformer_stack(x, &self.decoder, &self.bias())?;
        observer.stage("decode.temporal", &x)?;
        let x = ops.linear(&x, &self.hidden, Activation::Gelu)?;
        observer.stage("decode.hidden", &x)?;
        Ok(x)
    }

    /// The codes nearest to scaled latents (frames, latents): one for each component of a frame, frame after
    /// frame.
    pub(super) fn nearest<B: Ops<Weight = W>>(&self, ops: &B, latents: &B::Tensor) -> Result<B::Codes> {
        let latents = ops.activations(&ops.combine(&[(1.0 / self.latent_scale, latents)])?)?;
        self.codebook.quantize(ops, &ops.unstack_frames(&latents, self.components)?)
    }

    /// The scaled latents of codes: (frames, latents) in f32.
    pub(super) fn lookup<B: Ops<Weight = W>>(&self, ops: &B, codes: &B::Codes) -> Result<B::Tensor> {
        let rows = ops.stack_frames(&self.codebook.lookup(ops, codes)?, self.components)?;
        ops.combine(&[(self.latent_scale, &rows)])
    }

    /// The tables of the encoder's spirals.
    pub(super) fn neighbors(&self) -> impl Iterator<Item = &Neighbors> {
        self.encoder.iter().flat_map(|encoder| encoder.spirals.iter().map(|spiral| &spiral.neighbors))
    }

    /// True if the model can encode.
    pub(super) fn encodes(&self) -> bool {
        self.encoder.is_some()
    }

    /// Offsets (frames, 3 V) to codes, one for each component of a frame; none if the model has no encoder.
    pub(super) fn encode<B: Ops<Weight = W>>(
        &self,
        ops: &B,
        offsets: &[f32],
        observer: &dyn Observer<B>,
    ) -> Result<Option<B::Codes>> {
        let Some(encoder) = &self.encoder else { return Ok(None) };
        let frame = encoder.spirals.first().map_or(1, |spiral| 3 * spiral.neighbors.vertices);
        let mut fused: Option<B::Tensor> = None;
        for block in offsets.chunks(FRAMES_AT_ONCE * frame) {
            let block = encoder.fuse(ops, block, block.len() / frame, observer)?;
            fused = Some(match fused {
                None => block,
                Some(before) => ops.join_rows(&before, &block)?,
            });
        }
        let Some(x) = fused else { return Ok(None) };
        observer.stage("encode.fused", &x)?;
        let x = ops.transformer_stack(x, &encoder.layers, &self.bias())?;
        observer.stage("encode.temporal", &x)?;
        let x = ops.linear(&x, &encoder.to_latent, Activation::None)?;
        observer.stage("encode.latent", &x)?;
        let codes = self.codebook.quantize(ops, &ops.unstack_frames(&x, self.components)?)?;
        observer.codes("encode.codes", &codes)?;
        Ok(Some(codes))
    }
}
