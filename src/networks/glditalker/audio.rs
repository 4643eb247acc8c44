//! Speech to the condition of the denoiser: padding, HuBERT, two or more tokens a frame:
//! `docs/networks/glditalker.md` sections 1 and 2.

use super::config::{Config, TOKEN_EXTRA, TOKEN_HOP};
use crate::Result;
use crate::layers::wav2vec::{Sizes, StageNames, Wav2vec, published_convolutions};
use crate::layers::{Observer, Scope, Source};
use crate::tensor::{Activation, Clips, Linear, Ops};

/// The epsilon under the root when a clip's samples are normalised.
const SAMPLES_EPS: f64 = 1e-7;

const STAGES: StageNames = StageNames {
    features: "audio.conv",
    projected: "audio.projection",
    positional: None,
    normed: Some("audio.positional"),
    first_layer: "audio.layer0",
    output: "audio.tokens",
};

/// The tensors of the audio encoder.
#[derive(Debug, Clone)]
pub struct AudioEncoder<W> {
    hubert: Wav2vec<W>,
    /// Stacked tokens to the width of the denoiser.
    condition: Linear<W>,
}

impl<W> AudioEncoder<W> {
    pub(super) fn load_all<S: Source<Weight = W>>(source: &mut S, config: &Config) -> Result<Self> {
        let mut root = Scope::root(source);
        let audio = &config.audio;
        let sizes = Sizes {
            conv: &published_convolutions(&[audio.conv; 7]),
            input: 1,
            hidden: audio.hidden,
            positional_kernel: audio.positional_kernel,
            positional_groups: audio.positional_groups,
            transformer: config.transformer(),
        };
        let stacked = config.tokens_per_frame() * audio.hidden;
        Ok(Self {
            hubert: Wav2vec::load(&mut root.at("audio"), sizes)?,
            condition: Linear::load(&mut root.at("condition"), config.diffusion.width, stacked)?,
        })
    }

    /// Clips of samples to conditions (frames, width).
    pub(super) fn forward<B: Ops<Weight = W>>(
        &self,
        ops: &B,
        config: &Config,
        clips: &[&[f32]],
        observer: &dyn Observer<B>,
    ) -> Result<B::Tensor> {
        let lengths: Vec<_> = clips.iter().map(|clip| config.frames_and_tokens(clip.len())).collect();
        let padded = Clips::from_lengths(lengths.iter().map(|(_, tokens)| TOKEN_HOP * tokens + TOKEN_EXTRA));
        let mut samples = vec![0.0; padded.rows()];
        for (clip, range) in clips.iter().zip(padded.ranges()) {
            normalize(clip, &mut samples[range.start..range.start + clip.len()]);
        }
        self.hear(ops, config, (&samples, &padded), &lengths, observer)
    }

    /// One clip of samples that are normalised already.
    pub(super) fn forward_normalized<B: Ops<Weight = W>>(
        &self,
        ops: &B,
        config: &Config,
        samples: &[f32],
        observer: &dyn Observer<B>,
    ) -> Result<B::Tensor> {
        let (frames, tokens) = config.frames_and_tokens(samples.len());
        let mut padded = samples.to_vec();
        padded.resize(TOKEN_HOP * tokens + TOKEN_EXTRA, 0.0);
        let clips = Clips::one(padded.len());
        self.hear(ops, config, (&padded, &clips), &[(frames, tokens)], observer)
    }

    /// Padded samples to conditions; `lengths` are the frames and tokens of every clip.
    fn hear<B: Ops<Weight = W>>(
        &self,
        ops: &B,
        config: &Config,
        (samples, padded): (&[f32], &Clips),
        lengths: &[(usize, usize)],
        observer: &dyn Observer<B>,
    ) -> Result<B::Tensor> {
        let x = ops.upload_f32(padded, 1, samples)?;
        let tokens = self.hubert.forward(ops, &x, None, &STAGES, observer)?;

        let stack = config.tokens_per_frame();
        let x = if lengths.iter().all(|&(frames, tokens)| tokens == stack * frames) {
            ops.stack_frames(&tokens, stack)?
        } else {
            let rows = Clips::from_lengths(lengths.iter().map(|(frames, _)| stack * frames));
            ops.stack_frames(&ops.resample_linear(&tokens, &rows)?, stack)?
        };
        observer.stage("audio.frames", &x)?;
        let x = ops.linear(&x, &self.condition, Activation::None)?;
        observer.stage("audio.condition", &x)?;
        Ok(x)
    }
}

/// A clip to mean 0 and variance 1 over its own samples, before the padding.
fn normalize(clip: &[f32], out: &mut [f32]) {
    let count = clip.len().max(1) as f64;
    let mean = clip.iter().map(|x| f64::from(*x)).sum::<f64>() / count;
    let variance = clip.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>() / count;
    let scale = 1.0 / (variance + SAMPLES_EPS).sqrt();
    for (out, x) in out.iter_mut().zip(clip) {
        *out = ((f64::from(*x) - mean) * scale) as f32;
    }
}
