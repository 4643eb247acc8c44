//! Smooth ways: a spring that follows a target, and noise that drifts.

use super::random::Random;

/// A critically damped spring: the value follows its target without swinging over.
#[derive(Debug, Clone)]
pub(super) struct Spring {
    /// 2 / the time that the value lags a steadily moving target, per second.
    stiffness: f64,
    pub value: f64,
    speed: f64,
}

impl Spring {
    /// A spring that lags by so many seconds.
    pub fn new(lag: f64) -> Self {
        Self { stiffness: 2.0 / lag, value: 0.0, speed: 0.0 }
    }

    /// The value after `step` seconds; exact for a target that stays so long.
    pub fn towards(&mut self, target: f64, step: f64) -> f64 {
        let (away, decay) = (self.value - target, (-self.stiffness * step).exp());
        let moved = (self.speed + self.stiffness * away) * step;
        self.value = target + (away + moved) * decay;
        self.speed = (self.speed - self.stiffness * moved) * decay;
        self.value
    }
}

/// Value noise: a smooth way through random numbers from -1 to 1, one a period.
#[derive(Debug, Clone)]
pub(super) struct Drift {
    period: f64,
    random: Random,
    from: f64,
    to: f64,
    /// Position between both, from 0 to 1.
    at: f64,
}

impl Drift {
    pub fn new(period: f64, random: Random) -> Self {
        let mut drift = Self { period, random, from: 0.0, to: 0.0, at: 0.0 };
        drift.to = drift.random.within([-1.0, 1.0]);
        drift
    }

    /// The value; then time goes on by `step` seconds.
    pub fn next(&mut self, step: f64) -> f64 {
        let share = self.at * self.at * (3.0 - 2.0 * self.at);
        let value = self.from + (self.to - self.from) * share;
        self.at += step / self.period;
        while self.at >= 1.0 {
            self.at -= 1.0;
            self.from = std::mem::replace(&mut self.to, self.random.within([-1.0, 1.0]));
        }
        value
    }
}
