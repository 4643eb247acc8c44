//! The emotion encoder (emotion2vec), the head that makes a distribution of its features (DEE), and the same for
//! a motion: `docs/networks/deeptalk.md` sections 3, 4 and 8.

use super::bias::scaled_distance;
use super::log_mel;
use super::pool::PoolWeights;
use super::stages::Observer;
use super::weights::{Branch, Emotion, Head, MotionEmotion};
use crate::Result;
use crate::tensor::shapes::Shaped;
use crate::tensor::{Activation, AttentionBias, Ops, Packed};

/// The epsilon under the root when samples are normalised for this encoder.
const SAMPLES_EPS: f32 = 1e-5;
/// The slope of the expression network's leaky units: PyTorch's default.
const FEATURES_SLOPE: f32 = 0.01;
/// Layers of the published `context_encoder`, after which a stage is shown.
const PRENET_LAYERS: usize = 4;

/// The distribution of an emotion, one row a clip.
pub struct Distribution<T> {
    /// (clips, width), of unit length.
    pub mu: T,
    /// (clips, width).
    pub logvar: T,
}

/// The weights of a head's two poolings.
#[derive(Debug)]
pub struct HeadPools {
    mean: PoolWeights,
    logvar: PoolWeights,
}

impl HeadPools {
    /// Of this head.
    pub fn new<W>(head: &Head<W>) -> Self {
        Self {
            mean: PoolWeights::new(head.mean.pool.clone()),
            logvar: PoolWeights::new(head.logvar.pool.clone()),
        }
    }
}

/// Samples (rows, 1) to emotion features at 50 frames a second, the learned tokens still in front of every clip. Every clip is
/// normalised to mean 0 and variance 1 first.
pub fn encode<B: Ops>(
    ops: &B,
    emotion: &Emotion<B::Weight>,
    samples: &B::Tensor,
    observer: &dyn Observer<B>,
) -> Result<B::Tensor> {
    let x = ops.group_norm(samples, None, SAMPLES_EPS, Activation::None)?;
    encode_normalized(ops, emotion, x, observer)
}

/// The same of samples that are normalised already, as a stream's are by its running statistics.
pub fn encode_normalized<B: Ops>(
    ops: &B,
    emotion: &Emotion<B::Weight>,
    samples: B::Tensor,
    observer: &dyn Observer<B>,
) -> Result<B::Tensor> {
    let x = match &emotion.log_mel {
        Some(log_mel) => {
            let x = log_mel::spectrogram(ops, log_mel, &samples)?;
            observer.stage("emotion.log_mel", &x)?;
            x
        }
        None => samples,
    };
    let x = ops.front_end(&x, &emotion.front)?;
    observer.stage("emotion2vec.conv_features", &x)?;

    let x = ops.layer_norm(&x, Some(&emotion.projection_norm), Activation::None)?;
    let x = ops.linear(&x, &emotion.projection, Activation::None)?;
    observer.stage("emotion2vec.projected", &x)?;

    let mut positions = None;
    for conv in &emotion.positional {
        let y = ops.conv1d(positions.as_ref().unwrap_or(&x), conv, Activation::None)?;
        positions = Some(ops.layer_norm(&y, None, Activation::Gelu)?);
    }
    let x = match &positions {
        Some(positions) => {
            observer.stage("emotion2vec.pos_conv", positions)?;
            ops.add(&x, positions)?
        }
        None => x,
    };

    let x = ops.prepend_rows(&x, &emotion.extra_tokens)?;
    let x = ops.layer_norm(&x, Some(&emotion.norm), Activation::None)?;
    let bias = scaled_distance(&emotion.alibi_scale, emotion.extra_tokens.shape()[0]);
    let (prenet, rest) = emotion.layers.split_at(PRENET_LAYERS.min(emotion.layers.len()));
    let x = ops.transformer_stack(x, prenet, &bias)?;
    observer.stage("emotion2vec.prenet", &x)?;
    let x = ops.transformer_stack(x, rest, &bias)?;
    observer.stage("emotion2vec.output", &x)?;
    Ok(x)
}

/// The distribution of the emotion that is heard in the features; the rows before `first_row` are not frames.
pub fn of_features<B: Ops>(
    ops: &B,
    head: &Head<B::Weight>,
    pools: &HeadPools,
    features: &B::Tensor,
    first_row: usize,
    stage: &'static str,
    observer: &dyn Observer<B>,
) -> Result<Distribution<B::Tensor>> {
    let x = ops.slice_rows(features, first_row, head.position_table.shape()[0])?;
    let x = ops.add_table(&x, &head.position_table)?;
    let x = ops.transformer_stack(x, &head.layers, &AttentionBias::None)?;
    observer.stage(stage, &x)?;
    let mean = branch(ops, &head.mean, &pools.mean, &x)?;
    Ok(Distribution { mu: ops.l2_normalize(&mean)?, logvar: branch(ops, &head.logvar, &pools.logvar, &x)? })
}

fn branch<B: Ops>(
    ops: &B,
    branch: &Branch<B::Weight>,
    pool: &PoolWeights,
    x: &B::Tensor,
) -> Result<B::Tensor> {
    let (first, rest) = branch.layers.split_at(1);
    let x = ops.transformer_layer(x, &first[0], &AttentionBias::None)?;
    let x = ops.transformer_stack(x, rest, &AttentionBias::None)?;
    let x = ops.linear(&x, &branch.projection, Activation::None)?;
    ops.sorted_pool(&x, &pool.of(ops, x.clips())?)
}

/// The distribution of the emotion that a motion (frames, parameters) shows. It looks at as many frames as the position
/// table has rows, from the start.
pub fn of_motion<B: Ops>(
    ops: &B,
    motion_emotion: &MotionEmotion<B::Weight>,
    pools: &HeadPools,
    motion: &B::Tensor,
    observer: &dyn Observer<B>,
) -> Result<Distribution<B::Tensor>> {
    let mut features = None;
    let last = motion_emotion.features.len() - 1;
    for (index, linear) in motion_emotion.features.iter().enumerate() {
        let activation = if index == last { Activation::None } else { Activation::LeakyRelu(FEATURES_SLOPE) };
        features = Some(ops.linear(features.as_ref().unwrap_or(motion), linear, activation)?);
    }
    let features = match &features {
        Some(features) => features,
        None => motion,
    };
    observer.stage("fer.features", features)?;
    let x = ops.linear(features, &motion_emotion.input, Activation::None)?;
    of_features(ops, &motion_emotion.head, pools, &x, 0, "dee.motion_encoder", observer)
}
