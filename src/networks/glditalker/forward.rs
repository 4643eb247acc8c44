//! The whole network over packed clips: speech to a condition, noise to latents, latents to the rows of the
//! output layer.

use std::sync::Arc;

use super::audio::AudioEncoder;
use super::config::Config;
use super::denoiser::{Condition, Denoiser, Kept, Steps};
use super::motion::Motion;
use super::schedule::plan;
use super::stages::SamplerNames;
use crate::layers::{Observer, Scope, Source, timed};
use crate::networks::model_file::Listing;
use crate::networks::model_writer::contradiction;
use crate::networks::{Draw, ModelFile, Spec};
use crate::tensor::{Activation, Clips, Context, Engine, Lease, Linear, Ops, Packed, noise};
use crate::{Error, Result};

/// The stream of random numbers of x_N; that of the k-th update is k behind it.
const FIRST_STREAM: u32 = 256;

/// A loaded model on a device. Threads share it; each leases a context for its work.
pub struct GldiTalkerNetwork<E: Engine> {
    engine: E,
    loaded: Arc<Loaded<<E::Context as Context>::Weight>>,
}

/// A loaded model on a context, for one thread at a time.
pub struct GldiTalker<B: Ops> {
    ops: Lease<B>,
    loaded: Arc<Loaded<B::Weight>>,
}

/// Weights on a device, with their sizes.
pub(super) struct Loaded<W> {
    pub spec: Spec,
    pub config: Config,
    weights: Weights<W>,
    /// The mesh at rest.
    pub mesh: Mesh,
}

/// The tables of the mesh that stay in the memory of the host.
pub(super) struct Mesh {
    /// (3 V): vertices at rest.
    pub rest: Arc<[f32]>,
    /// (3 V): offsets of a row of zeros.
    pub bias: Vec<f32>,
}

/// Every tensor of a model.
struct Weights<W> {
    audio: AudioEncoder<W>,
    denoiser: Denoiser<W>,
    motion: Motion<W>,
}

impl<W> Weights<W> {
    fn load<S: Source<Weight = W>>(source: &mut S, config: &Config) -> Result<Self> {
        let audio = AudioEncoder::load_all(source, config)?;
        let mut root = Scope::root(source);
        let denoiser = Denoiser::load(&mut root.at("denoiser"), config)?;
        let motion = Motion::load(&mut root.at("motion"), config)?;
        Ok(Self { audio, denoiser, motion })
    }
}

/// Asks for every tensor of a model.
pub(super) fn load_all<S: Source>(source: &mut S, config: &Config) -> Result<()> {
    Weights::load(source, config)?;
    Mesh::rest(source, config).map(drop)
}

impl Mesh {
    fn rest<S: Source>(source: &mut S, config: &Config) -> Result<Vec<f32>> {
        Scope::root(source).at("motion").host("template", &[config.vertices(), 3])
    }
}

/// The noise of a run: numbers of (frames, latents) for x_N and for each update.
pub(super) trait Noise {
    /// Draw 0 is x_N, draw k that of the k-th update.
    fn draw(&self, draw: usize) -> Vec<f32>;
}

/// Noise by the seed, and the frame within its recording, of each clip.
pub(super) struct Drawn<'a> {
    pub seed: u64,
    pub clips: &'a Clips,
    pub first_frames: &'a [usize],
    pub latents: usize,
}

impl Noise for Drawn<'_> {
    fn draw(&self, draw: usize) -> Vec<f32> {
        let clips = self.clips.lengths().zip(self.first_frames);
        let stream = FIRST_STREAM + draw as u32;
        clips
            .flat_map(|(frames, &first)| {
                noise::normal_rows(self.seed, stream, first..first + frames, self.latents)
            })
            .collect()
    }
}

impl<E: Engine> Clone for GldiTalkerNetwork<E> {
    fn clone(&self) -> Self {
        Self { engine: self.engine.clone(), loaded: self.loaded.clone() }
    }
}

