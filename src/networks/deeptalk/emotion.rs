//! The emotion encoder: emotion2vec (data2vec 2.0) of samples, or of their log-mel spectrogram:
//! `docs/networks/deeptalk.md` section 3.

use super::config::EmotionConfig;
use crate::Result;
use crate::layers::attention_bias::scaled_distance;
use crate::layers::wav2vec::{FrontNorms, load_front};
use crate::layers::{LogMel, NORM_EPS, Observer, Scope, Source};
use crate::tensor::{Activation, Conv1d, FrontLayer, Linear, Norm, Ops, Role, TransformerLayer};

/// The epsilon under the root when samples are normalised for this encoder.
const SAMPLES_EPS: f32 = 1e-5;
/// Layers of the published `context_encoder`, after which a stage is shown.
const PRENET_LAYERS: usize = 4;

/// The tensors of the emotion encoder.
#[derive(Debug, Clone)]
pub struct Emotion<W> {
    log_mel: Option<LogMel<W>>,
    front: Vec<FrontLayer<W>>,
    projection_norm: Norm<W>,
    projection: Linear<W>,
    positional: Vec<Conv1d<W>>,
    /// (tokens, width): learned rows in front of the frames.
    extra_tokens: W,
    tokens: usize,
    /// One factor a head for the slopes of the attention bias.
    alibi_scale: Vec<f32>,
    norm: Norm<W>,
    layers: Vec<TransformerLayer<W>>,
}

impl<W> Emotion<W> {
    pub(super) fn load<S: Source<Weight = W>>(at: &mut Scope<'_, S>, config: &EmotionConfig) -> Result<Self> {
        let width = config.hidden;
        let log_mel = config.log_mel.as_ref();
        let input = log_mel.map_or(1, |log_mel| log_mel.bands);
        let log_mel = log_mel.map(|log_mel| LogMel::load(&mut at.at("log_mel"), log_mel)).transpose()?;
        let (front, features) =
            load_front(&mut at.at("conv"), &config.conv, input, FrontNorms::OverChannels)?;
        let (kernel, groups) = (config.positional_kernel, config.positional_groups);
        Ok(Self {
            log_mel,
            front,
            projection_norm: Norm::load(&mut at.at("projection_norm"), features)?,
            projection: Linear::load(&mut at.at("projection"), width, features)?,
            positional: (0..config.positional_layers)
                .map(|index| Conv1d::load_same(&mut at.at("positional").at(index), width, kernel, groups))
                .collect::<Result<_>>()?,
            extra_tokens: at.tensor("extra_tokens", &[config.extra_tokens, width], Role::Rows)?,
            tokens: config.extra_tokens,
            alibi_scale: at.host("alibi_scale", &[config.transformer.heads])?,
            norm: Norm::load(&mut at.at("norm"), width)?,
            layers: TransformerLayer::load_stack(
                &mut at.at("layers"),
                width,
                config.transformer,
                Activation::Gelu,
            )?,
        })
    }

    /// The learned rows in front of the frames.
    pub(super) fn tokens(&self) -> usize {
        self.tokens
    }

    /// Samples (rows, 1) to emotion features at 50 rows a second, the learned tokens in front of every clip.
    /// Every clip is normalised to mean 0 and variance 1 first.
    pub(super) fn forward<B: Ops<Weight = W>>(
        &self,
        ops: &B,
        samples: &B::Tensor,
        observer: &dyn Observer<B>,
    ) -> Result<B::Tensor> {
        let x = ops.group_norm(samples, &Norm::plain(SAMPLES_EPS), Activation::None)?;
        self.forward_normalized(ops, &x, observer)
    }

    /// [`forward`](Self::forward) of samples that are normalised already, as those of a stream are by its
    /// running statistics.
    pub(super) fn forward_normalized<B: Ops<Weight = W>>(
        &self,
        ops: &B,
        samples: &B::Tensor,
        observer: &dyn Observer<B>,
    ) -> Result<B::Tensor> {
        let spectrogram = self.log_mel.as_ref().map(|log_mel| log_mel.forward(ops, samples)).transpose()?;
        if let Some(x) = &spectrogram {
            observer.stage("emotion.log_mel", x)?;
        }
        let x = ops.front_end(spectrogram.as_ref().unwrap_or(samples), &self.front)?;
        observer.stage("emotion2vec.conv_features", &x)?;

        let x = ops.layer_norm(&x, &self.projection_norm, Activation::None)?;
        let x = ops.linear(&x, &self.projection, Activation::None)?;
        observer.stage("emotion2vec.projected", &x)?;

        let mut positions = None;
        for conv in &self.positional {
            let y = ops.conv1d(positions.as_ref().unwrap_or(&x), conv, Activation::None)?;
            positions = Some(ops.layer_norm(&y, &Norm::plain(NORM_EPS), Activation::Gelu)?);
        }
        let x = match &positions {
            Some(positions) => {
                observer.stage("emotion2vec.pos_conv", positions)?;
                ops.add(&x, positions)?
            }
            None => x,
        };

        let x = ops.prepend_rows(&x, &self.extra_tokens)?;
        let x = ops.layer_norm(&x, &self.norm, Activation::None)?;
        let bias = scaled_distance(&self.alibi_scale, self.tokens);
        let (prenet, rest) = self.layers.split_at(PRENET_LAYERS.min(self.layers.len()));
        let x = ops.transformer_stack(x, prenet, &bias)?;
        observer.stage("emotion2vec.prenet", &x)?;
        let x = ops.transformer_stack(x, rest, &bias)?;
        observer.stage("emotion2vec.output", &x)?;
        Ok(x)
    }
}
