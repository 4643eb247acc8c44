//! `stream`: sound from standard input, frames to standard output, as soon as they can be computed.

use std::io::{ErrorKind, Read, Write, stdin, stdout};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use deeptalk_rt::animation::arkit::{self, Arkit};
use deeptalk_rt::animation::{Rate, Retarget as _};
use deeptalk_rt::audio::named_kind;
use deeptalk_rt::export::live_link;
use deeptalk_rt::runtime::{Device, Frames, ModelOptions, Session, StreamOptions};
use deeptalk_rt::{Error, Result};

use super::control::Changes;
use super::device;
use super::filters::{FilterOptions, usual_life};
use super::speaker::model_and_actor;
use super::values;
use super::variety::Variety;

const EXAMPLES: &str = r"Examples:
  A recording as a stream:
    ffmpeg -loglevel error -i talk.mp3 -ac 1 -ar 16000 -f s16le - | deeptalk-rt stream
  A microphone, as rows of Live Link Face's CSV:
    arecord -q -f S16_LE -r 16000 -c 1 -t raw | deeptalk-rt stream --to arkit
  A mood that changes while it runs (write `emotion angry:0.8` into the pipe):
    mkfifo moods; arecord -q -f S16_LE -r 16000 -c 1 -t raw | deeptalk-rt stream --control moods

Every frame is one line, written at once, look-ahead plus hop after its sound (0.6 s by default). Frames do not depend
on how the sound is cut into pieces. In silence the face fades to neutral, from one second after the last sound.";

const INPUT: &str = "Sound";
const WINDOW: &str = "Window";
const EMOTION: &str = "Emotion and variety";
const MACHINE: &str = "Machine";
/// The most bytes of one read: a quarter of a second at 16 kHz.
const PIECE: usize = 8192;
const STDIN: &str = "standard input";

/// Turn a stream of raw sound on standard input into frames on standard output
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Stream {
    /// Samples a second of the sound, which is mono
    #[arg(long, value_name = "HZ", default_value = "16000", help_heading = INPUT)]
    rate: u32,

    /// The samples: 16-bit integers or 32-bit floats, little-endian
    #[arg(long, default_value = "s16le", help_heading = INPUT)]
    format: Format,

    /// The form of the output
    #[arg(long, default_value = "json")]
    to: To,

    /// The model file; `deeptalk-rt import deeptalk` makes one
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,

    /// Sound before a hop that the network hears again, as context [default: 4]
    #[arg(long, value_name = "SECONDS", value_parser = values::finite, help_heading = WINDOW)]
    context: Option<f32>,

    /// Sound after a hop that must arrive before the hop is computed [default: 0.4]
    #[arg(long, value_name = "SECONDS", value_parser = values::finite, help_heading = WINDOW)]
    look_ahead: Option<f32>,

    /// The time from one run of the network to the next [default: 0.2]
    #[arg(long, value_name = "SECONDS", value_parser = values::finite, help_heading = WINDOW)]
    hop: Option<f32>,

    /// The time from one estimate of the emotion to the next [default: 1]
    #[arg(long, value_name = "SECONDS", value_parser = values::finite, help_heading = EMOTION)]
    emotion_every: Option<f32>,

    #[command(flatten)]
    variety: Variety,

    #[command(flatten)]
    filters: FilterOptions,

    /// Read changes while the stream runs from this file, pipe or descriptor (/dev/fd/3): a line is
    /// `emotion MOOD[:STRENGTH]`, in effect with the next hop
    #[arg(long, value_name = "FILE", help_heading = EMOTION)]
    control: Option<PathBuf>,

    /// Where the network runs: cpu, cpu:bf16, cuda, cuda:N, or auto for a GPU if there is one
    #[arg(long, default_value = "cpu", help_heading = MACHINE)]
    device: Device,

    /// Threads to work with [default: one for each processor core]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=1024), help_heading = MACHINE)]
    threads: Option<u16>,
}

/// The format of the samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// 16-bit integers
    S16le,
    /// 32-bit floats
    F32le,
}

/// The form of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum To {
    /// A JSON object a frame: frame, time, and parameters by their names, or x, y, z of all vertices
    Json,
    /// A header, then a row of Live Link Face's CSV a frame: the 52 ARKit weights at 25 frames a second
    Arkit,
}

impl Stream {
    pub fn execute(&self) -> Result<()> {
        let mut session = self.session()?;
        let names = session.columns().to_vec();
        let mut lines = match self.to {
            To::Json => Lines::Json(json_names(&names), session.model().spec().frame_rate),
            To::Arkit => {
                Lines::Arkit(Box::new(Arkit::with_rotations(&names)?), session.model().spec().frame_rate)
            }
        };
        if let Lines::Arkit(..) = lines
            && !put(&live_link::csv_header())?
        {
            return Ok(());
        }
        let changes = self.control.as_ref().map(Changes::listen).transpose()?;
        let mut sound = Sound { format: self.format, rest: Vec::new(), samples: 0 };
        let mut bytes = [0; PIECE];
        loop {
            let count = match stdin().lock().read(&mut bytes) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(Error::unreadable(STDIN, error)),
            };
            sound.refuse_files(&bytes[..count])?;
            changes.iter().for_each(|changes| changes.apply(&mut session));
            session.push(&sound.samples(&bytes[..count])?)?;
            if !lines.put(&session.poll())? {
                return Ok(());
            }
        }
        session.finish()?;
        lines.put(&session.poll())?;
        sound.end()
    }

    /// Loads everything, cheap checks first.
    fn session(&self) -> Result<Session> {
        let (file, actor) = model_and_actor(self.model.as_ref(), self.variety.actor.as_ref())?;
        let mut filters = self.filters.settings()?;
        if filters.life.is_none() && self.to == To::Arkit {
            filters.life = Some(usual_life(file.spec().parameter_names(), None));
        }
        let lender = self.variety.mood.lender(file.spec())?;
        let options = self.variety.mood.with_emotions(ModelOptions::new().device(self.device));
        let options = match self.threads {
            Some(threads) => options.threads(threads.into()),
            None => options,
        };
        let model = options.of_file(&file)?;
        model.fallback().into_iter().for_each(device::fell_back);
        let mut session = Session::new(&model);
        let takes = self.variety.takes(&mut session, actor, lender, 1)?;
        let take = takes.into_iter().next().unwrap_or_default();
        let usual = StreamOptions::default();
        session.begin(&StreamOptions {
            take,
            rate: self.rate,
            context: self.context.unwrap_or(usual.context),
            look_ahead: self.look_ahead.unwrap_or(usual.look_ahead),
            hop: self.hop.unwrap_or(usual.hop),
            emotion_every: self.emotion_every.unwrap_or(usual.emotion_every),
            filters,
            ..usual
        })?;
        Ok(session)
    }
}

