//! Vector quantisation: codes of rows, and rows of codes.

use super::{Packed, RowOps};
use crate::Result;
use crate::tensor::shapes;

/// Operations on codes.
pub trait CodeOps: RowOps {
    /// The rows of a codebook (codes, channels) at the given codes.
    fn lookup(&self, codes: &Self::Codes, codebook: &Self::Weight) -> Result<Self::Tensor>;

    /// The index of the row of a codebook with the least squared distance; the lowest index if distances are
    /// equal.
    fn nearest_code(&self, x: &Self::Tensor, codebook: &Self::Weight) -> Result<Self::Codes>;

    /// One code for each row: `argmax(logits)`, or `argmax(logits / temperature + Gumbel noise)`, which is a
    /// draw from `softmax(logits / temperature)`; the lowest index if values are equal.
    fn choose_code(&self, logits: &Self::Tensor, sample: Option<&SampleCodes>) -> Result<Self::Codes>;

    /// The codes, with those of `given` in the rows where `given` is a code of the codebook (-1 keeps the
    /// chosen code). `given` is (rows, 1) in f32, so that it can be an input of a recorded part; equal clips.
    /// of a recorded part; equal clips.
    fn replace_codes(&self, codes: &Self::Codes, given: &Self::Tensor) -> Result<Self::Codes> {
        shapes::replace_codes(codes, given)?;
        let mut values = self.download_codes(codes)?;
        for (value, given) in values.iter_mut().zip(self.download(given)?) {
            if given >= 0.0 {
                *value = given as i32;
            }
        }
        self.upload_codes(codes.clips(), &values)
    }
}

/// The parameters of a draw of codes. The noise is a function of only these numbers and (row, code): see
/// [`crate::tensor::noise`].
#[derive(Debug, Clone, PartialEq)]
pub struct SampleCodes {
    /// Above 0.
    pub temperature: f32,
    /// One seed for each clip.
    pub seeds: Vec<u64>,
    /// The stream of random numbers: draws with one seed and different streams are independent.
    pub stream: u32,
    /// The row number, within its recording, of each clip's first row: overlapping windows of one recording
    /// draw the same codes where they overlap.
    pub first_rows: Vec<usize>,
}
