//! The sound of a video: a codec's blocks, one after another, and what the container says of them.

#[cfg(feature = "sound")]
mod aac;
mod flac;

use shiguredo_mp4::FixedPointNumber;
use shiguredo_mp4::boxes::{AudioSampleEntryFields, SampleEntry};

use crate::audio::Playback;

/// The sound of a video.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SoundCodec {
    /// AAC-LC: phones, browsers, editors and messengers play it.
    #[cfg(feature = "sound")]
    Aac,
    /// FLAC: exact to the sample; Apple's players are silent.
    Flac,
    /// No sound.
    None,
}

impl Default for SoundCodec {
    fn default() -> Self {
        #[cfg(feature = "sound")]
        return Self::Aac;
        #[cfg(not(feature = "sound"))]
        return Self::Flac;
    }
}

impl SoundCodec {
    /// The rate of the video's sound for a recording's own: AAC has 44.1 or 48 kHz, because players resample others
    /// badly; FLAC has the recording's, up to 48 kHz.
    pub fn rate(self, own: u32) -> u32 {
        match self {
            Self::Flac | Self::None => own.min(48_000),
            #[cfg(feature = "sound")]
            Self::Aac => {
                if own == 44_100 {
                    44_100
                } else {
                    48_000
                }
            }
        }
    }
}

/// The blocks of a sound track.
pub(super) struct SoundTrack {
    blocks: Box<dyn Blocks>,
    pub rate: u32,
    /// Samples that are heard.
    pub samples: u64,
    /// Position of the next block, in samples.
    position: u64,
}

impl SoundTrack {
    /// The track of a sound followed by silence until it has `least` samples; `None` without sound.
    pub fn new(codec: SoundCodec, sound: &Playback, least: u64) -> Result<Option<Self>, String> {
        if sound.samples.is_empty() || codec == SoundCodec::None {
            return Ok(None);
        }
        let mut sound = sound.clone();
        let samples = usize::try_from(least).unwrap_or(0).max(sound.frames());
        sound.samples.resize(samples * usize::from(sound.channels), 0);
        let rate = sound.rate;
        let blocks: Box<dyn Blocks> = match codec {
            #[cfg(feature = "sound")]
            SoundCodec::Aac => Box::new(aac::Aac::new(sound)?),
            _ => Box::new(flac::Flac::new(sound)?),
        };
        Ok(Some(Self { blocks, rate, samples: samples as u64, position: 0 }))
    }

    /// The number of blocks.
    pub fn count(&self) -> usize {
        self.blocks.count()
    }

    /// The first sample of the next block; `None` after the last.
    pub fn position(&self) -> Option<u64> {
        self.blocks.left().then_some(self.position)
    }

    /// The next block and its samples.
    pub fn block(&mut self) -> Result<Option<(Vec<u8>, u32)>, String> {
        let block = self.blocks.next()?;
        self.position += block.as_ref().map_or(0, |(_, samples)| u64::from(*samples));
        Ok(block)
    }

    /// The description of the track.
    pub fn entry(&self) -> SampleEntry {
        self.blocks.entry()
    }

    /// Samples that the codec puts before the sound.
    pub fn priming(&self) -> u32 {
        self.blocks.priming()
    }
}

/// A codec with sound in it.
trait Blocks: Send {
    fn count(&self) -> usize;
    fn left(&self) -> bool;
    fn next(&mut self) -> Result<Option<(Vec<u8>, u32)>, String>;
    fn entry(&self) -> SampleEntry;
    fn priming(&self) -> u32;
}

/// The fields that the sample entries of all codecs share.
fn fields(sound: &Playback) -> AudioSampleEntryFields {
    AudioSampleEntryFields {
        data_reference_index: AudioSampleEntryFields::DEFAULT_DATA_REFERENCE_INDEX,
        channelcount: sound.channels,
        samplesize: AudioSampleEntryFields::DEFAULT_SAMPLESIZE,
        samplerate: FixedPointNumber::new(sound.rate as u16, 0),
    }
}
