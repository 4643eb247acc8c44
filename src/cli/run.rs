//! `run`: recordings to files.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use clap::builder::PossibleValuesParser;
use deeptalk_rt::animation::Rate;
use deeptalk_rt::animation::filter::FilterSettings;
use deeptalk_rt::audio::{Channel, Sound};
use deeptalk_rt::encode::SoundCodec;
use deeptalk_rt::export::Format;
use deeptalk_rt::networks::Output;
use deeptalk_rt::rig::{Face, Rig};
use deeptalk_rt::runtime::{Control, Device, ModelOptions, Session, Step, Take};
use deeptalk_rt::{Error, Result};
use tempfile::NamedTempFile;

use super::device;
use super::filters::{FilterOptions, Filters};
use super::finish::{self, Finished, Pictures, Skinning};
use super::formats;
use super::inputs;
use super::outputs::{self, Job, Target};
use super::picture::PictureOptions;
use super::progress::{self, Reporter, Style};
use super::speaker::model_and_actor;
use super::stop;
use super::tally::Tally;
use super::values;
use super::variety::Variety;

const EXAMPLES: &str = "Examples:
  A video with sound:
    deeptalk-rt run speech.wav -o talk.mp4
  A page, a contact sheet and NumPy arrays in one run:
    deeptalk-rt run speech.wav -o talk.html -o talk.png -o talk.npz
  ARKit weights in the columns of Live Link Face, at 60 frames a second:
    deeptalk-rt run speech.wav -o talk.csv --format arkit --fps 60
  The words of one recording with half the emotion of another:
    deeptalk-rt run speech.wav --emotion-from angry.wav --emotion-blend 0.5 -o talk.npz
  Moods by name, over time:
    deeptalk-rt run speech.wav --emotion '0 neutral, 2.5 angry:0.8, 6 sad' -o talk.mp4
  Three different takes (talk-1.npz, talk-2.npz, talk-3.npz):
    deeptalk-rt run speech.wav --samples 3 -o talk.npz
  A folder of recordings:
    deeptalk-rt run clips/*.wav --out-dir motions
  With the published weights, whose motion is for a FLAME face:
    deeptalk-rt run speech.wav -o talk.mp4 --model model.safetensors --face face.safetensors
";

/// The examples and the table of formats.
fn after_help() -> String {
    let end =
        "The same recording, options and seed give the same bytes, on any number of threads and on all x86-64
processors with AVX2 and FMA.";
    format!("{EXAMPLES}\nEndings of -o:\n{}\n{end}", formats::table())
}

const INPUT: &str = "Input";
const OUTPUT: &str = "Output";
const MACHINE: &str = "Machine";

/// Turn recordings of speech into motions of a face
#[derive(Args)]
#[command(after_help = after_help())]
pub struct Run {
    /// Recordings, or films with sound: WAV, mp3, m4a, mp4, mov, aac, flac, ogg, opus, webm, mkv, aiff, caf; any length.
    /// `-` is standard input
    #[arg(value_name = "SPEECH.wav", required = true)]
    inputs: Vec<PathBuf>,

    /// The model file; `deeptalk-rt import deeptalk` makes one [default: the built-in model]
    #[arg(long, value_name = "FILE", help_heading = INPUT)]
    model: Option<PathBuf>,

    /// The face that is shown, and whose vertices .npz gets too; `deeptalk-rt import flame` makes one
    /// [default: the built-in head, where a face is shown]
    #[arg(long, value_name = "FILE", help_heading = INPUT)]
    face: Option<PathBuf>,

    /// The time in the recording to begin at
    #[arg(long, value_name = "SECONDS", default_value = "0", hide_default_value = true)]
    #[arg(value_parser = values::offset, allow_negative_numbers = true, help_heading = INPUT)]
    offset: f64,

    /// The length of the part to take [default: all]
    #[arg(long, value_name = "SECONDS", value_parser = values::duration, allow_negative_numbers = true, help_heading = INPUT)]
    duration: Option<f64>,

    /// The channel to hear, counted from 1, or `mix` for the mean of all [default: the mean, and the loudest channel where
    /// they cancel each other]
    #[arg(long, value_name = "NUMBER|mix", help_heading = INPUT)]
    channel: Option<Channel>,

    /// The file to write; its ending chooses the format. May be repeated, to write several formats at once
    #[arg(short, long, value_name = "FILE", conflicts_with = "out_dir", help_heading = OUTPUT)]
    output: Vec<PathBuf>,

    /// The folder for one file a recording, named like the recording; it is made if it does not exist
    #[arg(long, value_name = "FOLDER", help_heading = OUTPUT)]
    out_dir: Option<PathBuf>,

    /// The format of the files in --out-dir [default: npz]. `arkit`, with -o too: .csv and .json hold the 52
    /// ARKit weights, as Live Link Face records them
    #[arg(long, value_parser = PossibleValuesParser::new(formats::names()))]
    #[arg(help_heading = OUTPUT)]
    format: Option<String>,

    /// Frames a second of ARKit weights [default: those of the motion]
    #[arg(long, value_name = "25|30|60", value_parser = values::rate, help_heading = OUTPUT)]
    fps: Option<u32>,

    /// The form of progress reports [default: bar on a terminal, none elsewhere]
    #[arg(long, value_name = "STYLE", help_heading = OUTPUT)]
    progress: Option<Style>,

    /// The number of takes; files get numbers, and takes the seeds S, S + 1, ...
    #[arg(long, value_name = "TAKES", default_value = "1", value_parser = clap::value_parser!(u16).range(1..))]
    #[arg(help_heading = OUTPUT)]
    samples: u16,

    #[command(flatten)]
    variety: Variety,

    #[command(flatten)]
    filters: FilterOptions,

    #[command(flatten)]
    picture: PictureOptions,

    /// Where the network runs: cpu, cpu:bf16, cuda, cuda:N, or auto for a GPU if there is one. The GPU's
    /// kernels work in fp16
    #[arg(long, default_value = "cpu", help_heading = MACHINE)]
    device: Device,

    /// Threads to work with [default: one for each processor core]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=1024), help_heading = MACHINE)]
    pub threads: Option<u16>,
}

/// Everything that a take needs, loaded and checked.
struct Loaded {
    session: Session,
    face: Option<Face>,
    /// The face on the device, if an output holds its vertices.
    rig: Option<Rig<'static>>,
    takes: Vec<Take>,
    filters: Filters,
}

/// The steps between the network's motion and its files.
struct Wanted {
    look: deeptalk_rt::render::Options,
    filters: FilterSettings,
}

impl Run {
    /// Runs the command. Errors are printed here, because there may be several.
    pub fn execute(&self) -> Result<ExitCode> {
        let mut reporter = Reporter::new(self.progress);
        let mut tally = Tally::default();
        if let Err(error) = self.animate_all(&mut reporter, &mut tally) {
            tally.fail(&error);
            reporter.failed(None, &error);
        }
        reporter.done(tally.written, tally.failed, tally.exit_code);
        Ok(ExitCode::from(tally.exit_code))
    }

    /// # Errors
    /// Errors that end the work for all recordings; errors of one recording are counted and printed at the
    /// end.
    fn animate_all(&self, reporter: &mut Reporter, tally: &mut Tally) -> Result<()> {
        inputs::check(&self.inputs)?;
        let standard_input = inputs::spool(&self.inputs)?;
        let jobs = self.plan()?;
        let look = self.picture.options()?;
        let filters = self.filters.settings()?;
        if let Some(folder) = &self.out_dir {
            outputs::make_folder(folder)?;
        }
        let reads = self.inputs.iter().chain(&self.model).chain(&self.face);
        let reads = reads.chain(self.variety.mood.reads()).chain(&self.filters.look);
        outputs::check(jobs.iter().flat_map(|job| job.takes.iter().flatten()), reads)?;
        stop::listen();

        // A recording that cannot be read is known before a large model is loaded.
        let (mut good, mut failures) = (Vec::new(), Vec::new());
        for job in &jobs {
            match self.sound(job, standard_input.as_ref()) {
                Ok(_) => good.push(job),
                Err(error) => failures.push((&job.input, error)),
            }
        }
        let wanted = Wanted { look, filters };
        let outcome = if good.is_empty() {
            Ok(Vec::new())
        } else {
            self.animate_good(&good, standard_input.as_ref(), &wanted, reporter, tally)
        };
        let outcome = outcome.map(|failed| failures.extend(failed));
        for (input, error) in &failures {
            tally.fail(error);
            reporter.failed(Some(input), error);
        }
        outcome
    }

    /// Animates the recordings that can be read; returns those that failed.
    fn animate_good<'a>(
        &self,
        good: &[&'a Job],
        standard_input: Option<&NamedTempFile>,
        wanted: &Wanted,
        reporter: &mut Reporter,
        tally: &mut Tally,
    ) -> Result<Vec<(&'a PathBuf, Error)>> {
        let mut loaded = self.load(good, &wanted.filters)?;
        let mut failures = Vec::new();
        for (index, job) in good.iter().enumerate() {
            reporter.begin(&progress::label(&job.input, index, good.len()), "frames");
            // Opened again, because thousands of open files would be more than the system allows.
            let sound = self.sound(job, standard_input);
            let outcome =
                sound.and_then(|sound| self.animate(job, sound, &mut loaded, wanted, reporter, tally));
            reporter.end();
            match outcome {
                Ok(()) => {}
                Err(error @ Error::Cancelled) => return Err(error),
                Err(error) => failures.push((&job.input, error)),
            }
        }
        Ok(failures)
    }

    /// The recording of a job, opened; standard input lies in a file.
    fn sound(&self, job: &Job, standard_input: Option<&NamedTempFile>) -> Result<Sound> {
        let path = standard_input.filter(|_| inputs::is_standard_input(&job.input));
        Sound::open(path.map_or(&*job.input, NamedTempFile::path))?.channel(self.channel.unwrap_or_default())
    }

    fn plan(&self) -> Result<Vec<Job>> {
        if self.fps.is_some() && self.layout().is_none() {
            return Err(Error::Usage(
                "--fps is for ARKit weights: give --format arkit, or leave it out".into(),
            ));
        }
        let target = match &self.out_dir {
            Some(folder) => Target::Folder(folder, formats::ending(self.format.as_deref())),
            None if self.format.is_some() && self.layout().is_none() => {
                return Err(Error::Usage(
                    "--format is for --out-dir: with -o, the ending says the format".into(),
                ));
            }
            None if self.output.is_empty() => {
                let next = "give -o FILE (for example -o talk.npz), or --out-dir FOLDER for many recordings";
                return Err(Error::Usage(format!("it is not said where the motion goes: {next}")));
            }
            None if self.inputs.len() > 1 => {
                let found = self.inputs.len();
                return Err(Error::Usage(format!(
                    "-o names the file of one recording, and {found} are given: use --out-dir FOLDER"
                )));
            }
            None => Target::Files(&self.output),
        };
        let jobs = outputs::plan(&self.inputs, &target, self.samples.into())?;
        let files = jobs.iter().flat_map(|job| job.takes.iter().flatten());
        let formats = files.map(|path| self.format_of(path)).collect::<Result<Vec<_>>>()?;
        if self.face.is_some()
            && !formats.iter().any(|format| format.holds.face_vertices || format.needs_face)
        {
            let next = "write .npz, or a format that shows a face, too, or leave --face out";
            return Err(Error::Usage(format!("no output has a place for the face of --face: {next}")));
        }
        Ok(jobs)
    }

    /// The layout that --format names, if it names one and not an ending.
    fn layout(&self) -> Option<&'static str> {
        formats::layout(self.format.as_deref()?)
    }

    fn format_of(&self, path: &Path) -> Result<&'static Format> {
        formats::of(path, self.layout())
    }

    /// True if an output is of such a format.
    fn some_output(&self, jobs: &[&Job], is: impl Fn(&Format) -> bool) -> bool {
        let mut files = jobs.iter().flat_map(|job| job.takes.iter().flatten());
        files.any(|path| self.format_of(path).is_ok_and(&is))
    }

    /// The face that is asked for, or the built-in one if something shows it.
    fn face(&self, jobs: &[&Job]) -> Result<Option<Face>> {
        let shown = || self.some_output(jobs, |format| format.needs_face);
        match &self.face {
            Some(path) => Face::load(path).map(Some),
            None if shown() => Face::builtin().map(Some),
            None => Ok(None),
        }
    }

    /// Loads everything, cheap checks first.
    fn load(&self, jobs: &[&Job], filters: &FilterSettings) -> Result<Loaded> {
        let (file, actor) = model_and_actor(self.model.as_ref(), self.variety.actor.as_ref())?;
        filters.pipeline(file.spec().parameter_names(), file.spec().frame_rate, 0, 0)?;
        let face = self.face(jobs)?;
        if let Some(face) = &face {
            match &file.spec().output {
                Output::Parameters(names) => face.check_channels(names, file.path())?,
                Output::Vertices(count) => face.check_vertices(*count, file.path())?,
            }
        }
        let filters = Filters::of(filters, file.spec().parameter_names(), face.as_ref());
        let columns = filters.kept.columns(file.spec().parameter_names());
        let lender = self.variety.mood.lender(file.spec())?;
        let model =
            self.variety.mood.with_emotions(ModelOptions::new().device(self.device)).of_file(&file)?;
        model.fallback().into_iter().for_each(device::fell_back);
        let mut session = Session::new(&model);
        let takes = self.variety.takes(&mut session, actor, lender, self.samples)?;
        // A motion of vertices makes its own.
        let posed = |_: &&Face| matches!(file.spec().output, Output::Parameters(_));
        let wanted = face
            .as_ref()
            .filter(|_| self.face.is_some() && self.some_output(jobs, |format| format.holds.face_vertices))
            .filter(posed);
        let rig = wanted.map(|face| model.place(Rig::for_columns(face.clone(), &columns, file.path())?));
        let rig = rig.transpose()?;
        Ok(Loaded { session, face, rig, takes, filters })
    }

    fn animate(
        &self,
        job: &Job,
        mut sound: Sound,
        loaded: &mut Loaded,
        wanted: &Wanted,
        reporter: &mut Reporter,
        tally: &mut Tally,
    ) -> Result<()> {
        let begun = Instant::now();
        let Loaded { session, face, rig, takes, filters } = loaded;
        let heard = sound.read(self.offset, self.duration)?;
        heard.warnings.iter().for_each(|warning| reporter.warned(&job.input, warning));
        let samples = heard.samples;
        let codec = self.picture.sound();
        let playback = (codec != SoundCodec::None && self.some_output(&[job], Format::has_sound))
            .then(|| sound.playback(self.offset, self.duration, |own| codec.rate(own)))
            .transpose()?;
        let mut tell = |step: Step| {
            if step.stage == Step::FRAMES {
                reporter.advance(&job.input, step.done, step.total);
            }
            Ok(())
        };
        let mut control = Control::new().progress(&mut tell).cancel(stop::asked());
        let mut motions = session.takes(&samples, takes, &mut control)?;
        if let (Some(face), true) = (face.as_ref(), self.face.is_some()) {
            motions.iter_mut().for_each(|motion| finish::on_face(motion, face));
        }
        let skin = rig.as_ref().map(|rig| move |rows: &[f32]| rig.vertices_of_rows(rows));
        let skin = skin.as_ref().map(|skin| skin as &Skinning<'_>);
        // The time of a file is its take's share of the network plus its own writing.
        let network = begun.elapsed() / takes.len() as u32;
        for ((motion, take), files) in motions.into_iter().zip(takes.iter()).zip(&job.takes) {
            let shows = files.iter().any(|path| self.format_of(path).is_ok_and(Format::is_shown));
            let (motion, shown) = filters.both(motion, &samples, take.draw.seed, shows)?;
            let shown = shown.as_ref().unwrap_or(&motion);
            let of = |motion| Finished {
                input: &job.input,
                motion,
                samples: &samples,
                playback: playback.as_ref(),
                face: face.as_ref(),
                network,
            };
            let mut pictures = Vec::new();
            for path in files {
                let format = self.format_of(path)?;
                if format.is_picture() {
                    pictures.push(path);
                    continue;
                }
                let finished = of(if format.is_shown() { shown } else { &motion });
                let retargeted = finish::retargeted(finished.motion, format, self.fps.map(Rate::whole))?;
                let skin = skin.filter(|_| format.holds.face_vertices);
                reporter.written(&finished.write(
                    path,
                    format,
                    retargeted.as_ref().unwrap_or(finished.motion),
                    skin,
                )?);
                tally.written += 1;
            }
            if !pictures.is_empty() {
                reporter.begin("drawing", "frames");
                let wanted = Pictures { paths: &pictures, look: &wanted.look, sound: codec };
                let outputs = of(shown).draw(&wanted, reporter)?;
                reporter.end();
                tally.written += outputs.len();
                outputs.iter().for_each(|output| reporter.written(output));
            }
        }
        Ok(())
    }
}
