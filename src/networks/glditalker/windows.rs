//! Windows of long recordings: `docs/networks/glditalker.md` section 9. A recording of up to
//! [`ONE_PASS_SECONDS`] is one window.

use std::ops::Range;

/// The longest recording that is one window.
pub(super) const ONE_PASS_SECONDS: usize = 60;
/// Of a longer one: seconds of a window, seconds that two windows share at least, and seconds in their middle
/// in which one fades to the next.
const WINDOW: usize = 32;
const SHARED: usize = 4;
const FADE: usize = 2;

/// The frames of the windows of a recording, in order. They begin at whole seconds, where frames, tokens and
/// samples coincide.
pub(super) fn windows(frames: usize, fps: usize) -> Vec<Range<usize>> {
    if frames <= ONE_PASS_SECONDS * fps {
        return std::iter::once(0..frames).collect();
    }
    let last = (frames - WINDOW * fps).next_multiple_of(fps);
    let firsts = (0..last).step_by((WINDOW - SHARED) * fps).chain([last]);
    firsts.map(|first| first..(first + WINDOW * fps).min(frames)).collect()
}

/// The frames that no later window changes once window `index` was added.
pub(super) fn settled(windows: &[Range<usize>], index: usize, fps: usize) -> usize {
    match windows.get(index + 1) {
        None => windows[index].end,
        Some(next) => next.start + margin(windows[index].end - next.start, fps),
    }
}

/// Shared frames before the fade.
fn margin(shared: usize, fps: usize) -> usize {
    (shared - (FADE * fps).min(shared)) / 2
}

/// Joins the rows of windows as they come.
pub(super) struct Seams {
    width: usize,
    fps: usize,
    /// The frame of the first row that is kept.
    first: usize,
    values: Vec<f32>,
}

impl Seams {
    pub fn new(width: usize, fps: usize) -> Self {
        Self { width, fps, first: 0, values: Vec::new() }
    }

    /// Adds the rows of a window that begins at `first` of the recording, at or before the last row's frame.
    pub fn add(&mut self, first: usize, rows: &[f32]) {
        let shared = self.end() - first;
        let (before, fade) = (margin(shared, self.fps), (FADE * self.fps).min(shared));
        for (frame, row) in rows.chunks_exact(self.width).enumerate().take(shared).skip(before) {
            // From just above 0 in the fade's first frame to 1 behind its last.
            let weight = ((frame - before + 1) as f32 / (fade + 1) as f32).min(1.0);
            let at = (first + frame - self.first) * self.width;
            for (old, new) in self.values[at..at + self.width].iter_mut().zip(row) {
                *old += weight * (new - *old);
            }
        }
        self.values.extend_from_slice(&rows[shared * self.width..]);
    }

    /// The frame behind the last row.
    pub fn end(&self) -> usize {
        self.first + self.values.len() / self.width
    }

    /// The rows of some frames.
    pub fn rows(&self, frames: Range<usize>) -> &[f32] {
        &self.values[(frames.start - self.first) * self.width..(frames.end - self.first) * self.width]
    }

    /// Rows before this frame are not asked for any more.
    pub fn forget(&mut self, before: usize) {
        self.values.drain(..(before - self.first) * self.width);
        self.first = before;
    }

    /// All rows.
    pub fn finish(self) -> Vec<f32> {
        self.values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_cover_every_length_and_share_enough() {
        for (seconds, fps) in [(1, 25), (60, 30), (61, 25), (75, 30), (88, 25), (3600, 30)] {
            for odd in [0, 1, fps - 1] {
                let frames = seconds * fps + odd;
                let all = windows(frames, fps);
                assert_eq!(all.len() == 1, frames <= 60 * fps, "{frames}");
                assert_eq!((all[0].start, all[all.len() - 1].end), (0, frames));
                let ends: Vec<usize> = (0..all.len()).map(|index| settled(&all, index, fps)).collect();
                assert!(ends.is_sorted() && ends[all.len() - 1] == frames);
                for (index, pair) in all.windows(2).enumerate() {
                    assert!(pair[0].end - pair[1].start >= SHARED * fps && pair[1].start.is_multiple_of(fps));
                    assert!((pair[1].start..pair[0].end).contains(&ends[index]));
                }
            }
        }
    }

    #[test]
    fn a_seam_fades_without_a_step_and_leaves_settled_rows_alone() {
        let all = [0..200, 100..250];
        let mut seams = Seams::new(1, 25);
        seams.add(0, &[0.0; 200]);
        let settled = settled(&all, 0, 25);
        assert_eq!(settled, 125);
        seams.forget(90);
        seams.add(100, &[1.0; 150]);
        let values = seams.rows(90..250);
        assert!(values[..settled - 90].iter().all(|value| *value == 0.0));
        assert!(values.windows(2).all(|pair| (0.0..0.02).contains(&(pair[1] - pair[0]))));
        assert_eq!((seams.end(), seams.finish()[159]), (250, 1.0));
    }
}
