//! A stream: sound in pieces of any size, frames as soon as they can be known: `docs/networks/glditalker.md`
//! section 9.
//!
//! Sound is taken in by blocks, the shortest time of whole frames, tokens and samples, and a hop runs at the
//! very block at which it becomes due: so nothing depends on how the sound was cut. Each frame is denoised
//! once, with the keys and values of those before it. Half of the look-ahead is sound that the newest
//! denoised frame has heard behind it, half is frames that the decoder sees behind those that it shows.

use std::sync::Arc;

use super::config::Config;
use super::denoiser::Kept;
use super::forward::{Drawn, GldiTalkerNetwork};
use super::mesh::{OutputShapes, weights};
use crate::animation::filter::Pipeline;
use crate::animation::{Mood, Vertices};
use crate::networks::intake::{Hops, Intake};
use crate::networks::loudness::Loudness;
use crate::networks::{Frames, NetworkStream, Progress, StreamOptions, Take, Watch};
use crate::tensor::{Clips, Context, Engine, Ops};
use crate::{Error, Result};

/// While so many seconds of frames, or so many numbers of them, wait to be polled, nothing more is taken.
const MOST_SECONDS: usize = 600;
const MOST_NUMBERS: usize = 1 << 26;

/// The options in blocks.
struct Plan {
    context: usize,
    look_ahead: usize,
    hop: usize,
    /// Frames of a block.
    block: usize,
}

pub(super) struct Stream<E: Engine> {
    network: Arc<GldiTalkerNetwork<E>>,
    basis: Arc<OutputShapes<E>>,
    take: Take,
    plan: Plan,
    intake: Intake,
    filters: Pipeline,
    /// Frames that are given out.
    given: usize,
    /// Keys and values of the frames that later ones see, on the host: contexts of the device come and go.
    kept: Kept<(usize, Vec<f32>)>,
    /// Frames that are denoised, and the latents of the last of them: the first that is kept, and they.
    denoised: usize,
    latents: (usize, Vec<f32>),
    /// Set by [`finish`](Stream::finish): the frames that there will be.
    end: Option<usize>,
    waiting: Frames,
}

impl Plan {
    fn of(options: &StreamOptions, config: &Config) -> Result<Self> {
        let block = config.frames_of_a_block();
        let seconds = block as f32 / config.fps as f32;
        options.check(seconds)?;
        let blocks = |time: f32| (time / seconds).round() as usize;
        Ok(Self {
            context: blocks(options.context),
            look_ahead: blocks(options.look_ahead),
            hop: blocks(options.hop).max(1),
            block,
        })
    }

    /// Blocks of latents that the decoder sees behind what it shows.
    fn lag(&self) -> usize {
        self.look_ahead / 2
    }
}

impl<E: Engine<Context: Ops>> Stream<E> {
    pub fn new(network: Arc<GldiTalkerNetwork<E>>, options: &StreamOptions) -> Result<Self> {
        let (config, spec) = (&network.loaded().config, &network.loaded().spec);
        let plan = Plan::of(options, config)?;
        spec.check_take(&options.take)?;
        let usual = StreamOptions::default();
        let emotion = |o: &StreamOptions| [o.emotion_every, o.emotion_context, o.emotion_smoothing];
        if emotion(options) != emotion(&usual) {
            return Err(spec.lacks("emotions to estimate"));
        }
        if config.diffusion.context == 0 {
            return Err(Error::Usage(
                "every frame of this model sees all frames before it, which a stream cannot keep: take a model whose configuration limits \
                 the context of its denoiser, or animate whole recordings"
                    .into(),
            ));
        }
        let blocks_a_second = config.fps as f64 / plan.block as f64;
        let loudness = Loudness::new(options.floor, options.forget, blocks_a_second);
        let parameters = spec.width();
        Ok(Self {
            basis: OutputShapes::of(&network),
            take: options.take.clone(),
            intake: Intake::new(options.rate, config.samples_of(plan.block), loudness)?,
            filters: options.pipeline(spec, plan.look_ahead * plan.block)?,
            given: 0,
            kept: Kept::none(),
            denoised: 0,
            latents: (0, Vec::new()),
            end: None,
            waiting: Frames { parameters, ..Frames::default() },
            plan,
            network,
        })
    }

    fn config(&self) -> &Config {
        &self.network.loaded().config
    }

    /// The block behind the last that the next hop gives out, and whether it gives out all that is left.
    fn next(&self) -> (usize, bool) {
        let to = self.given / self.plan.block + self.plan.hop;
        let heard = self.intake.sound.heard();
        if self.end.is_some() && heard < to + self.plan.look_ahead { (heard, true) } else { (to, false) }
    }

