//! The model that is part of the program.

use std::{path::Path, sync::Arc};

use deeptalk_data_model_1::PART as FIRST;
use deeptalk_data_model_2::PART as SECOND;

use super::ModelFile;
use crate::Result;
use crate::animation::NamedEmotions;

/// Tensors are taken where they lie, as from a memory map.
#[repr(C, align(64))]
struct Aligned<B: ?Sized>(B);

static MODEL: &Aligned<[u8]> = &Aligned(joined());

const MODEL_BYTES: usize = FIRST.len() + SECOND.len();

/// The file from its two halves, joined by the compiler.
const fn joined() -> [u8; MODEL_BYTES] {
    let mut whole = [0; MODEL_BYTES];
    let (first, second) = whole.split_at_mut(FIRST.len());
    first.copy_from_slice(FIRST);
    second.copy_from_slice(SECOND);
    whole
}

/// The source in the metadata of the built-in model.
const BUILTIN_SOURCE: &str =
    "trained on synthesised speech and on recordings of people (models/MODEL_CARD.md)";

static MOODS: &[u8] = include_bytes!("../../models/emotions.safetensors");

impl ModelFile {
    /// The model that is part of the program: what it was trained on and what it can do stands in
    /// `models/MODEL_CARD.md`. Nothing is looked up on disk.
    ///
    /// # Errors
    /// None, as long as the program is whole.
    pub fn builtin() -> Result<Self> {
        Self::from_owner(Path::new("the built-in model"), Arc::new(&MODEL.0))
    }

    /// The moods that the program knows for this model: those of the built-in model, none for others.
    ///
    /// # Errors
    /// None, as long as the program is whole.
    pub fn builtin_emotions(&self) -> Result<NamedEmotions> {
        match self.provenance().source == BUILTIN_SOURCE {
            true => NamedEmotions::parse(Path::new("the built-in moods"), MOODS, BUILTIN_SOURCE),
            false => Ok(NamedEmotions::default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::safetensors::Safetensors;
    use crate::networks::deeptalk::{Config, DeepTalk, config_of};
    use crate::tensor::cpu::Cpu;

    #[test]
    fn the_built_in_model_has_the_default_sizes_and_lies_where_it_can_be_used() {
        let file = ModelFile::builtin().unwrap();
        assert_eq!(config_of(&file).unwrap(), Config::default_model());
        assert!(file.bytes() <= 12_000_000, "{} bytes", file.bytes());
        let begin = MODEL.0.as_ptr() as usize;
        for tensor in file.tensors() {
            let at = tensor.bytes().as_ptr() as usize;
            assert!((begin..begin + MODEL.0.len()).contains(&at), "{} was copied", tensor.name);
            assert!(at.is_multiple_of(tensor.dtype.size()), "{} is out of step", tensor.name);
        }
        DeepTalk::load(&file, Cpu::F32).unwrap();
    }

    #[test]
    fn the_built_in_moods_were_learned_with_the_built_in_model() {
        let file = ModelFile::builtin().unwrap();
        let moods = file.builtin_emotions().unwrap();
        let expected = ["neutral", "happy", "sad", "angry", "surprised", "afraid", "disgusted", "contempt"];
        assert_eq!(moods.names().collect::<Vec<_>>(), expected);
        let opened = Safetensors::parse(MOODS, 1 << 20).unwrap();
        assert_eq!(opened.metadata()["model_sha256"], file.sha256(), "run `python -m moods` in models/");
    }
}
