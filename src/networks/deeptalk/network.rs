//! DEEPTalk as a [`Network`].

use std::sync::Arc;

use super::forward::{DeepTalk, DeepTalkNetwork};
use super::predictor::Choice;
use super::stream::Stream;
use crate::animation::Animation;
use crate::networks::probe::Probed;
use crate::networks::{
    EmotionVector, Golden, Job, Network, NetworkStream, Probe, Spec, Stages, StreamOptions, Take, Values,
    Watch,
};
use crate::tensor::{Clips, Context as _, Engine, Ops};
use crate::{Error, Result};

impl<E: Engine<Context: Ops>> Network for DeepTalkNetwork<E> {
    fn spec(&self) -> &Spec {
        &self.loaded().spec
    }

    fn check_take(&self, take: &Take) -> Result<()> {
        self.loaded().spec.check_take(take)
    }

    fn run(&self, jobs: &[Job<'_>], watch: &Watch<'_, '_>) -> Result<Vec<Animation>> {
        let Some(first) = jobs.first() else { return Ok(Vec::new()) };
        let progress = &mut |progress| watch.advance(progress);
        let network = self.lease()?;
        if jobs.iter().all(|job| std::ptr::eq(job.samples, first.samples)) {
            let takes: Vec<&Take> = jobs.iter().map(|job| job.take).collect();
            return network.takes_observed(first.samples, &takes, progress, watch);
        }
        if jobs.iter().all(|job| job.take == first.take) {
            let recordings: Vec<&[f32]> = jobs.iter().map(|job| job.samples).collect();
            return network.batch_observed(&recordings, first.take, progress, watch);
        }
        let mut motions = Vec::new();
        for group in jobs.chunk_by(|a, b| std::ptr::eq(a.samples, b.samples)) {
            let takes: Vec<&Take> = group.iter().map(|job| job.take).collect();
            motions.extend(network.takes_observed(group[0].samples, &takes, progress, watch)?);
        }
        Ok(motions)
    }

    fn emotion(&self, samples: &[f32], watch: &Watch<'_, '_>) -> Result<EmotionVector> {
        self.lease()?.emotion_vector_observed(samples, watch)
    }

    fn stream(self: Arc<Self>, options: &StreamOptions) -> Result<Box<dyn NetworkStream>> {
        Ok(Box::new(Stream::new(self, options)?))
    }

    fn pass(
        &self,
        clips: &[&[f32]],
        given: Option<&[Stages]>,
        probe: Option<&dyn Probe>,
    ) -> Result<Vec<f32>> {
        let network = self.lease()?;
        let ops = network.ops();
        let observer = Probed { ops, probe };
        let analysis = network.analyse(clips, &observer)?;
        let given = given.map(|given| network.upload_given(clips, given)).transpose()?;
        let given = given.as_ref().map_or([None; 2], |given| given.each_ref().map(Option::as_ref));
        let choice = Choice { given, ..Choice::default() };
        let actors = vec![0; clips.len()];
        let animated =
            network.animate(&analysis.content, &analysis.emotion.mu, &actors, &choice, &observer)?;
        ops.download(&animated.motion)
    }

    fn replay(&self, golden: &Golden) -> Result<Stages> {
        self.lease()?.replay_golden(golden)
    }
}

impl<B: Ops> DeepTalk<B> {
    /// The codes of both books that replace the chosen ones of these clips. Where the stages of a clip do not
    /// hold a book whole, the chosen codes of the clip stay.
    ///
    /// # Errors
    /// Errors of the device.
    pub fn upload_given(&self, clips: &[&[f32]], given: &[Stages]) -> Result<[Option<B::Tensor>; 2]> {
        let book = |name: &str, frames_per_code: usize| {
            let mut rows = Vec::new();
            let mut codes = Vec::new();
            for (clip, stages) in clips.iter().zip(given) {
                let count = super::frames_for(clip.len()).0 / frames_per_code;
                match stages.get(name).map(|stage| &stage.values) {
                    Some(Values::Codes(values)) if values.len() == count => {
                        codes.extend(values.iter().map(|code| *code as f32));
                    }
                    _ => codes.resize(codes.len() + count, -1.0),
                }
                rows.push(count);
            }
            if codes.iter().all(|code| *code < 0.0) {
                return Ok(None);
            }
            self.ops().upload_f32(&Clips::from_lengths(rows), 1, &codes).map(Some)
        };
        let [top, bottom] = [
            ("codes_t", super::config::FRAMES_PER_TOP_CODE),
            ("codes_b", super::config::FRAMES_PER_BOTTOM_CODE),
        ];
        Ok([book(top.0, top.1)?, book(bottom.0, bottom.1)?])
    }
}

/// Names the recording that an error is about.
pub(super) fn of_recording(index: usize) -> impl Fn(Error) -> Error {
    move |error| match error {
        Error::Usage(text) => Error::Usage(format!("recording {index}: {text}")),
        other => other,
    }
}
