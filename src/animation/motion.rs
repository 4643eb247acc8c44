//! What the network gives: a motion, with the codes and the emotion that it came from.

/// The jaw's axis-angle in radians: the last three columns of every motion.
pub const JAW_NAMES: [&str; 3] = ["jaw_x", "jaw_y", "jaw_z"];

/// Face parameters over time, `frames` rows of `names.len()` columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Motion {
    /// Frames a second: 25 for every model so far.
    pub fps: f32,
    /// A name for every column: expression channels first, then the three jaw rotations (axis-angle, radians).
    pub names: Vec<String>,
    /// The parameters, row-major (frames, names).
    pub values: Vec<f32>,
    /// Top codes of the motion prior, one for four frames.
    pub codes_t: Vec<i32>,
    /// Bottom codes of the motion prior, one for two frames.
    pub codes_b: Vec<i32>,
    /// Means of the emotion's distribution, row-major (windows, width): one row for a clip of up to 60 s.
    pub emotion_mu: Vec<f32>,
    /// Log variances of the emotion's distribution, same shape.
    pub emotion_logvar: Vec<f32>,
    /// Width of an emotion vector: the columns of the two tables above.
    pub emotion_width: usize,
}

impl Motion {
    /// The number of frames.
    pub fn frames(&self) -> usize {
        self.values.len() / self.names.len().max(1)
    }

    /// One frame: `names.len()` values.
    pub fn frame(&self, index: usize) -> &[f32] {
        let width = self.names.len();
        &self.values[index * width..(index + 1) * width]
    }
}
