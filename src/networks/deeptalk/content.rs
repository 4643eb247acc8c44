//! The content encoder: wav2vec 2.0 of samples, or of their log-mel spectrogram: `docs/networks/deeptalk.md`
//! section 2.

use super::config::ContentConfig;
use crate::Result;
use crate::layers::wav2vec::{Sizes, StageNames, Wav2vec};
use crate::layers::{LogMel, Observer, Scope, Source};
use crate::tensor::{Activation, Clips, Linear, Norm, Ops};

/// The epsilon under the root when samples are normalised for this encoder.
const SAMPLES_EPS: f32 = 1e-7;

const STAGES: StageNames = StageNames {
    features: "wav2vec2.conv_features",
    projected: "wav2vec2.projected",
    positional: Some("wav2vec2.pos_conv"),
    normed: None,
    first_layer: "wav2vec2.layer0",
    output: "wav2vec2.output",
};

/// The tensors of the content encoder.
#[derive(Debug, Clone)]
pub struct Content<W> {
    log_mel: Option<LogMel<W>>,
    encoder: Wav2vec<W>,
    output: Linear<W>,
}

impl<W> Content<W> {
    pub(super) fn load<S: Source<Weight = W>>(at: &mut Scope<'_, S>, config: &ContentConfig) -> Result<Self> {
        let log_mel = config.log_mel.as_ref();
        let sizes = Sizes {
            conv: &config.conv,
            input: log_mel.map_or(1, |log_mel| log_mel.bands),
            hidden: config.hidden,
            positional_kernel: config.positional_kernel,
            positional_groups: config.positional_groups,
            transformer: config.transformer,
        };
        Ok(Self {
            log_mel: log_mel.map(|log_mel| LogMel::load(&mut at.at("log_mel"), log_mel)).transpose()?,
            encoder: Wav2vec::load(at, sizes)?,
            output: Linear::load(&mut at.at("output"), config.output, config.hidden)?,
        })
    }

    /// Padded samples (rows, 1) to content features at 25 frames a second: (frames, output). Every clip is
    /// normalised to mean 0 and variance 1 first.
    pub(super) fn forward<B: Ops<Weight = W>>(
        &self,
        ops: &B,
        samples: &B::Tensor,
        frames: &Clips,
        observer: &dyn Observer<B>,
    ) -> Result<B::Tensor> {
        let x = ops.group_norm(samples, &Norm::plain(SAMPLES_EPS), Activation::None)?;
        self.forward_normalized(ops, &x, frames, observer)
    }

    /// [`forward`](Self::forward) of samples that are normalised already, as those of a stream are by its
    /// running statistics.
    pub(super) fn forward_normalized<B: Ops<Weight = W>>(
        &self,
        ops: &B,
        samples: &B::Tensor,
        frames: &Clips,
        observer: &dyn Observer<B>,
    ) -> Result<B::Tensor> {
        let spectrogram = self.log_mel.as_ref().map(|log_mel| log_mel.forward(ops, samples)).transpose()?;
        if let Some(x) = &spectrogram {
            observer.stage("content.log_mel", x)?;
        }
        let x = spectrogram.as_ref().unwrap_or(samples);
        let x = self.encoder.forward(ops, x, Some(frames), &STAGES, observer)?;
        let x = ops.linear(&x, &self.output, Activation::None)?;
        observer.stage("content", &x)?;
        Ok(x)
    }
}