impl<E: Engine<Context: Ops>> GldiTalkerNetwork<E> {
    /// The network of a model file, on a device.
    ///
    /// # Errors
    /// A model of another architecture; a number that is not finite; errors of the device.
    pub fn load(file: &ModelFile, engine: E) -> Result<Self> {
        let (ops, config) = (engine.lease()?, Config::parse(file.config()).map_err(contradiction)?);
        let list = |source: &mut Listing<'_>| Weights::load(source, &config).map(drop);
        let (weights, mesh) = file.weights(&*ops, list, |source| {
            let weights = Weights::load(source, &config)?;
            let rest = Mesh::rest(source, &config)?.into();
            let bias = Scope::root(source).at("motion.output").host("bias", &[3 * config.vertices()])?;
            Ok((weights, Mesh { rest, bias }))
        })?;
        drop(ops);
        let loaded = Loaded { spec: file.spec().clone(), config, weights, mesh };
        Ok(Self { engine, loaded: Arc::new(loaded) })
    }

    /// The network on a context of the device.
    ///
    /// # Errors
    /// As [`Engine::lease`].
    pub fn lease(&self) -> Result<GldiTalker<E::Context>> {
        Ok(GldiTalker { ops: self.engine.lease()?, loaded: self.loaded.clone() })
    }

    pub(super) fn loaded(&self) -> &Loaded<<E::Context as Context>::Weight> {
        &self.loaded
    }
}

impl<B: Ops> GldiTalker<B> {
    /// The device.
    pub fn ops(&self) -> &B {
        &self.ops
    }

    /// The sizes.
    pub fn config(&self) -> &Config {
        &self.loaded.config
    }

    pub(super) fn denoiser(&self) -> &Denoiser<B::Weight> {
        &self.loaded.weights.denoiser
    }

    pub(super) fn motion(&self) -> &Motion<B::Weight> {
        &self.loaded.weights.motion
    }

    /// Clips of 16 kHz mono samples to the condition of the denoiser, E_a: (frames, width).
    ///
    /// # Errors
    /// A clip without samples; errors of the device and of the observer.
    pub fn condition(&self, clips: &[&[f32]], observer: &dyn Observer<B>) -> Result<B::Tensor> {
        if let Some(index) = clips.iter().position(|clip| clip.is_empty()) {
            return Err(Error::Usage(format!("clip {index} has no samples: at least one is needed")));
        }
        timed(observer, "audio", || {
            self.loaded.weights.audio.forward(&*self.ops, &self.loaded.config, clips, observer)
        })
    }

    /// The same of one clip whose samples are normalised already, as those of a stream are by its running
    /// statistics.
    pub(super) fn condition_of_normalized(
        &self,
        samples: &[f32],
        observer: &dyn Observer<B>,
    ) -> Result<B::Tensor> {
        timed(observer, "audio", || {
            self.loaded.weights.audio.forward_normalized(&*self.ops, &self.loaded.config, samples, observer)
        })
    }

    /// The inputs of the denoiser that follow from the audio condition E_a and are the same at every step.
    pub(super) fn known(
        &self,
        audio: &B::Tensor,
        style: usize,
        first_frames: &[usize],
    ) -> Result<Condition<B::Tensor>> {
        self.denoiser().condition(&*self.ops, audio, style, first_frames)
    }

    /// E_s: the row of a style.
    pub(super) fn style(&self, style: usize) -> Vec<f32> {
        self.denoiser().style(style)
    }

    /// The steps of a take, for so many clips.
    pub(super) fn steps(&self, draw: &Draw, clips: usize) -> Result<Steps<B::Tensor>> {
        let diffusion = &self.loaded.config.diffusion;
        let count = draw.steps.unwrap_or(diffusion.usual_steps);
        self.denoiser().steps(&*self.ops, plan(diffusion, count, draw.eta.unwrap_or(0.0).into()), clips)
    }

    /// From noise to scaled latents: (frames, latents) in f32. With `kept`, the frames go on from those that
    /// were denoised before.
    pub(super) fn sample(
        &self,
        clips: &Clips,
        steps: &Steps<B::Tensor>,
        condition: &Condition<B::Tensor>,
        noise: &dyn Noise,
        mut kept: Option<&mut Kept<B::Tensor>>,
        observer: &dyn Observer<B>,
    ) -> Result<B::Tensor> {
        let (ops, width) = (&*self.ops, self.loaded.config.latents());
        let is_drawn = steps.updates.iter().any(|update| update.noise > 0.0);
        let names = SamplerNames::of_eta(if is_drawn { 1.0 } else { 0.0 });
        timed(observer, "denoiser", || {
            let mut x = ops.upload_f32(clips, width, &noise.draw(0))?;
            for (k, update) in steps.updates.iter().enumerate() {
                let x0 = self.denoiser().predict(
                    ops,
                    &x,
                    (steps, k),
                    condition,
                    kept.as_deref_mut(),
                    names,
                    observer,
                )?;
                let mut terms = vec![(update.prediction as f32, &x0)];
                if update.state != 0.0 {
                    terms.push((update.state as f32, &x));
                }
                let z;
                if update.noise != 0.0 {
                    z = ops.upload_f32(clips, width, &noise.draw(k + 1))?;
                    terms.push((update.noise as f32, &z));
                }
                let next = ops.combine(&terms)?;
                if let Some([prediction, state]) = names.step(k) {
                    observer.stage(prediction, &x0)?;
                    observer.stage(state, &next)?;
                }
                x = next;
            }
            Ok(x)
        })
    }

