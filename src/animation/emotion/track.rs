//! The emotion of a performance over time: keys, and what is in between.

use super::EmotionVector;
use crate::{Error, Result};

/// The largest strength of a mood.
pub const HIGHEST_STRENGTH: f32 = 2.0;
/// Seconds that a smooth transition takes: the last ones before its key.
const TRANSITION: f64 = 0.5;

/// The emotion of a performance over time. Without keys, it is the emotion that the network hears.
///
/// Before the first key its mood holds, after the last key that one's. Between two keys the emotion moves
/// along the great circle of their vectors, as the [`Easing`] of the later key says. A strength leads from
/// [`neutral`](Self::neutral) to the mood and, above 1, beyond.
///
/// ```
/// use deeptalk_rt::animation::{Easing, EmotionKey, EmotionTrack, EmotionVector, Mood};
///
/// let [calm, glad] = [[1.0, 0.0], [0.0, 1.0]].map(|v| EmotionVector::set(&v).unwrap());
/// let key = |seconds, emotion| EmotionKey { easing: Easing::Linear, ..EmotionKey::new(seconds, Mood::set(emotion)) };
/// let track = EmotionTrack { keys: vec![key(0.0, calm), key(2.0, glad)], neutral: None };
/// let middle = track.at(1.0, None).unwrap();
/// assert!((middle.mu[0] - middle.mu[1]).abs() < 1e-6);
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EmotionTrack {
    /// The keys, in the order of their times.
    pub keys: Vec<EmotionKey>,
    /// The emotion of strength 0; needed where a key's strength is not 1.
    pub neutral: Option<EmotionVector>,
}

/// A mood at a time.
#[derive(Debug, Clone, PartialEq)]
pub struct EmotionKey {
    /// Seconds from the beginning of the recording or the stream, at least 0.
    pub seconds: f64,
    /// The mood.
    pub mood: Mood,
    /// How far from neutral: 0 is neutral, 1 the mood itself, [`HIGHEST_STRENGTH`] the most.
    pub strength: f32,
    /// The way from the key before to this one.
    pub easing: Easing,
}

/// An emotion that is shown.
#[derive(Debug, Clone, PartialEq)]
pub enum Mood {
    /// The one that the network hears in the speech.
    Heard,
    /// `share` (0 to 1) of the way from the one that is heard to this one.
    Lent {
        /// The emotion.
        emotion: EmotionVector,
        /// How much of it.
        share: f32,
    },
}

/// The way from one key to the next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Easing {
    /// The mood before holds until half a second before the key, then moves to the key's mood, slowly at both
    /// ends. Keys that are closer together use the time that there is.
    #[default]
    Smooth,
    /// Evenly over the whole time between the keys.
    Linear,
    /// At once, at the key's time.
    Step,
}

