//! GLDiTalker as a [`Network`]: its audio encoder.

use std::sync::Arc;

use super::audio::AudioEncoder;
use super::config::Config;
use crate::animation::Animation;
use crate::layers::{Observer, timed};
use crate::networks::model_file::{Listing, contradiction};
use crate::networks::probe::Probed;
use crate::networks::{
    EmotionVector, Golden, Job, ModelFile, Network, NetworkStream, Probe, Spec, Stages, StreamOptions, Take,
    Watch, record,
};
use crate::tensor::{Context, Engine, Ops};
use crate::{Error, Result};

/// A loaded model on a device. Threads share it; each leases a context for its work.
pub struct GldiTalker<E: Engine> {
    engine: E,
    spec: Spec,
    config: Config,
    audio: AudioEncoder<<E::Context as Context>::Weight>,
}

impl<E: Engine<Context: Ops>> GldiTalker<E> {
    /// The network of a model file, on a device.
    ///
    /// # Errors
    /// A model of another architecture; a number that is not finite; errors of the device.
    pub fn load(file: &ModelFile, engine: E) -> Result<Self> {
        let (ops, config) = (engine.lease()?, Config::parse(file.config()).map_err(contradiction)?);
        let list = |source: &mut Listing<'_>| AudioEncoder::load_all(source, &config).map(drop);
        let audio = file.weights(&*ops, list, |source| AudioEncoder::load_all(source, &config))?;
        drop(ops);
        Ok(Self { engine, spec: file.spec().clone(), config, audio })
    }

    /// Clips of 16 kHz mono samples to the condition of the denoiser: (frames, width).
    ///
    /// # Errors
    /// A clip without samples; errors of the device and of the observer.
    pub fn condition<B: Ops<Weight = <E::Context as Context>::Weight>>(
        &self,
        ops: &B,
        clips: &[&[f32]],
        observer: &dyn Observer<B>,
    ) -> Result<B::Tensor> {
        if let Some(index) = clips.iter().position(|clip| clip.is_empty()) {
            return Err(Error::Usage(format!("clip {index} has no samples: at least one is needed")));
        }
        timed(observer, "audio", || self.audio.forward(ops, &self.config, clips, observer))
    }
}

/// The rest of the network is not part of this crate.
fn encoder_alone() -> Error {
    Error::Usage(
        "this model holds the audio encoder of GLDiTalker alone, which makes no animation: choose a DEEPTalk model; verification \
         compares the encoder's stages"
            .into(),
    )
}

impl<E: Engine<Context: Ops>> Network for GldiTalker<E> {
    fn spec(&self) -> &Spec {
        &self.spec
    }

    fn check_take(&self, _: &Take) -> Result<()> {
        Err(encoder_alone())
    }

    fn run(&self, _: &[Job<'_>], _: &Watch<'_, '_>) -> Result<Vec<Animation>> {
        Err(encoder_alone())
    }

    fn emotion(&self, _: &[f32], _: &Watch<'_, '_>) -> Result<EmotionVector> {
        Err(Error::Usage("GLDiTalker has no emotion vectors".into()))
    }

    fn stream(self: Arc<Self>, _: &StreamOptions) -> Result<Box<dyn NetworkStream>> {
        Err(encoder_alone())
    }

    fn pass(&self, clips: &[&[f32]], _: Option<&[Stages]>, probe: Option<&dyn Probe>) -> Result<Vec<f32>> {
        let lease = self.engine.lease()?;
        let ops = &*lease;
        ops.download(&self.condition(ops, clips, &Probed { ops, probe })?)
    }

    /// `wav` in the metadata names the clip, `first_sample` and `samples` the part of it.
    fn replay(&self, golden: &Golden) -> Result<Stages> {
        let clip = golden.clip(golden.text("wav").unwrap_or_default())?;
        let first = golden.whole_number("first_sample", 0)? as usize;
        let count = golden.whole_number("samples", clip.len() as u64)? as usize;
        let samples = first.checked_add(count).and_then(|end| clip.get(first..end)).ok_or_else(|| {
            let (what, next) = ("names samples beyond its clip", "give the golden file with its own clip");
            let found = format!("{count} from {first} on");
            Error::bad_input(golden.path(), what, format!("up to {}", clip.len()), found, next)
        })?;
        let stages = record(1, |probe| self.pass(&[samples], None, Some(probe)).map(drop))?;
        Ok(stages.into_iter().next().unwrap_or_default())
    }
}
