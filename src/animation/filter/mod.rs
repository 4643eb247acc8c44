//! Filters: changes of an animation row by row, the same for a whole recording and for a stream.
//!
//! A filter takes rows in order, one for each frame, and may hold some of them back ([`Filter::latency`]). It
//! decides from the rows, and from the sound around them, never from how the rows arrive: the same rows come
//! out however a stream is cut.
//!
//! ```
//! use deeptalk_rt::animation::filter::{Pipeline, Rest};
//! use deeptalk_rt::animation::{Animation, Rate};
//!
//! let mut talk = Animation::from_parameters(Rate::whole(25), ["jaw_x".into()], vec![0.2; 100]);
//! let sound = |frame: usize| frame < 20; // louder than silence
//! Pipeline::new().with(Rest::new(25, 5)).apply(&mut talk, &sound);
//! assert_eq!((talk.frame(30), talk.frame(99)), (&[0.2][..], &[0.0][..]));
//! ```

mod hold;
mod levels;
mod one_euro;
mod regions;
mod rest;
mod settings;
mod symmetry;

pub use hold::Hold;
pub use levels::{Level, Levels};
pub use one_euro::{OneEuro, Smoothing};
pub use regions::columns_of;
pub use rest::Rest;
pub use settings::{FilterSettings, Smooth};
pub use symmetry::Symmetry;

use super::{Animation, Rate};

/// The sound of a recording or a stream, as filters ask for it.
pub trait Sound {
    /// True if the sound of a frame is louder than silence; false for frames whose sound is not there yet or
    /// no longer kept.
    fn is_loud(&self, frame: usize) -> bool;

    /// The loudness of a frame as [`rms`]; where only loud and silent are known, 1 and 0.
    fn level(&self, frame: usize) -> f32 {
        f32::from(u8::from(self.is_loud(frame)))
    }
}

impl<F: Fn(usize) -> bool> Sound for F {
    fn is_loud(&self, frame: usize) -> bool {
        self(frame)
    }
}

/// The RMS of the samples after their mean is subtracted (full scale = 1); 0 without samples.
pub fn rms(samples: &[f32]) -> f64 {
    let count = samples.len().max(1) as f64;
    let mean = samples.iter().map(|s| f64::from(*s)).sum::<f64>() / count;
    (samples.iter().map(|s| (f64::from(*s) - mean).powi(2)).sum::<f64>() / count).sqrt()
}

/// The loudness of the frames of a recording.
#[derive(Debug, Clone)]
pub struct LoudFrames {
    floor: f64,
    levels: Vec<f64>,
}

impl LoudFrames {
    /// Of `samples` at `sample_rate` Hz, in frames at `rate`; a frame is loud if its [`rms`] is above `floor`.
    pub fn of(samples: &[f32], sample_rate: u32, rate: Rate, floor: f64) -> Self {
        let first = |frame| rate.first_sample(frame, sample_rate).min(samples.len());
        let frames = 0..rate.frames_for(samples.len(), sample_rate);
        let levels = frames.map(|frame| rms(&samples[first(frame)..first(frame + 1)])).collect();
        Self { floor, levels }
    }
}

impl Sound for LoudFrames {
    fn is_loud(&self, frame: usize) -> bool {
        self.levels.get(frame).is_some_and(|level| *level > self.floor)
    }

    fn level(&self, frame: usize) -> f32 {
        self.levels.get(frame).map_or(0.0, |level| *level as f32)
    }
}

/// A change of an animation, row by row.
pub trait Filter: Send {
    /// Frames between the row that goes in and the row that comes out.
    fn latency(&self) -> usize {
        0
    }

    /// Frames before a row whose sound the filter asks for.
    fn reach(&self) -> usize {
        0
    }

    /// Takes the row of the next frame; `frame` counts from the beginning. True if `row` now holds the row of
    /// frame `frame - latency`; false, for the first `latency` frames, if there is none.
    fn push(&mut self, frame: usize, sound: &dyn Sound, row: &mut [f32]) -> bool;

    /// After the last row: gives the rows held back, one a call, then false.
    fn flush(&mut self, row: &mut [f32]) -> bool {
        let _ = row;
        false
    }
}

/// Filters one after another.
#[derive(Default)]
pub struct Pipeline {
    stages: Vec<Stage>,
    /// Stages that have given back every row.
    flushed: usize,
}

struct Stage {
    filter: Box<dyn Filter>,
    /// Rows that went in.
    taken: usize,
}

impl Pipeline {
    /// No filters: rows come out as they go in.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same filters and one more behind them.
    pub fn with(mut self, filter: impl Filter + 'static) -> Self {
        self.stages.push(Stage { filter: Box::new(filter), taken: 0 });
        self
    }

