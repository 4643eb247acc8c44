//! The networks, each in a folder of its own; what they have in common: the [`Network`] trait, their
//! description ([`Spec`]), the registry ([`ARCHITECTURES`]) and the model file.
//!
//! A model file names its architecture, and the registry opens it: no other room names a network.

mod builtin;
mod control;
mod controls;
pub mod deeptalk;
mod emotion_vector;
mod formula;
pub mod glditalker;
mod golden;
mod intake;
mod loudness;
mod model_file;
mod model_writer;
mod network;
mod probe;
mod recipes;
mod registry;
mod sound;
mod spec;
mod stream;
mod stream_options;
mod take;

pub use control::{Control, Progress, Step, Timings, Watch};
pub use formula::{Formula, synth_model, synth_model_of};
pub use golden::{Golden, golden_files};
pub use model_file::{FORMAT_VERSION, ModelFile, Provenance};
pub use model_writer::{shapes_of, write_model};
pub use network::{Job, Network};
pub use probe::{Probe, Stage, StageView, Stages, Values, record, record_on};
pub use recipes::{Published, Recipes};
pub use registry::{Architecture, GoldenModel, ImportReport, Importer, Inspection, NamedSizes};
pub use spec::{Output, Sampling, Spec, StageSpec};
pub use stream::{Frames, NetworkStream};
pub use stream_options::StreamOptions;
pub use take::{Draw, Take};

pub use crate::animation::EmotionVector;
use crate::{Error, Result};

/// The architectures that this crate knows, the first of which is that of the built-in model.
#[rustfmt::skip] // one line an architecture
pub static ARCHITECTURES: &[&Architecture] = &[
    &deeptalk::ARCHITECTURE,
    &glditalker::ARCHITECTURE,
];

/// The architecture of this name, in capitals or not.
///
/// # Errors
/// [`Error::Usage`] with the names that are known.
pub fn architecture(name: &str) -> Result<&'static Architecture> {
    ARCHITECTURES.iter().copied().find(|known| known.name.eq_ignore_ascii_case(name)).ok_or_else(|| {
        let known: Vec<&str> = ARCHITECTURES.iter().map(|known| known.name).collect();
        Error::Usage(format!("there is no architecture `{name}`: the known ones are {}", known.join(", ")))
    })
}

/// The first architecture whose published checkpoints can be imported, and how.
pub fn importer() -> Option<&'static Importer> {
    ARCHITECTURES.iter().find_map(|known| known.import.as_ref())
}
