//! The `fmt ` chunk: how the samples of a WAV are written down.

use std::path::Path;

use super::{HIGHEST_RATE, LOWEST_RATE, MOST_CHANNELS, foreign};
use crate::{Error, Result};

/// WAVE_FORMAT_PCM: integers.
pub(super) const TAG_INTEGER: u16 = 1;
/// WAVE_FORMAT_IEEE_FLOAT.
pub(super) const TAG_FLOAT: u16 = 3;
/// WAVE_FORMAT_ALAW.
pub(super) const TAG_A_LAW: u16 = 6;
/// WAVE_FORMAT_MULAW.
pub(super) const TAG_MU_LAW: u16 = 7;
/// WAVE_FORMAT_EXTENSIBLE: the real tag opens the sub-format.
const TAG_EXTENSIBLE: u16 = 0xfffe;

/// What follows the tag in the sub-format's GUID when the sub-format is an ordinary tag.
const SUBFORMAT_TAIL: [u8; 14] =
    [0x00, 0x00, 0x00, 0x00, 0x10, 0x00, 0x80, 0x00, 0x00, 0xaa, 0x00, 0x38, 0x9b, 0x71];
/// The same in Ambisonic B-format files.
const AMBISONIC_TAIL: [u8; 14] =
    [0x00, 0x00, 0x21, 0x07, 0xd3, 0x11, 0x86, 0x44, 0xc8, 0xc1, 0xca, 0x00, 0x00, 0x00];

/// The complaint about a codec that this reader does not know and another may.
pub(super) const OTHER_CODEC: &str = "the WAV's codec is not supported";

/// The samples of a WAV: only what can be read gets this far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Format {
    /// [`TAG_INTEGER`] (8, 16, 24 or 32 bits), [`TAG_FLOAT`] (32 or 64 bits), [`TAG_A_LAW`] or [`TAG_MU_LAW`] (8
    /// bits).
    pub tag: u16,
    /// 1 to [`MOST_CHANNELS`].
    pub channels: u16,
    /// [`LOWEST_RATE`] to [`HIGHEST_RATE`], in samples a second.
    pub rate: u32,
    /// Bits of one sample in the file. Where fewer are valid they are the upper ones, so this sets the scale.
    pub bits: u16,
}

impl Format {
    /// Bytes of one sample of every channel.
    pub fn bytes_per_frame(&self) -> usize {
        usize::from(self.channels) * usize::from(self.bits / 8)
    }

    /// Reads the chunk's content: 16 bytes or more.
    pub fn parse(path: &Path, chunk: &[u8]) -> Result<Self> {
        let u16_at = |offset: usize| u16::from_le_bytes([chunk[offset], chunk[offset + 1]]);
        let bad = |what: &str, expected: String, found: String| {
            Error::bad_input(path, what, expected, found, foreign::convert_first(path))
        };
        if chunk.len() < 16 {
            let found = format!("{} bytes", chunk.len());
            return Err(bad("the WAV's `fmt ` chunk is too short", "16 bytes or more".into(), found));
        }
        let channels = u16_at(2);
        let rate = u32::from_le_bytes([chunk[4], chunk[5], chunk[6], chunk[7]]);
        let (bytes_per_frame, bits) = (u16_at(12), u16_at(14));
        let tag = match u16_at(0) {
            TAG_EXTENSIBLE if chunk.len() < 40 => {
                let found = format!("{} bytes", chunk.len());
                return Err(bad("the WAV's extended `fmt ` chunk is too short", "40 bytes".into(), found));
            }
            TAG_EXTENSIBLE if ![SUBFORMAT_TAIL, AMBISONIC_TAIL].iter().any(|tail| chunk[26..40] == *tail) => {
                TAG_EXTENSIBLE
            }
            TAG_EXTENSIBLE => u16_at(24),
            tag => tag,
        };
        let readable = [
            (TAG_INTEGER, &[8, 16, 24, 32][..]),
            (TAG_FLOAT, &[32, 64]),
            (TAG_A_LAW, &[8]),
            (TAG_MU_LAW, &[8]),
        ];
        if !readable.iter().any(|(of, widths)| *of == tag && widths.contains(&bits)) {
            return Err(bad(
                OTHER_CODEC,
                "8, 16, 24 or 32-bit integers, 32 or 64-bit floats, A-law or mu-law".into(),
                codec_name(tag, bits),
            ));
        }
        if channels == 0 || channels > MOST_CHANNELS {
            let expected = format!("1 to {MOST_CHANNELS} channels");
            return Err(bad("the WAV's number of channels makes no sense", expected, channels.to_string()));
        }
        if !(LOWEST_RATE..=HIGHEST_RATE).contains(&rate) {
            let expected = format!("{LOWEST_RATE} to {HIGHEST_RATE} samples a second");
            return Err(bad("the WAV's sample rate is out of range", expected, rate.to_string()));
        }
        let format = Self { tag, channels, rate, bits };
        // Some writers leave the block size out.
        if ![0, format.bytes_per_frame()].contains(&bytes_per_frame.into()) {
            return Err(bad(
                "the WAV's block size contradicts its channels and bits",
                format!("{} bytes ({channels} channels of {bits} bits)", format.bytes_per_frame()),
                format!("{bytes_per_frame} bytes"),
            ));
        }
        Ok(format)
    }
}

