//! Recordings of any length: `docs/networks/glditalker.md` section 9.
//!
//! The sound goes through windows, whose conditions fade into each other. One denoiser goes through all
//! frames, chunk after chunk, with the keys and values that a frame may see kept for every step and layer.
//! The decoder goes through the same windows, and its rows fade.

use std::ops::Range;

use super::denoiser::{Kept, Steps};
use super::forward::{Drawn, GldiTalker};
use super::windows::{Seams, settled, windows};
use crate::networks::{Progress, Take, Watch};
use crate::tensor::{Clips, Ops};
use crate::{Error, Result};

/// A take while its windows come in.
struct Unfinished<'t, T> {
    take: &'t Take,
    steps: Steps<T>,
    /// For recordings of several windows.
    kept: Option<Kept<T>>,
    /// Frames that are denoised, and their latents, as far back as the decoder may ask.
    latents: Seams,
    /// Windows that are decoded.
    decoded: usize,
    rows: Seams,
}

impl<B: Ops> GldiTalker<B> {
    /// The rows of the output layer, (frames, hidden), of each take of a recording.
    pub(super) fn takes<'t>(
        &self,
        samples: &[f32],
        takes: &[&'t Take],
        watch: &Watch<'_, '_>,
    ) -> Result<Vec<Vec<f32>>> {
        let config = self.config();
        let (fps, hidden) = (config.fps, config.motion.decoder_hidden);
        let (frames, _) = config.frames_and_tokens(samples.len());
        let windows = windows(frames, fps);
        let mut progress = Progress { done: 0, total: frames * takes.len() };
        let begin = |&take: &&'t Take| {
            Ok(Unfinished {
                take,
                steps: self.steps(&take.draw, 1)?,
                kept: (windows.len() > 1 && config.diffusion.context > 0).then(Kept::none),
                latents: Seams::new(config.latents(), fps),
                decoded: 0,
                rows: Seams::new(hidden, fps),
            })
        };
        let mut unfinished = takes.iter().map(begin).collect::<Result<Vec<_>>>()?;
        let mut audio = Seams::new(config.diffusion.width, fps);
        let mut denoised = 0;
        for (index, window) in windows.iter().enumerate() {
            let end = config.samples_of(window.end).min(samples.len());
            // The last frame of the recording may begin before its samples end.
            let end = if window.end == frames { samples.len() } else { end };
            let condition = self.condition(&[&samples[config.samples_of(window.start)..end]], watch)?;
            audio.add(window.start, &self.ops().download(&condition)?);
            watch.advance(progress)?;
            let until = settled(&windows, index, fps);
            // Without a limit to what a frame sees, all frames are denoised together.
            if config.diffusion.context == 0 && until < frames {
                continue;
            }
            for one in &mut unfinished {
                self.denoise(one, &audio, denoised..until, watch)?;
                let before = one.rows.end();
                self.decode_windows(one, &windows, watch)?;
                progress.done += one.rows.end() - before;
                watch.advance(progress)?;
            }
            audio.forget(until);
            denoised = until;
        }
        Ok(unfinished.into_iter().map(|one| one.rows.finish()).collect())
    }

    /// The next frames of a take.
    fn denoise(
        &self,
        one: &mut Unfinished<'_, B::Tensor>,
        audio: &Seams,
        frames: Range<usize>,
        watch: &Watch<'_, '_>,
    ) -> Result<()> {
        let ops = self.ops();
        let (clips, first) = (Clips::one(frames.len()), [frames.start]);
        let audio = ops.upload(&clips, self.config().diffusion.width, audio.rows(frames))?;
        let known = self.known(&audio, one.take.actor, &first)?;
        let noise = Drawn {
            seed: one.take.draw.seed,
            clips: &clips,
            first_frames: &first,
            latents: self.config().latents(),
        };
        let latents = self.sample(&clips, &one.steps, &known, &noise, one.kept.as_mut(), watch)?;
        one.latents.add(first[0], &ops.download(&latents)?);
        Ok(())
    }

    /// Every window whose latents are there.
    fn decode_windows(
        &self,
        one: &mut Unfinished<'_, B::Tensor>,
        windows: &[Range<usize>],
        watch: &Watch<'_, '_>,
    ) -> Result<()> {
        let ops = self.ops();
        while let Some(window) = windows.get(one.decoded).filter(|window| window.end <= one.latents.end()) {
            let latents = one.latents.rows(window.clone());
            let latents = ops.upload_f32(&Clips::one(window.len()), self.config().latents(), latents)?;
            one.rows.add(window.start, &ops.download(&self.decode(&latents, watch)?)?);
            one.decoded += 1;
            let next = windows.get(one.decoded).map_or(one.latents.end(), |next| next.start);
            one.latents.forget(next);
        }
        Ok(())
    }
}

/// Refuses a recording without samples, or with one that is not a number.
pub(super) fn check_samples(samples: &[f32], sample_rate: u32) -> Result<()> {
    if samples.is_empty() {
        return Err(Error::Usage("there are no samples to animate: at least one is needed".into()));
    }
    match samples.iter().position(|sample| !sample.is_finite()) {
        None => Ok(()),
        Some(index) => Err(Error::Usage(format!(
            "sample {index} ({:.3} s) is {}: samples must be finite numbers",
            index as f64 / f64::from(sample_rate),
            samples[index]
        ))),
    }
}
