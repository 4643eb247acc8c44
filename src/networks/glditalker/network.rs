//! GLDiTalker as a [`Network`].

use std::sync::Arc;

use super::forward::GldiTalkerNetwork;
use super::mesh::{OutputShapes, weights};
use super::recording::check_samples;
use super::stream::Stream;
use crate::animation::{Animation, Vertices};
use crate::networks::probe::Probed;
use crate::networks::{
    EmotionVector, Golden, Job, Network, NetworkStream, Probe, Spec, Stages, StreamOptions, Take, Watch,
};
use crate::tensor::{Engine, Ops};
use crate::{Error, Result};

impl<E: Engine<Context: Ops>> Network for GldiTalkerNetwork<E> {
    fn spec(&self) -> &Spec {
        &self.loaded().spec
    }

    fn check_take(&self, take: &Take) -> Result<()> {
        self.loaded().spec.check_take(take)
    }

    fn run(&self, jobs: &[Job<'_>], watch: &Watch<'_, '_>) -> Result<Vec<Animation>> {
        let (spec, hidden) = (&self.loaded().spec, self.loaded().config.motion.decoder_hidden);
        for (index, job) in jobs.iter().enumerate() {
            spec.check_take(job.take)?;
            let checked = check_samples(job.samples, spec.sample_rate);
            checked.map_err(|error| if jobs.len() > 1 { of_recording(index, error) } else { error })?;
        }
        let basis = OutputShapes::of(self);
        let network = self.lease()?;
        let mut animations = Vec::new();
        for group in jobs.chunk_by(|a, b| std::ptr::eq(a.samples, b.samples)) {
            let takes: Vec<&Take> = group.iter().map(|job| job.take).collect();
            animations.extend(network.takes(group[0].samples, &takes, watch)?.into_iter().map(|rows| {
                let track = Vertices::new(basis.clone(), weights(&rows, hidden));
                Animation::from_vertices(spec.frame_rate, track)
            }));
        }
        Ok(animations)
    }

    fn emotion(&self, _: &[f32], _: &Watch<'_, '_>) -> Result<EmotionVector> {
        Err(self.loaded().spec.lacks("an emotion of another recording"))
    }

    fn stream(self: Arc<Self>, options: &StreamOptions) -> Result<Box<dyn NetworkStream>> {
        Ok(Box::new(Stream::new(self, options)?))
    }

    fn pass(&self, clips: &[&[f32]], _: Option<&[Stages]>, probe: Option<&dyn Probe>) -> Result<Vec<f32>> {
        let network = self.lease()?;
        let observer = Probed { ops: network.ops(), probe };
        let take = Take::default();
        let rows = network.rows_of(clips, take.actor, &take.draw, &observer)?;
        network.vertices(&rows)
    }

    fn replay(&self, golden: &Golden) -> Result<Stages> {
        self.lease()?.replay_golden(golden)
    }
}

/// Names the recording that an error is about.
fn of_recording(index: usize, error: Error) -> Error {
    match error {
        Error::Usage(text) => Error::Usage(format!("recording {index}: {text}")),
        other => other,
    }
}
