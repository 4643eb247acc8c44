//! From many channels to one.

/// The channel of a recording that is heard.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Channel {
    /// The mean of all channels; the loudest one if they cancel each other.
    #[default]
    Auto,
    /// The mean of all channels, whatever it is.
    Mean,
    /// One channel, counted from 1.
    One(u16),
}

impl std::str::FromStr for Channel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "mix" => Ok(Self::Mean),
            number => match number.parse() {
                Ok(number) if number > 0 => Ok(Self::One(number)),
                _ => Err(format!("expected `mix` or the number of a channel, from 1, found `{text}`")),
            },
        }
    }
}

/// Below this ratio of the mean's energy to that of unrelated channels, the channels cancel each other: 10 dB.
const OPPOSED: f64 = 0.1;
/// Energies are summed over one frame in so many, which is enough to tell.
const EVERY: usize = 4;

/// Mixes frames down, and measures whether the channels cancel each other.
#[derive(Debug)]
pub(super) struct Mixer {
    channel: Channel,
    channels: usize,
    of_mean: f64,
    of_channels: Vec<f64>,
}

impl Mixer {
    pub fn new(channel: Channel, channels: u16) -> Self {
        Self { channel, channels: channels.into(), of_mean: 0.0, of_channels: vec![0.0; channels.into()] }
    }

    /// Appends one sample for each frame of `samples`, which become numbers by `value` and are divided by
    /// `scale`.
    ///
    /// In f64 every sum of integers is exact, so equal channels give what one of them would; the sum begins at
    /// -0, the one number that changes no other.
    pub fn mix<S: Copy>(&mut self, samples: &[S], scale: f64, value: impl Fn(S) -> f64, mono: &mut Vec<f32>) {
        let frames = samples.chunks_exact(self.channels);
        if let Channel::One(number) = self.channel {
            let index = usize::from(number) - 1;
            mono.extend(frames.map(|frame| (value(frame[index]) / scale) as f32));
            return;
        }
        let divisor = scale * self.channels as f64;
        mono.extend(frames.clone().map(|frame| {
            let sum = frame.iter().fold(-0.0, |sum, &sample| sum + value(sample));
            (sum / divisor) as f32
        }));
        // Many channels of a microphone array may cancel by chance in a short piece; stereo does it by a wrong cable.
        if self.channels == 2 {
            for frame in frames.step_by(EVERY) {
                let mut sum = 0.0;
                for (energy, &sample) in self.of_channels.iter_mut().zip(frame) {
                    let value = value(sample) / scale;
                    *energy += value * value;
                    sum += value;
                }
                self.of_mean += sum * sum;
            }
        }
    }

    /// The loudest channel, counted from 1, if the channels cancel each other in what was mixed so far.
    pub fn loudest_of_opposed(&self) -> Option<u16> {
        let all: f64 = self.of_channels.iter().sum();
        if self.of_mean >= OPPOSED * all {
            return None;
        }
        let loudest =
            (0..self.channels).max_by(|&a, &b| self.of_channels[a].total_cmp(&self.of_channels[b]))?;
        u16::try_from(loudest + 1).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opposed(frames: &[[f32; 2]]) -> Option<u16> {
        let mut mixer = Mixer::new(Channel::Auto, 2);
        mixer.mix(&frames.repeat(100).concat(), 1.0, f64::from, &mut Vec::new());
        mixer.loudest_of_opposed()
    }

    #[test]
    fn only_channels_that_cancel_each_other_are_opposed() {
        assert_eq!(opposed(&[[0.5, -0.5], [-0.2, 0.2], [0.1, -0.1]]), Some(2));
        assert_eq!(opposed(&[[0.5, -0.45], [-0.2, 0.18], [0.1, -0.1]]), Some(1));
        assert_eq!(opposed(&[[0.5, 0.5], [-0.2, -0.2]]), None);
        assert_eq!(opposed(&[[0.5, 0.1], [-0.2, 0.3], [0.1, -0.4]]), None);
        assert_eq!(opposed(&[[0.5, 0.0], [-0.2, 0.0]]), None);
        assert_eq!(opposed(&[[0.0, 0.0]]), None);
    }

    #[test]
    fn a_channel_is_mix_or_a_number_from_one() {
        assert_eq!("mix".parse(), Ok(Channel::Mean));
        assert_eq!("2".parse(), Ok(Channel::One(2)));
        for text in ["0", "-1", "left", "", "70000"] {
            assert!(text.parse::<Channel>().unwrap_err().contains("`mix`"));
        }
    }
}
