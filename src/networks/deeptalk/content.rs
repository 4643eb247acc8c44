//! The content encoder (wav2vec2, of samples or of their log-mel spectrogram):
//! `docs/networks/deeptalk.md` section 2.

use super::log_mel;
use super::stages::Observer;
use super::weights::Content;
use crate::Result;
use crate::tensor::{Activation, AttentionBias, Clips, Ops};

/// The epsilon under the root when samples are normalised for this encoder.
const SAMPLES_EPS: f32 = 1e-7;

/// Padded samples (rows, 1) to content features at 25 frames a second: (`frames`, output). Every clip is normalised to mean 0 and
/// variance 1 first.
pub fn encode<B: Ops>(
    ops: &B,
    content: &Content<B::Weight>,
    samples: &B::Tensor,
    frames: &Clips,
    observer: &dyn Observer<B>,
) -> Result<B::Tensor> {
    let x = ops.group_norm(samples, None, SAMPLES_EPS, Activation::None)?;
    encode_normalized(ops, content, &x, frames, observer)
}

/// The same of samples that are normalised already, as a stream's are by its running statistics.
pub fn encode_normalized<B: Ops>(
    ops: &B,
    content: &Content<B::Weight>,
    samples: &B::Tensor,
    frames: &Clips,
    observer: &dyn Observer<B>,
) -> Result<B::Tensor> {
    let spectrogram = match &content.log_mel {
        Some(log_mel) => {
            let x = log_mel::spectrogram(ops, log_mel, samples)?;
            observer.stage("content.log_mel", &x)?;
            Some(x)
        }
        None => None,
    };
    let x = ops.front_end(spectrogram.as_ref().unwrap_or(samples), &content.front)?;
    observer.stage("wav2vec2.conv_features", &x)?;

    let x = ops.resample_linear(&x, frames)?;
    let x = ops.layer_norm(&x, Some(&content.projection_norm), Activation::None)?;
    let x = ops.linear(&x, &content.projection, Activation::None)?;
    observer.stage("wav2vec2.projected", &x)?;

    let positions = ops.conv1d(&x, &content.positional, Activation::Gelu)?;
    observer.stage("wav2vec2.pos_conv", &positions)?;
    let x = ops.add_layer_norm(&x, &positions, &content.norm)?;

    let (first, rest) = content.layers.split_at(1);
    let x = ops.transformer_stack(x, first, &AttentionBias::None)?;
    observer.stage("wav2vec2.layer0", &x)?;
    let x = ops.transformer_stack(x, rest, &AttentionBias::None)?;
    observer.stage("wav2vec2.output", &x)?;

    let x = ops.linear(&x, &content.output, Activation::None)?;
    observer.stage("content", &x)?;
    Ok(x)
}
