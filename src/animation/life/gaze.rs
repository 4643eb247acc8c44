//! Gaze: fast shifts between points that are looked at for a while.
//!
//! The face looks at its listener, whom the camera stands for, and looks away now and then: more often when it
//! begins to speak, and back at the end of its turn (Kendon, "Some functions of gaze-direction in social
//! interaction", Acta Psychologica 26, 1967). The sizes of shifts away are distributed as measured by Lee,
//! Badler and Badler ("Eyes alive", SIGGRAPH 2002); a shift of A degrees takes 21 ms + 2.2 ms A (the main
//! sequence: Carpenter, "Movements of the eyes", 1988). Between shifts the eyes stay on their point while the
//! head turns (the vestibulo-ocular reflex).

use super::prosody::Heard;
use super::random::Random;

/// Angles in degrees: to the subject's left, and down.
pub(super) type Angles = [f64; 2];

/// The listener's eyes and mouth, as the face sees them.
const LISTENER: [Angles; 3] = [[1.4, 0.0], [-1.4, 0.0], [0.0, 2.4]];
/// The mean size of a look away in degrees, and its least and its most.
const AWAY: f64 = 6.9;
const AWAYS: [f64; 2] = [4.0, 15.0];
/// How much less a look away goes up or down than to the sides.
const FLAT: f64 = 0.6;
/// Seconds of a look at a point of the listener, and of a look away.
const HOLD: [f64; 2] = [0.7, 2.4];
const HOLD_AWAY: [f64; 2] = [0.5, 1.5];
/// The share of shifts that go away: in speech, and in silence.
const AWAY_IN_SPEECH: f64 = 0.3;
const AWAY_IN_SILENCE: f64 = 0.2;
/// How often the beginning of speech sends the gaze away, and a pause brings it back.
const AWAY_AT_BEGINNING: f64 = 0.5;
const BACK_AT_PAUSE: f64 = 0.6;
/// Seconds for which the eyes rest behind a shift at least.
const REST: f64 = 0.15;
/// Degrees from which a shift is large: blinks and the head go with it.
const LARGE: f64 = 5.0;

/// The point that is looked at.
#[derive(Debug, Clone)]
pub(super) struct Gaze {
    step: f64,
    random: Random,
    from: Angles,
    to: Angles,
    /// Seconds since the last shift began, those that it takes, and those until the next.
    age: f64,
    takes: f64,
    until: f64,
}

/// The gaze of a frame.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Look {
    /// Where the eyes look.
    pub at: Angles,
    /// The point that is looked at, or will be at the end of the shift.
    pub target: Angles,
    /// True if a large shift begins.
    pub shifts: bool,
}

impl Gaze {
    pub fn new(frames_a_second: f64, mut random: Random) -> Self {
        let until = random.within(HOLD);
        Self {
            step: 1.0 / frames_a_second,
            random,
            from: [0.0; 2],
            to: [0.0; 2],
            age: 1.0,
            takes: 0.0,
            until,
        }
    }

    /// The next frame.
    pub fn next(&mut self, heard: &Heard) -> Look {
        self.age += self.step;
        let is_away = !LISTENER.contains(&self.to) && self.to != [0.0; 2];
        let away = if heard.speaks { AWAY_IN_SPEECH } else { AWAY_IN_SILENCE };
        let rested = self.age >= self.takes + REST;
        let begins = rested && heard.resumes && !is_away && self.random.happens(AWAY_AT_BEGINNING);
        let returns = rested && heard.pauses && is_away && self.random.happens(BACK_AT_PAUSE);
        let due = self.age >= self.until;
        let leaves = begins || due && !returns && !is_away && self.random.happens(away);
        let is_large = (begins || returns || due) && self.shift(leaves);
        let share = if self.takes > 0.0 { (self.age / self.takes).min(1.0) } else { 1.0 };
        let share = share * share * (3.0 - 2.0 * share);
        let at = std::array::from_fn(|axis| self.from[axis] + (self.to[axis] - self.from[axis]) * share);
        Look { at, target: self.to, shifts: is_large }
    }

    /// Begins a shift; true if it is large.
    fn shift(&mut self, away: bool) -> bool {
        let random = &mut self.random;
        let to = if away {
            let [least, most] = AWAYS;
            let size = (-AWAY * (1.0 - random.share()).ln()).clamp(least, most);
            let angle = random.within([0.0, std::f64::consts::TAU]);
            [size * angle.cos(), FLAT * size * angle.sin()]
        } else {
            let others: Vec<Angles> = LISTENER.into_iter().filter(|point| *point != self.to).collect();
            others[(random.share() * others.len() as f64) as usize]
        };
        self.until = random.within(if away { HOLD_AWAY } else { HOLD });
        let size = (to[0] - self.to[0]).hypot(to[1] - self.to[1]);
        self.takes = 0.021 + 0.0022 * size;
        (self.from, self.to, self.age) = (self.to, to, 0.0);
        size >= LARGE
    }
}