    /// Filters an animation in place: its parameters, or the weights of the shapes of its mesh. The pipeline
    /// must be new: it begins at the first frame.
    pub fn apply(mut self, animation: &mut Animation, sound: &dyn Sound) {
        let width = animation.columns().max(1);
        let values = animation.values_mut();
        let mut out = Vec::with_capacity(values.len());
        for row in values.chunks_exact_mut(width) {
            if self.push(sound, row) {
                out.extend_from_slice(row);
            }
        }
        let mut row = vec![0.0; width];
        while self.flush(sound, &mut row) {
            out.extend_from_slice(&row);
        }
        *values = out;
    }
}

impl Pipeline {
    /// Frames between the row that goes in and the row that comes out.
    pub fn latency(&self) -> usize {
        self.stages.iter().map(|stage| stage.filter.latency()).sum()
    }

    /// Frames before the next row whose sound some filter asks for.
    pub fn reach(&self) -> usize {
        self.latency() + self.stages.iter().map(|stage| stage.filter.reach()).max().unwrap_or(0)
    }

    /// Takes the row of the next frame; true if `row` now holds a filtered row, [`latency`](Self::latency)
    /// frames behind.
    pub fn push(&mut self, sound: &dyn Sound, row: &mut [f32]) -> bool {
        self.push_from(0, sound, row)
    }

    /// After the last row: gives the rows held back, one a call, then false.
    pub fn flush(&mut self, sound: &dyn Sound, row: &mut [f32]) -> bool {
        while let Some(stage) = self.stages.get_mut(self.flushed) {
            if !stage.filter.flush(row) {
                self.flushed += 1;
            } else if self.push_from(self.flushed + 1, sound, row) {
                return true;
            }
        }
        false
    }