impl Easing {
    /// Every easing with its name.
    pub const ALL: [(&'static str, Self); 3] =
        [("smooth", Self::Smooth), ("linear", Self::Linear), ("step", Self::Step)];

    /// The share of the way from `begin` to `end` that is gone at `now`, all in seconds.
    fn share(self, begin: f64, end: f64, now: f64) -> f64 {
        let even = |begin: f64| ((now - begin) / (end - begin)).clamp(0.0, 1.0);
        match self {
            Self::Smooth => {
                let share = even(begin.max(end - TRANSITION));
                share * share * (3.0 - 2.0 * share)
            }
            Self::Linear => even(begin),
            Self::Step => 0.0,
        }
    }
}

impl Mood {
    /// This emotion instead of the one that is heard.
    pub fn set(emotion: EmotionVector) -> Self {
        Self::Lent { emotion, share: 1.0 }
    }

    /// True if the mood depends on what is heard.
    fn is_heard(&self) -> bool {
        !matches!(self, Self::Lent { share: 1.0, .. })
    }
}

impl EmotionKey {
    /// A mood of strength 1, reached smoothly.
    pub fn new(seconds: f64, mood: Mood) -> Self {
        Self { seconds, mood, strength: 1.0, easing: Easing::Smooth }
    }

    /// The vector of this key; none if it depends on what is heard and nothing is given.
    fn vector(
        &self,
        heard: Option<&EmotionVector>,
        neutral: Option<&EmotionVector>,
    ) -> Option<EmotionVector> {
        let whole = match &self.mood {
            Mood::Heard => heard?.clone(),
            Mood::Lent { emotion, share: 1.0 } => emotion.clone(),
            Mood::Lent { emotion, share } => heard?.blend(emotion, *share).ok()?,
        };
        match neutral {
            Some(neutral) if self.strength != 1.0 => Some(whole.at_strength(neutral, self.strength)),
            _ => Some(whole),
        }
    }
}

impl EmotionTrack {
    /// One mood, all the time.
    pub fn constant(mood: Mood) -> Self {
        Self { keys: vec![EmotionKey::new(0.0, mood)], neutral: None }
    }

    /// The same track with every strength times `strength`; `neutral` is the emotion of strength 0.
    pub fn scaled(mut self, strength: f32, neutral: EmotionVector) -> Self {
        if self.keys.is_empty() {
            self.keys.push(EmotionKey::new(0.0, Mood::Heard));
        }
        for key in &mut self.keys {
            key.strength = (key.strength * strength).min(HIGHEST_STRENGTH);
        }
        Self { neutral: Some(neutral), ..self }
    }

    /// True if the emotion depends on what the network hears.
    pub fn needs_heard(&self) -> bool {
        self.keys.is_empty() || self.keys.iter().any(|key| key.mood.is_heard())
    }

    /// True if the track itself changes nothing over time.
    pub fn is_constant(&self) -> bool {
        self.keys.len() < 2
    }

    /// True if the emotion does not change from `begin` to `end`, in seconds, as far as the track says.
    pub fn holds(&self, begin: f64, end: f64) -> bool {
        let next = self.keys.iter().position(|key| key.seconds > begin).unwrap_or(self.keys.len());
        self.keys.get(next).is_none_or(|key| match key.easing {
            Easing::Smooth if next > 0 => key.seconds - TRANSITION >= end,
            Easing::Linear if next > 0 => false,
            _ => key.seconds >= end,
        })
    }

    /// The mood, if it is the same all the time and of strength 1.
    pub fn whole_mood(&self) -> Option<&Mood> {
        match &self.keys[..] {
            [] => Some(&Mood::Heard),
            [EmotionKey { mood, strength: 1.0, .. }] => Some(mood),
            _ => None,
        }
    }

    /// The emotion at a time in seconds; none if it depends on what is heard and nothing is given.
    pub fn at(&self, seconds: f64, heard: Option<&EmotionVector>) -> Option<EmotionVector> {
        let vector = |key: &EmotionKey| key.vector(heard, self.neutral.as_ref());
        let next = self.keys.iter().position(|key| key.seconds > seconds).unwrap_or(self.keys.len());
        match (next.checked_sub(1).and_then(|last| self.keys.get(last)), self.keys.get(next)) {
            (None, None) => heard.cloned(),
            (Some(key), None) | (None, Some(key)) => vector(key),
            (Some(a), Some(b)) => match b.easing.share(a.seconds, b.seconds, seconds) {
                0.0 => vector(a),
                share => vector(a)?.blend(&vector(b)?, share as f32).ok(),
            },
        }
    }

    /// Moves to another mood from `seconds` on, within half a second, whatever the track said of the time
    /// after. Keys that ended before `forget` are dropped, so that a track that is changed for hours stays
    /// short.
    pub fn change(
        &mut self,
        seconds: f64,
        forget: f64,
        mood: Mood,
        strength: f32,
        heard: Option<&EmotionVector>,
    ) {
        let is_heard = match &self.keys[..] {
            [] => true,
            keys => {
                keys.iter().rev().find(|key| key.seconds <= seconds).unwrap_or(&keys[0]).mood == Mood::Heard
            }
        };
        let is_between = self.keys.iter().any(|key| key.seconds > seconds);
        // A mood that is heard goes on being heard while it fades out, unless the track was on its way.
        let now = match self.at(seconds, heard) {
            Some(now) if !is_heard || is_between => EmotionKey::new(seconds, Mood::set(now)),
            _ => {
                let strength = self.keys.last().map_or(1.0, |key| key.strength);
                EmotionKey { strength, ..EmotionKey::new(seconds, Mood::Heard) }
            }
        };
        self.keys.retain(|key| key.seconds < seconds);
        let old = self.keys.iter().rposition(|key| key.seconds < forget).unwrap_or(0);
        self.keys.drain(..old);
        self.keys.push(EmotionKey { easing: Easing::Step, ..now });
        self.keys.push(EmotionKey { strength, ..EmotionKey::new(seconds + TRANSITION, mood) });
    }

    /// Refuses keys that make no sense for a model whose vectors are `width` wide.
    ///
    /// # Errors
    /// [`Error::Usage`]: times that are negative, not finite or not in order; a strength or a share out of
    /// range; a strength without a neutral emotion; vectors of another width.
    pub fn check(&self, width: usize) -> Result<()> {
        let mut before = f64::NEG_INFINITY;
        for EmotionKey { seconds, mood, strength, .. } in &self.keys {
            if !(seconds.is_finite() && *seconds >= 0.0) {
                return Err(Error::Usage(format!("the time of a mood is seconds from 0 on, not {seconds}")));
            }
            if *seconds <= before {
                return Err(Error::Usage(format!(
                    "the times of moods go up: expected more than {before} s, found {seconds} s behind it"
                )));
            }
            before = *seconds;
            check_strength(*strength)?;
            if *strength != 1.0 && self.neutral.is_none() {
                return Err(Error::Usage(
                    "a mood's strength leads from the neutral emotion to the mood, and this model has no emotion named `neutral`: learn one \
                     from calm clips"
                        .into(),
                ));
            }
            if let Mood::Lent { emotion, share } = mood {
                super::vector::check_share(*share)?;
                emotion.check(width)?;
            }
        }
        self.neutral.as_ref().map_or(Ok(()), |neutral| neutral.check(width))
    }
}

pub(super) fn check_strength(strength: f32) -> Result<()> {
    match (0.0..=HIGHEST_STRENGTH).contains(&strength) {
        true => Ok(()),
        false => Err(Error::Usage(format!(
            "a mood's strength is a number from 0 to {HIGHEST_STRENGTH}, not {strength}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(angle: f32) -> EmotionVector {
        EmotionVector::set(&[angle.cos(), angle.sin()]).unwrap()
    }

    fn key(seconds: f64, angle: f32, easing: Easing) -> EmotionKey {
        EmotionKey { easing, ..EmotionKey::new(seconds, Mood::set(vector(angle))) }
    }

    fn angle(track: &EmotionTrack, seconds: f64, heard: Option<f32>) -> f32 {
        let mu = track.at(seconds, heard.map(vector).as_ref()).unwrap().mu;
        mu[1].atan2(mu[0])
    }

    #[test]
    fn a_track_without_keys_is_what_is_heard() {
        let track = EmotionTrack::default();
        assert_eq!(angle(&track, 3.0, Some(0.3)), angle(&track, 0.0, Some(0.3)));
        assert!(track.at(0.0, None).is_none() && track.needs_heard() && track.is_constant());
        assert_eq!(track.whole_mood(), Some(&Mood::Heard));
    }

    #[test]
    fn each_easing_takes_its_own_way_between_two_keys() {
        for (easing, at) in [
            (Easing::Smooth, [(1.0, 0.0), (2.5, 0.0), (2.75, 0.5), (3.0, 1.0)]),
            (Easing::Linear, [(1.0, 0.0), (1.5, 0.25), (2.5, 0.75), (3.0, 1.0)]),
            (Easing::Step, [(1.0, 0.0), (1.5, 0.0), (2.999, 0.0), (3.0, 1.0)]),
        ] {
            let track =
                EmotionTrack { keys: vec![key(1.0, 0.0, easing), key(3.0, 1.0, easing)], neutral: None };
            for (seconds, expected) in [(0.0, 0.0), (9.0, 1.0)].into_iter().chain(at) {
                let found = angle(&track, seconds, None);
                assert!((found - expected).abs() < 1e-5, "{easing:?} at {seconds} s: {found}");
            }
            let holds =
                [(0.0, 1.0), (1.0, 2.5), (1.0, 3.0), (2.0, 3.01), (3.0, 9.0)].map(|(a, b)| track.holds(a, b));
            let expected = match easing {
                Easing::Smooth => [true, true, false, false, true],
                Easing::Linear => [true, false, false, false, true],
                Easing::Step => [true, true, true, false, true],
            };
            assert_eq!(holds, expected, "{easing:?}");
            assert!(!track.needs_heard() && !track.is_constant() && track.whole_mood().is_none());
        }
    }

    #[test]
    fn a_strength_scales_moods_and_what_is_heard() {
        let neutral = vector(0.0);
        let track = EmotionTrack::default().scaled(0.5, neutral.clone());
        assert!((angle(&track, 0.0, Some(0.8)) - 0.4).abs() < 1e-5);
        let twice = EmotionTrack::constant(Mood::set(vector(0.5))).scaled(9.0, neutral);
        assert!((angle(&twice, 0.0, None) - 1.0).abs() < 1e-5);
        assert!(twice.check(2).is_ok());
    }

    #[test]
    fn a_change_moves_on_from_where_the_emotion_is_and_the_track_stays_short() {
        let mut track = EmotionTrack::default();
        track.change(2.0, 0.0, Mood::set(vector(1.0)), 1.0, Some(&vector(0.2)));
        for (seconds, expected) in [(0.0, 0.4), (2.0, 0.4), (2.25, 0.7), (2.5, 1.0), (9.0, 1.0)] {
            let found = angle(&track, seconds, Some(0.4));
            assert!((found - expected).abs() < 1e-5, "{seconds} s: {found}");
        }
        // On its way to the first mood, it turns back.
        track.change(2.25, 0.0, Mood::Heard, 1.0, Some(&vector(0.4)));
        assert!((angle(&track, 2.25, Some(0.4)) - 0.7).abs() < 1e-5);
        assert!((angle(&track, 2.75, Some(0.3)) - 0.3).abs() < 1e-5);
        for second in 3..1000 {
            track.change(second.into(), f64::from(second) - 4.0, Mood::set(vector(0.1)), 1.0, None);
            assert!(track.check(2).is_ok());
        }
        assert!(track.keys.len() <= 12, "{}", track.keys.len());
    }

    #[test]
    fn keys_that_make_no_sense_are_refused() {
        let good = || EmotionTrack {
            keys: vec![key(0.0, 0.0, Easing::Smooth), key(1.0, 1.0, Easing::Step)],
            neutral: None,
        };
        assert!(good().check(2).is_ok());
        type Spoil = fn(&mut EmotionTrack);
        let spoils: [(Spoil, &str); 7] = [
            (|t| t.keys[0].seconds = -1.0, "from 0 on, not -1"),
            (|t| t.keys[0].seconds = f64::NAN, "not NaN"),
            (|t| t.keys[0].seconds = 1.0, "go up"),
            (|t| t.keys[0].strength = 2.5, "0 to 2, not 2.5"),
            (|t| t.keys[0].strength = 0.5, "no emotion named `neutral`"),
            (|t| t.keys[1].mood = Mood::set(EmotionVector::set(&[1.0]).unwrap()), "2 wide"),
            (|t| t.keys[1].mood = Mood::Lent { emotion: vector(0.0), share: 1.5 }, "share"),
        ];
        for (spoil, words) in spoils {
            let mut track = good();
            spoil(&mut track);
            let error = track.check(2).unwrap_err();
            assert!(error.exit_code() == 2 && error.to_string().contains(words), "{error}");
        }
    }
}
