//! The model file and the actor of a command.

use std::path::PathBuf;

use deeptalk_rt::networks::ModelFile;
use deeptalk_rt::{Error, Result};

/// The model at a path, or the built-in model; and the index of the actor with a name, or of the first.
pub fn model_and_actor(path: Option<&PathBuf>, actor: Option<&String>) -> Result<(ModelFile, usize)> {
    let file = path.map_or_else(ModelFile::builtin, ModelFile::open)?;
    let index = actor.map_or(Ok(0), |name| file.spec().identity(name));
    let index = index.map_err(|error| Error::Usage(format!("{}: {error}", file.path().display())))?;
    Ok((file, index))
}