    /// Denoises the frames up to `until`: the rows of the output layer from
    /// [`decoder_begin`](Self::decoder_begin) on, the new latents, and what later frames see.
    #[allow(clippy::type_complexity)]
    fn compute(
        &self,
        until: usize,
        watch: &Watch<'_, '_>,
    ) -> Result<(Vec<f32>, Vec<f32>, Option<Kept<(usize, Vec<f32>)>>)> {
        let (config, block) = (self.config(), self.plan.block);
        let (width, latents) = (config.diffusion.width, config.latents());
        let network = self.network.lease()?;
        let ops = network.ops();
        let (mut new, mut left) = (Vec::new(), None);
        if until > self.denoised {
            let first = self.window_begin();
            let mut samples = Vec::new();
            self.intake.sound.normalized(first, &mut samples);
            let heard = ops.download(&network.condition_of_normalized(&samples, watch)?)?;
            let audio = &heard[(self.denoised - first * block) * width..(until - first * block) * width];
            let clips = Clips::one(until - self.denoised);
            let audio = ops.upload(&clips, width, audio)?;
            let first_frames = [self.denoised];
            let known = network.known(&audio, self.take.actor, &first_frames)?;
            let steps = network.steps(&self.take.draw, 1)?;
            let seed = self.take.draw.seed;
            let noise = Drawn { seed, clips: &clips, first_frames: &first_frames, latents };
            let mut kept =
                self.kept.map(|(rows, values)| ops.upload(&Clips::one(*rows), 2 * width, values))?;
            new = ops.download(&network.sample(&clips, &steps, &known, &noise, Some(&mut kept), watch)?)?;
            left = Some(kept.map(|kv| {
                let values = ops.download(kv)?;
                Ok((values.len() / (2 * width), values))
            })?);
        }
        let begin = (self.decoder_begin() - self.latents.0) * latents;
        let seen = [&self.latents.1[begin..], &new].concat();
        let seen = ops.upload_f32(&Clips::one(seen.len() / latents), latents, &seen)?;
        Ok((ops.download(&network.decode(&seen, watch)?)?, new, left))
    }

    /// The first block of the sound that the next frames hear.
    fn window_begin(&self) -> usize {
        (self.denoised / self.plan.block).saturating_sub(self.plan.context)
    }

    /// The first frame that the decoder sees.
    fn decoder_begin(&self) -> usize {
        self.given.saturating_sub(self.plan.context * self.plan.block)
    }

    /// Drops what no later hop asks for.
    fn forget(&mut self) {
        let rested =
            (self.given / self.plan.block).saturating_sub(self.filters.reach() / self.plan.block + 1);
        self.intake.sound.forget(self.window_begin().min(rested));
        let (begin, latents) = (self.decoder_begin(), self.config().latents());
        self.latents.1.drain(..(begin - self.latents.0) * latents);
        self.latents.0 = begin;
    }
}

impl<E: Engine<Context: Ops>> Hops for Stream<E> {
    fn intake(&mut self) -> &mut Intake {
        &mut self.intake
    }

    fn is_due(&self) -> bool {
        let heard = self.intake.sound.heard();
        let wanted = self.given / self.plan.block + self.plan.hop + self.plan.look_ahead;
        match self.end {
            Some(end) => self.given < end && heard >= wanted.min(end.div_ceil(self.plan.block)),
            None => heard >= wanted,
        }
    }

    fn hop(&mut self, watch: &Watch<'_, '_>) -> Result<()> {
        let ((to_block, is_last), block) = (self.next(), self.plan.block);
        let to = self.end.unwrap_or(usize::MAX).min(to_block * block);
        let until = if is_last { to_block } else { to_block + self.plan.lag() } * block;
        watch.advance(Progress { done: self.given, total: to })?;
        let (rows, latents, kept) = self.compute(until, watch)?;
        let (first, hidden) = (self.decoder_begin(), self.config().motion.decoder_hidden);
        let rows = &rows[(self.given - first) * hidden..(to - first) * hidden];
        let mut shown = weights(rows, hidden);
        for row in shown.chunks_exact_mut(hidden + 1) {
            self.filters.push(&|frame: usize| self.intake.sound.is_loud(frame / block), row);
        }
        let values = Vertices::new(self.basis.clone(), shown).positions(0..to - self.given)?;
        let parameters = self.waiting.parameters;
        self.waiting.append(Frames { first: self.given, parameters, values, codes: Vec::new() });
        if let Some(kept) = kept {
            self.kept = kept;
        }
        self.latents.1.extend(latents);
        (self.denoised, self.given) = (until, to);
        self.forget();
        watch.advance(Progress { done: to, total: to })
    }

    fn ended(&mut self, samples: usize) {
        self.end = Some(self.config().frames_and_tokens(samples).0);
    }

    fn waiting_of_most(&self) -> [usize; 2] {
        let most = (MOST_SECONDS * self.config().fps).min(MOST_NUMBERS / self.waiting.parameters);
        [self.waiting.count(), most]
    }
}

impl<E: Engine<Context: Ops>> NetworkStream for Stream<E> {
    fn delay(&self) -> f64 {
        ((self.plan.look_ahead + self.plan.hop) * self.plan.block) as f64 / self.config().fps as f64
    }

    fn change_mood(&mut self, _: Mood, _: f32) -> Result<()> {
        Err(self.network.loaded().spec.lacks("moods"))
    }

    fn waiting(&self) -> usize {
        self.waiting.count()
    }

    fn poll(&mut self) -> Frames {
        let nothing = Frames { first: self.given, parameters: self.waiting.parameters, ..Frames::default() };
        std::mem::replace(&mut self.waiting, nothing)
    }

    fn push(&mut self, samples: &[f32], watch: &Watch<'_, '_>) -> Result<()> {
        self.take_in(samples, watch)
    }

    fn finish(&mut self, watch: &Watch<'_, '_>) -> Result<()> {
        self.end(watch)
    }
}
