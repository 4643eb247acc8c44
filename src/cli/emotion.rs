//! `emotion`: moods under names, learned from clips.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use deeptalk_rt::animation::{EmotionVector, NamedEmotions};
use deeptalk_rt::audio::read_sound;
use deeptalk_rt::networks::ModelFile;
use deeptalk_rt::runtime::{Device, ModelOptions, Session};
use deeptalk_rt::{Error, Result};

use super::{outputs, say};

const EXAMPLES: &str = "\
Examples:
  deeptalk-rt emotion learn sly sly-*.wav -o emotions.safetensors
  deeptalk-rt emotion learn neutral calm.wav -o others.safetensors --model model.safetensors
  deeptalk-rt run speech.wav --emotions emotions.safetensors --emotion sly:1.3 -o talk.mp4
  deeptalk-rt emotion list --emotions emotions.safetensors";

/// Learn moods from clips, and list the moods that are known
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Emotion {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Learn(Learn),
    List(List),
}

/// Make a mood of the emotion in clips, and add it to a file
#[derive(Args)]
struct Learn {
    /// The name of the mood: a letter with letters, digits, _ and - behind it. `neutral` is what strengths
    /// begin at
    name: String,

    /// Recordings that show the mood; the first minute of each counts
    #[arg(value_name = "CLIP.wav", required = true)]
    clips: Vec<PathBuf>,

    /// The file of moods; one that exists keeps its other moods
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,

    /// The model that hears the clips, and that the moods are for [default: the built-in model]
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,

    /// Where the network runs: cpu, cpu:bf16, cuda, cuda:N, or auto for a GPU if there is one
    #[arg(long, default_value = "cpu")]
    device: Device,
}

/// List the moods that are known by name
#[derive(Args)]
struct List {
    /// The file of moods that joins the built-in ones
    #[arg(long, value_name = "FILE")]
    emotions: Option<PathBuf>,

    /// The model that the moods are for [default: the built-in model]
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
}

impl Emotion {
    pub fn execute(&self) -> Result<()> {
        match &self.command {
            Command::Learn(learn) => learn.execute(),
            Command::List(list) => list.execute(),
        }
    }
}

impl Learn {
    fn execute(&self) -> Result<()> {
        let file = self.model.as_ref().map_or_else(ModelFile::builtin, ModelFile::open)?;
        outputs::check([&self.output], self.clips.iter().chain(&self.model))?;
        if file.spec().emotion_width.is_none() {
            let name = file.spec().architecture;
            return Err(Error::Usage(format!("the network {name} hears no emotions: give another model")));
        }
        let source = &file.provenance().source;
        let mut moods = match self.output.exists() {
            true => NamedEmotions::load(&self.output, source)?,
            false => NamedEmotions::default(),
        };
        // A name that cannot be used is known before any work is done.
        moods
            .clone()
            .insert(&self.name, EmotionVector::set(&vec![1.0; file.spec().emotion_width.unwrap_or(1)])?)?;
        let most = Some(file.spec().one_pass_seconds as f64);
        let mut session = Session::new(&ModelOptions::new().device(self.device).of_file(&file)?);
        let heard = self.clips.iter().map(|path| session.emotion(&read_sound(path, 0.0, most)?));
        let learned = EmotionVector::of_clips(&heard.collect::<Result<Vec<_>>>()?)?;
        moods.insert(&self.name, learned)?;
        let written = moods.save(&self.output, source, &[("model_sha256", file.sha256())])?;
        let names: Vec<&str> = moods.names().collect();
        say::file(&self.output, &format!("moods {}", names.join(", ")), &written);
        Ok(())
    }
}

impl List {
    fn execute(&self) -> Result<()> {
        let file = self.model.as_ref().map_or_else(ModelFile::builtin, ModelFile::open)?;
        let options = ModelOptions::new();
        let options = match &self.emotions {
            Some(path) => options.emotions(path),
            None => options,
        };
        let names: String =
            options.of_file(&file)?.emotions().names().map(|name| format!("{name}\n")).collect();
        say::result(&names)
    }
}
