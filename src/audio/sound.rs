//! A recording of any kind, and how it becomes one channel at 16 kHz.

use std::fs::File;
use std::io::Read;
use std::path::Path;

#[cfg(feature = "sound")]
use super::coded::Coded;
#[cfg(feature = "sound")]
use super::format::OTHER_CODEC;
use super::mix::Channel;
use super::part::{Part, Pass};
use super::playback::Playback;
use super::wav::Wav;
use super::{SAMPLE_RATE, foreign};
use crate::{Error, Result};

/// An opened recording: its kind is known by its content and its header is checked; its samples are still to be
/// read.
#[derive(Debug)]
pub struct Sound {
    kind: Kind,
    channel: Channel,
}

#[derive(Debug)]
enum Kind {
    Wav(Wav),
    #[cfg(feature = "sound")]
    Coded(Coded),
}

/// The sound of a recording.
#[derive(Debug, Clone, PartialEq)]
pub struct Heard {
    /// One channel at 16 kHz, f32, full scale = 1.
    pub samples: Vec<f32>,
    /// Faults of a recording that could be read all the same: one sentence each.
    pub warnings: Vec<String>,
}

impl Sound {
    /// Opens a recording: WAV by the reader of this project, and with the feature `sound` every format of
    /// [`Self::FORMATS`]. Its name does not matter.
    ///
    /// # Errors
    /// [`Error::BadInput`] for a file that is missing, empty or of another kind, for a header that is damaged,
    /// and for a film without sound.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let kind = Self::kind_of(path)?;
        Ok(Self { kind, channel: Channel::default() })
    }

    /// The formats that can be read, for help texts.
    pub const FORMATS: &str = foreign::FORMATS;

    #[cfg(not(feature = "sound"))]
    fn kind_of(path: &Path) -> Result<Kind> {
        Wav::open(path).map(Kind::Wav)
    }

    /// A WAV with a codec that the own reader does not know is tried with the decoder of other formats.
    #[cfg(feature = "sound")]
    fn kind_of(path: &Path) -> Result<Kind> {
        let mut head = [0; 12];
        let of_file = std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
        let read = if of_file { File::open(path).and_then(|mut file| file.read(&mut head)) } else { Ok(0) };
        let head = &head[..read.unwrap_or(0)];
        if foreign::is_wav(head) {
            return Wav::open(path).map(Kind::Wav).or_else(|error| match &error {
                Error::BadInput(bad) if bad.what == OTHER_CODEC => {
                    Coded::open(path).map(Kind::Coded).map_err(|_| error)
                }
                _ => Err(error),
            });
        }
        if !foreign::is_coded(head) {
            // Missing, a folder, empty, or of another kind: the same words as for a WAV.
            return Wav::open(path).map(Kind::Wav);
        }
        Coded::open(path).map(Kind::Coded)
    }

    /// The channel to hear instead of the mean of all.
    ///
    /// # Errors
    /// [`Error::BadInput`] for a channel that the recording does not have.
    pub fn channel(mut self, channel: Channel) -> Result<Self> {
        if let Channel::One(number) = channel
            && !(1..=self.channels()).contains(&number)
        {
            return Err(Error::bad_input(
                self.path(),
                "does not have that channel",
                format!("a channel from 1 to {}", self.channels()),
                number.to_string(),
                "give another channel",
            ));
        }
        self.channel = channel;
        Ok(self)
    }

    /// Channels in the file.
    pub fn channels(&self) -> u16 {
        match &self.kind {
            Kind::Wav(wav) => wav.channels(),
            #[cfg(feature = "sound")]
            Kind::Coded(coded) => coded.channels(),
        }
    }

    /// Samples a second in the file.
    pub fn sample_rate(&self) -> u32 {
        match &self.kind {
            Kind::Wav(wav) => wav.sample_rate(),
            #[cfg(feature = "sound")]
            Kind::Coded(coded) => coded.sample_rate(),
        }
    }

    fn path(&self) -> &Path {
        match &self.kind {
            Kind::Wav(wav) => wav.path(),
            #[cfg(feature = "sound")]
            Kind::Coded(coded) => coded.path(),
        }
    }

    /// Reads `duration` seconds from `offset` on, or all the rest, as one channel at 16 kHz.
    ///
    /// If the mean of the channels is far quieter than they are (one is the other upside down), the loudest
    /// channel is read instead, and [`Heard::warnings`] says so.
    ///
    /// # Errors
    /// [`Error::BadInput`] for an offset or a duration that is not in the recording, for samples that are not
    /// finite or absurdly large, for sound that cannot be decoded, and where it does not fit into memory.
    pub fn read(&mut self, offset: f64, duration: Option<f64>) -> Result<Heard> {
        let part = Part { offset, duration, channel: self.channel };
        let mut pass = self.pass(part, SAMPLE_RATE)?;
        if let (Channel::Auto, Some(loudest)) = (self.channel, pass.loudest_of_opposed) {
            self.channel = Channel::One(loudest);
            pass = self.pass(Part { channel: self.channel, ..part }, SAMPLE_RATE)?;
            pass.warnings
                .push(format!("its channels cancel each other, so channel {loudest} alone is heard"));
        }
        Ok(Heard { samples: pass.samples, warnings: pass.warnings })
    }

    /// Reads the same part for ears: the two channels of a stereo recording, one of any other, at the rate that
    /// `rate` chooses for the recording's own.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn playback(
        &mut self,
        offset: f64,
        duration: Option<f64>,
        rate: impl Fn(u32) -> u32,
    ) -> Result<Playback> {
        let to = rate(self.sample_rate());
        let channels = match (self.channel, self.channels()) {
            (Channel::Auto, 2) => vec![Channel::One(1), Channel::One(2)],
            (channel, _) => vec![channel],
        };
        let mut planes = Vec::with_capacity(channels.len());
        for channel in channels {
            planes.push(self.pass(Part { offset, duration, channel }, to)?.samples);
        }
        Ok(Playback::of_planes(&planes, to))
    }

    fn pass(&mut self, part: Part, to: u32) -> Result<Pass> {
        match &mut self.kind {
            Kind::Wav(wav) => wav.read(part, to),
            #[cfg(feature = "sound")]
            Kind::Coded(coded) => coded.read(part, to),
        }
    }
}
