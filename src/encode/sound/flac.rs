//! FLAC, which is lossless and has no delay, by the `flacenc` crate.

use flacenc::bitsink::ByteSink;
use flacenc::component::{BitRepr, StreamInfo};
use flacenc::config;
use flacenc::error::{Verified, Verify};
use flacenc::source::{Fill, FrameBuf};
use shiguredo_mp4::Uint;
use shiguredo_mp4::boxes::{DflaBox, FlacBox, FlacMetadataBlock, SampleEntry};

use super::{Blocks, fields};
use crate::audio::Playback;

/// Samples in a block.
const BLOCK: usize = 2048;
/// The smallest block that the encoder accepts.
const SMALLEST: usize = 64;

/// An encoder that returns one block at a time.
pub(super) struct Flac {
    sound: Playback,
    next: usize,
    config: Verified<config::Encoder>,
    info: StreamInfo,
}

impl Flac {
    pub fn new(mut sound: Playback) -> Result<Self, String> {
        let rest = sound.frames() % BLOCK;
        if (1..SMALLEST).contains(&rest) {
            let frames = sound.frames() + SMALLEST - rest;
            sound.samples.resize(frames * usize::from(sound.channels), 0);
        }
        let mut config = config::Encoder::default();
        config.block_size = BLOCK;
        let config = config.into_verified().map_err(|(_, error)| error.to_string())?;
        let info = StreamInfo::new(sound.rate as usize, sound.channels.into(), 16)
            .map_err(|error| error.to_string())?;
        Ok(Self { sound, next: 0, config, info })
    }

    /// The STREAMINFO block (RFC 9639, 8.2); frame sizes and checksum are set to unknown.
    fn stream_info(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(34);
        bytes.extend((BLOCK as u16).to_be_bytes().repeat(2));
        bytes.extend([0; 6]);
        let (rate, channels, bits) = (u64::from(self.sound.rate), u64::from(self.sound.channels), 16u64);
        let packed = rate << 44 | (channels - 1) << 41 | (bits - 1) << 36 | self.sound.frames() as u64;
        bytes.extend(packed.to_be_bytes());
        bytes.extend([0; 16]);
        bytes
    }
}

impl Blocks for Flac {
    fn count(&self) -> usize {
        self.sound.frames().div_ceil(BLOCK)
    }

    fn left(&self) -> bool {
        self.next < self.count()
    }

    fn next(&mut self) -> Result<Option<(Vec<u8>, u32)>, String> {
        if !self.left() {
            return Ok(None);
        }
        let channels = usize::from(self.sound.channels);
        let begin = self.next * BLOCK * channels;
        let end = self.sound.samples.len().min(begin + BLOCK * channels);
        let samples: Vec<i32> = self.sound.samples[begin..end].iter().map(|&x| x.into()).collect();
        let frames = samples.len() / channels;
        let mut buffer = FrameBuf::with_size(channels, frames).map_err(|error| error.to_string())?;
        buffer.fill_interleaved(&samples).map_err(|error| error.to_string())?;
        let frame = flacenc::encode_fixed_size_frame(&self.config, &buffer, self.next, &self.info)
            .map_err(|error| error.to_string())?;
        let mut sink = ByteSink::new();
        frame.write(&mut sink).map_err(|error| error.to_string())?;
        self.next += 1;
        Ok(Some((sink.into_inner(), frames as u32)))
    }

    fn entry(&self) -> SampleEntry {
        SampleEntry::Flac(FlacBox {
            audio: fields(&self.sound),
            dfla_box: DflaBox {
                metadata_blocks: vec![FlacMetadataBlock {
                    last_metadata_block_flag: Uint::new(1),
                    block_type: FlacMetadataBlock::BLOCK_TYPE_STREAMINFO,
                    block_data: self.stream_info(),
                }],
            },
            unknown_boxes: vec![],
        })
    }

    fn priming(&self) -> u32 {
        0
    }
}
