//! Streams: the trait, and what a stream gives out.

use super::Watch;
use crate::Result;
use crate::animation::Mood;

/// A stream of one voice: sound in pieces of any size in, frames out. The frames do not depend on how the
/// sound was cut.
pub trait NetworkStream: Send {
    /// Takes a piece of sound, mono, and computes every hop that is due.
    ///
    /// # Errors
    /// [`Error::Usage`](crate::Error::Usage) for a sample that is not finite or absurdly large, for sound
    /// after [`finish`](Self::finish), and while ten minutes of frames wait: nothing of the piece is taken
    /// then. Errors of the device and of `watch`: the piece is taken, and the next call goes on.
    fn push(&mut self, samples: &[f32], watch: &Watch<'_, '_>) -> Result<()>;

    /// Ends the sound and computes the frames that still waited for look-ahead.
    ///
    /// # Errors
    /// Errors of the device and of `watch`; it can be called again.
    fn finish(&mut self, watch: &Watch<'_, '_>) -> Result<()>;

    /// How far steady play is behind the sound, in seconds.
    fn delay(&self) -> f64;

    /// Changes the mood, from the first frame that is not given out yet, smoothly within half a second. What
    /// the take said of the emotion from there on no longer counts.
    ///
    /// # Errors
    /// [`Error::Usage`](crate::Error::Usage) for a mood or a strength that the network cannot take; the
    /// stream goes on as before.
    fn change_mood(&mut self, mood: Mood, strength: f32) -> Result<()>;

    /// The number of frames that wait for [`poll`](Self::poll).
    fn waiting(&self) -> usize;

    /// The frames that are ready, each once.
    fn poll(&mut self) -> Frames;
}

/// Frames of a stream, one after another.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Frames {
    /// The number of the first frame, counted from the beginning of the stream.
    pub first: usize,
    /// Values of a frame: parameters, which [`Spec::parameter_names`](super::Spec::parameter_names) names, or
    /// x, y, z of every vertex.
    pub parameters: usize,
    /// Row-major (frames, parameters).
    pub values: Vec<f32>,
    /// Codes that these frames are the first to show, by the name of their stage. They stand: later frames
    /// are decoded with them.
    pub codes: Vec<(&'static str, Vec<i32>)>,
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
        for ((_, codes), (_, newer)) in self.codes.iter_mut().zip(newer.codes) {
            codes.extend(newer);
        }
    }
}
