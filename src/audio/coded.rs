//! Recordings in other formats than WAV: found and decoded by the `symphonia` crate, Opus by `opus-pure`.

use std::fs::File;
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use symphonia::core::codecs::audio::well_known::{CODEC_ID_AAC, CODEC_ID_OPUS};
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error as Fault;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;
use symphonia::core::packet::Packet;

use super::foreign;
use super::mix::Mixer;
use super::opus::Opus;
use super::part::{Form, Part, Pass};
use super::priming;
use super::resample::{Resampler, is_usable};
use super::span::Span;
use crate::{Error, Result};

/// The samples that AAC encoders put in front of the sound, where a file does not say it.
const AAC_PRIMING: u64 = 1024;
/// A recording may last this long, and `BYTES_PER_SECOND` longer for each byte: silence packs well.
const SECONDS: u64 = 3600;
const BYTES_PER_SECOND: u64 = 64;

/// A recording that can be decoded: its first packet was.
#[derive(Debug)]
pub(super) struct Coded {
    path: PathBuf,
    form: Form,
}

impl Coded {
    /// Opens a file and decodes its first packet.
    pub fn open(path: &Path) -> Result<Self> {
        let form = guarded(path, || {
            let mut stream = Stream::open(path)?;
            let form = stream.next(&mut Vec::new())?.ok_or_else(|| stream.nothing())?;
            form.check(path)
        })?;
        Ok(Self { path: path.into(), form })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn sample_rate(&self) -> u32 {
        self.form.rate
    }

    pub fn channels(&self) -> u16 {
        self.form.channels
    }

    /// One channel of a part at the rate `to`. Memory: the result and a packet.
    pub fn read(&mut self, part: Part, to: u32) -> Result<Pass> {
        let Part { offset, duration, channel } = part;
        let Form { rate, channels } = self.form;
        let path = self.path.as_path();
        let span = Span::new(path, offset, duration, rate)?;
        guarded(path, || {
            let mut stream = Stream::open(path)?;
            let most = (SECONDS + stream.bytes / BYTES_PER_SECOND) * u64::from(rate);
            let mut pass = Pass::default();
            let mut sink = |block: &[f32]| match pass.samples.try_reserve(block.len()) {
                Ok(()) => {
                    pass.samples.extend_from_slice(block);
                    Ok(())
                }
                Err(_) => Err(Error::bad_input(
                    path,
                    "the sound does not fit into memory",
                    "room for it",
                    format!("more than {} s", pass.samples.len() / to as usize),
                    "read it in parts, by an offset and a duration",
                )),
            };
            let mut mixer = Mixer::new(channel, channels);
            let mut resampler = Resampler::new(rate, to)?;
            let (mut frames, mut mono, mut block) = (0, Vec::new(), Vec::new());
            while frames < span.end()
                && let Some(form) = stream.next(&mut block)?
            {
                if form != self.form {
                    stream
                        .warnings
                        .push("its rate or channels change, so only the part before is heard".into());
                    break;
                }
                let count = (block.len() / usize::from(channels)) as u64;
                let (skip, take) = span.overlap(frames, count);
                frames += count;
                if frames > most {
                    return Err(stream.bad(
                        "the recording is too long for its size",
                        format!("at most {} s", most / u64::from(rate)),
                        "more".into(),
                    ));
                }
                let here =
                    &block[skip as usize * usize::from(channels)..][..take as usize * usize::from(channels)];
                mono.clear();
                mixer.mix(here, 1.0, f64::from, &mut mono);
                resampler.push(&mono, &mut sink)?;
            }
            resampler.finish(&mut sink)?;
            if frames == 0 {
                return Err(stream.nothing());
            }
            if pass.samples.is_empty() {
                return Err(span.past_the_end(path, frames));
            }
            pass.loudest_of_opposed = mixer.loudest_of_opposed();
            pass.warnings = stream.warnings();
            Ok(pass)
        })
    }
}

/// Calls a decoder of others: a panic in it is an error of the file, not the end of the program.
fn guarded<T>(path: &Path, work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        let next = foreign::convert_first(path);
        Err(Error::bad_input(path, "the decoder gave up", "sound that it can decode", "something else", next))
    })
}

enum Decoder {
    Symphonia(Box<dyn AudioDecoder>),
    Opus(Box<Opus>),
}

impl Decoder {
    /// Decodes a packet to interleaved samples.
    fn decode(&mut self, packet: &Packet, samples: &mut Vec<f32>) -> Result<Form, Fault> {
        match self {
            Self::Symphonia(decoder) => {
                let decoded = decoder.decode(packet)?;
                decoded.copy_to_vec_interleaved(samples);
                let channels = decoded.num_planes().try_into().unwrap_or(u16::MAX);
                Ok(Form { rate: decoded.spec().rate(), channels })
            }
            Self::Opus(opus) => opus.decode(packet, samples),
        }
    }
}

/// The sound track of a file, packet by packet.
struct Stream {
    path: PathBuf,
    bytes: u64,
    reader: Box<dyn FormatReader>,
    track: u32,
    decoder: Decoder,
    /// Frames that are still to be left out at the beginning, and frames that remain until the end.
    skip: u64,
    remaining: u64,
    /// Form and frames of the packet before: a packet that cannot be decoded becomes silence of this length.
    last: Option<(Form, usize)>,
    damaged: u64,
    warnings: Vec<String>,
}

