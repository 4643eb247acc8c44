//! The sizes that are known by name.

use crate::layers::wav2vec::published_convolutions;

use super::{
    Config, ContentConfig, ConvConfig, EmotionConfig, HeadConfig, LogMelConfig, MotionEmotionConfig,
    MotionPriorConfig, PredictorConfig, TransformerConfig,
};

const ACTORS: &str = "M003 M005 M007 M009 M011 M012 M013 M019 M022 M023 M024 M025 M026 M027 M028 M029 M030 M031 \
                      W009 W011 W014 W015 W016 W018 W019 W021 W023 W024 W025 W026 W028 W029";

impl Config {
    /// The published sizes.
    pub fn base() -> Self {
        let conv = published_convolutions(&[512; 7]);
        let encoder = TransformerConfig { layers: 12, heads: 12, feed_forward: 3072 };
        Self {
            content: ContentConfig {
                log_mel: None,
                conv: conv.clone(),
                hidden: 768,
                positional_kernel: 128,
                positional_groups: 16,
                transformer: encoder,
                output: 128,
            },
            emotion: EmotionConfig {
                log_mel: None,
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
                code_attention_rows: 1,
            },
            motion_prior: MotionPriorConfig {
                codes_t: 256,
                width_t: 128,
                codes_b: 256,
                width_b: 256,
                kernel: 5,
                transformer_t: TransformerConfig { layers: 1, heads: 8, feed_forward: 256 },
                transformer_b: TransformerConfig { layers: 1, heads: 8, feed_forward: 512 },
                attention_rows: 1,
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
        let conv = published_convolutions(&[16, 16, 24, 24, 32, 32, 32]);
        let encoder = TransformerConfig { layers: 2, heads: 2, feed_forward: 64 };
        let small = TransformerConfig { layers: 1, heads: 2, feed_forward: 48 };
        let head = HeadConfig { max_frames: 500, transformer: small, width: 16, pool_width: 8 };
        Self {
            content: ContentConfig {
                log_mel: None,
                conv: conv.clone(),
                hidden: 64,
                positional_kernel: 16,
                positional_groups: 4,
                transformer: encoder,
                output: 32,
            },
            emotion: EmotionConfig {
                log_mel: None,
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
                code_attention_rows: 1,
            },
            motion_prior: MotionPriorConfig {
                codes_t: 32,
                width_t: 16,
                codes_b: 48,
                width_b: 32,
                kernel: 5,
                transformer_t: TransformerConfig { heads: 1, ..small },
                transformer_b: TransformerConfig { heads: 1, ..small },
                attention_rows: 1,
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

    /// [`Config::tiny`] with everything that the published model does not have: log-mel spectrograms, and
    /// attention between codes.
    pub fn tiny_log_mel() -> Self {
        let mut config = Self::tiny();
        config.content.log_mel = Some(LogMelConfig { window: 320, hop: 160, fft: 320, bands: 20 });
        config.content.conv =
            vec![ConvConfig { out: 32, kernel: 3, stride: 2 }, ConvConfig { out: 24, kernel: 1, stride: 1 }];
        config.emotion.log_mel = Some(LogMelConfig { window: 640, hop: 320, fft: 640, bands: 18 });
        config.emotion.conv = vec![ConvConfig { out: 24, kernel: 1, stride: 1 }];
        config.predictor.code_attention_rows = 3;
        config.motion_prior.attention_rows = 2;
        config
    }

    /// The model that this project trains: log-mel spectrograms, and few layers.
    pub fn default_model() -> Self {
        let layers = |layers, heads, feed_forward| TransformerConfig { layers, heads, feed_forward };
        Self {
            content: ContentConfig {
                log_mel: Some(LogMelConfig { window: 320, hop: 160, fft: 512, bands: 64 }),
                conv: vec![
                    ConvConfig { out: 256, kernel: 3, stride: 2 },
                    ConvConfig { out: 256, kernel: 1, stride: 1 },
                ],
                hidden: 256,
                positional_kernel: 15,
                positional_groups: 16,
                transformer: layers(4, 4, 512),
                output: 128,
            },
            emotion: EmotionConfig {
                log_mel: Some(LogMelConfig { window: 512, hop: 320, fft: 512, bands: 64 }),
                conv: vec![ConvConfig { out: 128, kernel: 1, stride: 1 }; 2],
                hidden: 128,
                positional_layers: 3,
                positional_kernel: 9,
                positional_groups: 4,
                extra_tokens: 4,
                transformer: layers(3, 4, 256),
            },
            emotion_head: HeadConfig {
                max_frames: 500,
                transformer: layers(1, 4, 128),
                width: 64,
                pool_width: 16,
            },
            predictor: PredictorConfig {
                style: 64,
                encoder: layers(1, 4, 256),
                features: 128,
                hidden: 128,
                transformer: layers(2, 4, 256),
                code_attention_rows: 13,
            },
            motion_prior: MotionPriorConfig {
                codes_t: 256,
                width_t: 64,
                codes_b: 512,
                width_b: 128,
                kernel: 5,
                transformer_t: layers(1, 4, 256),
                transformer_b: layers(1, 4, 384),
                attention_rows: 5,
            },
            motion_emotion: Some(MotionEmotionConfig {
                features: vec![96, 96, 48],
                hidden: 64,
                head: HeadConfig {
                    max_frames: 250,
                    transformer: layers(2, 4, 192),
                    width: 64,
                    pool_width: 16,
                },
            }),
            actors: vec!["A".into()],
            channels: arkit_channels(),
        }
    }
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
