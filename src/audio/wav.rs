//! A WAV file that is read in blocks: memory does not grow with its rate or its channels.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::LARGEST_SAMPLE;
use super::chunks::{self, Layout};
use super::format::{Format, TAG_FLOAT};
use super::resample::{Resampler, is_usable, resampled_length};
use crate::{Error, Result};

/// Bytes of the file that are decoded at once.
const BLOCK_BYTES: usize = 1 << 20;

/// An opened WAV: its header is checked, its samples are still to be read.
///
/// 8, 16, 24 and 32-bit integers and 32-bit floats, plain or WAVE_FORMAT_EXTENSIBLE, in RIFF, RF64 or BW64; 1
/// to 64 channels; 4 to 192 kHz. Files that a pipe left without lengths are read to their end.
#[derive(Debug)]
pub struct Wav {
    path: PathBuf,
    file: File,
    layout: Layout,
}

impl Wav {
    /// Opens a file and checks its header, without reading samples.
    ///
    /// # Errors
    ///
    /// [`Error::BadInput`] for everything that is not a WAV with at least one sample in it.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let unreadable = |error| Error::unreadable(path, error);
        let not_a_wav = |what, found, next| Error::bad_input(path, what, "a WAV file", found, next);
        let metadata = std::fs::metadata(path).map_err(unreadable)?;
        if metadata.is_dir() {
            return Err(not_a_wav("is a folder", "a folder", "name one file in it"));
        }
        if !metadata.is_file() {
            return Err(not_a_wav(
                "is not a regular file",
                "a pipe or a device",
                "save the sound to a file first",
            ));
        }
        if metadata.len() == 0 {
            return Err(not_a_wav("is empty", "0 bytes", "record or export it again"));
        }
        let mut file = File::open(path).map_err(unreadable)?;
        let layout = chunks::locate(path, &mut file, metadata.len())?;
        Ok(Self { path: path.into(), file, layout })
    }

    /// Samples a second in the file.
    pub fn sample_rate(&self) -> u32 {
        self.layout.format.rate
    }

    /// Channels in the file.
    pub fn channels(&self) -> u16 {
        self.layout.format.channels
    }

    /// The length in seconds.
    pub fn duration_seconds(&self) -> f64 {
        self.layout.frames as f64 / f64::from(self.sample_rate())
    }

    /// The number of 16 kHz samples that the whole file gives.
    pub fn samples_16k(&self) -> u64 {
        resampled_length(self.layout.frames, self.sample_rate())
    }

    /// Reads `duration` seconds from `offset_seconds` on, or all the rest, as 16 kHz mono.
    ///
    /// Memory: the result (64 kB a second) and one block.
    ///
    /// # Errors
    ///
    /// [`Error::BadInput`] as for [`Wav::stream_16k`], and where the result does not fit into memory.
    pub fn read_all_16k(&mut self, offset_seconds: f64, duration: Option<f64>) -> Result<Vec<f32>> {
        let (_, frames) = self.span(offset_seconds, duration)?;
        let samples = resampled_length(frames, self.sample_rate());
        let mut result = Vec::new();
        usize::try_from(samples).ok().and_then(|samples| result.try_reserve_exact(samples).ok()).ok_or_else(
            || {
                Error::bad_input(
                    &self.path,
                    "the sound does not fit into memory",
                    "room for it",
                    format!("{} bytes at 16 kHz", samples.saturating_mul(4)),
                    "read it in parts, by an offset and a duration",
                )
            },
        )?;
        self.stream_16k(offset_seconds, duration, |block| {
            result.extend_from_slice(block);
            Ok(())
        })?;
        Ok(result)
    }

    /// Hands `duration` seconds from `offset_seconds` on, or all the rest, as 16 kHz mono to `sink`, block by
    /// block.
    ///
    /// The blocks together are the same samples, whatever their sizes. An error of `sink` ends the reading.
    ///
    /// # Errors
    ///
    /// [`Error::BadInput`] for an offset or a duration that is not in the file, for samples that are not
    /// finite or beyond [`LARGEST_SAMPLE`], and for a file that cannot be read to its end.
    pub fn stream_16k(
        &mut self,
        offset_seconds: f64,
        duration: Option<f64>,
        sink: impl FnMut(&[f32]) -> Result<()>,
    ) -> Result<()> {
        let frames_in_block = (BLOCK_BYTES / self.layout.format.bytes_per_frame()).max(1);
        self.stream_in_blocks(offset_seconds, duration, frames_in_block, sink)
    }

    fn stream_in_blocks(
        &mut self,
        offset_seconds: f64,
        duration: Option<f64>,
        frames_in_block: usize,
        mut sink: impl FnMut(&[f32]) -> Result<()>,
    ) -> Result<()> {
        let (start, frames) = self.span(offset_seconds, duration)?;
        let bytes_per_frame = self.layout.format.bytes_per_frame();
        let position = self.layout.data_start + start * bytes_per_frame as u64;
        self.file.seek(SeekFrom::Start(position)).map_err(|error| Error::unreadable(&self.path, error))?;
        let mut resampler = Resampler::new(self.sample_rate())?;
        let mut bytes =
            vec![0; frames_in_block.min(usize::try_from(frames).unwrap_or(usize::MAX)) * bytes_per_frame];
        let mut mono = Vec::with_capacity(frames_in_block);
        let mut done = 0;
        while done < frames {
            let now = (frames - done).min(frames_in_block as u64) as usize;
            let block = &mut bytes[..now * bytes_per_frame];
            self.file.read_exact(block).map_err(|error| Error::unreadable(&self.path, error))?;
            mono.clear();
            self.decode(block, start + done, &mut mono)?;
            resampler.push(&mono, &mut sink)?;
            done += now as u64;
        }
        resampler.finish(&mut sink)
    }

    /// The first frame and the number of frames that an offset and a duration name: at least one.
    fn span(&self, offset_seconds: f64, duration: Option<f64>) -> Result<(u64, u64)> {
        let rate = f64::from(self.sample_rate());
        let seconds = self.duration_seconds();
        let bad = |what, expected: String, found: f64, next| {
            Error::bad_input(&self.path, what, expected, format!("{found:?} s"), next)
        };
        if !(offset_seconds >= 0.0 && offset_seconds.is_finite()) {
            return Err(bad(
                "the offset makes no sense",
                "0 s or more".into(),
                offset_seconds,
                "give another offset",
            ));
        }
        let start = (offset_seconds * rate).round() as u64;
        if start >= self.layout.frames {
            let expected = format!("an offset below {seconds:?} s");
            return Err(bad("the offset is past the end", expected, offset_seconds, "give a smaller offset"));
        }
        let rest = self.layout.frames - start;
        let Some(duration) = duration else { return Ok((start, rest)) };
        if !(duration > 0.0 && duration.is_finite()) {
            return Err(bad(
                "the duration makes no sense",
                "more than 0 s".into(),
                duration,
                "give another duration",
            ));
        }
        Ok((start, ((duration * rate).round() as u64).clamp(1, rest)))
    }

    /// Decodes a block of whole frames and mixes it down. `first` is the index of its first frame, for
    /// complaints.
    fn decode(&self, block: &[u8], first: u64, mono: &mut Vec<f32>) -> Result<()> {
        let Format { tag, channels, rate, bits } = self.layout.format;
        let channels = usize::from(channels);
        match (tag, bits) {
            (TAG_FLOAT, _) => {
                let (samples, _) = block.as_chunks();
                let unusable = samples.iter().position(|&sample| !is_usable(f32::from_le_bytes(sample)));
                if let Some(index) = unusable {
                    let value = f32::from_le_bytes(samples[index]);
                    let frame = first + (index / channels) as u64;
                    let time = frame as f64 / f64::from(rate);
                    return Err(Error::bad_input(
                        &self.path,
                        "a sample is not a usable number",
                        format!("finite numbers up to {LARGEST_SAMPLE:e}"),
                        format!(
                            "{value:?} at sample {frame} ({time:.3} s), channel {}",
                            index % channels + 1
                        ),
                        "export it again, best as 16-bit integers",
                    ));
                }
                mix(block, channels, 1.0, |sample| f64::from(f32::from_le_bytes(sample)), mono);
            }
            (_, 8) => mix(block, channels, 128.0, |[sample]| f64::from(sample) - 128.0, mono),
            (_, 16) => mix(block, channels, 32_768.0, |sample| f64::from(i16::from_le_bytes(sample)), mono),
            (_, 24) => mix(
                block,
                channels,
                8_388_608.0,
                |[low, middle, high]| f64::from(i32::from_le_bytes([0, low, middle, high]) >> 8),
                mono,
            ),
            _ => mix(block, channels, 2_147_483_648.0, |sample| f64::from(i32::from_le_bytes(sample)), mono),
        }
        Ok(())
    }
}