impl Stream {
    fn open(path: &Path) -> Result<Self> {
        let unreadable = |error| Error::unreadable(path, error);
        let file = File::open(path).map_err(unreadable)?;
        let bytes = file.metadata().map_err(unreadable)?.len();
        let refused = |fault: Fault| refused(path, &fault);
        let source = MediaSourceStream::new(Box::new(file), Default::default());
        let reader = symphonia::default::get_probe()
            .probe(&Hint::new(), source, FormatOptions::default(), MetadataOptions::default())
            .map_err(refused)?;
        let track = reader.default_track(TrackType::Audio);
        let Some((track, parameters)) =
            track.and_then(|track| Some((track, track.codec_params.as_ref()?.audio()?)))
        else {
            let next = "give a recording, or a film with sound";
            return Err(Error::bad_input(path, "holds no sound", "a track of sound", "none", next));
        };
        let (id, rate) = (track.id, u64::from(parameters.sample_rate.unwrap_or(0)));
        let edit = priming::edit_of(path, id).unwrap_or_default();
        let (decoder, skip) = match parameters.codec {
            CODEC_ID_OPUS => {
                let opus = Opus::new(parameters.extra_data.as_deref().unwrap_or(&[])).map_err(refused)?;
                let skip = opus.pre_skip();
                (Decoder::Opus(Box::new(opus)), skip)
            }
            codec => {
                let decoder = symphonia::default::get_codecs()
                    .make_audio_decoder(parameters, &AudioDecoderOptions::default())
                    .map_err(refused)?;
                let unsaid = if codec == CODEC_ID_AAC { AAC_PRIMING } else { 0 };
                (Decoder::Symphonia(decoder), edit.start(rate).unwrap_or(unsaid))
            }
        };
        let remaining = edit.frames(rate).unwrap_or(u64::MAX);
        let path = path.to_path_buf();
        Ok(Self {
            path,
            bytes,
            reader,
            track: id,
            decoder,
            skip,
            remaining,
            last: None,
            damaged: 0,
            warnings: vec![],
        })
    }

    /// The next samples, interleaved: at least one frame; None at the end.
    fn next(&mut self, samples: &mut Vec<f32>) -> Result<Option<Form>> {
        while self.remaining > 0 {
            let packet = match self.reader.next_packet() {
                Ok(Some(packet)) => packet,
                Ok(None) | Err(Fault::ResetRequired) => return Ok(None),
                Err(fault) => {
                    self.ended_early(&fault);
                    return Ok(None);
                }
            };
            if packet.track_id != self.track {
                continue;
            }
            samples.clear();
            let form = match (self.decoder.decode(&packet, samples), self.last) {
                (Ok(form), _) => form,
                (Err(Fault::DecodeError(_) | Fault::IoError(_)), last) => {
                    self.damaged += 1;
                    let Some((form, frames)) = last else { continue };
                    samples.clear();
                    samples.resize(frames * usize::from(form.channels), 0.0);
                    form
                }
                (Err(fault), None) => return Err(refused(&self.path, &fault)),
                (Err(fault), Some(_)) => {
                    self.ended_early(&fault);
                    return Ok(None);
                }
            };
            let channels = usize::from(form.channels.max(1));
            self.last = Some((form, samples.len() / channels));
            self.cut(samples, channels);
            if samples.is_empty() {
                continue;
            }
            // A damaged packet of floats can decode to anything.
            samples.iter_mut().filter(|sample| !is_usable(**sample)).for_each(|sample| *sample = 0.0);
            return Ok(Some(form));
        }
        Ok(None)
    }

    /// Leaves out what an encoder put before and behind the sound.
    fn cut(&mut self, samples: &mut Vec<f32>, channels: usize) {
        let frames = (samples.len() / channels) as u64;
        let skipped = self.skip.min(frames);
        self.skip -= skipped;
        let kept = self.remaining.min(frames - skipped);
        if self.remaining != u64::MAX {
            self.remaining -= kept;
        }
        samples.drain(..skipped as usize * channels);
        samples.truncate(kept as usize * channels);
    }

    /// Matroska files that were written into a pipe have no end, which is no damage.
    fn ended_early(&mut self, fault: &Fault) {
        let open_end = matches!(fault, Fault::IoError(error) if error.kind() == ErrorKind::UnexpectedEof)
            && self.reader.format_info().short_name == "matroska";
        if !open_end {
            self.warnings.push(format!("it is damaged ({fault}), so what comes before is heard"));
        }
    }

    fn warnings(&mut self) -> Vec<String> {
        if self.damaged > 0 {
            let packets = if self.damaged == 1 { "packet" } else { "packets" };
            self.warnings
                .push(format!("{} {packets} cannot be decoded and are silence instead", self.damaged));
        }
        std::mem::take(&mut self.warnings)
    }

    fn bad(&self, what: &str, expected: String, found: String) -> Error {
        Error::bad_input(&self.path, what, expected, found, foreign::convert_first(&self.path))
    }

    fn nothing(&mut self) -> Error {
        let found = self.warnings().pop().unwrap_or_else(|| "no packet of sound".into());
        self.bad("holds no sound that can be decoded", "one packet or more".into(), found)
    }
}

fn refused(path: &Path, fault: &Fault) -> Error {
    let expected = format!("{} whose sound can be decoded", foreign::FORMATS);
    Error::bad_input(path, "cannot be decoded", expected, fault.to_string(), foreign::convert_first(path))
}
