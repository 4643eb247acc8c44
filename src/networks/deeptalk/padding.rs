//! From samples to frames: how far a clip is padded, and how many frames of the result are wanted.

use super::config::SAMPLE_RATE;

/// Frames of motion a second.
const FRAME_RATE: f64 = 25.0;

/// The motion prior's coarsest code stands for this many frames.
const FRAMES_A_CODE: usize = 4;

/// The frames that the network computes for a clip of 16 kHz samples, and the samples to which the clip is
/// padded with zeros at its end: `(T, padded_samples)`.
///
/// `T` is a multiple of 4 and always at least one frame more than the clip fills: a clip that is a multiple
/// of 4 frames already gets 4 more. The published code computes both in double precision,
/// `floor(samples / 16000 * 25)` and `floor(T / 25 * 16000)`, and so does this. It matters: 74240 samples
/// (4.64 s) are 116 whole frames, but the product rounds to just below and no frames are added; and for T =
/// 804 the padded clip is one sample short of whole frames. Where both meet, as at 514560 samples,
/// `padded_samples` is one less than `samples`, and the clip's last sample is cut off.
pub fn frames_for(samples: usize) -> (usize, usize) {
    let rate = SAMPLE_RATE as f64;
    let whole = (samples as f64 / rate * FRAME_RATE).floor() as usize;
    let frames = whole + (FRAMES_A_CODE - whole % FRAMES_A_CODE);
    (frames, (frames as f64 / FRAME_RATE * rate).floor() as usize)
}

/// The frames that a caller wants of the result: those that begin inside the clip, `ceil(samples / 640)`.
pub fn wanted_frames(samples: usize) -> usize {
    samples.div_ceil(640)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same in integers, as it is meant.
    fn frames_in_integers(samples: usize) -> (usize, usize) {
        let whole = samples / 640;
        let frames = whole + 4 - whole % 4;
        (frames, frames * 640)
    }

    #[test]
    fn the_lengths_that_python_gives_for_the_published_expressions() {
        for (samples, expected) in [
            (0, (4, 2_560)),
            (1, (4, 2_560)),
            (640, (4, 2_560)),
            (2_559, (4, 2_560)),
            (2_560, (8, 5_120)),
            (160_000, (252, 161_280)),
            (74_239, (116, 74_240)),
            (74_240, (116, 74_240)),
            (74_241, (120, 76_800)),
            (513_000, (804, 514_559)),
        ] {
            assert_eq!(frames_for(samples), expected, "{samples} samples");
        }
    }

    #[test]
    fn double_precision_differs_from_integers_at_the_known_lengths_alone() {
        let differing: Vec<usize> =
            (0..=500_000).filter(|&samples| frames_for(samples).0 != frames_in_integers(samples).0).collect();
        assert_eq!(differing, [74_240, 145_920, 148_480, 289_280, 291_840, 294_400, 296_960]);
        for samples in 0..=500_000 {
            let (frames, padded) = frames_for(samples);
            assert_eq!(padded, frames * 640, "{samples} samples");
            assert!(
                frames % 4 == 0 && padded >= samples && frames >= wanted_frames(samples),
                "{samples} samples"
            );
        }
    }

    #[test]
    fn the_padded_clip_is_one_sample_short_of_whole_frames_at_the_known_lengths_alone() {
        let short: Vec<usize> = (4..7_000)
            .step_by(4)
            .filter(|&frames| {
                let (computed, padded) = frames_for((frames - 4) * 640 + 1);
                assert_eq!(computed, frames);
                assert!(padded == frames * 640 || padded == frames * 640 - 1, "{frames} frames: {padded}");
                padded != frames * 640
            })
            .collect();
        let known = [
            804, 812, 1608, 1624, 3212, 3216, 3244, 3248, 3276, 6424, 6432, 6452, 6460, 6488, 6496, 6524,
            6532, 6552,
        ];
        assert_eq!(short, known);
    }

    #[test]
    fn a_clip_can_be_one_sample_longer_than_its_padded_length() {
        assert_eq!(frames_for(514_560), (804, 514_559));
    }

    #[test]
    fn a_frame_is_wanted_for_every_forty_milliseconds_begun() {
        for (samples, frames) in [(0, 0), (1, 1), (640, 1), (641, 2), (16_000, 25), (16_001, 26)] {
            assert_eq!(wanted_frames(samples), frames);
        }
    }
}
