//! The controls of a take against those that a network has.

use super::emotion_vector::check_alpha;
use super::{Draw, Spec, Take};
use crate::animation::Mood;
use crate::{Error, Result};

impl Spec {
    /// Refuses a take with a control that the network does not have, or with a value that makes no sense.
    ///
    /// # Errors
    /// [`Error::Usage`], naming the control, the network and what the network has.
    pub fn check_take(&self, take: &Take) -> Result<()> {
        let Draw { alpha, temperature, steps, eta, .. } = &take.draw;
        if let Some(temperature) = temperature.iter().find(|t| !t.is_finite() || **t < 0.0) {
            return Err(Error::Usage(format!("a temperature is a number of at least 0, not {temperature}")));
        }
        let is_set = take.emotion.whole_mood() != Some(&Mood::Heard);
        for (control, is_given, is_there) in [
            ("a temperature", *temperature != [0.0; 2], !self.codebooks.is_empty()),
            ("an emotion of another recording", is_set, self.emotion_width.is_some()),
            ("alpha", alpha.is_some(), self.emotion_width.is_some()),
            ("denoising steps", steps.is_some(), self.sampling.is_some()),
            ("eta", eta.is_some(), self.sampling.is_some()),
        ] {
            if is_given && !is_there {
                return Err(self.lacks(control));
            }
        }
        alpha.map_or(Ok(()), check_alpha)?;
        let most = self.sampling.map_or(0, |sampling| sampling.most);
        if let Some(steps) = steps.filter(|steps| !(1..=most).contains(steps)) {
            return Err(Error::Usage(format!(
                "denoising steps are a number from 1 to {most}, those of the training, not {steps}"
            )));
        }
        if let Some(eta) = eta.filter(|eta| !(0.0..=1.0).contains(eta)) {
            return Err(Error::Usage(format!("eta is a number from 0 (DDIM) to 1 (DDPM), not {eta}")));
        }
        let (actor, actors) = (take.actor, self.identities.len());
        if actor >= actors {
            return Err(Error::Usage(format!(
                "there is no actor {actor}: this model knows {actors}, from 0 on"
            )));
        }
        self.emotion_width.map_or(Ok(()), |width| take.emotion.check(width))
    }

    /// The error for a control that the network does not have.
    pub(super) fn lacks(&self, control: &str) -> Error {
        let all = [
            ("moods, emotions of other recordings and alpha", self.emotion_width.is_some()),
            ("temperatures", !self.codebooks.is_empty()),
            ("denoising steps and eta", self.sampling.is_some()),
        ];
        let has: Vec<&str> = all.iter().filter(|(_, is_there)| *is_there).map(|(name, _)| *name).collect();
        let has = has.join(", ");
        Error::Usage(format!(
            "{} does not have {control}: its controls are identities, seeds, {has}",
            self.architecture
        ))
    }
}
