//! Opus packets (RFC 6716) to samples, by the `opus-pure` crate.

use opus_pure::OpusDecoder;
use symphonia::core::errors::Error as Fault;
use symphonia::core::packet::Packet;

use super::part::Form;

/// The rate at which Opus counts, whatever the recording's was.
const RATE: u32 = 48_000;
/// The longest packet: 120 ms.
const LONGEST: usize = 5_760;

/// A decoder of one or two channels.
pub(super) struct Opus {
    decoder: OpusDecoder,
    channels: u16,
    pre_skip: u16,
    gain: f32,
}

impl Opus {
    /// A decoder for the identification header of a track (RFC 7845, 5.1). In MP4 files its version is 0 and its
    /// numbers are big-endian.
    pub fn new(head: &[u8]) -> Result<Self, Fault> {
        let Some(&[version, channels, a, b, _, _, _, _, c, d, family, ..]) = head.strip_prefix(b"OpusHead")
        else {
            return Err(Fault::DecodeError("the Opus header is too short"));
        };
        if family != 0 {
            return Err(Fault::Unsupported("Opus with more than two channels"));
        }
        let read = if version == 0 { u16::from_be_bytes } else { u16::from_le_bytes };
        let decibels = f32::from(read([c, d]) as i16) / 256.0;
        let decoder = OpusDecoder::new(RATE as i32, channels.into())
            .map_err(|_| Fault::DecodeError("the Opus header is damaged"))?;
        let gain = 10f32.powf(decibels / 20.0);
        Ok(Self { decoder, channels: channels.into(), pre_skip: read([a, b]), gain })
    }

    /// Frames that come before the sound.
    pub fn pre_skip(&self) -> u64 {
        self.pre_skip.into()
    }

    /// Decodes a packet to interleaved samples.
    pub fn decode(&mut self, packet: &Packet, samples: &mut Vec<f32>) -> Result<Form, Fault> {
        let channels = usize::from(self.channels);
        samples.resize(LONGEST * channels, 0.0);
        let frames = self
            .decoder
            .decode(&packet.data, LONGEST, samples)
            .map_err(|_| Fault::DecodeError("a packet of Opus is damaged"))?;
        let padding = usize::try_from(packet.trim_end.get()).unwrap_or(usize::MAX);
        samples.truncate(frames.saturating_sub(padding) * channels);
        samples.iter_mut().for_each(|sample| *sample *= self.gain);
        Ok(Form { rate: RATE, channels: self.channels })
    }
}
