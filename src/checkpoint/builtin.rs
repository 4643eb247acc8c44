//! The model that is part of the program.

#[cfg(default_model)]
use std::{path::Path, sync::Arc};

use super::ModelFile;
use crate::Result;

/// Tensors are taken where they lie, as from a memory map.
#[cfg(default_model)]
#[repr(C, align(64))]
struct Aligned<B: ?Sized>(B);

#[cfg(default_model)]
static MODEL: &Aligned<[u8]> = &Aligned(*include_bytes!("../../models/default.safetensors"));

impl ModelFile {
    /// The model that is part of the program: what it was trained on and what it can do stands in `models/MODEL_CARD.md`. Nothing is
    /// looked up on disk.
    ///
    /// # Errors
    /// None, as long as the program is whole.
    #[cfg(default_model)]
    pub fn builtin() -> Result<Self> {
        Self::from_owner(Path::new("the built-in model"), Arc::new(&MODEL.0))
    }

    /// A trained model is no part of this program.
    ///
    /// # Errors
    /// Always: a sentence that says which commands give a model.
    #[cfg(not(default_model))]
    pub fn builtin() -> Result<Self> {
        Err(crate::Error::Usage(
            "there is no built-in trained model yet: give one with --model FILE. \
             `deeptalk-rt import deeptalk DEEPTalk.pth -o model.safetensors` makes one of the published weights; \
             `deeptalk-rt synth-model -o model.safetensors` makes one of seeded random weights, which is right for tests \
             and benchmarks, not for a talking face"
                .into(),
        ))
    }
}

#[cfg(all(test, default_model))]
mod tests {
    use super::*;
    use crate::backend::cpu::Cpu;
    use crate::model::Config;

    #[test]
    fn the_built_in_model_has_the_default_sizes_and_lies_where_it_can_be_used() {
        let file = ModelFile::builtin().unwrap();
        assert_eq!(*file.config(), Config::default_model());
        assert!(file.bytes() <= 20_000_000, "{} bytes", file.bytes());
        let begin = MODEL.0.as_ptr() as usize;
        for tensor in file.tensors() {
            let at = tensor.bytes().as_ptr() as usize;
            assert!((begin..begin + MODEL.0.len()).contains(&at), "{} was copied", tensor.name);
            assert!(at.is_multiple_of(tensor.dtype.size()), "{} is out of step", tensor.name);
        }
        file.load(Cpu).unwrap();
    }
}
