//! Recordings of any length: one pass where that is exact enough to be affordable, overlapping windows
//! beyond.
//!
//! A recording of up to [`ONE_PASS_SECONDS`] is one window. A longer one is cut into windows of 32 s that
//! begin 28 s apart; the last one begins so early that it is whole too. Each window is a clip of its own:
//! padded, normalised and felt on its own, so that the emotion follows the recording. Two neighbours share at
//! least 4 s; in the middle 2 s of what they share, the motion fades linearly from one to the other, so that
//! each has heard at least a second beyond what it shows. Codes change owner in the middle of the fade.

use std::ops::Range;

use super::config::{FPS, FRAMES_PER_TOP_CODE, SAMPLES_PER_FRAME};

/// The longest recording that is one window.
pub const ONE_PASS_SECONDS: usize = 60;
const WINDOW: usize = 32 * FPS;
const SHARED: usize = 4 * FPS;
const FADE: usize = 2 * FPS;

/// A window of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Window {
    /// Its first frame in the recording: a multiple of 4.
    pub first_frame: usize,
    /// Its samples.
    pub samples: Range<usize>,
}

/// The windows of a recording of so many samples, in order.
pub(super) fn windows(samples: usize) -> Vec<Window> {
    let frames = samples.div_ceil(SAMPLES_PER_FRAME);
    if frames <= ONE_PASS_SECONDS * FPS {
        return vec![Window { first_frame: 0, samples: 0..samples }];
    }
    let last = (frames - WINDOW).next_multiple_of(FRAMES_PER_TOP_CODE);
    (0..last)
        .step_by(WINDOW - SHARED)
        .chain([last])
        .map(|first_frame| {
            let end = ((first_frame + WINDOW) * SAMPLES_PER_FRAME).min(samples);
            Window { first_frame, samples: first_frame * SAMPLES_PER_FRAME..end }
        })
        .collect()
}

/// The windows of many recordings, packed in order: each with the index of its recording, at most a minute of
/// sound in a pack, and never two windows of one recording together.
pub(super) fn packs(recordings: &[&[f32]]) -> Vec<Vec<(usize, Window)>> {
    const MOST: usize = ONE_PASS_SECONDS * FPS * SAMPLES_PER_FRAME;
    let mut packs: Vec<Vec<(usize, Window)>> = Vec::new();
    let mut room = 0;
    for (owner, recording) in recordings.iter().enumerate() {
        for window in windows(recording.len()) {
            let samples = window.samples.len();
            match packs.last_mut() {
                Some(pack) if samples <= room && pack.last().is_some_and(|(last, _)| *last != owner) => {
                    pack.push((owner, window));
                    room -= samples;
                }
                _ => {
                    packs.push(vec![(owner, window)]);
                    room = MOST - samples;
                }
            }
        }
    }
    packs
}

/// Joins the windows' rows as they come.
#[derive(Debug)]
pub(super) struct Seams {
    width: usize,
    values: Vec<f32>,
}

impl Seams {
    pub fn new(width: usize) -> Self {
        Self { width, values: Vec::new() }
    }

    /// Adds a window's motion, which begins at `first_frame` of the recording.
    pub fn add(&mut self, first_frame: usize, motion: &[f32]) {
        let shared = self.frames() - first_frame;
        let fade = FADE.min(shared);
        let before = (shared - fade) / 2;
        for (frame, row) in motion.chunks_exact(self.width).enumerate().take(shared).skip(before) {
            // From just above 0 in the fade's first frame to 1 behind its last.
            let weight = ((frame - before + 1) as f32 / (fade + 1) as f32).min(1.0);
            let at = (first_frame + frame) * self.width;
            for (old, new) in self.values[at..at + self.width].iter_mut().zip(row) {
                *old += weight * (new - *old);
            }
        }
        self.values.extend_from_slice(&motion[shared * self.width..]);
    }

    /// Frames so far.
    pub fn frames(&self) -> usize {
        self.values.len() / self.width
    }

    pub fn finish(self) -> Vec<f32> {
        self.values
    }
}

/// Adds a window's codes: the newer window's from the middle of what both share.
pub(super) fn join_codes(all: &mut Vec<i32>, first: usize, codes: &[i32]) {
    let shared = all.len() - first;
    let keep = shared.div_ceil(2);
    all.truncate(first + keep);
    all.extend_from_slice(&codes[keep..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_cover_every_length_and_share_enough() {
        for seconds in [0, 1, 59, 60, 61, 63, 75, 88, 100, 3600] {
            for odd in [0, 1, 639] {
                let samples = seconds * 16_000 + odd;
                let all = windows(samples);
                assert_eq!(all.len() == 1, samples <= 60 * 16_000, "{seconds} s + {odd}");
                assert_eq!((all[0].samples.start, all[all.len() - 1].samples.end), (0, samples));
                for pair in all.windows(2) {
                    let shared = pair[0].samples.end - pair[1].samples.start;
                    assert!(shared >= SHARED * SAMPLES_PER_FRAME, "{seconds} s: {shared}");
                    assert!(pair[1].first_frame.is_multiple_of(FRAMES_PER_TOP_CODE));
                    assert!(pair[1].first_frame > pair[0].first_frame);
                }
            }
        }
    }

    #[test]
    fn packs_keep_the_order_hold_a_minute_at_most_and_one_window_of_a_recording() {
        let recordings: Vec<Vec<f32>> =
            [10, 20, 29, 2, 70, 1].map(|seconds| vec![0.0; seconds * 16_000]).into();
        let views: Vec<&[f32]> = recordings.iter().map(Vec::as_slice).collect();
        let packs = packs(&views);
        let owners: Vec<Vec<usize>> =
            packs.iter().map(|pack| pack.iter().map(|(owner, _)| *owner).collect()).collect();
        assert_eq!(owners, [vec![0, 1, 2], vec![3, 4], vec![4], vec![4, 5]]);
    }

    #[test]
    fn a_seam_fades_from_one_window_to_the_next_without_a_step() {
        let mut seams = Seams::new(1);
        seams.add(0, &[0.0; 200]);
        seams.add(100, &[1.0; 150]);
        let values = seams.finish();
        assert_eq!(values.len(), 250);
        assert_eq!((values[124], values[175], values[249]), (0.0, 1.0, 1.0));
        assert!(values.windows(2).all(|pair| (0.0..0.02).contains(&(pair[1] - pair[0]))));
    }

    #[test]
    fn codes_change_owner_in_the_middle_of_what_both_share() {
        let mut codes = vec![1; 50];
        join_codes(&mut codes, 25, &[2; 40]);
        assert_eq!(codes.len(), 65);
        assert_eq!(codes.iter().position(|&code| code == 2), Some(38));
    }
}
