//! Frames a second, as an exact fraction: times do not drift, however long an animation is.

use std::fmt::{Display, Formatter};
use std::str::FromStr;

/// Frames a second, `numerator / denominator` in lowest terms; above 0.
///
/// ```
/// use deeptalk_rt::animation::Rate;
///
/// let film: Rate = "23.976".parse().unwrap();
/// assert_eq!(film, Rate::new(24_000, 1_001).unwrap());
/// assert_eq!(film.time(24_000), (1_001, 1)); // seconds, exact
/// assert_eq!(Rate::whole(25).frames_for(16_001, 16_000), 26);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rate {
    numerator: u32,
    denominator: u32,
}

/// Rates of NTSC television are `1000 / 1001` of these; decimal numbers such as 29.97 round them.
const NTSC: [u32; 6] = [24, 30, 48, 60, 120, 240];

impl Rate {
    /// A whole number of frames a second.
    ///
    /// # Panics
    /// If `frames` is 0; in a constant that is an error of the compiler.
    pub const fn whole(frames: u32) -> Self {
        assert!(frames > 0, "a rate is above 0");
        Self { numerator: frames, denominator: 1 }
    }

    /// `numerator / denominator` frames a second; none if either is 0.
    pub const fn new(numerator: u32, denominator: u32) -> Option<Self> {
        if numerator == 0 || denominator == 0 {
            return None;
        }
        let (mut a, mut b) = (numerator, denominator);
        while b > 0 {
            (a, b) = (b, a % b);
        }
        Some(Self { numerator: numerator / a, denominator: denominator / a })
    }

    /// The numerator, in lowest terms.
    pub const fn numerator(self) -> u32 {
        self.numerator
    }

    /// The denominator, in lowest terms: 1 for a whole number of frames a second.
    pub const fn denominator(self) -> u32 {
        self.denominator
    }

    /// Frames a second, rounded to f64.
    pub fn per_second(self) -> f64 {
        f64::from(self.numerator) / f64::from(self.denominator)
    }

    /// The time at which a frame begins: seconds as an exact fraction, numerator and denominator in lowest
    /// terms.
    pub const fn time(self, frame: usize) -> (u128, u128) {
        let (numerator, denominator) = (frame as u128 * self.denominator as u128, self.numerator as u128);
        let (mut a, mut b) = (numerator, denominator);
        while b > 0 {
            (a, b) = (b, a % b);
        }
        (numerator / a, denominator / a)
    }

    /// The time at which a frame begins, or the length of as many frames: seconds, rounded once.
    pub fn seconds(self, frame: usize) -> f64 {
        (frame as u128 * u128::from(self.denominator)) as f64 / f64::from(self.numerator)
    }

    /// The number of frames that cover `samples` at `sample_rate` Hz; the last one may be covered in part.
    pub fn frames_for(self, samples: usize, sample_rate: u32) -> usize {
        let frames = (samples as u128 * u128::from(self.numerator))
            .div_ceil(u128::from(sample_rate) * u128::from(self.denominator));
        usize::try_from(frames).unwrap_or(usize::MAX)
    }

    /// The first sample at or after the beginning of a frame, at `sample_rate` Hz.
    pub fn first_sample(self, frame: usize, sample_rate: u32) -> usize {
        let samples = (frame as u128 * u128::from(self.denominator) * u128::from(sample_rate))
            .div_ceil(u128::from(self.numerator));
        usize::try_from(samples).unwrap_or(usize::MAX)
    }
}

impl FromStr for Rate {
    type Err = String;

    /// A whole number (`25`), a fraction (`30000/1001`) or a decimal number; 23.976, 29.97, 59.94 and their
    /// like mean the rates of NTSC television, 24000/1001, 30000/1001 and 60000/1001.
    fn from_str(text: &str) -> Result<Self, String> {
        let rate = match text.trim().split_once('/') {
            Some((numerator, denominator)) => fraction(numerator, denominator),
            None => decimal(text.trim()),
        };
        rate.ok_or_else(|| {
            "expected frames a second above 0, such as 25, 29.97, 12.5 or a fraction such as 30000/1001"
                .into()
        })
    }
}

fn fraction(numerator: &str, denominator: &str) -> Option<Rate> {
    Rate::new(numerator.trim().parse().ok()?, denominator.trim().parse().ok()?)
}

