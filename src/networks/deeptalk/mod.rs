//! DEEPTalk (Kim et al., AAAI 2025, arXiv 2408.06010), written once over [`crate::tensor::Ops`], in the order
//! and the words of its papers: content and emotion of speech to codes, codes to motion.

pub mod config;
mod content;
mod emotion;
mod emotion_head;
mod forward;
mod hop;
mod import;
mod motion_emotion;
mod motion_prior;
mod network;
mod padding;
mod pool;
mod predictor;
mod published;
mod recording;
mod replay;
mod stages;
mod stream;
mod weights;
mod windows;

use std::path::Path;
use std::sync::Arc;

pub use config::Config;
pub use emotion_head::Distribution;
pub use forward::{Analysis, Animated, DeepTalk, DeepTalkNetwork};
pub use hop::{Hop, Hopped};
pub use import::import_deeptalk;
pub use motion_prior::MotionCodes;
pub use padding::{frames_for, wanted_frames};
pub use predictor::Choice;
pub use weights::{Weights, tensor_shapes};
pub use windows::ONE_PASS_SECONDS;

use super::registry::{Architecture, Contradiction, GoldenModel, Importer, Inspection, NamedSizes};
use super::{Golden, Network, Output, Recipes, Spec};
use crate::animation::Rate;
use crate::files::Written;
use crate::tensor::{Dtype, Engine, OnDevice, Ops};
use crate::{Error, Result};

/// The stream of random numbers that draws the top codes.
const STREAM_TOP: u32 = 0;
/// The stream of random numbers that draws the bottom codes.
const STREAM_BOTTOM: u32 = 1;
/// The stream of random numbers that draws the emotion.
const STREAM_EMOTION: u32 = super::emotion_vector::STREAM;

/// The entry in the registry.
pub(super) static ARCHITECTURE: Architecture = Architecture {
    name: NAME,
    inspect,
    open: |file, device| device.run(Open(file)),
    sizes: &[
        NamedSizes { name: "base", about: "as published", config: || Config::base().to_json() },
        NamedSizes {
            name: "default",
            about: "those of this project's own model",
            config: || Config::default_model().to_json(),
        },
        NamedSizes {
            name: "tiny",
            about: "a hundredth as wide as base",
            config: || Config::tiny().to_json(),
        },
    ],
    recipes: |config| Ok(Recipes::deeptalk(&parse(config).map_err(super::model_writer::contradiction)?)),
    model_of,
    import: Some(Importer {
        command: "deeptalk",
        run: |paths, target, dtype, progress| {
            import_deeptalk(paths, target, &Config::base(), dtype, progress)
        },
    }),
};

const NAME: &str = "DEEPTalk";

fn parse(config: &str) -> Result<Config, Contradiction> {
    let config: Config = serde_json::from_str(config)
        .map_err(|error| ("cannot be read".into(), "JSON with every size".into(), error.to_string()))?;
    config
        .check()
        .map_err(|(what, expected, found)| (format!("contradicts itself: {what}"), expected, found))?;
    Ok(config)
}

fn inspect(config: &str) -> Result<Inspection, Contradiction> {
    let config = parse(config)?;
    let shapes = tensor_shapes(&config)
        .map_err(|error| ("cannot be used".into(), "sizes of a network".into(), error.to_string()))?;
    let facts = vec![("motion_emotion", config.motion_emotion.is_some().into())];
    Ok(Inspection { spec: spec(&config), shapes, tables: Vec::new(), facts })
}

/// The named sizes whose widths are those of the golden file's stages.
fn model_of(golden: &Golden) -> Option<GoldenModel> {
    let fits = |config: &Config| {
        let widths = [
            ("wav2vec2.output", config.content.hidden),
            ("content", config.content.output),
            ("quant_t", config.motion_prior.width_t),
        ];
        let mut found = widths
            .iter()
            .filter_map(|(name, width)| golden.stages().get(*name).map(|stage| stage.shape[1] == *width));
        found.next() == Some(true) && found.all(|fits| fits)
    };
    let config = [Config::base(), Config::default_model(), Config::tiny()].into_iter().find(fits)?;
    Some(GoldenModel { config: config.to_json(), tables: Vec::new() })
}

fn spec(config: &Config) -> Spec {
    Spec {
        architecture: NAME,
        sample_rate: config::SAMPLE_RATE as u32,
        frame_rate: Rate::whole(config::FPS as u32),
        output: Output::Parameters(config.parameter_names()),
        identities: config.actors.clone(),
        emotion_width: Some(config.emotion_head.width),
        codebooks: &["top", "bottom"],
        sampling: None,
        one_pass_seconds: ONE_PASS_SECONDS,
        parts: &["content", "emotion", "codes", "motion"],
        stages: &stages::STAGES,
    }
}

/// Takes a model file to a device.
struct Open<'a>(&'a super::ModelFile);

impl OnDevice for Open<'_> {
    type Output = Result<Arc<dyn Network>>;

    fn on<E: Engine<Context: Ops>>(self, engine: E) -> Self::Output {
        Ok(Arc::new(DeepTalkNetwork::load(self.0, engine)?))
    }
}

/// Writes a model of these sizes with weights from the formula.
///
/// # Errors
/// Sizes that contradict each other; errors of the disk.
pub fn synth_model(path: &Path, config: &Config, dtype: Dtype) -> Result<Written> {
    super::synth_model(path, &ARCHITECTURE, &config.to_json(), dtype, &mut |_| Ok(()))
}

/// The configuration of a model file.
///
/// # Errors
/// [`Error::BadInput`] for a model of another architecture.
pub fn config_of(file: &super::ModelFile) -> Result<Config> {
    parse(file.config()).map_err(|(what, expected, found)| {
        let what = format!("has a configuration that {what}");
        Error::bad_input(file.path(), what, expected, found, "give a DEEPTalk model")
    })
}

/// A defect: a track that needs the emotion of the speech was given none.
fn no_emotion() -> Error {
    Error::Usage("the emotion of the speech is not known yet".into())
}
