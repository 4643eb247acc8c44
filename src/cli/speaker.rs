//! Who speaks: the model file that is asked for, and one of its actors.

use std::path::PathBuf;

use deeptalk_rt::networks::ModelFile;
use deeptalk_rt::{Error, Result};

/// The model of a path, or the built-in one; and the index of the actor of that name, or the first.
pub fn model_and_actor(path: Option<&PathBuf>, actor: Option<&String>) -> Result<(ModelFile, usize)> {
    let file = path.map_or_else(ModelFile::builtin, ModelFile::open)?;
    let index = actor.map_or(Ok(0), |name| file.spec().identity(name));
    let index = index.map_err(|error| Error::Usage(format!("{}: {error}", file.path().display())))?;
    Ok((file, index))
}