    /// Scaled latents to the rows that the output layer reads: (frames, hidden).
    pub(super) fn decode(&self, latents: &B::Tensor, observer: &dyn Observer<B>) -> Result<B::Tensor> {
        timed(observer, "decoder", || self.motion().decode(&*self.ops, latents, observer))
    }

    /// The output layer: offsets (frames, 3 V) of rows (frames, hidden).
    pub(super) fn offsets(&self, rows: &B::Tensor) -> Result<B::Tensor> {
        let output: &Linear<B::Weight> = &self.motion().output;
        self.ops.linear(rows, output, Activation::None)
    }

    /// Offsets of vertices, (frames, 3 V) in the units of the mesh, to the codes of stage 1: one for each
    /// component of a frame.
    ///
    /// # Errors
    /// Offsets that are not whole frames, or a model without an encoder; errors of the device and of the
    /// observer.
    pub fn encode(&self, offsets: &[f32], observer: &dyn Observer<B>) -> Result<Vec<i32>> {
        let frame = 3 * self.config().vertices();
        if !self.motion().encodes() {
            return Err(Error::Usage(
                "this model holds no encoder of motion: it animates speech alone".into(),
            ));
        }
        if offsets.is_empty() || !offsets.len().is_multiple_of(frame) {
            let found = offsets.len();
            return Err(Error::Usage(format!("offsets are whole frames of {frame} numbers, not {found}")));
        }
        let codes = self.motion().encode(&*self.ops, offsets, observer)?;
        codes.map_or(Ok(Vec::new()), |codes| self.ops.download_codes(&codes))
    }

    /// The codes of stage 1 (frames * components) to offsets of vertices: (frames, 3 V).
    ///
    /// # Errors
    /// Codes that are not whole frames or not in the codebook; errors of the device.
    pub fn decode_codes(&self, codes: &[i32]) -> Result<Vec<f32>> {
        let components = self.config().motion.components;
        if !codes.len().is_multiple_of(components) {
            let found = codes.len();
            return Err(Error::Usage(format!(
                "a frame has {components} codes, and {found} are not whole frames"
            )));
        }
        let codes = self.ops.upload_codes(&Clips::one(codes.len()), codes)?;
        let rows = self.decode(&self.motion().lookup(&*self.ops, &codes)?, &())?;
        self.ops.download(&self.offsets(&rows)?)
    }

    /// Rows of the output layer to vertices: (frames, 3 V), in f32.
    pub(super) fn vertices(&self, rows: &B::Tensor) -> Result<Vec<f32>> {
        let mut vertices = self.ops.download(&self.offsets(rows)?)?;
        let rest = &self.loaded.mesh.rest;
        for frame in vertices.chunks_exact_mut(rest.len()) {
            frame.iter_mut().zip(rest.iter()).for_each(|(value, rest)| *value += rest);
        }
        Ok(vertices)
    }

    /// One pass over a batch of clips, each as one window from frame 0 on: the rows of the output layer.
    pub(super) fn rows_of(
        &self,
        clips: &[&[f32]],
        style: usize,
        draw: &Draw,
        observer: &dyn Observer<B>,
    ) -> Result<B::Tensor> {
        let audio = self.condition(clips, observer)?;
        let (frames, first_frames) = (audio.clips().clone(), vec![0; clips.len()]);
        let known = self.known(&audio, style, &first_frames)?;
        let steps = self.steps(draw, clips.len())?;
        let latents = self.loaded.config.latents();
        let noise = Drawn { seed: draw.seed, clips: &frames, first_frames: &first_frames, latents };
        let latents = self.sample(&frames, &steps, &known, &noise, None, observer)?;
        self.decode(&latents, observer)
    }
}
