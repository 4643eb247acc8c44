//! Every hyper-parameter of the network, read from the model file.

use serde::{Deserialize, Serialize};

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

/// One convolution of a front end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConvConfig {
    /// Channels that come out.
    pub out: usize,
    /// Rows of a window.
    pub kernel: usize,
    /// Rows from one window to the next.
    pub stride: usize,
}

/// The content encoder (spec section 2).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContentConfig {
    /// The convolutions from samples to 50 frames a second.
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

/// The emotion encoder (spec section 3).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmotionConfig {
    /// The convolutions from samples to 50 frames a second.
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

/// Layers of a transformer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransformerConfig {
    /// How many layers.
    pub layers: usize,
    /// Heads of a layer.
    pub heads: usize,
    /// Width of the feed-forward.
    pub feed_forward: usize,
}

/// From features to the mean and the log variance of an emotion (spec section 4).
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

/// The code predictor (spec sections 5 and 6).
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
}

/// The motion prior (spec section 7).
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
}

/// DEE's motion encoder (spec section 8).
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

const ACTORS: &str = "M003 M005 M007 M009 M011 M012 M013 M019 M022 M023 M024 M025 M026 M027 M028 M029 M030 M031 \
                      W009 W011 W014 W015 W016 W018 W019 W021 W023 W024 W025 W026 W028 W029";

pub use crate::motion::JAW_NAMES;

impl Config {
    /// The published sizes.
    pub fn base() -> Self {
        let conv = convolutions(&[512; 7]);
        let encoder = TransformerConfig { layers: 12, heads: 12, feed_forward: 3072 };
        Self {
            content: ContentConfig {
                conv: conv.clone(),
                hidden: 768,
                positional_kernel: 128,
                positional_groups: 16,
                transformer: encoder,
                output: 128,
            },
            emotion: EmotionConfig {
                conv,
                hidden: 768,
                positional_layers: 5,
                positional_kernel: 19,
                positional_groups: 16,
                extra_tokens: 10,
                transformer: encoder,
            },
            emotion_head: HeadConfig {
                max_frames: 500,
                transformer: TransformerConfig { layers: 2, heads: 8, feed_forward: 2048 },
                width: 128,
                pool_width: 32,
            },
            predictor: PredictorConfig {
                style: 128,
                encoder: TransformerConfig { layers: 1, heads: 8, feed_forward: 256 },
                features: 128,
                hidden: 256,
                transformer: TransformerConfig { layers: 6, heads: 8, feed_forward: 256 },
            },
            motion_prior: MotionPriorConfig {
                codes_t: 256,
                width_t: 128,
                codes_b: 256,
                width_b: 256,
                kernel: 5,
                transformer_t: TransformerConfig { layers: 1, heads: 8, feed_forward: 256 },
                transformer_b: TransformerConfig { layers: 1, heads: 8, feed_forward: 512 },
            },
            motion_emotion: Some(MotionEmotionConfig {
                features: vec![256, 512, 1024, 512, 256, 128],
                hidden: 512,
                head: HeadConfig {
                    max_frames: 250,
                    transformer: TransformerConfig { layers: 6, heads: 8, feed_forward: 2048 },
                    width: 128,
                    pool_width: 32,
                },
            }),
            actors: ACTORS.split_whitespace().map(String::from).collect(),
            channels: flame_channels(),
        }
    }

    /// Everything that base has, a hundredth as wide: for tests, and to try things out.
    pub fn tiny() -> Self {
        let conv = convolutions(&[16, 16, 24, 24, 32, 32, 32]);
        let encoder = TransformerConfig { layers: 2, heads: 2, feed_forward: 64 };
        let small = TransformerConfig { layers: 1, heads: 2, feed_forward: 48 };
        let head = HeadConfig { max_frames: 500, transformer: small, width: 16, pool_width: 8 };
        Self {
            content: ContentConfig {
                conv: conv.clone(),
                hidden: 64,
                positional_kernel: 16,
                positional_groups: 4,
                transformer: encoder,
                output: 32,
            },
            emotion: EmotionConfig {
                conv,
                hidden: 32,
                positional_layers: 2,
                positional_kernel: 7,
                positional_groups: 2,
                extra_tokens: 3,
                transformer: encoder,
            },
            emotion_head: head.clone(),
            predictor: PredictorConfig {
                style: 32,
                encoder: small,
                features: 32,
                hidden: 32,
                transformer: TransformerConfig { layers: 2, heads: 2, feed_forward: 64 },
            },
            motion_prior: MotionPriorConfig {
                codes_t: 32,
                width_t: 16,
                codes_b: 48,
                width_b: 32,
                kernel: 5,
                transformer_t: TransformerConfig { heads: 1, ..small },
                transformer_b: TransformerConfig { heads: 1, ..small },
            },
            motion_emotion: Some(MotionEmotionConfig {
                features: vec![32, 48, 16],
                hidden: 32,
                head: HeadConfig { max_frames: 250, ..head },
            }),
            actors: ["A", "B", "C"].map(String::from).into(),
            channels: arkit_channels(),
        }
    }

