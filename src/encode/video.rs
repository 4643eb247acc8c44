//! `.mp4`: H.264 video with lossless sound, encoded without ffmpeg.
//!
//! - Picture: openh264 (Cisco's encoder, BSD-2-Clause), built from source with only the C++ compiler; its
//!   assembly is used if `nasm` is installed at build time. Constant quality, a key frame every two seconds,
//!   BT.709.
//! - Sound: AAC-LC (syom, pure Rust, MIT), which plays everywhere, or FLAC (flacenc, pure Rust, Apache-2.0), which is exact
//!   to the sample. AAC begins with silence of the encoder; an edit list says how much, so that picture and sound are in
//!   step to a sample. fdk-aac was not taken, because its licence is its own.
//! - Container: shiguredo_mp4 (pure Rust, Apache-2.0, no dependencies). The index is before the data, so that
//!   a page can play before the whole file is loaded.

use std::io::{Seek, SeekFrom, Write};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use openh264::OpenH264API;
use openh264::encoder::{
    BitRate, Complexity, Encoder, EncoderConfig, FrameRate, IntraFramePeriod, Profile, QpRange,
    RateControlMode, UsageType, VuiConfig,
};
use openh264::formats::YUVSlices;
use shiguredo_mp4::boxes::{Avc1Box, AvccBox, SampleEntry, VisualSampleEntryFields};
use shiguredo_mp4::mux::{Mp4FileMuxer, Mp4FileMuxerOptions, Sample, estimate_maximum_moov_box_size};
use shiguredo_mp4::{TrackKind, Uint};

use super::edits::with_edit_list;
use super::scene::{Scene, Sink, refuse_transparent};
use super::sound::SoundTrack;
use super::yuv::Planes;
use crate::animation::Rate;
use crate::files::{AtomicFile, Written};
use crate::render::Image;
use crate::{Error, Result};

/// Ticks of the video's clock per frame, if the rate has few frames a second or a whole number of them.
const FRAME_TICKS: u32 = 1000;
/// H.264's quantiser, 0 (best) to 51: at 21 the smooth gradients of a face show no blocks.
const QUALITY: u8 = 21;
/// The largest picture that the encoder accepts, longer and shorter side.
const LARGEST: [u32; 2] = [3840, 2160];

/// A video being written.
pub(super) struct Mp4 {
    path: PathBuf,
    file: AtomicFile,
    encoder: Encoder,
    planes: Planes,
    muxer: Mp4FileMuxer,
    sound: Option<SoundTrack>,
    position: u64,
    frames: usize,
    /// Ticks of the video's clock per frame, and per second: the rate as an exact fraction.
    frame_ticks: u32,
    timescale: NonZeroU32,
}

impl Mp4 {
    pub fn create(scene: &Scene, path: &Path) -> Result<Self> {
        refuse_transparent(scene, path)?;
        let (width, height) = (scene.options().width, scene.options().height);
        let fits = width.max(height) <= LARGEST[0] && width.min(height) <= LARGEST[1];
        if !(width.is_multiple_of(2) && height.is_multiple_of(2) && fits) {
            return Err(Error::Usage(format!(
                "{}: a video cannot have {width} x {height} pixels: choose even sides up to {} x {}",
                path.display(),
                LARGEST[0],
                LARGEST[1]
            )));
        }
        let rate = scene.motion.rate;
        let fps = rate.per_second() as f32;
        let [frame_ticks, timescale] = clock(rate);
        let frames = scene.frames();
        let playback = scene.playback()?;
        let length = (scene.motion.seconds() * f64::from(playback.rate)).round() as u64;
        let sound = SoundTrack::new(scene.codec, &playback, length).map_err(|text| failure(path, text))?;
        let config = EncoderConfig::new()
            .usage_type(UsageType::CameraVideoRealTime)
            // This mode obeys the range of quantisers, here a single value.
            .rate_control_mode(RateControlMode::Bufferbased)
            .bitrate(BitRate::from_bps(20_000_000))
            .qp(QpRange::new(QUALITY, QUALITY))
            .adaptive_quantization(false)
            .background_detection(false)
            .max_frame_rate(FrameRate::from_hz(fps))
            .complexity(Complexity::Medium)
            .profile(Profile::High)
            .intra_frame_period(IntraFramePeriod::from_num_frames((2.0 * fps).round().max(1.0) as u32))
            .skip_frames(false)
            .scene_change_detect(false)
            // One slice per picture, so that the bytes do not depend on the machine.
            .num_threads(1)
            .vui(VuiConfig::bt709());
        let encoder = Encoder::with_api_config(OpenH264API::from_source(), config)
            .map_err(|error| failure(path, error.to_string()))?;
        let blocks = sound.as_ref().map_or(0, SoundTrack::count);
        let options = Mp4FileMuxerOptions {
            reserved_moov_box_size: estimate_maximum_moov_box_size(&[frames, blocks]),
            ..Mp4FileMuxerOptions::default()
        };
        let muxer = Mp4FileMuxer::with_options(options).map_err(|error| failure(path, error.to_string()))?;
        let mut mp4 = Self {
            path: path.into(),
            file: AtomicFile::create(path)?,
            encoder,
            planes: Planes::default(),
            position: 0,
            muxer,
            sound,
            frames,
            frame_ticks: frame_ticks.get(),
            timescale,
        };
        let start = mp4.muxer.initial_boxes_bytes().to_vec();
        mp4.write(&start)?;
        Ok(mp4)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.position += bytes.len() as u64;
        self.file.write_all(bytes).map_err(|error| self.file.refused(error))
    }

