//! The names of the tensors: the audio encoder has those of the published HuBERT checkpoints under `audio.`,
//! the rest those of the specification. Scales of latents and of offsets are folded into the layers beside
//! them.

use super::Config;
use crate::networks::Recipes;
use crate::networks::recipes::Recipe;

impl Recipes {
    /// For every tensor of a model of these sizes.
    pub(super) fn glditalker(config: &Config) -> Self {
        let mut recipes = Self::new();
        recipes.wav2vec("audio", "audio", 7, config.audio.layers);
        recipes.linear("condition", "denoiser.audio");
        recipes.denoiser(config);
        recipes.motion(config);
        recipes
    }

    fn denoiser(&mut self, config: &Config) {
        let width = config.diffusion.width;
        for part in ["noise_encoder", "step1", "step2", "output"] {
            self.linear(&format!("denoiser.{part}"), &format!("denoiser.{part}"));
        }
        self.copy("denoiser.style", "denoiser.style.weight");
        for index in 0..config.diffusion.layers {
            let at = format!("denoiser.layers.{index}");
            for part in ["weight", "bias"] {
                for (ours, first) in [("q", 0), ("kv", width)] {
                    let from = format!("{at}.qkv.{part}");
                    self.put(format!("{at}.{ours}.{part}"), Recipe::Part { from, first, of: 3 * width });
                }
            }
            self.linear(&format!("{at}.out"), &format!("{at}.out_proj"));
            self.linear(&format!("{at}.cross.value"), &format!("{at}.cross.v_proj"));
            self.linear(&format!("{at}.cross.out"), &format!("{at}.cross.out_proj"));
            for part in ["norm1", "norm2", "up", "down", "norm3"] {
                self.linear(&format!("{at}.{part}"), &format!("{at}.{part}"));
            }
        }
    }

    fn motion(&mut self, config: &Config) {
        let motion = &config.motion;
        let scale = motion.offset_scale as f32;
        let scaled = |name: &str, factor: f32| (name.to_owned(), Recipe::Scaled(name.into(), factor));
        let recipes = [
            scaled("motion.from_latent.weight", 1.0 / config.diffusion.latent_scale as f32),
            scaled("motion.output.weight", scale),
            scaled("motion.output.bias", scale),
            ("motion.template".into(), Recipe::Given(vec![0.0; 3 * config.vertices()])),
        ];
        recipes.into_iter().for_each(|(ours, recipe)| self.put(ours, recipe));
        self.copy("motion.from_latent.bias", "motion.from_latent.bias");
        self.copy("motion.codebook", "motion.codebook");
        self.linear("motion.hidden", "motion.hidden");
        self.temporal("decoder", motion.layers);
        if !motion.encoder {
            return;
        }
        for (index, levels) in motion.levels.windows(2).enumerate() {
            let at = format!("motion.spiral.{index}");
            self.linear(&at, &format!("{at}.linear"));
            // Any table of the right form: the one of a mesh is data, which a trained model brings with it.
            let indices = (0..levels[1])
                .flat_map(|row| (0..motion.spiral_length).map(move |k| ((3 * row + k) % levels[0]) as f32));
            self.put(format!("motion.table{index}"), Recipe::Given(indices.collect()));
        }
        if !motion.spiral_channels.is_empty() {
            self.put(
                "motion.spiral.0.weight".into(),
                Recipe::Scaled("motion.spiral.0.linear.weight".into(), 1.0 / scale),
            );
        }
        for part in ["fuse1", "fuse2", "to_latent"] {
            self.linear(&format!("motion.{part}"), &format!("motion.{part}"));
        }
        self.temporal("encoder", motion.layers);
    }

    fn temporal(&mut self, stack: &str, layers: usize) {
        for index in 0..layers {
            let at = format!("motion.{stack}.{index}");
            self.linear(&format!("{at}.out"), &format!("{at}.out_proj"));
            for part in ["qkv", "norm1", "up", "down", "norm2"] {
                self.linear(&format!("{at}.{part}"), &format!("{at}.{part}"));
            }
        }
    }
}
