//! The whole network over packed batches: speech to content and emotion, those to codes, codes to motion.

use std::sync::Arc;

use super::config::Config;
use super::emotion_head::Distribution;
use super::motion_prior::MotionCodes;
use super::padding::frames_for;
use super::predictor::Choice;
use super::weights::Weights;
use crate::layers::{Observer, timed};
use crate::networks::model_file::Listing;
use crate::networks::{ModelFile, Spec};
use crate::tensor::{Clips, Context, Engine, Lease, NetworkId, Ops, Outputs, Packed as _, Part};
use crate::{Error, Result};

/// Samples of the shortest clip that an encoder can hear; shorter ones are padded with silence.
const SHORTEST: usize = super::config::SAMPLES_PER_FRAME;

/// A loaded model on a device. Threads share it; each leases a context for its work.
#[derive(Clone)]
pub struct DeepTalkNetwork<E: Engine> {
    engine: E,
    loaded: Arc<Loaded<<E::Context as Context>::Weight>>,
}

/// A loaded model on a context, for one thread at a time.
#[derive(Debug)]
pub struct DeepTalk<B: Ops> {
    ops: Lease<B>,
    loaded: Arc<Loaded<B::Weight>>,
}

/// Weights on a device, with their sizes.
#[derive(Debug)]
pub(super) struct Loaded<W> {
    id: NetworkId,
    pub spec: Spec,
    pub config: Config,
    weights: Weights<W>,
}

impl<E: Engine<Context: Ops>> DeepTalkNetwork<E> {
    /// The network of a model file, on a device.
    ///
    /// # Errors
    /// A model of another architecture; a number that is not finite; errors of the device.
    pub fn load(file: &ModelFile, engine: E) -> Result<Self> {
        let (ops, config) = (engine.lease()?, super::config_of(file)?);
        let list = |source: &mut Listing<'_>| Weights::load(&config, source).map(drop);
        let weights = file.weights(&*ops, list, |source| Weights::load(&config, source))?;
        drop(ops);
        let loaded = Loaded { id: NetworkId::unique(), spec: file.spec().clone(), config, weights };
        Ok(Self { engine, loaded: Arc::new(loaded) })
    }

    /// The network on a context of the device.
    ///
    /// # Errors
    /// As [`Engine::lease`].
    pub fn lease(&self) -> Result<DeepTalk<E::Context>> {
        Ok(DeepTalk { ops: self.engine.lease()?, loaded: self.loaded.clone() })
    }

    pub(super) fn loaded(&self) -> &Loaded<<E::Context as Context>::Weight> {
        &self.loaded
    }
}

/// What the encoders make of a batch of speech.
pub struct Analysis<T> {
    /// Words: (frames, content width), 25 frames a second.
    pub content: T,
    /// Feeling: one row a clip.
    pub emotion: Distribution<T>,
}

/// What comes out.
pub struct Animated<B: Ops> {
    /// (frames, parameters).
    pub motion: B::Tensor,
    /// The codes that it was decoded from.
    pub codes: MotionCodes<B::Codes>,
}

impl<B: Ops> DeepTalk<B> {
    /// The network of a model file, on a context of its own: [`DeepTalkNetwork::load`] and
    /// [`DeepTalkNetwork::lease`].
    ///
    /// # Errors
    /// As there.
    pub fn load(file: &ModelFile, engine: impl Engine<Context = B>) -> Result<Self> {
        DeepTalkNetwork::load(file, engine)?.lease()
    }

    pub(super) fn loaded(&self) -> &Loaded<B::Weight> {
        &self.loaded
    }

    /// The device.
    pub fn ops(&self) -> &B {
        &self.ops
    }

    /// The sizes and names.
    pub fn config(&self) -> &Config {
        &self.loaded.config
    }

    /// Both encoders, over clips of 16 kHz mono samples in [-1, 1]; each is padded as the published code does
    /// ([`frames_for`]), so that `T = frames_for(samples).0` frames come out.
    pub fn analyse(&self, clips: &[&[f32]], observer: &dyn Observer<B>) -> Result<Analysis<B::Tensor>> {
        let frames = Clips::from_lengths(clips.iter().map(|clip| frames_for(clip.len()).0));
        let samples = self.upload_samples(clips, |samples| frames_for(samples).1)?;
        let body = |inputs: &[&B::Tensor]| {
            let (content, emotion) = self.ops.branches(
                || {
                    timed(observer, "content", || {
                        self.loaded.weights.content.forward(&*self.ops, inputs[0], &frames, observer)
                    })
                },
                || timed(observer, "emotion", || self.emotion_of_samples(inputs[0], observer)),
            )?;
            Ok(Outputs { tensors: vec![content, emotion.mu, emotion.logvar], codes: Vec::new() })
        };
        let outputs = self.record_unless(observer.reads(), "analyse", &[&samples], body)?;
        let [content, mu, logvar] = exactly(outputs.tensors);
        Ok(Analysis { content, emotion: Distribution { mu, logvar } })
    }