    /// Writes one sample of video or sound and adds it to the index.
    fn append(
        &mut self,
        data: &[u8],
        track_kind: TrackKind,
        entry: Option<SampleEntry>,
        keyframe: bool,
        timescale: NonZeroU32,
        duration: u32,
    ) -> Result<()> {
        let sample = Sample {
            track_kind,
            sample_entry: entry,
            keyframe,
            timescale,
            duration,
            composition_time_offset: None,
            data_offset: self.position,
            data_size: data.len(),
        };
        self.write(data)?;
        self.muxer.append_sample(&sample).map_err(|error| failure(&self.path, error.to_string()))
    }

    /// Writes the sound that begins before the end of `until` frames, or all remaining sound.
    fn write_sound(&mut self, until: Option<usize>) -> Result<()> {
        let Some(mut sound) = self.sound.take() else {
            return Ok(());
        };
        let rate = NonZeroU32::new(sound.rate).unwrap_or(NonZeroU32::MIN);
        let end = until.map_or(u64::MAX, |frames| {
            frames as u64 * u64::from(self.frame_ticks) * u64::from(sound.rate)
                / u64::from(self.timescale.get())
        });
        while let Some(position) = sound.position().filter(|&position| position < end) {
            let block = sound.block().map_err(|text| failure(&self.path, text))?;
            if let Some((data, samples)) = block {
                let entry = (position == 0).then(|| sound.entry());
                self.append(&data, TrackKind::Audio, entry, true, rate, samples)?;
            }
        }
        self.sound = Some(sound);
        Ok(())
    }

    /// The duration of a frame in ticks; the last one lasts until the sound ends.
    fn ticks(&self, frame: usize) -> u32 {
        let end = self
            .sound
            .as_ref()
            .map_or(0, |sound| sound.samples * u64::from(self.timescale.get()) / u64::from(sound.rate));
        let ticks = u64::from(self.frame_ticks);
        let rest = end.saturating_sub(frame as u64 * ticks);
        let last = frame + 1 == self.frames && rest >= 2 * ticks;
        if last { rest.min(u64::from(u32::MAX)) as u32 } else { self.frame_ticks }
    }
}

/// Ticks of the video's clock per frame and per second.
fn clock(rate: Rate) -> [NonZeroU32; 2] {
    // The rates of NTSC, such as 24000 / 1001, have enough ticks without a scale.
    let scale = if rate.numerator() < FRAME_TICKS { FRAME_TICKS } else { 1 };
    [rate.denominator(), rate.numerator()]
        .map(|number| NonZeroU32::new(number.saturating_mul(scale)).unwrap_or(NonZeroU32::MIN))
}