fn decimal(text: &str) -> Option<Rate> {
    let (whole, digits) = text.split_once('.').unwrap_or((text, ""));
    let digits = digits.trim_end_matches('0');
    if digits.len() > 6 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let scale = 10u64.pow(digits.len() as u32);
    let part: u64 = if digits.is_empty() { 0 } else { digits.parse().ok()? };
    let value = u64::from(whole.parse::<u32>().ok()?) * scale + part;
    // 24000 / 1001 to two digits is 23.98, to three 23.976.
    let rounds = |frames: u32| (u64::from(frames) * 1000 * scale * 2 + 1001) / 2002 == value;
    match NTSC.into_iter().find(|&frames| digits.len() >= 2 && rounds(frames)) {
        Some(frames) => Rate::new(frames * 1000, 1001),
        None => {
            let mut divisor = scale;
            while !value.is_multiple_of(divisor) || !scale.is_multiple_of(divisor) {
                divisor /= if divisor.is_multiple_of(2) { 2 } else { 5 };
            }
            Rate::new(u32::try_from(value / divisor).ok()?, u32::try_from(scale / divisor).ok()?)
        }
    }
}

impl Display for Rate {
    /// `25`, or `30000/1001`: what [`FromStr`] reads back as the same rate.
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self.denominator {
            1 => write!(f, "{}", self.numerator),
            denominator => write!(f, "{}/{denominator}", self.numerator),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(numerator: u32, denominator: u32) -> Rate {
        Rate::new(numerator, denominator).unwrap()
    }

    #[test]
    fn rates_are_read_as_the_field_writes_them() {
        for (text, numerator, denominator) in [
            ("25", 25, 1),
            ("25.00", 25, 1),
            ("12.5", 25, 2),
            ("12.50", 25, 2),
            ("0.04", 1, 25),
            ("23.976", 24_000, 1_001),
            ("23.98", 24_000, 1_001),
            ("23.976024", 24_000, 1_001),
            ("29.97", 30_000, 1_001),
            ("47.952", 48_000, 1_001),
            ("59.94", 60_000, 1_001),
            ("119.88", 120_000, 1_001),
            ("23.9", 239, 10),
            ("23.97", 2_397, 100),
            ("24.5", 49, 2),
            (" 30000/1001 ", 30_000, 1_001),
            ("60 / 2", 30, 1),
            ("4294967295", u32::MAX, 1),
        ] {
            let read: Rate = text.parse().unwrap();
            assert_eq!((read.numerator(), read.denominator()), (numerator, denominator), "{text}");
            assert_eq!(read.to_string().parse(), Ok(read));
        }
        for text in [
            "",
            "0",
            "0.0",
            "-25",
            "+-1",
            "1e3",
            "nan",
            "inf",
            "25/0",
            "0/1",
            "1/2/3",
            "2.1234567",
            ".",
            "5000000000",
        ] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }

    #[test]
    fn no_time_drifts_in_an_hour() {
        for rate in [rate(24_000, 1_001), rate(30_000, 1_001), Rate::whole(25), rate(25, 2)] {
            let [n, d] = [rate.numerator(), rate.denominator()].map(u128::from);
            let frames = (3_600 * n / d) as usize;
            let (numerator, denominator) = rate.time(frames);
            assert_eq!(numerator * n, frames as u128 * d * denominator);
            assert_eq!(rate.seconds(frames), numerator as f64 / denominator as f64);
            assert!(rate.seconds(frames) <= 3_600.0 && rate.seconds(frames + 1) > 3_600.0);
            let samples = rate.first_sample(frames, 48_000);
            assert!((0.0..1.0).contains(&(samples as f64 - rate.seconds(frames) * 48_000.0)));
            assert_eq!(
                rate.frames_for(samples, 48_000),
                frames + usize::from(!(samples as u128 * n).is_multiple_of(48_000 * d))
            );
        }
    }

    #[test]
    fn a_frame_that_is_covered_in_part_counts() {
        let rate = Rate::whole(25);
        let frames = [0, 1, 1_919, 1_920, 1_921, 48_000].map(|samples| rate.frames_for(samples, 48_000));
        assert_eq!(frames, [0, 1, 1, 1, 2, 25]);
    }
}
