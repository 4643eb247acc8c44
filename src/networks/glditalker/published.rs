//! The names of the tensors: the audio encoder has those of the published HuBERT checkpoints under `audio.`.

use super::Config;
use crate::networks::Recipes;

impl Recipes {
    /// For every tensor of a model of these sizes.
    pub(super) fn glditalker(config: &Config) -> Self {
        let mut recipes = Self::new();
        recipes.wav2vec("audio", "audio", 7, config.audio.layers);
        recipes.linear("condition", "denoiser.audio");
        recipes
    }
}
