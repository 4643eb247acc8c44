//! The forward that a golden file describes.
//!
//! Of speech: `wav` in the metadata names the clip (beside the file), `emotion` another clip whose emotion is
//! used, `actor` the identity (0), `sample` and `control` that the emotion is drawn with the noise in `eps`.
//! Without `wav` it is a round trip: `motion` to `codes_t` and `codes_b`, and those to `reconstruction`.

use super::forward::{Analysis, DeepTalk};
use super::motion_prior::MotionCodes;
use super::predictor::Choice;
use crate::Result;
use crate::networks::probe::Probed;
use crate::networks::{Golden, Stage, Stages, Values, record};
use crate::tensor::{Clips, Ops, Packed};

impl<B: Ops> DeepTalk<B> {
    pub(super) fn replay_golden(&self, golden: &Golden) -> Result<Stages> {
        match golden.text("wav") {
            Some(wav) => self.replay_speech(golden, wav),
            None => self.replay_round_trip(golden),
        }
    }

    fn replay_speech(&self, golden: &Golden, wav: &str) -> Result<Stages> {
        let ops = self.ops();
        let samples = golden.clip(wav)?;
        let lent = golden.text("emotion").map(|name| golden.clip(name)).transpose()?;
        let actor = usize::try_from(golden.whole_number("actor", 0)?).unwrap_or(usize::MAX);
        let stages = record(1, |probe| {
            let observer = Probed { ops, probe: Some(probe) };
            let Analysis { content, mut emotion } = self.analyse(&[&samples], &observer)?;
            if let Some(samples) = &lent {
                emotion = self.emotion_of(&[samples], &observer)?;
            }
            let mut vector = emotion.mu;
            if golden.text("sample").is_some() {
                let noise = ops.upload(vector.clips(), vector.channels(), golden.numbers("eps")?)?;
                let control = golden.number("control", 1.0)? as f32;
                vector = ops.sample_gaussian(&vector, &emotion.logvar, &noise, control)?;
            }
            let given = self.upload_given(&[&samples], std::slice::from_ref(golden.stages()))?;
            let choice = Choice { given: given.each_ref().map(Option::as_ref), ..Choice::default() };
            let animated = self.animate(&content, &vector, &[actor], &choice, &observer)?;
            self.emotion_of_motion(&animated.motion, &observer)?;
            Ok(())
        })?;
        Ok(stages.into_iter().next().unwrap_or_default())
    }

    fn replay_round_trip(&self, golden: &Golden) -> Result<Stages> {
        let ops = self.ops();
        let parameters = self.config().parameters();
        let motion = golden.numbers("motion")?;
        let motion = ops.upload(&Clips::one(motion.len() / parameters), parameters, motion)?;
        let codes = self.encode_motion(&motion)?;
        let mut stages = Stages::new();
        let mut keep_codes = |name: &str, codes: &B::Codes| -> Result<Option<B::Codes>> {
            let chosen = ops.download_codes(codes)?;
            let rows = chosen.len();
            stages.insert(name.into(), Stage { shape: [rows, 1], values: Values::Codes(chosen) });
            match golden.stages().get(name) {
                Some(Stage { values: Values::Codes(expected), .. }) => {
                    Ok(Some(ops.upload_codes(&Clips::one(expected.len()), expected)?))
                }
                _ => Ok(None),
            }
        };
        let top = keep_codes("codes_t", &codes.top)?.unwrap_or(codes.top);
        let bottom = keep_codes("codes_b", &codes.bottom)?.unwrap_or(codes.bottom);
        let codes = MotionCodes { top, bottom };
        let (top, bottom) = self.code_vectors(&codes)?;
        let motion = self.decode_codes(&codes)?;
        for (name, tensor) in [("quant_t", &top), ("quant_b", &bottom), ("reconstruction", &motion)] {
            let shape = [tensor.clips().rows(), tensor.channels()];
            stages.insert(name.into(), Stage { shape, values: Values::Numbers(ops.download(tensor)?) });
        }
        Ok(stages)
    }
}
