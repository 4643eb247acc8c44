//! GLDiTalker (Lin et al., IJCAI 2025, arXiv 2408.01826): diverse face motion by diffusion in a quantised latent space, as vertices.
//!
//! This part holds its audio encoder: speech to the condition of the denoiser, `docs/networks/glditalker.md` sections 1 and 2.

mod audio;
mod config;
mod network;
mod published;

use std::sync::Arc;

pub use config::Config;
pub use network::GldiTalker;

use super::model_file::contradiction;
use super::registry::{Architecture, Contradiction, Inspection, NamedSizes};
use super::{Network, Output, Recipes, Spec, StageSpec, shapes_of};
use crate::Result;
use crate::animation::Rate;
use crate::tensor::{Engine, OnDevice, Ops};

/// The entry in the registry.
pub(super) static ARCHITECTURE: Architecture = Architecture {
    name: NAME,
    inspect,
    open: |file, device| device.run(Open(file)),
    sizes: &[
        NamedSizes {
            name: "vocaset",
            about: "for VOCASET, 30 frames a second",
            config: || Config::vocaset().to_json(),
        },
        NamedSizes {
            name: "biwi",
            about: "for BIWI, 25 frames a second",
            config: || Config::biwi().to_json(),
        },
        NamedSizes { name: "tiny", about: "of a golden file", config: || Config::tiny().to_json() },
        NamedSizes { name: "mid", about: "of a golden file", config: || Config::mid().to_json() },
    ],
    recipes: |config| Ok(Recipes::glditalker(&Config::parse(config).map_err(contradiction)?)),
    import: None,
};

const NAME: &str = "GLDiTalker";

/// The stages of a forward, in its order.
static STAGES: [StageSpec; 7] = [
    StageSpec::rows("audio.conv"),
    StageSpec::rows("audio.projection"),
    StageSpec::rows("audio.positional"),
    StageSpec::rows("audio.layer0"),
    StageSpec::rows("audio.tokens"),
    StageSpec::rows("audio.frames"),
    StageSpec::rows("audio.condition"),
];

fn inspect(config: &str) -> Result<Inspection, Contradiction> {
    let config = Config::parse(config)?;
    let shapes = shapes_of(|source| audio::AudioEncoder::load_all(source, &config).map(drop))
        .map_err(|error| ("cannot be used".into(), "sizes of a network".into(), error.to_string()))?;
    let facts = vec![("parts", "audio encoder".into())];
    Ok(Inspection { spec: spec(&config), shapes, facts })
}

fn spec(config: &Config) -> Spec {
    Spec {
        architecture: NAME,
        sample_rate: config::SAMPLE_RATE as u32,
        frame_rate: Rate::whole(config.fps as u32),
        output: Output::Vertices(config.motion.levels[0]),
        identities: (1..=config.diffusion.styles).map(|style| style.to_string()).collect(),
        emotion_width: None,
        codebooks: &[],
        one_pass_seconds: 60,
        parts: &["audio"],
        stages: &STAGES,
    }
}

/// Takes a model file to a device.
struct Open<'a>(&'a super::ModelFile);

impl OnDevice for Open<'_> {
    type Output = Result<Arc<dyn Network>>;

    fn on<E: Engine<Context: Ops>>(self, engine: E) -> Self::Output {
        Ok(Arc::new(GldiTalker::load(self.0, engine)?))
    }
}