    /// Words of one clip of normalised samples (a whole number of frames): (frames, content width).
    pub(super) fn content_of_normalized(
        &self,
        samples: &[f32],
        observer: &dyn Observer<B>,
    ) -> Result<B::Tensor> {
        let frames = Clips::one(samples.len() / super::config::SAMPLES_PER_FRAME);
        let samples = self.ops.upload_f32(&Clips::one(samples.len()), 1, samples)?;
        let body = |inputs: &[&B::Tensor]| {
            let content = timed(observer, "content", || {
                self.loaded.weights.content.forward_normalized(&*self.ops, inputs[0], &frames, observer)
            })?;
            Ok(Outputs { tensors: vec![content], codes: Vec::new() })
        };
        let outputs = self.record_unless(observer.reads(), "content", &[&samples], body)?;
        let [content] = exactly(outputs.tensors);
        Ok(content)
    }

    /// The emotion of one clip of normalised samples, at least a frame of them.
    pub(super) fn emotion_of_normalized(
        &self,
        samples: &[f32],
        observer: &dyn Observer<B>,
    ) -> Result<Distribution<B::Tensor>> {
        let samples = self.ops.upload_f32(&Clips::one(samples.len()), 1, samples)?;
        let body = |inputs: &[&B::Tensor]| {
            let emotion = timed(observer, "emotion", || {
                let features =
                    self.loaded.weights.emotion.forward_normalized(&*self.ops, inputs[0], observer)?;
                self.emotion_of_features(&features, observer)
            })?;
            Ok(Outputs { tensors: vec![emotion.mu, emotion.logvar], codes: Vec::new() })
        };
        let outputs = self.record_unless(observer.reads(), "emotion", &[&samples], body)?;
        let [mu, logvar] = exactly(outputs.tensors);
        Ok(Distribution { mu, logvar })
    }

    fn record_unless(
        &self,
        eager: bool,
        part: &'static str,
        inputs: &[&B::Tensor],
        body: impl Fn(&[&B::Tensor]) -> Result<Outputs<B::Tensor, B::Codes>>,
    ) -> Result<Outputs<B::Tensor, B::Codes>> {
        if eager {
            body(inputs)
        } else {
            self.ops.recorded(Part { network: self.loaded.id, name: part }, inputs, body)
        }
    }

    /// The emotion alone, of clips that lend it to other words: not padded.
    pub fn emotion_of(
        &self,
        clips: &[&[f32]],
        observer: &dyn Observer<B>,
    ) -> Result<Distribution<B::Tensor>> {
        let samples = self.upload_samples(clips, |samples| samples.max(SHORTEST))?;
        self.emotion_of_samples(&samples, observer)
    }

    fn emotion_of_samples(
        &self,
        samples: &B::Tensor,
        observer: &dyn Observer<B>,
    ) -> Result<Distribution<B::Tensor>> {
        let features = self.loaded.weights.emotion.forward(&*self.ops, samples, observer)?;
        self.emotion_of_features(&features, observer)
    }

    fn emotion_of_features(
        &self,
        features: &B::Tensor,
        observer: &dyn Observer<B>,
    ) -> Result<Distribution<B::Tensor>> {
        let tokens = self.loaded.weights.emotion.tokens();
        let head = &self.loaded.weights.emotion_head;
        let emotion = head.forward(&*self.ops, features, tokens, "dee.encoder", observer)?;
        observer.stage("dee.mu", &emotion.mu)?;
        observer.stage("dee.logvar", &emotion.logvar)?;
        Ok(emotion)
    }

    fn upload_samples(&self, clips: &[&[f32]], padded: impl Fn(usize) -> usize) -> Result<B::Tensor> {
        let lengths = Clips::from_lengths(clips.iter().map(|clip| padded(clip.len())));
        let mut samples = vec![0.0; lengths.rows()];
        for (clip, range) in clips.iter().zip(lengths.ranges()) {
            // The published arithmetic may ask for one sample fewer than there are: see `frames_for`.
            let heard = clip.len().min(range.len());
            samples[range.start..range.start + heard].copy_from_slice(&clip[..heard]);
        }
        self.ops.upload_f32(&lengths, 1, &samples)
    }

