//! The sizes that are known by name.

use super::{AudioConfig, Config, DiffusionConfig, MotionConfig};

impl Config {
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
                encoder: true,
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
                usual_steps: 50,
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

    /// Sizes for the built-in head: small enough to be trained on a processor.
    pub fn head() -> Self {
        Self {
            fps: 25,
            audio: AudioConfig {
                conv: 256,
                hidden: 256,
                positional_kernel: 64,
                positional_groups: 16,
                layers: 4,
                heads: 4,
                feed_forward: 1024,
            },
            motion: MotionConfig {
                levels: vec![7971, 1993, 499, 125, 32],
                spiral_channels: vec![16, 32, 32, 64],
                spiral_length: 9,
                dilation: 2,
                width: 192,
                heads: 4,
                layers: 2,
                feed_forward: 384,
                decoder_hidden: 64,
                components: 8,
                channels: 32,
                codes: 256,
                offset_scale: 0.005,
                encoder: true,
            },
            diffusion: DiffusionConfig {
                width: 192,
                heads: 4,
                layers: 2,
                feed_forward: 384,
                styles: 16,
                steps: 500,
                schedule: "cosine".into(),
                latent_scale: 1.0,
                context: 300,
                usual_steps: 8,
            },
        }
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
                encoder: true,
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
                usual_steps: 8,
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
                encoder: true,
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
                usual_steps: 8,
            },
        }
    }
}
