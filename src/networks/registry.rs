//! The form of an entry in the registry.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::{Golden, ModelFile, Network, Progress, Recipes, Spec};
use crate::Result;
use crate::files::Written;
use crate::tensor::{Dtype, OpenDevice};

/// An architecture: from the name in a model file to a network.
pub struct Architecture {
    /// The value of `architecture` in the metadata of a model file.
    pub name: &'static str,
    /// Reads a configuration (JSON).
    pub inspect: fn(&str) -> Result<Inspection, Contradiction>,
    /// Takes the weights of a model file to a device.
    pub open: fn(&ModelFile, &OpenDevice) -> Result<Arc<dyn Network>>,
    /// The configurations that have a name, for `synth-model`.
    pub sizes: &'static [NamedSizes],
    /// How each tensor is made from those of the published code, for a configuration.
    pub recipes: fn(&str) -> Result<Recipes>,
    /// The model that a golden file was made with, if it is one of this architecture with weights from the
    /// formula.
    pub model_of: fn(&Golden) -> Option<GoldenModel>,
    /// Import of published checkpoints.
    pub import: Option<Importer>,
}

/// What a golden file says of its model: the weights follow from the formula of [`Formula`](super::Formula).
pub struct GoldenModel {
    /// The configuration, as JSON.
    pub config: String,
    /// Tables of the model that the golden file holds, by the name in the model file.
    pub tables: Vec<(String, Vec<i32>)>,
}

/// A contradiction in a configuration: the part, the expected value, the found value.
pub type Contradiction = (String, String, String);

/// What a configuration says.
pub struct Inspection {
    /// The description of the network.
    pub spec: Spec,
    /// Name and shape of every tensor, in the order of the model file.
    pub shapes: Vec<(String, Vec<usize>)>,
    /// The tensors that are tables of integers, by name.
    pub tables: Vec<String>,
    /// Properties for people, by name.
    pub facts: Vec<(&'static str, Value)>,
}

/// A configuration with a name.
pub struct NamedSizes {
    /// The name.
    pub name: &'static str,
    /// One line about it.
    pub about: &'static str,
    /// The configuration, as JSON.
    pub config: fn() -> String,
}

/// Import of published checkpoints.
pub struct Importer {
    /// The name of the command that imports.
    pub command: &'static str,
    /// Makes a model file of published files; `progress` is told before every tensor.
    #[allow(clippy::type_complexity)]
    pub run: fn(&[PathBuf], &Path, Dtype, &mut dyn FnMut(Progress) -> Result<()>) -> Result<ImportReport>,
}

/// What an import made of the tensors of its inputs.
#[derive(Debug)]
pub struct ImportReport {
    /// The model that was written.
    pub written: Written,
    /// What the result can do and lacks, a sentence each.
    pub notes: Vec<&'static str>,
    /// Tensors that the model was made from.
    pub used: usize,
    /// Tensors that were left out, and why.
    pub dropped: Vec<(String, &'static str)>,
}
