//! The names of the published DEEPTalk checkpoints: which of their tensors make each of ours.

use super::Config;
use crate::networks::Recipes;
use crate::networks::recipes::Recipe;

const EMOTION2VEC: &str = "sequence_decoder.DEE.audio_encoder.embedding_model";
const CONTEXT_BLOCKS: usize = 4;

impl Recipes {
    /// For every tensor of a model of these sizes.
    pub(super) fn deeptalk(config: &Config) -> Self {
        let mut r = Self::new();
        let content = &config.content;
        r.log_mel("content", content.log_mel);
        r.wav2vec("content", "audio_model.model", content.conv.len(), content.transformer.layers);
        r.linear("content.output", "sequence_encoder.linear");
        r.emotion(config);
        r.head(
            "emotion_head",
            "sequence_decoder.DEE.audio_encoder",
            "audio",
            config.emotion_head.transformer.layers,
        );
        r.linear("style.emotion", "sequence_decoder.emotion_map_layer");
        r.linear("style.condition", "sequence_decoder.condition_feature_layer");
        r.predictor(config);
        r.motion_prior();
        if let Some(motion) = &config.motion_emotion {
            r.linear("motion_emotion.features.0", "fer.in_fc");
            for index in 1..motion.features.len() {
                r.linear(
                    &format!("motion_emotion.features.{index}"),
                    &format!("fer.hidden_layers.{}", index - 1),
                );
            }
            let published = "sequence_decoder.DEE.exp_encoder";
            r.linear("motion_emotion.input", &format!("{published}.exp_map"));
            r.head("motion_emotion.head", published, "exp", motion.head.transformer.layers);
            r.copy("motion_emotion.match_shift", "sequence_decoder.DEE.criterion.shift");
            r.copy("motion_emotion.match_negative_scale", "sequence_decoder.DEE.criterion.negative_scale");
        }
        r
    }

    fn emotion(&mut self, config: &Config) {
        self.log_mel("emotion", config.emotion.log_mel);
        let audio = format!("{EMOTION2VEC}.modality_encoders.AUDIO");
        for index in 0..config.emotion.conv.len() {
            let (ours, theirs) =
                (format!("emotion.conv.{index}"), format!("{audio}.local_encoder.conv_layers.{index}"));
            self.put(format!("{ours}.weight"), Recipe::Taps(format!("{theirs}.0.weight")));
            self.linear(&format!("{ours}.norm"), &format!("{theirs}.2.1"));
        }
        self.linear("emotion.projection_norm", &format!("{audio}.project_features.1"));
        self.linear("emotion.projection", &format!("{audio}.project_features.2"));
        for index in 0..config.emotion.positional_layers {
            let theirs = format!("{audio}.relative_positional_encoder.{}.0", index + 1);
            self.conv(&format!("emotion.positional.{index}"), &theirs);
        }
        self.put("emotion.extra_tokens".into(), Recipe::Copy(format!("{audio}.extra_tokens"), 1, 0));
        self.put("emotion.alibi_scale".into(), Recipe::Copy(format!("{audio}.alibi_scale"), 2, 2));
        self.linear("emotion.norm", &format!("{audio}.context_encoder.norm"));
        for index in 0..config.emotion.transformer.layers {
            let ours = format!("emotion.layers.{index}");
            let theirs = match index.checked_sub(CONTEXT_BLOCKS) {
                None => format!("{audio}.context_encoder.blocks.{index}"),
                Some(index) => format!("{EMOTION2VEC}.blocks.{index}"),
            };
            for (part, published) in [
                ("qkv", "attn.qkv"),
                ("out", "attn.proj"),
                ("norm1", "norm1"),
                ("up", "mlp.fc1"),
                ("down", "mlp.fc2"),
                ("norm2", "norm2"),
            ] {
                self.linear(&format!("{ours}.{part}"), &format!("{theirs}.{published}"));
            }
        }
    }

