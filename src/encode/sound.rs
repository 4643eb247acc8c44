//! Encoder of the video's sound: FLAC, which is lossless and has no delay.

use flacenc::bitsink::ByteSink;
use flacenc::component::{BitRepr, StreamInfo};
use flacenc::config;
use flacenc::error::{Verified, Verify};
use flacenc::source::{Fill, FrameBuf};

use crate::audio::SAMPLE_RATE;

/// Samples in a block: an eighth of a second.
const BLOCK: usize = 2048;
/// The smallest block that the encoder accepts.
const SMALLEST: usize = 64;

/// An encoder that returns one block at a time.
pub(super) struct Flac {
    samples: Vec<i16>,
    next: usize,
    config: Verified<config::Encoder>,
    info: StreamInfo,
}

impl Flac {
    /// An encoder of `speech` at 16 kHz, mono, followed by silence until there are `least` samples. If a
    /// sample is beyond full scale, all samples are scaled down. `None` without samples.
    pub fn new(speech: &[f32], least: usize) -> Result<Option<Self>, String> {
        if speech.is_empty() {
            return Ok(None);
        }
        let peak = speech.iter().fold(1.0f32, |peak, x| peak.max(x.abs()));
        let scale = 32767.0 / peak;
        let mut samples: Vec<i16> = speech.iter().map(|x| (x * scale).round() as i16).collect();
        samples.resize(samples.len().max(least), 0);
        let rest = samples.len() % BLOCK;
        if (1..SMALLEST).contains(&rest) {
            samples.resize(samples.len() + SMALLEST - rest, 0);
        }
        let mut config = config::Encoder::default();
        config.block_size = BLOCK;
        let config = config.into_verified().map_err(|(_, error)| error.to_string())?;
        let info = StreamInfo::new(SAMPLE_RATE as usize, 1, 16).map_err(|error| error.to_string())?;
        Ok(Some(Self { samples, next: 0, config, info }))
    }

    /// The number of samples of all blocks.
    pub fn samples(&self) -> usize {
        self.samples.len()
    }

    /// The number of blocks.
    pub fn blocks(&self) -> usize {
        self.samples.len().div_ceil(BLOCK)
    }

    /// The first sample of the next block; `None` after the last.
    pub fn position(&self) -> Option<usize> {
        let position = self.next * BLOCK;
        (position < self.samples.len()).then_some(position)
    }

    /// The next block as a FLAC frame, and its samples.
    pub fn block(&mut self) -> Result<Option<(Vec<u8>, u32)>, String> {
        let Some(position) = self.position() else {
            return Ok(None);
        };
        let end = self.samples.len().min(position + BLOCK);
        let samples: Vec<i32> = self.samples[position..end].iter().map(|&x| x.into()).collect();
        let mut buffer = FrameBuf::with_size(1, samples.len()).map_err(|error| error.to_string())?;
        buffer.fill_interleaved(&samples).map_err(|error| error.to_string())?;
        let frame = flacenc::encode_fixed_size_frame(&self.config, &buffer, self.next, &self.info)
            .map_err(|error| error.to_string())?;
        let mut sink = ByteSink::new();
        frame.write(&mut sink).map_err(|error| error.to_string())?;
        self.next += 1;
        Ok(Some((sink.into_inner(), samples.len() as u32)))
    }

    /// The STREAMINFO block (RFC 9639, 8.2); frame sizes and checksum are set to unknown.
    pub fn stream_info(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(34);
        bytes.extend((BLOCK as u16).to_be_bytes().repeat(2));
        bytes.extend([0; 6]);
        let (rate, channels, bits) = (u64::from(SAMPLE_RATE), 1u64, 16u64);
        let packed = rate << 44 | (channels - 1) << 41 | (bits - 1) << 36 | self.samples.len() as u64;
        bytes.extend(packed.to_be_bytes());
        bytes.extend([0; 16]);
        bytes
    }
}
