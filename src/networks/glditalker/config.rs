//! Every size of the network, read from the model file: `docs/networks/glditalker.md` section 0.

mod check;
mod sizes;

use serde::{Deserialize, Serialize};

use crate::layers::TransformerConfig;
use crate::networks::registry::Contradiction;

/// Samples a second that the network reads.
pub const SAMPLE_RATE: usize = 16_000;
/// Tokens a second of the audio encoder.
pub const TOKENS_A_SECOND: usize = 50;
/// A clip of `TOKEN_HOP * n + TOKEN_EXTRA` samples has n tokens.
pub const TOKEN_HOP: usize = SAMPLE_RATE / TOKENS_A_SECOND;
/// The samples beyond whole hops that the first convolutions need.
pub const TOKEN_EXTRA: usize = 80;

/// The sizes of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Frames a second: 25 or 30.
    pub fps: usize,
    /// HuBERT.
    pub audio: AudioConfig,
    /// Stage 1: vertices to codes and back.
    pub motion: MotionConfig,
    /// Stage 2: the denoiser.
    pub diffusion: DiffusionConfig,
}

/// The audio encoder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AudioConfig {
    /// Channels of the convolutions.
    pub conv: usize,
    /// Width of the transformer.
    pub hidden: usize,
    /// Taps of the positional convolution.
    pub positional_kernel: usize,
    /// Groups of the positional convolution.
    pub positional_groups: usize,
    /// Layers of the transformer.
    pub layers: usize,
    /// Heads of a layer.
    pub heads: usize,
    /// Width of the feed-forward network.
    pub feed_forward: usize,
}

/// Stage 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the names are those of docs/networks/glditalker.md section 0")]
pub struct MotionConfig {
    pub levels: Vec<usize>,
    pub spiral_channels: Vec<usize>,
    pub spiral_length: usize,
    pub dilation: usize,
    pub width: usize,
    pub heads: usize,
    pub layers: usize,
    pub feed_forward: usize,
    pub decoder_hidden: usize,
    pub components: usize,
    pub channels: usize,
    pub codes: usize,
    pub offset_scale: f64,
    /// True if the model holds the encoder, which makes codes of vertices; a model that only animates speech
    /// does without.
    #[serde(default = "is_there")]
    pub encoder: bool,
}

/// Stage 2.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the names are those of docs/networks/glditalker.md section 0")]
pub struct DiffusionConfig {
    pub width: usize,
    pub heads: usize,
    pub layers: usize,
    pub feed_forward: usize,
    pub styles: usize,
    pub steps: usize,
    pub schedule: String,
    pub latent_scale: f64,
    pub context: usize,
    /// Denoising steps that are run where a take does not say.
    #[serde(default = "few_steps")]
    pub usual_steps: usize,
}

fn is_there() -> bool {
    true
}

fn few_steps() -> usize {
    8
}

impl Config {
    /// A configuration from its JSON.
    pub(super) fn parse(text: &str) -> Result<Self, Contradiction> {
        let config: Self = serde_json::from_str(text)
            .map_err(|error| ("cannot be read".into(), "JSON with every size".into(), error.to_string()))?;
        config.check()?;
        Ok(config)
    }

    /// The configuration as it stands in a model file.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|error| unreachable!("sizes and names are JSON: {error}"))
    }

    /// Tokens of the audio encoder that make a frame.
    pub fn tokens_per_frame(&self) -> usize {
        TOKENS_A_SECOND.div_ceil(self.fps)
    }

    /// Frames and tokens of a clip: `T = ceil(samples fps / 16000)`, `U = ceil(50 T / fps)`.
    pub fn frames_and_tokens(&self, samples: usize) -> (usize, usize) {
        let frames = (samples * self.fps).div_ceil(SAMPLE_RATE);
        (frames, (TOKENS_A_SECOND * frames).div_ceil(self.fps))
    }

    /// The transformer of the audio encoder.
    pub fn transformer(&self) -> TransformerConfig {
        let AudioConfig { layers, heads, feed_forward, .. } = self.audio;
        TransformerConfig { layers, heads, feed_forward }
    }

    /// The width of a frame's latents: components times channels.
    pub fn latents(&self) -> usize {
        self.motion.components * self.motion.channels
    }

    /// Vertices of the mesh.
    pub fn vertices(&self) -> usize {
        self.motion.levels[0]
    }

    /// Frames after which a window of a recording may begin: there frames, tokens and samples coincide.
    pub fn frames_of_a_block(&self) -> usize {
        let samples = self.fps / gcd(self.fps, SAMPLE_RATE);
        let tokens = self.fps / gcd(self.fps, TOKENS_A_SECOND);
        samples * tokens / gcd(samples, tokens)
    }

    /// Samples of so many frames, which are whole blocks.
    pub fn samples_of(&self, frames: usize) -> usize {
        frames * SAMPLE_RATE / self.fps
    }
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clips_of_any_length_have_frames_and_tokens_in_whole_numbers() {
        for (fps, samples, expected) in [
            (25, 1, (1, 2)),
            (25, 17_123, (27, 54)),
            (30, 17_123, (33, 55)),
            (30, 40_961, (77, 129)),
            (25, 16_000 * 3_600, (90_000, 180_000)),
        ] {
            let config = Config { fps, ..Config::tiny() };
            assert_eq!(config.frames_and_tokens(samples), expected, "{samples} samples at {fps}");
        }
    }

    #[test]
    fn sizes_survive_json_and_contradictions_are_named() {
        for config in [Config::vocaset(), Config::biwi(), Config::head(), Config::tiny(), Config::mid()] {
            assert_eq!(Config::parse(&config.to_json()).unwrap(), config);
        }
        let mut config = Config::tiny();
        config.audio.heads = 5;
        assert!(Config::parse(&config.to_json()).unwrap_err().0.contains("audio: heads"));
        for (part, spoil) in [
            ("fps", (|c| c.fps = 0) as fn(&mut Config)),
            ("motion: heads", |c| c.motion.heads = 3),
            ("motion: levels", |c| c.motion.levels = vec![7, 0]),
            ("motion: spiral_channels", |c| c.motion.spiral_channels.push(4)),
            ("motion: offset_scale", |c| c.motion.offset_scale = 0.0),
            ("diffusion: heads", |c| c.diffusion.heads = 0),
            ("diffusion: schedule", |c| c.diffusion.schedule = "square".into()),
            ("diffusion: latent_scale", |c| c.diffusion.latent_scale = -1.0),
            ("diffusion: usual_steps", |c| c.diffusion.usual_steps = 1001),
        ] {
            let mut config = Config::tiny();
            spoil(&mut config);
            let (what, ..) = Config::parse(&config.to_json()).unwrap_err();
            assert!(what.contains(part), "{part}: {what}");
        }
    }

    #[test]
    fn the_fields_that_golden_files_do_not_have_are_the_usual_ones() {
        let text =
            Config::tiny().to_json().replace(",\"encoder\":true", "").replace(",\"usual_steps\":8", "");
        assert!(!text.contains("usual_steps") && !text.contains("encoder"));
        assert_eq!(Config::parse(&text).unwrap(), Config::tiny());
    }

    #[test]
    fn frames_tokens_and_samples_coincide_at_blocks() {
        for (fps, block) in [(25, 1), (30, 3), (50, 1), (24, 12)] {
            let config = Config { fps, ..Config::tiny() };
            assert_eq!(config.frames_of_a_block(), block, "{fps}");
            let (frames, tokens) = config.frames_and_tokens(config.samples_of(7 * block));
            assert_eq!((frames, tokens * fps), (7 * block, 50 * frames), "{fps}");
        }
    }
}