    /// Values of a motion's row: the channels and the jaw.
    pub fn parameters(&self) -> usize {
        self.channels.len() + JAW_NAMES.len()
    }

    /// A name for each of them.
    pub fn parameter_names(&self) -> Vec<String> {
        self.channels.iter().cloned().chain(JAW_NAMES.map(String::from)).collect()
    }

    /// What contradicts itself in these numbers, if anything: the part, what would be right, and what is there.
    ///
    /// # Errors
    /// The first contradiction as (what, expected, found).
    pub fn check(&self) -> Result<(), (String, String, String)> {
        let transformers = [
            ("content", self.content.transformer, self.content.hidden),
            ("emotion", self.emotion.transformer, self.emotion.hidden),
            ("emotion_head", self.emotion_head.transformer, self.emotion.hidden),
            (
                "predictor.encoder",
                self.predictor.encoder,
                self.content.output.saturating_add(self.predictor.style),
            ),
            ("predictor", self.predictor.transformer, self.predictor.hidden),
            ("motion_prior.transformer_t", self.motion_prior.transformer_t, self.motion_prior.width_t),
            (
                "motion_prior.transformer_b",
                self.motion_prior.transformer_b,
                self.motion_prior.width_t.saturating_add(self.motion_prior.width_b),
            ),
        ];
        let motion = self.motion_emotion.iter().map(|m| ("motion_emotion", m.head.transformer, m.hidden));
        for (part, transformer, width) in transformers.into_iter().chain(motion) {
            between(&format!("{part}: width"), width, 1, 1 << 14)?;
            between(&format!("{part}: layers"), transformer.layers, 1, 256)?;
            between(&format!("{part}: heads"), transformer.heads, 1, width)?;
            between(&format!("{part}: feed_forward"), transformer.feed_forward, 1, 1 << 16)?;
            multiple(&format!("{part}: width"), width, transformer.heads, "heads")?;
        }
        for (part, conv, hidden, kernel, groups) in [
            (
                "content",
                &self.content.conv,
                self.content.hidden,
                self.content.positional_kernel,
                self.content.positional_groups,
            ),
            (
                "emotion",
                &self.emotion.conv,
                self.emotion.hidden,
                self.emotion.positional_kernel,
                self.emotion.positional_groups,
            ),
        ] {
            check_front_end(part, conv)?;
            between(&format!("{part}: positional_kernel"), kernel, 1, 1024)?;
            between(&format!("{part}: positional_groups"), groups, 1, hidden)?;
            multiple(&format!("{part}: hidden"), hidden, groups, "positional_groups")?;
        }
        between("emotion: positional_layers", self.emotion.positional_layers, 1, 64)?;
        between("emotion: extra_tokens", self.emotion.extra_tokens, 1, 1024)?;
        odd("emotion: positional_kernel", self.emotion.positional_kernel)?;
        odd("motion_prior: kernel", self.motion_prior.kernel)?;
        between("motion_prior: kernel", self.motion_prior.kernel, 3, 63)?;
        between("motion_prior: codes_t", self.motion_prior.codes_t, 1, 1 << 16)?;
        between("motion_prior: codes_b", self.motion_prior.codes_b, 1, 1 << 16)?;
        equal("motion_prior: width_b", self.motion_prior.width_b, 2 * self.motion_prior.width_t)?;
        for (part, size) in [
            ("content: output", self.content.output),
            ("predictor: style", self.predictor.style),
            ("predictor: features", self.predictor.features),
            ("predictor: hidden", self.predictor.hidden),
        ] {
            between(part, size, 1, 1 << 14)?;
        }
        for (part, head) in [("emotion_head", Some(&self.emotion_head))]
            .into_iter()
            .chain([("motion_emotion: head", self.motion_emotion.as_ref().map(|m| &m.head))])
        {
            let Some(head) = head else { continue };
            between(&format!("{part}: max_frames"), head.max_frames, 1, 1 << 16)?;
            between(&format!("{part}: width"), head.width, 1, 1 << 14)?;
            between(&format!("{part}: pool_width"), head.pool_width, 2, 1024)?;
            multiple(&format!("{part}: pool_width"), head.pool_width, 2, "sine and cosine")?;
        }
        if let Some(motion) = &self.motion_emotion {
            equal("motion_emotion: head: width", motion.head.width, self.emotion_head.width)?;
            between("motion_emotion: features", motion.features.len(), 1, 64)?;
            for &width in &motion.features {
                between("motion_emotion: features", width, 1, 1 << 14)?;
            }
        }
        between("actors", self.actors.len(), 1, 4096)?;
        between("channels", self.channels.len(), 1, 4096)
    }
}

type Contradiction = (String, String, String);

fn between(what: &str, found: usize, low: usize, high: usize) -> Result<(), Contradiction> {
    if (low..=high).contains(&found) {
        return Ok(());
    }
    Err((what.into(), format!("a number from {low} to {high}"), found.to_string()))
}

