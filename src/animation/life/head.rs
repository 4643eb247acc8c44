//! Head motion: nods at accents of the speech, slow drift, and a tilt that changes at pauses.
//!
//! The head of a speaker moves with the loudness and melody of the voice (Hadar et al., "Kinematics of head
//! movements accompanying speech during conversation", Human Movement Science 2, 1983; Munhall et al., "Visual
//! prosody and speech intelligibility", Psychological Science 15, 2004), mostly by a few degrees (Graf et al.,
//! "Visual prosody: facial movements accompanying speech", FG 2002), and more in a lively mood than in a sad
//! one (Busso et al., "Rigid head motion in expressive speech animation", IEEE TASLP 15(3), 2007).

use super::gaze::Angles;
use super::prosody::Heard;
use super::random::Random;
use super::spring::{Drift, Spring};

/// Degrees of a whole accent's nod.
const NOD: f64 = 9.0;
/// Degrees of drift about the three axes (down, left, to the right shoulder) and its periods in seconds.
const DRIFT: [f64; 3] = [1.3, 2.4, 1.3];
const PERIODS: [f64; 2] = [2.9, 1.1];
/// Degrees of the pose that changes at pauses.
const POSE: [f64; 3] = [1.5, 3.5, 3.0];
/// The share of a look away that the head goes along.
const FOLLOW: f64 = 0.3;
/// The share of the motion that is left in silence.
const AT_REST: f64 = 0.5;
/// The most about each axis in degrees.
const MOST: [f64; 3] = [12.0, 15.0, 10.0];

/// The head's rotation over time.
#[derive(Debug, Clone)]
pub(super) struct Head {
    step: f64,
    random: Random,
    drift: [[Drift; 2]; 3],
    pose: [f64; 3],
    posed: [Spring; 3],
    follow: [Spring; 2],
    nod: Spring,
    energy: Spring,
}

impl Head {
    pub fn new(frames_a_second: f64, mut random: Random) -> Self {
        let mut part = || Random::new((random.share() * 1e15) as u64, 0);
        let drift = std::array::from_fn(|_| PERIODS.map(|period| Drift::new(period, part())));
        Self {
            step: 1.0 / frames_a_second,
            drift,
            pose: [0.0; 3],
            posed: std::array::from_fn(|_| Spring::new(0.7)),
            follow: std::array::from_fn(|_| Spring::new(0.3)),
            nod: Spring::new(0.18),
            energy: Spring::new(0.6),
            random,
        }
    }

    /// Degrees about x (down), y (to the left) and z (to the right shoulder) in the next frame, for a mood of
    /// so much liveliness (1: neutral), while the gaze is on `target`.
    pub fn next(&mut self, heard: &Heard, liveliness: f64, target: Angles) -> [f64; 3] {
        if heard.pauses || heard.resumes {
            self.pose = POSE.map(|most| self.random.within([-most, most]));
        }
        let energy = self.energy.towards(if heard.speaks { 1.0 } else { AT_REST }, self.step);
        let nod = self.nod.towards(NOD * heard.accent, self.step);
        let follow: [f64; 2] =
            std::array::from_fn(|axis| self.follow[axis].towards(FOLLOW * target[axis], self.step));
        std::array::from_fn(|axis| {
            let [slow, fast] = &mut self.drift[axis];
            let drift = DRIFT[axis] * (slow.next(self.step) + 0.3 * fast.next(self.step));
            let pose = self.posed[axis].towards(self.pose[axis], self.step);
            let own = liveliness * (energy * (drift + pose) + if axis == 0 { nod } else { 0.0 });
            let along = [follow[1], follow[0], 0.0][axis];
            (own + along).clamp(-MOST[axis], MOST[axis])
        })
    }
}