    fn push_from(&mut self, first: usize, sound: &dyn Sound, row: &mut [f32]) -> bool {
        self.stages[first..].iter_mut().all(|stage| {
            let frame = stage.taken;
            stage.taken += 1;
            stage.filter.push(frame, sound, row)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    /// The mean of a row and the `latency` rows behind it, as far as there are any.
    struct Mean {
        latency: usize,
        held: VecDeque<Vec<f32>>,
    }

    impl Mean {
        fn new(latency: usize) -> Self {
            Self { latency, held: VecDeque::new() }
        }

        fn give(&mut self, row: &mut [f32]) {
            let count = self.held.len() as f32;
            for (column, value) in row.iter_mut().enumerate() {
                *value = self.held.iter().map(|row| row[column]).sum::<f32>() / count;
            }
            self.held.pop_front();
        }
    }

    impl Filter for Mean {
        fn latency(&self) -> usize {
            self.latency
        }

        fn push(&mut self, _: usize, _: &dyn Sound, row: &mut [f32]) -> bool {
            self.held.push_back(row.to_vec());
            let is_full = self.held.len() > self.latency;
            if is_full {
                self.give(row);
            }
            is_full
        }

        fn flush(&mut self, row: &mut [f32]) -> bool {
            let is_left = !self.held.is_empty();
            if is_left {
                self.give(row);
            }
            is_left
        }
    }

    fn pipeline(latencies: &[usize], rest_after: usize, look_ahead: usize) -> Pipeline {
        let means =
            latencies.iter().fold(Pipeline::new(), |pipeline, latency| pipeline.with(Mean::new(*latency)));
        means.with(Rest::new(rest_after, look_ahead)).with(Mean::new(1))
    }

    proptest! {
        #[test]
        fn rows_come_out_the_same_in_one_go_and_in_pieces_cut_anywhere(
            values in prop::collection::vec(-1f32..1.0, 0..180),
            latencies in prop::collection::vec(0usize..5, 0..3),
            cuts in prop::collection::vec(0usize..60, 0..8),
            loud in prop::collection::vec(any::<bool>(), 70),
            (rest_after, look_ahead) in (0usize..9, 0usize..9),
        ) {
            let values = &values[..values.len() / 3 * 3];
            let sound = |frame: usize| loud.get(frame).is_some_and(|loud| *loud);
            let names = ["a", "b", "c"].map(String::from);
            let mut whole = Animation::from_parameters(Rate::whole(25), names, values.to_vec());
            pipeline(&latencies, rest_after, look_ahead).apply(&mut whole, &sound);

            // As a stream: pieces of rows, each asking only for the sound that was heard by then.
            let mut stream = pipeline(&latencies, rest_after, look_ahead);
            let latency = stream.latency();
            prop_assert_eq!(latency, latencies.iter().sum::<usize>() + 1);
            let (mut out, mut taken) = (Vec::new(), 0);
            let ends = cuts.iter().map(|cut| cut * 3).chain([values.len()]);
            let mut sorted: Vec<usize> = ends.map(|end| end.min(values.len())).collect();
            sorted.sort_unstable();
            for end in sorted {
                for row in values[taken * 3..end.max(taken * 3)].chunks_exact(3) {
                    let mut row = row.to_vec();
                    let heard = taken + look_ahead;
                    let sound = |frame: usize| frame <= heard && sound(frame);
                    if stream.push(&sound, &mut row) {
                        out.extend(row);
                    }
                    taken += 1;
                    prop_assert_eq!(out.len() / 3, taken.saturating_sub(latency));
                }
            }
            let mut row = vec![0.0; 3];
            while stream.flush(&sound, &mut row) {
                out.extend_from_slice(&row);
            }
            prop_assert_eq!(whole.values(), &out);
            prop_assert_eq!(out.len(), values.len());
        }
    }

    #[test]
    fn every_filter_of_a_preset_gives_the_same_rows_for_a_recording_and_for_a_stream() {
        let look = FilterSettings::from_toml(
            "symmetry = 0.5\nclose_mouth_after = 0.2\nrest_after = 0.8\nhold = 2\n[gain]\nmouth = 1.2\nall = 0.9\n[offset]\n\
             browInnerUp = 0.1\n[clamp]\njaw_x = [0, 0.4]\n[smooth]\nbrows = 1.5\njaw = { cutoff = 5, beta = 0 }",
        )
        .unwrap();
        let names = ["browInnerUp", "browDownLeft", "browDownRight", "mouthClose", "jaw_x", "jaw_y", "jaw_z"]
            .map(String::from);
        let (rate, look_ahead, frames) = (Rate::whole(25), 10, 200);
        let values: Vec<f32> = (0..frames * names.len()).map(|i| (i as f32 * 0.37).sin()).collect();
        let sound = |frame: usize| frame % 90 < 30;
        let mut whole = Animation::from_parameters(rate, names.clone(), values.clone());
        look.pipeline(&names, rate, look_ahead, 0).unwrap().apply(&mut whole, &sound);
        assert!(whole.values() != values && whole.values().iter().all(|value| value.is_finite()));
        let mut stream = look.pipeline(&names, rate, look_ahead, 0).unwrap();
        assert_eq!(stream.latency(), 0);
        for (frame, row) in values.chunks_exact(names.len()).enumerate() {
            let mut row = row.to_vec();
            assert!(stream.push(&|at: usize| at <= frame + look_ahead && sound(at), &mut row));
            assert_eq!(row, whole.frame(frame), "{frame}");
        }
        let closed = |frame: usize| whole.frame(frame)[3..].iter().all(|value| *value == 0.0);
        assert!(closed(50) && whole.frame(50)[0] != 0.0, "the mouth is shut before the face rests");
        assert!(whole.frame(76).iter().all(|value| *value == 0.0), "{:?}", whole.frame(76));
    }

    #[test]
    fn settings_out_of_range_and_unknown_names_are_refused() {
        let names = ["jaw_x", "browInnerUp"].map(String::from);
        let tell = |text: &str| {
            let settings = FilterSettings::from_toml(text);
            settings
                .and_then(|settings| settings.pipeline(&names, Rate::whole(25), 0, 0).map(drop))
                .unwrap_err()
        };
        for (text, words) in [
            ("[gain]\nmuoth = 1", "neither a channel nor a region"),
            ("[gain]\ngaze = 1", "neither a channel nor a region"),
            ("[gain]\njaw = nan", "gain of `jaw` is a number from -100 to 100, not NaN"),
            ("[gain]\njaw = inf", "not inf"),
            ("[clamp]\njaw = [1, 0]", "upper limit of `jaw`"),
            ("[smooth]\njaw = 0", "cutoff of `jaw`"),
            ("symmetry = 2", "from 0 to 1, not 2"),
            ("hold = 0", "from 1 to 1000, not 0"),
            ("rest_after = -1", "rests is a number"),
            ("gian = 1", "unknown field `gian`"),
            ("not toml", "cannot be read"),
        ] {
            let error = tell(text);
            assert!(error.exit_code() == 2 && error.to_string().contains(words), "{text}: {error}");
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("look.toml");
        for bytes in [&b"gian = 1"[..], &[0xff]] {
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(FilterSettings::load(&path).unwrap_err().exit_code(), 3);
        }
        assert_eq!(FilterSettings::load(folder.path().join("absent")).unwrap_err().exit_code(), 3);
    }

    #[test]
    fn loud_frames_are_those_whose_samples_move() {
        let frame = 16_000 / 25;
        let mut samples = vec![0.25; frame * 3 + 1];
        (frame..2 * frame).for_each(|i| samples[i] += if i % 2 == 0 { 0.01 } else { -0.01 });
        let loud = LoudFrames::of(&samples, 16_000, Rate::whole(25), 0.003);
        assert_eq!([0, 1, 2, 3, 4].map(|frame| loud.is_loud(frame)), [false, true, false, false, false]);
        assert!(!LoudFrames::of(&samples, 16_000, Rate::whole(25), 0.02).is_loud(1));
    }

    #[test]
    fn without_filters_rows_pass() {
        let mut talk = Animation::from_parameters(Rate::whole(25), ["a".into()], vec![0.5, -0.25]);
        Pipeline::new().apply(&mut talk, &|_: usize| false);
        assert_eq!(talk.values(), [0.5, -0.25]);
    }
}
