//! What sizes must have to do with each other.

use super::{Config, ConvConfig, LogMelConfig, SAMPLES_PER_FRAME};

impl Config {
    /// The first contradiction in these numbers: the part, the expected value, the found value.
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
        for (part, log_mel, conv, hidden, kernel, groups) in [
            (
                "content",
                self.content.log_mel,
                &self.content.conv,
                self.content.hidden,
                self.content.positional_kernel,
                self.content.positional_groups,
            ),
            (
                "emotion",
                self.emotion.log_mel,
                &self.emotion.conv,
                self.emotion.hidden,
                self.emotion.positional_kernel,
                self.emotion.positional_groups,
            ),
        ] {
            check_front_end(part, log_mel, conv)?;
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
        between("motion_prior: attention_rows", self.motion_prior.attention_rows, 1, 1 << 16)?;
        between("predictor: code_attention_rows", self.predictor.code_attention_rows, 1, 1 << 16)?;
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

/// A front end must end at 50 frames a second, `2 T - 1` of them for T padded frames, as wav2vec2's does; and
/// hear a single frame.
fn check_front_end(
    part: &str,
    log_mel: Option<LogMelConfig>,
    conv: &[ConvConfig],
) -> Result<(), Contradiction> {
    if let Some(LogMelConfig { window, hop, fft, bands }) = log_mel {
        between(&format!("{part}: log_mel: fft"), fft, 2, 1 << 14)?;
        multiple(&format!("{part}: log_mel: fft"), fft, 2, "frequencies come in pairs")?;
        between(&format!("{part}: log_mel: window"), window, 1, fft)?;
        between(&format!("{part}: log_mel: hop"), hop, 1, 1 << 14)?;
        between(&format!("{part}: log_mel: bands"), bands, 2, 1024)?;
    }
    between(&format!("{part}: conv"), conv.len(), 1, 32)?;
    for layer in conv {
        between(&format!("{part}: conv: out"), layer.out, 1, 1 << 14)?;
        between(&format!("{part}: conv: kernel"), layer.kernel, 1, 1024)?;
        between(&format!("{part}: conv: stride"), layer.stride, 1, 1024)?;
    }
    let layers = log_mel.map(|log_mel| (log_mel.window, log_mel.hop));
    let layers = layers.into_iter().chain(conv.iter().map(|layer| (layer.kernel, layer.stride)));
    for frames in [4, 100, 1] {
        let rows = layers.clone().try_fold(frames * SAMPLES_PER_FRAME, |rows, (kernel, stride)| {
            Some(rows.checked_sub(kernel)? / stride + 1)
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
