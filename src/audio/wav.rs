//! A WAV file that is read in blocks: memory does not grow with its rate or its channels.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::LARGEST_SAMPLE;
use super::chunks::{self, Layout};
use super::format::{Format, TAG_A_LAW, TAG_FLOAT, TAG_MU_LAW};
use super::g711;
use super::mix::Mixer;
use super::part::{Part, Pass, room};
use super::resample::{Resampler, is_usable};
use super::span::Span;
use crate::{Error, Result};

/// Bytes of the file that are decoded at once.
const BLOCK_BYTES: usize = 1 << 20;

/// An opened WAV: its header is checked, its samples are still to be read.
///
/// 8, 16, 24 and 32-bit integers, 32 and 64-bit floats, A-law and mu-law, plain or WAVE_FORMAT_EXTENSIBLE, in RIFF,
/// RF64 or BW64; 1 to 64 channels; 4 to 192 kHz. Files that a pipe left without lengths are read to their end.
#[derive(Debug)]
pub(super) struct Wav {
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
    pub fn open(path: &Path) -> Result<Self> {
        let unreadable = |error| Error::unreadable(path, error);
        let no_sound = |what, found, next| Error::bad_input(path, what, "a sound file", found, next);
        let metadata = std::fs::metadata(path).map_err(unreadable)?;
        if metadata.is_dir() {
            return Err(no_sound("is a folder", "a folder", "name one file in it"));
        }
        if !metadata.is_file() {
            return Err(no_sound(
                "is not a regular file",
                "a pipe or a device",
                "save the sound to a file first",
            ));
        }
        if metadata.len() == 0 {
            return Err(no_sound("is empty", "0 bytes", "record or export it again"));
        }
        let mut file = File::open(path).map_err(unreadable)?;
        let layout = chunks::locate(path, &mut file, metadata.len())?;
        Ok(Self { path: path.into(), file, layout })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Samples a second in the file.
    pub fn sample_rate(&self) -> u32 {
        self.layout.format.rate
    }

    /// Channels in the file.
    pub fn channels(&self) -> u16 {
        self.layout.format.channels
    }

    /// One channel of a part at the rate `to`. Memory: the result and one block.
    pub fn read(&mut self, part: Part, to: u32) -> Result<Pass> {
        let frames_in_block = (BLOCK_BYTES / self.layout.format.bytes_per_frame()).max(1);
        self.read_in_blocks(part, to, frames_in_block)
    }

    fn read_in_blocks(&mut self, part: Part, to: u32, frames_in_block: usize) -> Result<Pass> {
        let Part { offset, duration, channel } = part;
        let span = Span::new(&self.path, offset, duration, self.sample_rate())?;
        let (start, frames) = span.within(&self.path, self.layout.frames)?;
        let mut samples = room(&self.path, frames, self.sample_rate(), to)?;
        let mut sink = |block: &[f32]| {
            samples.extend_from_slice(block);
            Ok(())
        };
        let bytes_per_frame = self.layout.format.bytes_per_frame();
        let position = self.layout.data_start + start * bytes_per_frame as u64;
        self.file.seek(SeekFrom::Start(position)).map_err(|error| Error::unreadable(&self.path, error))?;
        let mut resampler = Resampler::new(self.sample_rate(), to)?;
        let mut mixer = Mixer::new(channel, self.channels());
        let mut bytes =
            vec![0; frames_in_block.min(usize::try_from(frames).unwrap_or(usize::MAX)) * bytes_per_frame];
        let mut mono = Vec::with_capacity(frames_in_block);
        let mut done = 0;
        while done < frames {
            let now = (frames - done).min(frames_in_block as u64) as usize;
            let block = &mut bytes[..now * bytes_per_frame];
            self.file.read_exact(block).map_err(|error| Error::unreadable(&self.path, error))?;
            mono.clear();
            self.decode(block, start + done, &mut mixer, &mut mono)?;
            resampler.push(&mono, &mut sink)?;
            done += now as u64;
        }
        resampler.finish(&mut sink)?;
        let warnings = self.layout.warning.clone().into_iter().collect();
        Ok(Pass { samples, warnings, loudest_of_opposed: mixer.loudest_of_opposed() })
    }

    /// Decodes a block of whole frames and mixes it down. `first` is the index of its first frame, for
    /// complaints.
    fn decode(&self, block: &[u8], first: u64, mixer: &mut Mixer, mono: &mut Vec<f32>) -> Result<()> {
        let Format { tag, bits, .. } = self.layout.format;
        match (tag, bits) {
            (TAG_FLOAT, 64) => {
                let (samples, _) = block.as_chunks::<8>();
                let value = |sample| f64::from_le_bytes(sample);
                // As f32, so that the limit and the rounding are those of 32-bit floats.
                self.check(samples.iter().map(|&sample| value(sample) as f32), first)?;
                mixer.mix(samples, 1.0, value, mono);
            }
            (TAG_FLOAT, _) => {
                let (samples, _) = block.as_chunks::<4>();
                self.check(samples.iter().map(|&sample| f32::from_le_bytes(sample)), first)?;
                mixer.mix(samples, 1.0, |sample| f64::from(f32::from_le_bytes(sample)), mono);
            }
            (TAG_A_LAW, _) => mixer.mix(block, 32_768.0, |sample| f64::from(g711::a_law(sample)), mono),
            (TAG_MU_LAW, _) => mixer.mix(block, 32_768.0, |sample| f64::from(g711::mu_law(sample)), mono),
            (_, 8) => mixer.mix(block, 128.0, |sample| f64::from(sample) - 128.0, mono),
            (_, 16) => {
                mixer.mix(
                    block.as_chunks().0,
                    32_768.0,
                    |sample| f64::from(i16::from_le_bytes(sample)),
                    mono,
                );
            }
            (_, 24) => {
                let value =
                    |[low, middle, high]: [u8; 3]| f64::from(i32::from_le_bytes([0, low, middle, high]) >> 8);
                mixer.mix(block.as_chunks().0, 8_388_608.0, value, mono);
            }
            _ => {
                let value = |sample| f64::from(i32::from_le_bytes(sample));
                mixer.mix(block.as_chunks().0, 2_147_483_648.0, value, mono);
            }
        }
        Ok(())
    }

    /// Refuses samples that are not finite or absurdly large.
    fn check(&self, mut samples: impl Iterator<Item = f32> + Clone, first: u64) -> Result<()> {
        let Some(index) = samples.clone().position(|sample| !is_usable(sample)) else { return Ok(()) };
        let value = samples.nth(index).unwrap_or(f32::NAN);
        let channels = usize::from(self.channels());
        let frame = first + (index / channels) as u64;
        let time = frame as f64 / f64::from(self.sample_rate());
        Err(Error::bad_input(
            &self.path,
            "a sample is not a usable number",
            format!("finite numbers up to {LARGEST_SAMPLE:e}"),
            format!("{value:?} at sample {frame} ({time:.3} s), channel {}", index % channels + 1),
            "export it again, best as 16-bit integers",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::{Channel, SAMPLE_RATE};

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
            let part = Part { offset: 0.01, duration: None, channel: Channel::Auto };
            let whole = wav.read(part, SAMPLE_RATE).unwrap().samples;
            assert!(whole.len() > 1_000 && whole.iter().any(|sample| sample.abs() > 0.1));
            for frames_in_block in [1, 19, 989, 1 << 16] {
                let streamed = wav.read_in_blocks(part, SAMPLE_RATE, frames_in_block).unwrap().samples;
                assert_eq!(streamed, whole, "{rate} Hz in blocks of {frames_in_block}");
            }
        }
    }
}
