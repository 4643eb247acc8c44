//! Checks of the sizes: contradictions between them, and limits.

use super::{AudioConfig, Config, TOKENS_A_SECOND};
use crate::networks::registry::Contradiction;

/// The noise schedules by name.
pub(in super::super) const SCHEDULES: [&str; 2] = ["cosine", "scaled_linear"];

impl Config {
    pub(super) fn check(&self) -> Result<(), Contradiction> {
        let wrong = |what: &str, expected: String, found: String| {
            Err((format!("contradicts itself: {what}"), expected, found))
        };
        let Self { audio, motion, diffusion, .. } = self;
        let AudioConfig { conv, hidden, heads, positional_groups, .. } = *audio;
        for (what, found, most) in [
            ("fps", self.fps, TOKENS_A_SECOND),
            ("audio: conv", conv, 1 << 14),
            ("audio: hidden", hidden, 1 << 14),
            ("audio: positional_kernel", audio.positional_kernel, 1024),
            ("audio: positional_groups", positional_groups, hidden),
            ("audio: layers", audio.layers, 256),
            ("audio: heads", heads, hidden),
            ("audio: feed_forward", audio.feed_forward, 1 << 16),
            ("motion: levels", motion.levels.len(), 16),
            ("motion: spiral_length", motion.spiral_length, 256),
            ("motion: width", motion.width, 1 << 14),
            ("motion: heads", motion.heads, motion.width),
            ("motion: layers", motion.layers, 256),
            ("motion: feed_forward", motion.feed_forward, 1 << 16),
            ("motion: decoder_hidden", motion.decoder_hidden, 1 << 14),
            ("motion: components", motion.components, 1 << 8),
            ("motion: channels", motion.channels, 1 << 12),
            ("motion: codes", motion.codes, 1 << 16),
            ("diffusion: width", diffusion.width, 1 << 14),
            ("diffusion: heads", diffusion.heads, diffusion.width),
            ("diffusion: layers", diffusion.layers, 256),
            ("diffusion: feed_forward", diffusion.feed_forward, 1 << 16),
            ("diffusion: styles", diffusion.styles, 1 << 16),
            ("diffusion: steps", diffusion.steps, 1 << 20),
            ("diffusion: usual_steps", diffusion.usual_steps, diffusion.steps),
        ] {
            if !(1..=most).contains(&found) {
                return wrong(what, format!("a number from 1 to {most}"), found.to_string());
            }
        }
        for (what, width, found) in [
            ("audio: heads", hidden, heads),
            ("audio: positional_groups", hidden, positional_groups),
            ("motion: heads", motion.width, motion.heads),
            ("diffusion: heads", diffusion.width, diffusion.heads),
        ] {
            if !width.is_multiple_of(found) {
                return wrong(what, format!("a divisor of the width, {width}"), found.to_string());
            }
        }
        if let Some(level) = motion.levels.iter().find(|level| !(1..=1 << 20).contains(*level)) {
            return wrong("motion: levels", "1 to 1048576 vertices on every level".into(), level.to_string());
        }
        let blocks = motion.levels.len() - 1;
        let channels = &motion.spiral_channels;
        if channels.len() != blocks || channels.iter().any(|channels| !(1..=1 << 12).contains(channels)) {
            let expected = format!("{blocks} numbers from 1 to 4096, one for each level but the first");
            return wrong("motion: spiral_channels", expected, format!("{channels:?}"));
        }
        for (what, scale) in [
            ("motion: offset_scale", motion.offset_scale),
            ("diffusion: latent_scale", diffusion.latent_scale),
        ] {
            if !(scale.is_finite() && scale > 0.0) {
                return wrong(what, "a finite number above 0".into(), scale.to_string());
            }
        }
        match SCHEDULES.contains(&diffusion.schedule.as_str()) {
            true => Ok(()),
            false => {
                let expected = SCHEDULES.join(" or ");
                wrong("diffusion: schedule", expected, format!("`{}`", diffusion.schedule))
            }
        }
    }
}
