//! Every hyper-parameter of the network, read from the model file.

mod check;
mod sizes;

use serde::{Deserialize, Serialize};

pub use self::sizes::{arkit_channels, flame_channels};
pub use crate::animation::JAW_NAMES;
pub use crate::layers::wav2vec::ConvConfig;
pub use crate::layers::{LogMelConfig, TransformerConfig};

/// Samples a second that the network hears.
pub const SAMPLE_RATE: usize = 16_000;
/// Frames a second of a motion.
pub const FPS: usize = 25;
/// Samples of a frame.
pub const SAMPLES_PER_FRAME: usize = SAMPLE_RATE / FPS;
/// Frames of a top code.
pub const FRAMES_PER_TOP_CODE: usize = 4;
/// Frames of a bottom code.
pub const FRAMES_PER_BOTTOM_CODE: usize = 2;

/// The sizes of a model. What is not here is the same in every DEEPTalk model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Words: wav2vec2.
    pub content: ContentConfig,
    /// Feeling: emotion2vec.
    pub emotion: EmotionConfig,
    /// The emotion's distribution: DEE's audio head.
    pub emotion_head: HeadConfig,
    /// Codes from words and feeling.
    pub predictor: PredictorConfig,
    /// Motion from codes: TH-VQVAE.
    pub motion_prior: MotionPriorConfig,
    /// The emotion of a motion: DEE's motion encoder, if the model has it.
    pub motion_emotion: Option<MotionEmotionConfig>,
    /// Speaker identities, in the order of the one-hot vector.
    pub actors: Vec<String>,
    /// A name for every expression channel; the three jaw rotations follow them in a motion.
    pub channels: Vec<String>,
}

/// Attention over codes reaches this far where nothing else is said: a row sees itself alone, as in the
/// published model.
fn itself() -> usize {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's form
fn is_itself(rows: &usize) -> bool {
    *rows == itself()
}

/// The content encoder (`docs/networks/deeptalk.md` section 2).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContentConfig {
    /// What the convolutions hear instead of samples, if the model has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_mel: Option<LogMelConfig>,
    /// The convolutions from samples, or from their log-mel spectrogram, to 50 frames a second.
    pub conv: Vec<ConvConfig>,
    /// Width of the transformer.
    pub hidden: usize,
    /// Taps of the positional convolution.
    pub positional_kernel: usize,
    /// Its groups.
    pub positional_groups: usize,
    /// The transformer.
    pub transformer: TransformerConfig,
    /// Width of the content features.
    pub output: usize,
}

/// The emotion encoder (`docs/networks/deeptalk.md` section 3).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmotionConfig {
    /// What the convolutions hear instead of samples, if the model has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_mel: Option<LogMelConfig>,
    /// The convolutions from samples, or from their log-mel spectrogram, to 50 frames a second.
    pub conv: Vec<ConvConfig>,
    /// Width of the transformer.
    pub hidden: usize,
    /// How many positional convolutions.
    pub positional_layers: usize,
    /// Taps of a positional convolution: odd.
    pub positional_kernel: usize,
    /// Its groups.
    pub positional_groups: usize,
    /// Learned tokens in front of the frames.
    pub extra_tokens: usize,
    /// The transformer.
    pub transformer: TransformerConfig,
}

/// From features to the mean and the log variance of an emotion (`docs/networks/deeptalk.md` section 4).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadConfig {
    /// Frames that are heard, from the start; also the rows of the position table.
    pub max_frames: usize,
    /// Layers before the two branches, which have one layer each.
    pub transformer: TransformerConfig,
    /// Width of an emotion vector.
    pub width: usize,
    /// Width of the pooling's position table and of its GRU.
    pub pool_width: usize,
}

/// The code predictor (`docs/networks/deeptalk.md` sections 5 and 6).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PredictorConfig {
    /// Width of the style.
    pub style: usize,
    /// The layer over content and style.
    pub encoder: TransformerConfig,
    /// Width of what it gives a frame.
    pub features: usize,
    /// Width of the two transformers that choose codes.
    pub hidden: usize,
    /// Their layers.
    pub transformer: TransformerConfig,
    /// How far they see: rows `i` and `j` where `|i - j|` is below this.
    #[serde(default = "itself", skip_serializing_if = "is_itself")]
    pub code_attention_rows: usize,
}

