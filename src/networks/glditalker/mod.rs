//! GLDiTalker (Lin et al., IJCAI 2025, arXiv 2408.01826): diverse face motion by diffusion in a quantised
//! latent space, as vertices. `docs/networks/glditalker.md` specifies it; references to sections in this
//! folder are to that document.

mod audio;
mod config;
mod denoiser;
mod forward;
mod mesh;
mod motion;
mod network;
mod published;
mod recording;
mod replay;
mod schedule;
mod stages;
mod steps;
mod stream;
#[cfg(test)]
mod tests;
mod windows;

use std::sync::Arc;

pub use config::Config;
pub use forward::{GldiTalker, GldiTalkerNetwork};

use super::model_writer::contradiction;
use super::registry::{Architecture, Contradiction, GoldenModel, Inspection, NamedSizes};
use super::{Golden, Network, Output, Recipes, Sampling, Spec, Values, shapes_of};
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
            name: "head",
            about: "for the built-in head, 25 frames a second",
            config: || Config::head().to_json(),
        },
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
    model_of,
    import: None,
};

const NAME: &str = "GLDiTalker";

fn inspect(config: &str) -> Result<Inspection, Contradiction> {
    let config = Config::parse(config)?;
    let shapes = shapes_of(|source| forward::load_all(source, &config))
        .map_err(|error| ("cannot be used".into(), "sizes of a network".into(), error.to_string()))?;
    let tables = match config.motion.encoder {
        true => {
            (0..config.motion.spiral_channels.len()).map(|index| format!("motion.table{index}")).collect()
        }
        false => Vec::new(),
    };
    let facts = vec![
        ("motion_encoder", config.motion.encoder.into()),
        ("denoising_steps", config.diffusion.steps.into()),
        ("usual_steps", config.diffusion.usual_steps.into()),
    ];
    Ok(Inspection { spec: spec(&config), shapes, tables, facts })
}

/// The model of a golden file with a configuration of this network.
fn model_of(golden: &Golden) -> Option<GoldenModel> {
    let config = Config::parse(golden.text("config")?).ok()?;
    let table = |index| match &golden.stages().get(&format!("table{index}"))?.values {
        Values::Codes(table) => Some((format!("motion.table{index}"), table.clone())),
        Values::Numbers(_) => None,
    };
    let blocks = if config.motion.encoder { config.motion.spiral_channels.len() } else { 0 };
    let tables = (0..blocks).map(table).collect::<Option<_>>()?;
    Some(GoldenModel { config: config.to_json(), tables })
}

fn spec(config: &Config) -> Spec {
    Spec {
        architecture: NAME,
        sample_rate: config::SAMPLE_RATE as u32,
        frame_rate: Rate::whole(config.fps as u32),
        output: Output::Vertices(config.vertices()),
        identities: (1..=config.diffusion.styles).map(|style| style.to_string()).collect(),
        emotion_width: None,
        codebooks: &[],
        sampling: Some(Sampling { most: config.diffusion.steps, usual: config.diffusion.usual_steps }),
        one_pass_seconds: windows::ONE_PASS_SECONDS,
        parts: &["audio", "denoiser", "decoder"],
        stages: &stages::STAGES,
    }
}

/// Takes a model file to a device.
struct Open<'a>(&'a super::ModelFile);

impl OnDevice for Open<'_> {
    type Output = Result<Arc<dyn Network>>;

    fn on<E: Engine<Context: Ops>>(self, engine: E) -> Self::Output {
        Ok(Arc::new(GldiTalkerNetwork::load(self.0, engine)?))
    }
}
