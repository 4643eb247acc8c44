//! Every size of the network, read from the model file: `docs/networks/glditalker.md` section 0.

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
}

impl Config {
    /// A configuration from its JSON.
    pub(super) fn parse(text: &str) -> Result<Self, Contradiction> {
        let config: Self = serde_json::from_str(text)
            .map_err(|error| ("cannot be read".into(), "JSON with every size".into(), error.to_string()))?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), Contradiction> {
        let wrong = |what: &str, expected: String, found: usize| {
            Err((format!("contradicts itself: {what}"), expected, found.to_string()))
        };
        let AudioConfig { conv, hidden, heads, positional_groups, .. } = self.audio;
        for (what, found, most) in [
            ("fps", self.fps, TOKENS_A_SECOND),
            ("audio: conv", conv, 1 << 14),
            ("audio: hidden", hidden, 1 << 14),
            ("audio: positional_kernel", self.audio.positional_kernel, 1024),
            ("audio: positional_groups", positional_groups, hidden),
            ("audio: layers", self.audio.layers, 256),
            ("audio: heads", heads, hidden),
            ("audio: feed_forward", self.audio.feed_forward, 1 << 16),
            ("diffusion: width", self.diffusion.width, 1 << 14),
            ("diffusion: styles", self.diffusion.styles, 1 << 16),
            ("motion: levels", self.motion.levels.len(), 16),
        ] {
            if !(1..=most).contains(&found) {
                return wrong(what, format!("a number from 1 to {most}"), found);
            }
        }
        for (what, found) in [("heads", heads), ("positional_groups", positional_groups)] {
            if !hidden.is_multiple_of(found) {
                return wrong(&format!("audio: {what}"), format!("a divisor of hidden, {hidden}"), found);
            }
        }
        match self.motion.levels[0] {
            0 => wrong("motion: levels", "vertices on the first level".into(), 0),
            _ => Ok(()),
        }
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

    /// The sizes for VOCASET.
    pub fn vocaset() -> Self {
        Self {
            fps: 30,
            audio: AudioConfig {
                conv: 512,
                hidden: 768,
                positional_kernel: 128,
                positional_groups: 16,
                layers: 12,
                heads: 12,
                feed_forward: 3072,
            },
            motion: MotionConfig {
                levels: vec![5023, 1256, 314, 79, 20],
                spiral_channels: vec![32, 32, 32, 64],
                spiral_length: 9,
                dilation: 2,
                width: 1024,
                heads: 8,
                layers: 6,
                feed_forward: 1536,
                decoder_hidden: 1024,
                components: 16,
                channels: 64,
                codes: 256,
                offset_scale: 1.0,
            },
            diffusion: DiffusionConfig {
                width: 512,
                heads: 4,
                layers: 1,
                feed_forward: 1024,
                styles: 8,
                steps: 1000,
                schedule: "cosine".into(),
                latent_scale: 1.0,
                context: 0,
            },
        }
    }

    /// The sizes for BIWI.
    pub fn biwi() -> Self {
        let mut config = Self { fps: 25, ..Self::vocaset() };
        config.motion.levels = vec![23370, 5843, 1461, 366, 92];
        (config.motion.components, config.motion.channels) = (8, 128);
        (config.diffusion.styles, config.diffusion.steps) = (6, 500);
        config
    }

    /// The sizes of the smaller golden files.
    pub fn tiny() -> Self {
        Self {
            fps: 25,
            audio: AudioConfig {
                conv: 16,
                hidden: 24,
                positional_kernel: 16,
                positional_groups: 4,
                layers: 2,
                heads: 3,
                feed_forward: 40,
            },
            motion: MotionConfig {
                levels: vec![162, 41, 11],
                spiral_channels: vec![6, 8],
                spiral_length: 5,
                dilation: 2,
                width: 20,
                heads: 2,
                layers: 1,
                feed_forward: 28,
                decoder_hidden: 12,
                components: 2,
                channels: 6,
                codes: 16,
                offset_scale: 0.1,
            },
            diffusion: DiffusionConfig {
                width: 16,
                heads: 2,
                layers: 1,
                feed_forward: 24,
                styles: 3,
                steps: 1000,
                schedule: "scaled_linear".into(),
                latent_scale: 0.8,
                context: 0,
            },
        }
    }

    /// The sizes of the larger golden files.
    pub fn mid() -> Self {
        Self {
            fps: 30,
            audio: AudioConfig {
                conv: 96,
                hidden: 192,
                positional_kernel: 128,
                positional_groups: 16,
                layers: 3,
                heads: 4,
                feed_forward: 512,
            },
            motion: MotionConfig {
                levels: vec![564, 141, 36, 9, 3],
                spiral_channels: vec![16, 24, 32, 48],
                spiral_length: 9,
                dilation: 2,
                width: 160,
                heads: 4,
                layers: 2,
                feed_forward: 320,
                decoder_hidden: 96,
                components: 4,
                channels: 24,
                codes: 64,
                offset_scale: 0.05,
            },
            diffusion: DiffusionConfig {
                width: 128,
                heads: 4,
                layers: 3,
                feed_forward: 256,
                styles: 5,
                steps: 1000,
                schedule: "cosine".into(),
                latent_scale: 1.7,
                context: 40,
            },
        }
    }
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
        for config in [Config::vocaset(), Config::biwi(), Config::tiny(), Config::mid()] {
            assert_eq!(Config::parse(&config.to_json()).unwrap(), config);
        }
        let mut config = Config::tiny();
        config.audio.heads = 5;
        assert!(Config::parse(&config.to_json()).unwrap_err().0.contains("audio: heads"));
        config = Config::tiny();
        config.fps = 0;
        assert!(Config::parse(&config.to_json()).unwrap_err().0.contains("fps"));
    }
}