/// Converts bytes to samples.
struct Sound {
    format: Format,
    /// Bytes of a sample that is not complete yet.
    rest: Vec<u8>,
    samples: u64,
}

impl Sound {
    /// Refuses the beginning of a sound file, which would be played as noise.
    fn refuse_files(&self, bytes: &[u8]) -> Result<()> {
        let head = [&self.rest, bytes].concat();
        let is_wav = head.starts_with(b"RIFF") && head.get(8..).is_some_and(|rest| rest.starts_with(b"WAVE"));
        let found = if is_wav { Some("a WAV file") } else { named_kind(&head) };
        match found {
            Some(found) if self.samples == 0 => {
                let (expected, next) = (
                    "samples without a header",
                    "give the file to `deeptalk-rt run`, or send its samples (ffmpeg -f s16le)",
                );
                Err(Error::bad_input(STDIN, "is a file", expected, found, next))
            }
            _ => Ok(()),
        }
    }

    fn samples(&mut self, bytes: &[u8]) -> Result<Vec<f32>> {
        self.rest.extend_from_slice(bytes);
        let size = self.size();
        let whole = self.rest.len() / size * size;
        let samples: Vec<f32> = match self.format {
            Format::S16le => {
                let (pairs, _) = self.rest[..whole].as_chunks::<2>();
                pairs.iter().map(|b| f32::from(i16::from_le_bytes(*b)) / 32768.0).collect()
            }
            Format::F32le => {
                let (fours, _) = self.rest[..whole].as_chunks::<4>();
                fours.iter().map(|b| f32::from_le_bytes(*b)).collect()
            }
        };
        self.rest.drain(..whole);
        if let Some(index) = samples.iter().position(|sample| !sample.is_finite()) {
            let (at, found) = (self.samples + index as u64, samples[index]);
            return Err(Error::bad_input(
                STDIN,
                format!("sample {at} is not a number"),
                "finite samples",
                found.to_string(),
                "check --format against what is sent",
            ));
        }
        self.samples += samples.len() as u64;
        Ok(samples)
    }

    fn end(&self) -> Result<()> {
        if self.rest.is_empty() {
            return Ok(());
        }
        let expected = format!("{} bytes a sample", self.size());
        let (what, next) = ("ends within a sample", "check --format against what is sent");
        Err(Error::bad_input(STDIN, what, expected, format!("{} at the end", self.rest.len()), next))
    }

    fn size(&self) -> usize {
        match self.format {
            Format::S16le => 2,
            Format::F32le => 4,
        }
    }
}

/// Converts frames to lines.
enum Lines {
    /// The names with quotes and colon, as they precede the values.
    Json(Vec<String>, Rate),
    Arkit(Box<Arkit>, Rate),
}

fn json_names(names: &[String]) -> Vec<String> {
    names.iter().map(|name| format!("{}:", serde_json::json!(name))).collect()
}

impl Lines {
    /// Writes one line per frame at once; false if standard output was closed.
    fn put(&mut self, frames: &Frames) -> Result<bool> {
        for (frame, values) in frames.iter() {
            let line = match self {
                Self::Json(names, rate) => {
                    if names.is_empty() {
                        let (time, vertices) = (rate.seconds(frame), serde_json::json!(values));
                        let line =
                            format!("{{\"frame\":{frame},\"time\":{time:?},\"vertices\":{vertices}}}\n");
                        if !put(&line)? {
                            return Ok(false);
                        }
                        continue;
                    }
                    let pairs: Vec<String> =
                        names.iter().zip(values).map(|(name, value)| format!("{name}{value:?}")).collect();
                    let time = rate.seconds(frame);
                    format!(
                        "{{\"frame\":{frame},\"time\":{time:?},\"parameters\":{{{}}}}}\n",
                        pairs.join(",")
                    )
                }
                Self::Arkit(map, rate) => {
                    let mut row = [0.0; arkit::WEIGHTS.len() + arkit::ROTATIONS.len()];
                    map.apply(values, &mut row);
                    let (weights, rotations) = row.split_at(arkit::WEIGHTS.len());
                    live_link::csv_row(frame, rate.numerator() / rate.denominator(), weights, rotations)
                }
            };
            if !put(&line)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Writes a line at once; false if standard output was closed.
fn put(line: &str) -> Result<bool> {
    let mut out = stdout().lock();
    match out.write_all(line.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(source) => Err(Error::Io {
            path: "standard output".into(),
            action: "write a frame",
            source,
            next: "free space or send it elsewhere",
        }),
    }
}
