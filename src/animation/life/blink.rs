//! Blinks: when they come, and how the lids move.
//!
//! A person blinks about 17 times a minute at rest and 26 in conversation (Bentivoglio et al., "Analysis of
//! blink rate patterns in normal subjects", Movement Disorders 12(6), 1997); here 15 and 20 on average. Blinks
//! of a speaker gather at breakpoints of the speech (Nakano and Kitazawa, "Eyeblink entrainment at breakpoints
//! of speech", Experimental Brain Research 205, 2010) and at gaze shifts (Evinger et al., "Not looking while
//! leaping", Experimental Brain Research 100, 1994). The times between blinks are skewed, and some blinks come
//! in pairs. The lid closes fast and opens slower (Evinger, Manning and Sibony, "Eyelid movements: mechanisms
//! and normal data", IOVS 32, 1991; Trutoiu et al., "Modeling and animating eye blinks", ACM TAP 8(3), 2011).

use super::prosody::Heard;
use super::random::Random;

/// Seconds of the way down, of the closed eye, and of the way up.
const DOWN: [f64; 2] = [0.10, 0.14];
const CLOSED: f64 = 0.04;
const UP: [f64; 2] = [0.20, 0.28];
/// How far the lids close: 1 is closed.
const DEPTH: [f64; 2] = [0.93, 1.0];

/// The median time from one blink to the next that nothing calls earlier, in seconds of speech, and the
/// deviation of its logarithm.
const INTERVAL: (f64, f64) = (3.5, 0.6);
/// The least and the most of it.
const INTERVALS: [f64; 2] = [1.2, 7.0];
/// How fast this time passes in silence.
const IN_SILENCE: f64 = 0.85;
/// The share of blinks that another one follows at once, and how soon.
const PAIRS: f64 = 0.1;
const PAIR: [f64; 2] = [0.5, 0.8];
/// The share of the time after which a pause or a gaze shift calls the blink, and how often it does.
const RIPE: f64 = 0.45;
const CALLED: f64 = 0.5;

/// The lids over time.
#[derive(Debug, Clone)]
pub(super) struct Blink {
    step: f64,
    random: Random,
    /// The time from the last blink to the next, and the share of it that has passed.
    interval: f64,
    passed: f64,
    now: Option<Closing>,
}

/// A blink under way.
#[derive(Debug, Clone)]
struct Closing {
    age: f64,
    down: f64,
    closed: f64,
    up: f64,
    depth: f64,
}

impl Closing {
    /// How far the lids are closed.
    fn amount(&self) -> f64 {
        let smooth = |share: f64| share * share * (3.0 - 2.0 * share);
        let opening = self.age - self.down - self.closed;
        let amount = match self.age {
            age if age < self.down => smooth(age / self.down),
            _ if opening <= 0.0 => 1.0,
            _ => 1.0 - smooth((opening / self.up).min(1.0)),
        };
        self.depth * amount
    }

    fn is_over(&self) -> bool {
        self.age >= self.down + self.closed + self.up
    }
}

impl Blink {
    pub fn new(frames_a_second: f64, mut random: Random) -> Self {
        let interval = next_interval(&mut random);
        let passed = random.within([0.1, 0.7]);
        Self { step: 1.0 / frames_a_second, random, interval, passed, now: None }
    }

    /// How far the lids are closed in the next frame, from 0 to 1. `shifts`: the gaze begins a large shift.
    pub fn next(&mut self, heard: &Heard, shifts: bool) -> f64 {
        let Some(closing) = &mut self.now else {
            self.passed += self.step * if heard.speaks { 1.0 } else { IN_SILENCE } / self.interval;
            let is_called = (heard.pauses || shifts) && self.passed > RIPE && self.random.happens(CALLED);
            if is_called || self.passed >= 1.0 {
                self.begin();
            }
            return 0.0;
        };
        closing.age += self.step;
        let amount = closing.amount();
        if closing.is_over() {
            self.now = None;
        }
        amount
    }

    fn begin(&mut self) {
        let random = &mut self.random;
        self.now = Some(Closing {
            age: 0.0,
            down: random.within(DOWN),
            // A frame at least, so that each blink has a frame of closed eyes.
            closed: CLOSED.max(1.01 * self.step),
            up: random.within(UP),
            depth: random.within(DEPTH),
        });
        self.passed = 0.0;
        self.interval = if random.happens(PAIRS) { random.within(PAIR) } else { next_interval(random) };
    }
}

fn next_interval(random: &mut Random) -> f64 {
    let (median, deviation) = INTERVAL;
    let [least, most] = INTERVALS;
    (median * (deviation * random.normal()).exp()).clamp(least, most)
}
