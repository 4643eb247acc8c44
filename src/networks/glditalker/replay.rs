//! The forward that a golden file describes.
//!
//! `wav` in the metadata names the clip, `first_sample` and `samples` the part of it, `style` the style,
//! `ddim_steps` and `ddpm_steps` the steps of the two samplers; `noise` holds their draws, (draws, frames,
//! latents). Codes, and the offsets that are encoded, are those of the file.

use super::denoiser::Steps;
use super::forward::{GldiTalker, Noise};
use super::schedule::{Update, plan};
use super::stages::SamplerNames;
use crate::layers::Observer;
use crate::networks::probe::Probed;
use crate::networks::{Golden, Stage, Stages, Values, record};
use crate::tensor::{Clips, Ops, Packed};
use crate::{Error, Result};

const NEXT: &str = "give a whole golden file of this model";

/// The draws of a golden file.
struct Stored<'a> {
    values: &'a [f32],
    /// Numbers of a draw.
    draw: usize,
}

impl Noise for Stored<'_> {
    fn draw(&self, draw: usize) -> Vec<f32> {
        self.values[draw * self.draw..][..self.draw].to_vec()
    }
}

impl<B: Ops> GldiTalker<B> {
    pub(super) fn replay_golden(&self, golden: &Golden) -> Result<Stages> {
        let samples = part_of_clip(golden)?;
        let style = golden.whole_number("style", 0)? as usize;
        if style >= self.config().diffusion.styles {
            return Err(self.misfit(
                golden,
                "names a style",
                "styles",
                self.config().diffusion.styles,
                style,
            ));
        }
        let counts = [("ddim_steps", 8, 0.0), ("ddpm_steps", 5, 1.0)].map(|(key, usual, eta)| {
            let count = golden.whole_number(key, usual)? as usize;
            let most = self.config().diffusion.steps;
            match (1..=most).contains(&count) {
                true => Ok((count, eta)),
                false => Err(self.misfit(golden, "names denoising steps", "steps", most, count)),
            }
        });
        let mut host = Stages::new();
        host.insert("style".into(), rows(self.style(style), 1));
        self.tables(&mut host);
        let mut recorded = record(1, |probe| {
            let observer = &Probed { ops: self.ops(), probe: Some(probe) };
            let audio = self.condition(&[&samples], observer)?;
            let clips = audio.clips().clone();
            let known = self.known(&audio, style, &[0])?;
            for count in counts {
                let (count, eta) = count?;
                let updates = plan(&self.config().diffusion, count, eta);
                let draws = if eta > 0.0 { count + 1 } else { 1 };
                let noise = self.noise(golden, &clips, draws)?;
                let steps = self.steps_of(updates, 1)?;
                note_plan(&mut host, &steps, SamplerNames::of_eta(eta as f32));
                let latents = self.sample(&clips, &steps, &known, &noise, None, observer)?;
                if eta == 0.0 {
                    let decoded = self.decode(&latents, observer)?;
                    observer.stage("decode.offsets", &self.offsets(&decoded)?)?;
                    self.requantise(golden, &latents, observer)?;
                }
            }
            if let Some(Stage { values: Values::Numbers(offsets), .. }) =
                golden.stages().get("decode.offsets")
                && self.motion().encodes()
            {
                self.encode(offsets, observer)?;
            }
            Ok(())
        })?;
        let mut stages = recorded.pop().unwrap_or_default();
        self.first_spirals(golden, &mut stages)?;
        stages.extend(host);
        Ok(stages)
    }

    /// The codes nearest to the latents, and what the decoder makes of the file's codes.
    fn requantise(&self, golden: &Golden, latents: &B::Tensor, observer: &dyn Observer<B>) -> Result<()> {
        let codes = self.motion().nearest(self.ops(), latents)?;
        observer.codes("requantised.codes", &codes)?;
        let Some(Stage { values: Values::Codes(given), .. }) = golden.stages().get("requantised.codes")
        else {
            return Ok(());
        };
        let given = self.ops().upload_codes(&Clips::one(given.len()), given)?;
        let latents = self.motion().lookup(self.ops(), &given)?;
        let decoded = record(1, |probe| {
            self.decode(&latents, &Probed { ops: self.ops(), probe: Some(probe) }).map(drop)
        })?;
        let Some(Stage { shape, values: Values::Numbers(values) }) = decoded[0].get("decode.temporal") else {
            return Ok(());
        };
        let temporal = self.ops().upload_f32(&Clips::one(shape[0]), shape[1], values)?;
        observer.stage("requantised.decode.temporal", &temporal)
    }

