//! Rest in silence.

use super::{Filter, Sound};

/// Frames from full motion to rest: 0.5 s.
const FALL: f32 = 12.0;
/// Frames from rest to full motion: 0.2 s.
const RISE: usize = 5;

/// A fade to the neutral face (all parameters 0) in silence.
///
/// A frame is awake if loud sound is at most `rest_after` frames before it or `look_ahead` frames after it.
/// From the first frame that is not awake, the motion fades to neutral over 12 frames; from the first that is
/// awake again, it returns over 5 frames or the look-ahead, whichever is shorter, so that the mouth is ready
/// when the sound begins. Latency: 0 frames, but the sound of `look_ahead` frames after a row must have been
/// heard when the row comes.
#[derive(Debug, Clone)]
pub struct Rest {
    rest_after: usize,
    look_ahead: usize,
    /// The columns that rest; none means all.
    columns: Option<Vec<usize>>,
    /// The share of the motion that the last frame showed.
    shown: f32,
}

impl Rest {
    /// Rest after so many frames of silence, with sound known so many frames ahead.
    pub fn new(rest_after: usize, look_ahead: usize) -> Self {
        Self { rest_after, look_ahead, columns: None, shown: 0.0 }
    }

    /// The same for these columns alone: a mouth that closes while the brows go on.
    pub fn of(self, columns: Vec<usize>) -> Self {
        Self { columns: Some(columns), ..self }
    }

    /// The share of the motion that the next frame, `frame`, shows.
    fn next(&mut self, frame: usize, sound: &dyn Sound) -> f32 {
        let mut heard = frame.saturating_sub(self.rest_after)..=frame + self.look_ahead;
        let step = match heard.any(|frame| sound.is_loud(frame)) {
            true => 1.0 / RISE.min(self.look_ahead).max(1) as f32,
            false => -1.0 / FALL,
        };
        self.shown = (self.shown + step).clamp(0.0, 1.0);
        self.shown
    }
}

impl Filter for Rest {
    fn reach(&self) -> usize {
        self.rest_after
    }

    fn push(&mut self, frame: usize, sound: &dyn Sound, row: &mut [f32]) -> bool {
        let shown = self.next(frame, sound);
        // Adding 0 makes the neutral face's zeros plain ones.
        let fade = |value: &mut f32| *value = *value * shown + 0.0;
        match &self.columns {
            None => row.iter_mut().for_each(fade),
            Some(columns) => columns.iter().for_each(|column| fade(&mut row[*column])),
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_rests_and_a_beginning_is_shown_whole() {
        let mut rest = Rest::new(25, 10);
        let shown: Vec<f32> =
            (0..200).map(|frame| rest.next(frame, &|at: usize| (50..60).contains(&at))).collect();
        assert!(shown[..40].iter().all(|s| *s == 0.0));
        assert!(shown[44..85].iter().all(|s| *s == 1.0), "awake before the sound and through the pause");
        assert!(shown[97..].iter().all(|s| *s == 0.0));
        assert!(shown.windows(2).all(|pair| (pair[1] - pair[0]).abs() <= 0.201));
    }

    #[test]
    fn without_look_ahead_it_wakes_at_once() {
        let mut rest = Rest::new(0, 0);
        assert_eq!(rest.next(0, &|_: usize| true), 1.0);
    }
}