/// The motion prior (`docs/networks/deeptalk.md` section 7).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MotionPriorConfig {
    /// Codes of the top book.
    pub codes_t: usize,
    /// Width of a top code; also of the top decoder and of both encoders.
    pub width_t: usize,
    /// Codes of the bottom book.
    pub codes_b: usize,
    /// Width of a bottom code: the widths of encoder and top decoder together.
    pub width_b: usize,
    /// Taps of the convolutions that halve or double the frames: odd.
    pub kernel: usize,
    /// The layer of the encoders and of the top decoder.
    pub transformer_t: TransformerConfig,
    /// The layer of the bottom decoder, which is `width_t + width_b` wide.
    pub transformer_b: TransformerConfig,
    /// How far all of these layers see: rows `i` and `j` where `|i - j|` is below this.
    #[serde(default = "itself", skip_serializing_if = "is_itself")]
    pub attention_rows: usize,
}

/// DEE's motion encoder (`docs/networks/deeptalk.md` section 8).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MotionEmotionConfig {
    /// Widths of the expression network's layers after the motion itself; the last has no activation.
    pub features: Vec<usize>,
    /// Width of the transformer.
    pub hidden: usize,
    /// Layers, branches and pooling.
    pub head: HeadConfig,
}

impl Config {
    /// The configuration as it stands in a model file.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|error| unreachable!("sizes and names are JSON: {error}"))
    }

    /// Values of a motion's row: the channels and the jaw.
    pub fn parameters(&self) -> usize {
        self.channels.len() + JAW_NAMES.len()
    }

    /// The index of an identity.
    ///
    /// # Errors
    /// [`crate::Error::Usage`] with the names that are known.
    pub fn actor(&self, name: &str) -> crate::Result<usize> {
        self.actors.iter().position(|actor| actor == name).ok_or_else(|| {
            let known = self.actors.join(", ");
            crate::Error::Usage(format!("there is no actor `{name}`: this model knows {known}"))
        })
    }

    /// A name for each of them.
    pub fn parameter_names(&self) -> Vec<String> {
        self.channels.iter().cloned().chain(JAW_NAMES.map(String::from)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_sizes_are_free_of_contradictions_and_survive_json() {
        for config in [Config::base(), Config::tiny(), Config::tiny_log_mel(), Config::default_model()] {
            config.check().unwrap();
            assert_eq!(config.parameters(), 53);
            let json = serde_json::to_string(&config).unwrap();
            assert_eq!(serde_json::from_str::<Config>(&json).unwrap(), config);
        }
        assert_eq!(Config::base().actors.len(), 32);
    }

    /// Files that were written before these options were thought of.
    #[test]
    fn options_that_the_published_model_does_not_have_are_neither_written_nor_wanted() {
        let json = serde_json::to_string(&Config::base()).unwrap();
        for key in ["log_mel", "attention_rows"] {
            assert!(!json.contains(key), "{json}");
            assert!(serde_json::to_string(&Config::default_model()).unwrap().contains(key));
        }
    }

    #[test]
    fn contradictions_are_named() {
        let broken = |mut config: Config, change: fn(&mut Config)| {
            change(&mut config);
            config.check().unwrap_err().0
        };
        let tiny = |change| broken(Config::tiny(), change);
        assert_eq!(tiny(|c| c.content.transformer.heads = 5), "content: width");
        assert_eq!(tiny(|c| c.emotion.conv[3].stride = 3), "emotion: conv: rows for 4 frames");
        assert_eq!(tiny(|c| c.motion_prior.width_b = 33), "motion_prior: width_b");
        assert_eq!(tiny(|c| c.channels.clear()), "channels");
        assert_eq!(tiny(|c| c.content.hidden = 0), "content: width");
        assert_eq!(tiny(|c| c.emotion.conv[0].kernel = 0), "emotion: conv: kernel");
        assert_eq!(tiny(|c| c.predictor.code_attention_rows = 0), "predictor: code_attention_rows");
        assert_eq!(tiny(|c| c.motion_prior.attention_rows = 0), "motion_prior: attention_rows");
        let log_mel = |change: fn(&mut LogMelConfig)| {
            let mut config = Config::default_model();
            change(config.emotion.log_mel.as_mut().unwrap());
            config.check().unwrap_err().0
        };
        assert_eq!(log_mel(|c| c.fft = 256), "emotion: log_mel: window");
        assert_eq!(log_mel(|c| c.fft = 1023), "emotion: log_mel: fft");
        assert_eq!(log_mel(|c| c.bands = 1), "emotion: log_mel: bands");
        assert_eq!(log_mel(|c| c.hop = 160), "emotion: conv: rows for 4 frames");
        assert_eq!(log_mel(|c| c.window = 319), "emotion: conv: rows for 4 frames");
    }
}