impl Sink for Mp4 {
    fn frame(&mut self, frame: usize, image: &Image) -> Result<()> {
        self.planes.fill(image);
        let (width, height) = (image.width as usize, image.height as usize);
        let Planes { luma, cb, cr } = &self.planes;
        let picture = YUVSlices::new((luma, cb, cr), (width, height), (width, width / 2, width / 2));
        let stream = self.encoder.encode(&picture).map_err(|error| failure(&self.path, error.to_string()))?;
        let mut access_unit = AccessUnit::default();
        for layer in (0..stream.num_layers()).filter_map(|layer| stream.layer(layer)) {
            for nal in (0..layer.nal_count()).filter_map(|nal| layer.nal_unit(nal)) {
                access_unit.push(nal);
            }
        }
        if access_unit.data.is_empty() {
            return Err(failure(&self.path, format!("the encoder gave nothing for frame {frame}")));
        }
        let entry =
            (frame == 0).then(|| access_unit.entry(image.width as u16, image.height as u16)).flatten();
        let (ticks, timescale) = (self.ticks(frame), self.timescale);
        self.append(&access_unit.data, TrackKind::Video, entry, access_unit.keyframe, timescale, ticks)?;
        self.write_sound(Some(frame + 1))
    }

    fn finish(mut self: Box<Self>) -> Result<Written> {
        self.write_sound(None)?;
        let boxes = self.muxer.finalize().map_err(|error| failure(&self.path, error.to_string()))?;
        let (priming, samples, rate) =
            self.sound.as_ref().map_or((0, 0, 1), |sound| (sound.priming(), sound.samples, sound.rate));
        let parts =
            with_edit_list(boxes, priming, samples, rate).map_err(|text| failure(&self.path, text))?;
        for (offset, bytes) in &parts {
            let written = self.file.seek(SeekFrom::Start(*offset)).and_then(|_| self.file.write_all(bytes));
            written.map_err(|error| self.file.refused(error))?;
        }
        self.file.finish()
    }
}

/// The NAL units of one picture, with lengths instead of start codes; parameter sets are stored separately,
/// for the sample entry.
#[derive(Default)]
struct AccessUnit {
    data: Vec<u8>,
    keyframe: bool,
    sequence: Option<Vec<u8>>,
    picture: Option<Vec<u8>>,
}

impl AccessUnit {
    fn push(&mut self, nal: &[u8]) {
        // A NAL unit begins after its start code: zeros and a one.
        let Some(start) = nal.iter().position(|&byte| byte != 0).map(|one| one + 1) else {
            return;
        };
        let Some((&header, nal)) = nal.get(start).zip(nal.get(start..)) else {
            return;
        };
        match header & 31 {
            7 => self.sequence = Some(nal.to_vec()),
            8 => self.picture = Some(nal.to_vec()),
            kind => {
                self.keyframe |= kind == 5;
                self.data.extend((nal.len() as u32).to_be_bytes());
                self.data.extend(nal);
            }
        }
    }

    /// The description of the video track; `None` without parameter sets.
    fn entry(&self, width: u16, height: u16) -> Option<SampleEntry> {
        let (sequence, picture) = self.sequence.clone().zip(self.picture.clone())?;
        let &[_, profile, compatibility, level, ..] = sequence.as_slice() else {
            return None;
        };
        // The profiles baseline, main and extended do not have these three fields.
        let high = !matches!(profile, 66 | 77 | 88);
        Some(SampleEntry::Avc1(Avc1Box {
            visual: VisualSampleEntryFields {
                data_reference_index: VisualSampleEntryFields::DEFAULT_DATA_REFERENCE_INDEX,
                width,
                height,
                horizresolution: VisualSampleEntryFields::DEFAULT_HORIZRESOLUTION,
                vertresolution: VisualSampleEntryFields::DEFAULT_VERTRESOLUTION,
                frame_count: VisualSampleEntryFields::DEFAULT_FRAME_COUNT,
                compressorname: VisualSampleEntryFields::NULL_COMPRESSORNAME,
                depth: VisualSampleEntryFields::DEFAULT_DEPTH,
            },
            avcc_box: AvccBox {
                avc_profile_indication: profile,
                profile_compatibility: compatibility,
                avc_level_indication: level,
                length_size_minus_one: Uint::new(3),
                sps_list: vec![sequence],
                pps_list: vec![picture],
                chroma_format: high.then(|| Uint::new(1)),
                bit_depth_luma_minus8: high.then(|| Uint::new(0)),
                bit_depth_chroma_minus8: high.then(|| Uint::new(0)),
                sps_ext_list: vec![],
            },
            unknown_boxes: vec![],
        }))
    }
}

fn failure(path: &Path, text: String) -> Error {
    Error::Io {
        path: path.into(),
        action: "encode the video",
        source: std::io::Error::other(text),
        next: "try another size, or write a folder of frames instead",
    }
}
