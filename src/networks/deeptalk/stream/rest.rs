//! Silence rests: how much of the network's motion is shown.
//!
//! A frame is awake if sound above the floor was heard within `rest_after` before it, or within the look-ahead after it. From the first
//! frame that is not, the motion fades to the neutral face (all parameters 0) over [`FALL`] frames, and from the first that is again, back over
//! [`RISE`] or the look-ahead, whichever is shorter: the mouth is ready when the sound begins.

/// Frames from full motion to rest: 0.5 s.
const FALL: f32 = 12.0;
/// Frames from rest to full motion: 0.2 s.
const RISE: usize = 5;

#[derive(Debug, Clone)]
pub(super) struct Rest {
    rest_after: usize,
    look_ahead: usize,
    shown: f32,
}

impl Rest {
    pub fn new(rest_after: usize, look_ahead: usize) -> Self {
        Self { rest_after, look_ahead, shown: 0.0 }
    }

    /// The share of the motion that the next frame, `frame`, shows. `loud` tells of any frame whether it is louder than the floor.
    pub fn next(&mut self, frame: usize, loud: impl Fn(usize) -> bool) -> f32 {
        let heard = frame.saturating_sub(self.rest_after)..=frame + self.look_ahead;
        let step = match heard.into_iter().any(loud) {
            true => 1.0 / RISE.min(self.look_ahead).max(1) as f32,
            false => -1.0 / FALL,
        };
        self.shown = (self.shown + step).clamp(0.0, 1.0);
        self.shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_rests_and_a_beginning_is_shown_whole() {
        let mut rest = Rest::new(25, 10);
        let shown: Vec<f32> = (0..200).map(|frame| rest.next(frame, |at| (50..60).contains(&at))).collect();
        assert!(shown[..40].iter().all(|s| *s == 0.0));
        assert!(shown[44..85].iter().all(|s| *s == 1.0), "awake before the sound and through the pause");
        assert!(shown[97..].iter().all(|s| *s == 0.0));
        assert!(shown.windows(2).all(|pair| (pair[1] - pair[0]).abs() <= 0.201));
    }

    #[test]
    fn without_look_ahead_it_wakes_at_once() {
        let mut rest = Rest::new(0, 0);
        assert_eq!(rest.next(0, |_| true), 1.0);
    }
}