/// A codec in the words of those who meet it; the tags are those of Microsoft's `mmreg.h`.
fn codec_name(tag: u16, bits: u16) -> String {
    let name = match tag {
        TAG_INTEGER => return format!("{bits}-bit integers"),
        TAG_FLOAT => return format!("{bits}-bit floats"),
        0x0002 => "Microsoft ADPCM",
        TAG_A_LAW => return format!("{bits}-bit A-law"),
        TAG_MU_LAW => return format!("{bits}-bit mu-law"),
        0x0011 => "IMA ADPCM",
        0x0031 => "GSM 6.10",
        0x0040 | 0x0045 | 0x0064 => "G.72x ADPCM",
        0x0050 => "MPEG sound",
        0x0055 => "MP3",
        0x00ff | 0x1610 => "AAC",
        0x0160..=0x0163 => "Windows Media sound",
        0xf1ac => "FLAC",
        TAG_EXTENSIBLE => "an unknown extended format",
        _ => return format!("an unknown codec (format tag 0x{tag:04x})"),
    };
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(tag: u16, channels: u16, rate: u32, bytes_per_frame: u16, bits: u16) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(tag.to_le_bytes());
        bytes.extend(channels.to_le_bytes());
        bytes.extend(rate.to_le_bytes());
        bytes.extend(0u32.to_le_bytes());
        bytes.extend(bytes_per_frame.to_le_bytes());
        bytes.extend(bits.to_le_bytes());
        bytes
    }

    fn complaint(bytes: &[u8]) -> String {
        Format::parse(Path::new("a.wav"), bytes).unwrap_err().to_string()
    }

    #[test]
    fn an_extended_format_opens_with_its_sub_format_and_scales_by_the_container() {
        let mut bytes = chunk(TAG_EXTENSIBLE, 2, 48_000, 6, 24);
        bytes.extend([22, 0, 20, 0, 3, 0, 0, 0, 1, 0]);
        bytes.extend(SUBFORMAT_TAIL);
        let format = Format::parse(Path::new("a.wav"), &bytes).unwrap();
        assert_eq!(format, Format { tag: TAG_INTEGER, channels: 2, rate: 48_000, bits: 24 });
        bytes[30] ^= 1;
        assert!(complaint(&bytes).contains("an unknown extended format"));
        assert!(complaint(&bytes[..39]).contains("found 39 bytes"));
    }

    #[test]
    fn what_cannot_be_read_is_called_by_its_name() {
        for (bytes, words) in [
            (chunk(2, 1, 8_000, 1024, 4), "found Microsoft ADPCM"),
            (chunk(7, 1, 8_000, 2, 16), "found 16-bit mu-law"),
            (chunk(0x1234, 1, 8_000, 1, 8), "format tag 0x1234"),
            (chunk(3, 1, 8_000, 2, 16), "found 16-bit floats"),
            (chunk(1, 1, 8_000, 2, 12), "found 12-bit integers"),
            (chunk(1, 0, 8_000, 0, 16), "expected 1 to 64 channels, found 0"),
            (chunk(1, 400, 8_000, 800, 16), "expected 1 to 64 channels, found 400"),
            (chunk(1, 1, 0, 2, 16), "expected 4000 to 192000 samples a second, found 0"),
            (chunk(1, 1, 3_999, 2, 16), "found 3999"),
            (chunk(1, 1, 4_000_000_000, 2, 16), "found 4000000000"),
            (chunk(1, 2, 8_000, 3, 16), "expected 4 bytes (2 channels of 16 bits), found 3 bytes"),
            (chunk(1, 1, 8_000, 4, 24), "expected 3 bytes (1 channels of 24 bits), found 4 bytes"),
            (vec![1, 0, 1], "found 3 bytes"),
        ] {
            let text = complaint(&bytes);
            assert!(text.contains(words) && text.contains("ffmpeg -i a.wav"), "{text}");
        }
    }
}