    /// Content and emotion vectors to motion: one for each clip, (clips, width), or one for each frame,
    /// (frames, width) in the clips of the content. `actors` names an identity for each emotion vector.
    pub fn animate(
        &self,
        content: &B::Tensor,
        emotion: &B::Tensor,
        actors: &[usize],
        choice: &Choice<'_, B::Tensor>,
        observer: &dyn Observer<B>,
    ) -> Result<Animated<B>> {
        let Weights { style, predictor, motion_prior, .. } = &self.loaded.weights;
        let actors = self.one_hot(actors, emotion.clips())?;
        let mut inputs = vec![content, emotion, &actors];
        // The places of the given codes among the inputs.
        let places = choice.given.map(|given| {
            given.map(|given| {
                inputs.push(given);
                inputs.len() - 1
            })
        });
        let sample = choice.sample;
        let body = |inputs: &[&B::Tensor]| {
            let choice = Choice { sample, given: places.map(|place| place.map(|place| inputs[place])) };
            let codes = timed(observer, "codes", || {
                let style = style.forward(&*self.ops, inputs[1], inputs[2], observer)?;
                predictor.forward(&*self.ops, motion_prior, inputs[0], &style, &choice, observer)
            })?;
            let motion = timed(observer, "motion", || motion_prior.decode(&*self.ops, &codes, observer))?;
            Ok(Outputs { tensors: vec![motion], codes: vec![codes.top, codes.bottom] })
        };
        // Seeds are not part of a recording's key.
        let eager = observer.reads() || sample.iter().any(Option::is_some);
        let part = match places {
            [None, None] => "animate",
            [Some(_), None] => "animate, top given",
            [None, Some(_)] => "animate, bottom given",
            [Some(_), Some(_)] => "animate, both given",
        };
        let outputs = self.record_unless(eager, part, &inputs, body)?;
        let ([motion], [top, bottom]) = (exactly(outputs.tensors), exactly(outputs.codes));
        Ok(Animated { motion, codes: MotionCodes { top, bottom } })
    }

    fn one_hot(&self, actors: &[usize], clips: &Clips) -> Result<B::Tensor> {
        let width = self.loaded.config.actors.len();
        let mut rows = vec![0.0; actors.len() * width];
        for (&actor, row) in actors.iter().zip(rows.chunks_exact_mut(width)) {
            *row.get_mut(actor).ok_or_else(|| {
                Error::Usage(format!("there is no actor {actor}: this model knows {width}, from 0 on"))
            })? = 1.0;
        }
        self.ops.upload(clips, width, &rows)
    }

    /// Motion (frames, parameters; frames a multiple of 4) to codes.
    pub fn encode_motion(&self, motion: &B::Tensor) -> Result<MotionCodes<B::Codes>> {
        self.loaded.weights.motion_prior.encode(&*self.ops, motion)
    }

    /// What the codes stand for: the rows of both codebooks.
    pub fn code_vectors(&self, codes: &MotionCodes<B::Codes>) -> Result<(B::Tensor, B::Tensor)> {
        self.loaded.weights.motion_prior.code_vectors(&*self.ops, codes)
    }

    /// Codes to motion (frames, parameters).
    pub fn decode_codes(&self, codes: &MotionCodes<B::Codes>) -> Result<B::Tensor> {
        self.loaded.weights.motion_prior.decode(&*self.ops, codes, &())
    }

    /// The emotion that a motion (frames, parameters) shows, if the model can tell.
    pub fn emotion_of_motion(
        &self,
        motion: &B::Tensor,
        observer: &dyn Observer<B>,
    ) -> Result<Option<Distribution<B::Tensor>>> {
        let weights = self.loaded.weights.motion_emotion.as_ref();
        weights.map(|weights| weights.forward(&*self.ops, motion, observer)).transpose()
    }

    /// The probability that a motion goes with a speech, from the distributions (mu, log variance) of their
    /// emotions.
    pub fn match_probability(&self, audio: (&[f32], &[f32]), motion: (&[f32], &[f32])) -> Option<f32> {
        Some(self.loaded.weights.motion_emotion.as_ref()?.match_probability(audio, motion))
    }
}

/// What a part of the network gave, one by one.
fn exactly<T, const N: usize>(values: Vec<T>) -> [T; N] {
    let found = values.len();
    values.try_into().unwrap_or_else(|_| unreachable!("a part gives {N} values, not {found}"))
}

/// Refuses samples that are not numbers, before they spoil a whole clip.
pub(super) fn check_samples(samples: &[f32]) -> Result<()> {
    match samples.iter().position(|sample| !sample.is_finite()) {
        None => Ok(()),
        Some(index) => Err(Error::Usage(format!(
            "sample {index} ({:.3} s) is {}: samples must be finite numbers",
            index as f64 / super::config::SAMPLE_RATE as f64,
            samples[index]
        ))),
    }
}