    /// Golden files keep the spiral stages of the first frames alone; a frame does not depend on others
    /// there.
    fn first_spirals(&self, golden: &Golden, stages: &mut Stages) -> Result<()> {
        let levels = &self.config().motion.levels;
        let (Some(spiral), Some(offsets)) =
            (golden.stages().get("encode.spiral0"), golden.stages().get("decode.offsets"))
        else {
            return Ok(());
        };
        let (Values::Numbers(offsets), [Some(_), Some(next)]) =
            (&offsets.values, [levels.first(), levels.get(1)])
        else {
            return Ok(());
        };
        let count = spiral.shape[0] / next * 3 * self.config().vertices();
        if !self.motion().encodes() || count == 0 || count > offsets.len() {
            return Ok(());
        }
        let first = record(1, |probe| {
            self.encode(&offsets[..count], &Probed { ops: self.ops(), probe: Some(probe) }).map(drop)
        })?;
        let spirals = first.into_iter().flatten().filter(|(name, _)| name.starts_with("encode.spiral"));
        stages.extend(spirals);
        Ok(())
    }

    fn noise<'a>(&self, golden: &'a Golden, clips: &Clips, draws: usize) -> Result<Stored<'a>> {
        let (values, draw) = (golden.numbers("noise")?, clips.rows() * self.config().latents());
        match values.len() >= draws * draw {
            true => Ok(Stored { values, draw }),
            false => {
                Err(self.misfit(golden, "holds too little noise", "numbers", draws * draw, values.len()))
            }
        }
    }

    fn misfit(&self, golden: &Golden, what: &str, unit: &str, expected: usize, found: usize) -> Error {
        Error::bad_input(golden.path(), what, format!("{expected} {unit}"), found.to_string(), NEXT)
    }

    fn steps_of(&self, updates: Vec<Update>, clips: usize) -> Result<Steps<B::Tensor>> {
        self.denoiser().steps(self.ops(), updates, clips)
    }

    /// The tables of the spirals, as stages of codes.
    fn tables(&self, stages: &mut Stages) {
        for (index, neighbors) in self.motion().neighbors().enumerate() {
            let codes: Vec<i32> = neighbors.table.iter().map(|vertex| *vertex as i32).collect();
            let shape = [codes.len() / neighbors.length, neighbors.length];
            stages.insert(format!("table{index}"), Stage { shape, values: Values::Codes(codes) });
        }
    }
}

fn rows(values: Vec<f32>, rows: usize) -> Stage {
    Stage { shape: [rows, values.len() / rows.max(1)], values: Values::Numbers(values) }
}

/// The numbers of a plan, and the codes of its steps.
fn note_plan<T>(stages: &mut Stages, steps: &Steps<T>, names: &SamplerNames) {
    let updates = &steps.updates;
    let plan =
        updates.iter().flat_map(|u| [u.step as f32, u.prediction as f32, u.state as f32, u.noise as f32]);
    stages.insert(names.plan.into(), rows(plan.collect(), updates.len()));
    stages.insert(names.step_codes.into(), rows(steps.codes.clone(), updates.len()));
}

/// The samples that a golden file was made of.
fn part_of_clip(golden: &Golden) -> Result<Vec<f32>> {
    let clip = golden.clip(golden.text("wav").unwrap_or_default())?;
    let first = golden.whole_number("first_sample", 0)? as usize;
    let count = golden.whole_number("samples", clip.len() as u64)? as usize;
    let samples = first.checked_add(count).and_then(|end| clip.get(first..end)).ok_or_else(|| {
        let (what, next) = ("names samples beyond its clip", "give the golden file with its own clip");
        let found = format!("{count} from {first} on");
        Error::bad_input(golden.path(), what, format!("up to {}", clip.len()), found, next)
    })?;
    Ok(samples.to_vec())
}