    /// DEE's two heads differ in one word.
    fn head(&mut self, ours: &str, theirs: &str, word: &str, layers: usize) {
        let table = format!("{theirs}.{word}_pos_encoder.pos_enc");
        self.put(format!("{ours}.position_table"), Recipe::Copy(table, 1, 0));
        self.torch_layers(&format!("{ours}.layers"), &format!("{theirs}.{word}_encoder"), layers);
        for (branch, encoder, short) in [("mean", "mean", "mean"), ("logvar", "uncertainty", "std")] {
            let ours = format!("{ours}.{branch}");
            self.torch_layers(&format!("{ours}.layers"), &format!("{theirs}.{word}_{encoder}_encoder"), 1);
            self.linear(&format!("{ours}.projection"), &format!("{theirs}.{short}_feature_map"));
            for (direction, suffix) in [("forward", ""), ("backward", "_reverse")] {
                for (part, published) in [
                    ("input", "weight_ih_l0"),
                    ("hidden", "weight_hh_l0"),
                    ("input_bias", "bias_ih_l0"),
                    ("hidden_bias", "bias_hh_l0"),
                ] {
                    let theirs = format!("{theirs}.{short}_pool.gru.{published}{suffix}");
                    self.copy(&format!("{ours}.pool.{direction}.{part}"), &theirs);
                }
            }
            let score = format!("{theirs}.{short}_pool.linear.weight");
            self.put(format!("{ours}.pool.score"), Recipe::Copy(score, 1, 0));
        }
    }

    fn predictor(&mut self, config: &Config) {
        let layers = config.predictor.encoder.layers;
        self.torch_layers("predictor.encoder", "sequence_decoder.bert_decoder", layers);
        self.linear("predictor.features", "sequence_decoder.decoder");
        for (ours, theirs) in [("top", "squasher_2_t"), ("bottom", "squasher_2_b_2")] {
            let (ours, theirs) = (format!("predictor.{ours}"), format!("sequence_decoder.{theirs}"));
            self.linear(&format!("{ours}.input"), &format!("{theirs}.pre_linear"));
            let layers = config.predictor.transformer.layers;
            self.torch_layers(&format!("{ours}.layers"), &format!("{theirs}.encoder"), layers);
            self.linear(&format!("{ours}.output"), &format!("{theirs}.post_linear"));
        }
    }

    fn motion_prior(&mut self) {
        let prior = "sequence_decoder.motion_prior";
        for book in ["t", "b"] {
            let theirs = format!("{prior}.quantize_{book}.codebook.weight");
            self.copy(&format!("motion_prior.codebook_{book}"), &theirs);
            let (ours, theirs) = (format!("motion_prior.encoder_{book}"), format!("{prior}.encoder_{book}"));
            self.conv(&format!("{ours}.conv"), &format!("{theirs}.squasher.0.0"));
            self.folded(
                &ours,
                &format!("{theirs}.encoder_linear_embedding.net"),
                &format!("{theirs}.squasher.0.2"),
            );
            self.torch_layers(&format!("{ours}.layers"), &format!("{theirs}.encoder_transformer"), 1);
            let (ours, theirs) = (format!("motion_prior.decoder_{book}"), format!("{prior}.decoder_{book}"));
            self.conv_transpose(&format!("{ours}.conv"), &format!("{theirs}.expander.0.0"));
            self.folded(
                &ours,
                &format!("{theirs}.decoder_linear_embedding"),
                &format!("{theirs}.expander.0.2"),
            );
            self.torch_layers(&format!("{ours}.layers"), &format!("{theirs}.decoder_transformer"), 1);
        }
        self.conv_transpose("motion_prior.upsample_t", &format!("{prior}.upsample_t"));
        self.conv("motion_prior.smooth", &format!("{prior}.decoder_b.cross_smooth_layer"));
    }
}

#[cfg(test)]
mod tests {
    use super::super::weights::tensor_shapes;
    use super::*;

    #[test]
    fn every_tensor_of_a_model_has_a_recipe_and_every_recipe_a_tensor() {
        for config in [Config::base(), Config::tiny()] {
            let recipes = Recipes::deeptalk(&config);
            let names: Vec<String> =
                tensor_shapes(&config).unwrap().into_iter().map(|(name, _)| name).collect();
            for name in &names {
                assert!(recipes.has(name), "no recipe for {name}");
            }
            assert_eq!(names.len(), recipes.len());
        }
    }
}