fn multiple(what: &str, found: usize, of: usize, unit: &str) -> Result<(), Contradiction> {
    if found.is_multiple_of(of) {
        return Ok(());
    }
    Err((what.into(), format!("a multiple of {of} ({unit})"), found.to_string()))
}

fn odd(what: &str, found: usize) -> Result<(), Contradiction> {
    if found % 2 == 1 { Ok(()) } else { Err((what.into(), "an odd number".into(), found.to_string())) }
}

fn equal(what: &str, found: usize, expected: usize) -> Result<(), Contradiction> {
    if found == expected { Ok(()) } else { Err((what.into(), expected.to_string(), found.to_string())) }
}

/// A front end must end at 50 frames a second, `2 T - 1` of them for T padded frames, as wav2vec2's does.
fn check_front_end(part: &str, conv: &[ConvConfig]) -> Result<(), Contradiction> {
    between(&format!("{part}: conv"), conv.len(), 1, 32)?;
    for layer in conv {
        between(&format!("{part}: conv: out"), layer.out, 1, 1 << 14)?;
        between(&format!("{part}: conv: kernel"), layer.kernel, 1, 1024)?;
        between(&format!("{part}: conv: stride"), layer.stride, 1, 1024)?;
    }
    for frames in [4, 100] {
        let rows = conv.iter().try_fold(frames * SAMPLES_PER_FRAME, |rows, layer| {
            Some(rows.checked_sub(layer.kernel)? / layer.stride + 1)
        });
        if rows != Some(2 * frames - 1) {
            let found = rows.map_or("none".into(), |rows| rows.to_string());
            return Err((
                format!("{part}: conv: rows for {frames} frames"),
                format!("{} (50 a second)", 2 * frames - 1),
                found,
            ));
        }
    }
    Ok(())
}

/// wav2vec2's kernels and strides.
fn convolutions(widths: &[usize; 7]) -> Vec<ConvConfig> {
    let shape = [(10, 5), (3, 2), (3, 2), (3, 2), (3, 2), (2, 2), (2, 2)];
    widths.iter().zip(shape).map(|(&out, (kernel, stride))| ConvConfig { out, kernel, stride }).collect()
}

/// FLAME's first 50 expression coefficients.
pub fn flame_channels() -> Vec<String> {
    (0..50).map(|i| format!("exp_{i:02}")).collect()
}

/// The ARKit blend shapes in ARKit's order, less `jawForward` and `jawOpen`: the jaw's rotation says that.
pub fn arkit_channels() -> Vec<String> {
    const NAMES: &str = "eyeBlinkLeft eyeLookDownLeft eyeLookInLeft eyeLookOutLeft eyeLookUpLeft eyeSquintLeft \
        eyeWideLeft eyeBlinkRight eyeLookDownRight eyeLookInRight eyeLookOutRight eyeLookUpRight eyeSquintRight \
        eyeWideRight jawRight jawLeft mouthClose mouthFunnel mouthPucker mouthRight mouthLeft mouthSmileLeft \
        mouthSmileRight mouthFrownLeft mouthFrownRight mouthDimpleLeft mouthDimpleRight mouthStretchLeft \
        mouthStretchRight mouthRollLower mouthRollUpper mouthShrugLower mouthShrugUpper mouthPressLeft \
        mouthPressRight mouthLowerDownLeft mouthLowerDownRight mouthUpperUpLeft mouthUpperUpRight browDownLeft \
        browDownRight browInnerUp browOuterUpLeft browOuterUpRight cheekPuff cheekSquintLeft cheekSquintRight \
        noseSneerLeft noseSneerRight tongueOut";
    NAMES.split_whitespace().map(String::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sizes_are_free_of_contradictions_and_survive_json() {
        for config in [Config::base(), Config::tiny()] {
            config.check().unwrap();
            assert_eq!(config.parameters(), 53);
            let json = serde_json::to_string(&config).unwrap();
            assert_eq!(serde_json::from_str::<Config>(&json).unwrap(), config);
        }
        assert_eq!(Config::base().actors.len(), 32);
    }

    #[test]
    fn contradictions_are_named() {
        let broken = |change: fn(&mut Config)| {
            let mut config = Config::tiny();
            change(&mut config);
            config.check().unwrap_err().0
        };
        assert_eq!(broken(|c| c.content.transformer.heads = 5), "content: width");
        assert_eq!(broken(|c| c.emotion.conv[3].stride = 3), "emotion: conv: rows for 4 frames");
        assert_eq!(broken(|c| c.motion_prior.width_b = 33), "motion_prior: width_b");
        assert_eq!(broken(|c| c.channels.clear()), "channels");
        assert_eq!(broken(|c| c.content.hidden = 0), "content: width");
        assert_eq!(broken(|c| c.emotion.conv[0].kernel = 0), "emotion: conv: kernel");
    }
}
