//! Gain, offset and limits.

use super::{Filter, Sound};

/// `value * gain + offset` within limits, column by column. Latency: 0 frames.
#[derive(Debug, Clone, PartialEq)]
pub struct Levels(Vec<Level>);

/// What happens to one column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    /// The factor.
    pub gain: f32,
    /// What is added behind the factor.
    pub offset: f32,
    /// The smallest and the largest result.
    pub limits: [f32; 2],
}

impl Default for Level {
    fn default() -> Self {
        Self { gain: 1.0, offset: 0.0, limits: [f32::MIN, f32::MAX] }
    }
}

impl Levels {
    /// A level for every column.
    pub fn new(levels: Vec<Level>) -> Self {
        Self(levels)
    }
}

impl Filter for Levels {
    fn push(&mut self, _: usize, _: &dyn Sound, row: &mut [f32]) -> bool {
        for (value, level) in row.iter_mut().zip(&self.0) {
            *value = (*value * level.gain + level.offset).clamp(level.limits[0], level.limits[1]);
        }
        true
    }
}
