//! The encoder of the wav2vec 2.0 family in its post-norm form (Baevski et al., 2020; `Wav2Vec2Model` and
//! `HubertModel` of the `transformers` library with `do_stable_layer_norm = False`): convolutions,
//! projection, positional convolution, transformer.

use serde::{Deserialize, Serialize};

use super::{Observer, Scope, Source, TransformerConfig};
use crate::Result;
use crate::tensor::{
    Activation, AttentionBias, Clips, Conv1d, FrontLayer, FrontNorm, Linear, Norm, Ops, TransformerLayer,
};

/// One convolution of a front end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConvConfig {
    /// Output channels.
    pub out: usize,
    /// Rows of a window.
    pub kernel: usize,
    /// Rows from one window to the next.
    pub stride: usize,
}

/// The published front end with these channels: 50 rows a second from samples at 16 kHz.
pub fn published_convolutions(channels: &[usize; 7]) -> Vec<ConvConfig> {
    const WINDOWS: [(usize, usize); 7] = [(10, 5), (3, 2), (3, 2), (3, 2), (3, 2), (2, 2), (2, 2)];
    channels.iter().zip(WINDOWS).map(|(&out, (kernel, stride))| ConvConfig { out, kernel, stride }).collect()
}

/// The norms of a front end's layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrontNorms {
    /// Over time after the first layer, none after the others: wav2vec 2.0 and HuBERT, base sizes.
    FirstOverTime,
    /// Over channels after every layer: data2vec, emotion2vec.
    OverChannels,
}

/// Loads the front end `0`, `1`, ... of a place, for rows of `input` channels; also returns the number of
/// output channels.
///
/// # Errors
/// As [`Source::tensor`].
pub fn load_front<S: Source>(
    at: &mut Scope<'_, S>,
    layers: &[ConvConfig],
    mut input: usize,
    norms: FrontNorms,
) -> Result<(Vec<FrontLayer<S::Weight>>, usize)> {
    let mut front = Vec::new();
    for (index, layer) in layers.iter().enumerate() {
        let at = &mut at.at(index);
        let conv = Conv1d::load_bare(at, [layer.out, layer.kernel, input], layer.stride)?;
        let norm = match norms {
            FrontNorms::FirstOverTime if index > 0 => FrontNorm::None,
            FrontNorms::FirstOverTime => FrontNorm::OverTime(Norm::load(&mut at.at("norm"), layer.out)?),
            FrontNorms::OverChannels => FrontNorm::OverChannels(Norm::load(&mut at.at("norm"), layer.out)?),
        };
        front.push(FrontLayer { conv, norm });
        input = layer.out;
    }
    Ok((front, input))
}

/// The sizes of an encoder.
#[derive(Debug, Clone, Copy)]
pub struct Sizes<'a> {
    /// The front end.
    pub conv: &'a [ConvConfig],
    /// Channels that the front end reads: 1 for samples.
    pub input: usize,
    /// Width of the transformer.
    pub hidden: usize,
    /// Taps of the positional convolution.
    pub positional_kernel: usize,
    /// Groups of the positional convolution.
    pub positional_groups: usize,
    /// The transformer.
    pub transformer: TransformerConfig,
}

/// The names of an encoder's stages for observers.
#[derive(Debug, Clone, Copy)]
pub struct StageNames {
    /// After the front end.
    pub features: &'static str,
    /// After the projection.
    pub projected: &'static str,
    /// The positional convolution alone.
    pub positional: Option<&'static str>,
    /// The sum of projection and positional convolution, normalised.
    pub normed: Option<&'static str>,
    /// After the first layer.
    pub first_layer: &'static str,
    /// After the last layer.
    pub output: &'static str,
}

/// An encoder's tensors.
#[derive(Debug, Clone)]
pub struct Wav2vec<W> {
    front: Vec<FrontLayer<W>>,
    projection_norm: Norm<W>,
    projection: Linear<W>,
    positional: Conv1d<W>,
    norm: Norm<W>,
    layers: Vec<TransformerLayer<W>>,
}

impl<W> Wav2vec<W> {
    /// The encoder of a place.
    ///
    /// # Errors
    /// As [`Source::tensor`].
    pub fn load<S: Source<Weight = W>>(at: &mut Scope<'_, S>, sizes: Sizes<'_>) -> Result<Self> {
        let Sizes { conv, input, hidden, positional_kernel: kernel, positional_groups: groups, transformer } =
            sizes;
        let (front, features) = load_front(&mut at.at("conv"), conv, input, FrontNorms::FirstOverTime)?;
        Ok(Self {
            front,
            projection_norm: Norm::load(&mut at.at("projection_norm"), features)?,
            projection: Linear::load(&mut at.at("projection"), hidden, features)?,
            positional: Conv1d::load_same(&mut at.at("positional"), hidden, kernel, groups)?,
            norm: Norm::load(&mut at.at("norm"), hidden)?,
            layers: TransformerLayer::load_stack(
                &mut at.at("layers"),
                hidden,
                transformer,
                Activation::Gelu,
            )?,
        })
    }

    /// Normalised samples or log-mel rows (rows, input) to (tokens, hidden); with `frames`, the features of
    /// the front end are resampled to these lengths first: (frames, hidden).
    ///
    /// # Errors
    /// Clips too short for the front end; errors of the device and of the observer.
    pub fn forward<B: Ops<Weight = W>>(
        &self,
        ops: &B,
        x: &B::Tensor,
        frames: Option<&Clips>,
        names: &StageNames,
        observer: &dyn Observer<B>,
    ) -> Result<B::Tensor> {
        let mut x = ops.front_end(x, &self.front)?;
        observer.stage(names.features, &x)?;
        if let Some(frames) = frames {
            x = ops.resample_linear(&x, frames)?;
        }
        let x = ops.layer_norm(&x, &self.projection_norm, Activation::None)?;
        let x = ops.linear(&x, &self.projection, Activation::None)?;
        observer.stage(names.projected, &x)?;

        let positions = ops.conv1d(&x, &self.positional, Activation::Gelu)?;
        if let Some(name) = names.positional {
            observer.stage(name, &positions)?;
        }
        let x = ops.add_layer_norm(&x, &positions, &self.norm)?;
        if let Some(name) = names.normed {
            observer.stage(name, &x)?;
        }
        let (first, rest) = self.layers.split_at(1);
        let x = ops.transformer_stack(x, first, &AttentionBias::None)?;
        observer.stage(names.first_layer, &x)?;
        let x = ops.transformer_stack(x, rest, &AttentionBias::None)?;
        observer.stage(names.output, &x)?;
        Ok(x)
    }
}