/// The mean over the channels of every frame, with full scale at `scale`. In f64 every sum of integers is
/// exact, so equal channels give what one of them would; the sum begins at -0, the one number that changes no
/// other.
fn mix<const BYTES: usize>(
    block: &[u8],
    channels: usize,
    scale: f64,
    value: impl Fn([u8; BYTES]) -> f64,
    mono: &mut Vec<f32>,
) {
    let divisor = scale * channels as f64;
    let (samples, _) = block.as_chunks::<BYTES>();
    mono.extend(samples.chunks_exact(channels).map(|frame| {
        let sum = frame.iter().fold(-0.0, |sum, &sample| sum + value(sample));
        (sum / divisor) as f32
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_result_does_not_depend_on_the_size_of_the_blocks() {
        let folder = tempfile::tempdir().unwrap();
        for rate in [8_000, 16_000, 44_100, 191_999] {
            let path = folder.path().join("a.wav");
            let spec = hound::WavSpec {
                channels: 2,
                sample_rate: rate,
                bits_per_sample: 16,
                sample_format: hound::SampleFormat::Int,
            };
            let mut writer = hound::WavWriter::create(&path, spec).unwrap();
            (0..2 * 19_989i64).for_each(|i| writer.write_sample((i * i % 40_009 - 20_000) as i16).unwrap());
            writer.finalize().unwrap();
            let mut wav = Wav::open(&path).unwrap();
            let whole = wav.read_all_16k(0.01, None).unwrap();
            assert!(whole.len() > 1_000 && whole.iter().any(|sample| sample.abs() > 0.1));
            for frames_in_block in [1, 19, 989, 1 << 16] {
                let mut streamed = Vec::new();
                wav.stream_in_blocks(0.01, None, frames_in_block, |block| {
                    streamed.extend_from_slice(block);
                    Ok(())
                })
                .unwrap();
                assert_eq!(streamed, whole, "{rate} Hz in blocks of {frames_in_block}");
            }
        }
    }
}
