//! What a stream gives out.

/// Frames of a stream, one after another.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Frames {
    /// The number of the first frame, counted from the stream's beginning at 25 frames a second.
    pub first: usize,
    /// Values of a frame: [`super::super::Model::parameter_names`] names them.
    pub parameters: usize,
    /// Row-major (frames, parameters).
    pub values: Vec<f32>,
    /// Top codes that these frames are the first to show, one for four frames. They stand: later frames are decoded with them.
    pub codes_t: Vec<i32>,
    /// Bottom codes, one for two frames, likewise.
    pub codes_b: Vec<i32>,
}

impl Frames {
    /// How many.
    pub fn count(&self) -> usize {
        self.values.len() / self.parameters.max(1)
    }

    /// None.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Each frame's number and its values.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (usize, &[f32])> {
        let rows = self.values.chunks_exact(self.parameters.max(1));
        rows.enumerate().map(|(index, row)| (self.first + index, row))
    }

    pub(super) fn append(&mut self, newer: Self) {
        if self.is_empty() {
            *self = newer;
            return;
        }
        self.values.extend(newer.values);
        self.codes_t.extend(newer.codes_t);
        self.codes_b.extend(newer.codes_b);
    }
}
