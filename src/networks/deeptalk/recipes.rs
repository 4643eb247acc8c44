//! From the names and layouts of the published checkpoints to ours: which tensors make each of ours, and how.
//!
//! What the published model does not have, a log-mel spectrogram, comes from its definition.
//!
//! Folded here, so that the network never sees them: weight norm, and the batch norms between an activation and a linear
//! layer.

use std::collections::BTreeMap;

use crate::networks::deeptalk::config::LogMelConfig;
use crate::networks::deeptalk::{Config, log_mel};
use crate::{Error, Result};

/// Tensors by their published names.
pub trait Published {
    /// The numbers of a tensor that must have this shape.
    fn read(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>>;
    /// Whether there is such a tensor.
    fn has(&self, name: &str) -> bool;
}

/// The epsilon of the folded batch norms: PyTorch's default.
const BATCH_NORM_EPS: f64 = 1e-5;

/// How a tensor of ours is made.
#[derive(Debug, Clone)]
enum Recipe {
    /// The same numbers; the published shape has these extra dimensions of 1 in front and behind.
    Copy(String, usize, usize),
    /// (out, in, kernel) to (out, kernel, in).
    Taps(String),
    /// (in, out, kernel) to (kernel, out, in).
    TransposedTaps(String),
    /// `g[k] v[:, :, k] / |v[:, :, k]|`, then as `Taps`.
    WeightNormTaps(String),
    /// Rows of several, one after another.
    Rows(Vec<String>),
    /// `W diag(s)`, where the batch norm is `s x + t`.
    FoldedWeight { linear: String, norm: String },
    /// `b + W t`.
    FoldedBias { linear: String, norm: String },
    /// Follows from the sizes.
    Defined(LogMelConfig, fn(&LogMelConfig) -> Vec<f32>),
}

/// The recipes of a whole model.
pub struct Recipes {
    recipes: BTreeMap<String, Recipe>,
}

const EMOTION2VEC: &str = "sequence_decoder.DEE.audio_encoder.embedding_model";
const CONTEXT_BLOCKS: usize = 4;

impl Recipes {
    /// For every tensor of a model of these sizes.
    pub fn new(config: &Config) -> Self {
        let mut r = Self { recipes: BTreeMap::new() };
        r.content(config);
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

    /// The numbers of one of our tensors.
    ///
    /// # Errors
    /// What the published tensors say: missing, or of another shape.
    pub fn make(&self, name: &str, shape: &[usize], published: &dyn Published) -> Result<Vec<f32>> {
        let recipe = self.recipes.get(name).ok_or_else(|| {
            Error::Usage(format!(
                "the published checkpoints have nothing that the tensor `{name}` could be made of"
            ))
        })?;
        match recipe {
            Recipe::Copy(from, before, after) => {
                let ones = |count: &usize| std::iter::repeat_n(1, *count);
                let shape: Vec<usize> =
                    ones(before).chain(shape.iter().copied()).chain(ones(after)).collect();
                published.read(from, &shape)
            }
            Recipe::Taps(from) => {
                let [out, kernel, input] = three(shape);
                Ok(permute(&published.read(from, &[out, input, kernel])?, [out, input, kernel], [0, 2, 1]))
            }
            Recipe::TransposedTaps(from) => {
                let [kernel, out, input] = three(shape);
                Ok(permute(&published.read(from, &[input, out, kernel])?, [input, out, kernel], [2, 1, 0]))
            }
            Recipe::WeightNormTaps(from) => weight_norm(from, three(shape), published),
            Recipe::Rows(from) => {
                let mut part = shape.to_vec();
                part[0] /= from.len();
                let parts: Result<Vec<_>> = from.iter().map(|name| published.read(name, &part)).collect();
                Ok(parts?.concat())
            }
            Recipe::FoldedWeight { linear, norm } => {
                let mut weight = published.read(&format!("{linear}.weight"), shape)?;
                let (scale, _) = batch_norm(norm, shape[1], published)?;
                for row in weight.chunks_exact_mut(shape[1]) {
                    row.iter_mut().zip(&scale).for_each(|(w, s)| *w = (f64::from(*w) * s) as f32);
                }
                Ok(weight)
            }
            Recipe::FoldedBias { linear, norm } => {
                let width = shape[0];
                let weight = published.read(&format!("{linear}.weight"), &[width, width])?;
                let bias = published.read(&format!("{linear}.bias"), &[width])?;
                let (_, shift) = batch_norm(norm, width, published)?;
                let folded = bias.iter().zip(weight.chunks_exact(width)).map(|(b, row)| {
                    let moved: f64 = row.iter().zip(&shift).map(|(w, t)| f64::from(*w) * t).sum();
                    (f64::from(*b) + moved) as f32
                });
                Ok(folded.collect())
            }
            Recipe::Defined(config, definition) => Ok(definition(config)),
        }
    }

    fn put(&mut self, ours: String, recipe: Recipe) {
        self.recipes.insert(ours, recipe);
    }

    fn copy(&mut self, ours: &str, theirs: &str) {
        self.put(ours.into(), Recipe::Copy(theirs.into(), 0, 0));
    }

    fn linear(&mut self, ours: &str, theirs: &str) {
        for part in ["weight", "bias"] {
            self.copy(&format!("{ours}.{part}"), &format!("{theirs}.{part}"));
        }
    }

    fn conv(&mut self, ours: &str, theirs: &str) {
        self.put(format!("{ours}.weight"), Recipe::Taps(format!("{theirs}.weight")));
        self.copy(&format!("{ours}.bias"), &format!("{theirs}.bias"));
    }

    fn conv_transpose(&mut self, ours: &str, theirs: &str) {
        self.put(format!("{ours}.weight"), Recipe::TransposedTaps(format!("{theirs}.weight")));
        self.copy(&format!("{ours}.bias"), &format!("{theirs}.bias"));
    }

    fn log_mel(&mut self, ours: &str, config: Option<LogMelConfig>) {
        let Some(config) = config else { return };
        self.put(format!("{ours}.log_mel.basis"), Recipe::Defined(config, log_mel::basis));
        self.put(format!("{ours}.log_mel.bands"), Recipe::Defined(config, log_mel::bands));
    }

    fn content(&mut self, config: &Config) {
        self.log_mel("content", config.content.log_mel);
        let encoder = "audio_model.model.encoder";
        for index in 0..config.content.conv.len() {
            let from = format!("audio_model.model.feature_extractor.conv_layers.{index}");
            self.put(format!("content.conv.{index}.weight"), Recipe::Taps(format!("{from}.conv.weight")));
            if index == 0 {
                self.linear("content.conv.0.norm", &format!("{from}.layer_norm"));
            }
        }
        self.linear("content.projection_norm", "audio_model.model.feature_projection.layer_norm");
        self.linear("content.projection", "audio_model.model.feature_projection.projection");
        let positional = format!("{encoder}.pos_conv_embed.conv");
        self.copy("content.positional.bias", &format!("{positional}.bias"));
        self.put("content.positional.weight".into(), Recipe::WeightNormTaps(positional));
        self.linear("content.norm", &format!("{encoder}.layer_norm"));
        for index in 0..config.content.transformer.layers {
            let (ours, theirs) = (format!("content.layers.{index}"), format!("{encoder}.layers.{index}"));
            for part in ["weight", "bias"] {
                let rows = ["q", "k", "v"].map(|which| format!("{theirs}.attention.{which}_proj.{part}"));
                self.put(format!("{ours}.qkv.{part}"), Recipe::Rows(rows.into()));
            }
            self.linear(&format!("{ours}.out"), &format!("{theirs}.attention.out_proj"));
            self.linear(&format!("{ours}.norm1"), &format!("{theirs}.layer_norm"));
            self.linear(&format!("{ours}.up"), &format!("{theirs}.feed_forward.intermediate_dense"));
            self.linear(&format!("{ours}.down"), &format!("{theirs}.feed_forward.output_dense"));
            self.linear(&format!("{ours}.norm2"), &format!("{theirs}.final_layer_norm"));
        }
        self.linear("content.output", "sequence_encoder.linear");
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

    /// Layers of PyTorch's own transformer.
    fn torch_layers(&mut self, ours: &str, theirs: &str, count: usize) {
        for index in 0..count {
            let (ours, theirs) = (format!("{ours}.{index}"), format!("{theirs}.layers.{index}"));
            for part in ["weight", "bias"] {
                self.copy(&format!("{ours}.qkv.{part}"), &format!("{theirs}.self_attn.in_proj_{part}"));
            }
            self.linear(&format!("{ours}.out"), &format!("{theirs}.self_attn.out_proj"));
            self.linear(&format!("{ours}.norm1"), &format!("{theirs}.norm1"));
            self.linear(&format!("{ours}.up"), &format!("{theirs}.linear1"));
            self.linear(&format!("{ours}.down"), &format!("{theirs}.linear2"));
            self.linear(&format!("{ours}.norm2"), &format!("{theirs}.norm2"));
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

    fn folded(&mut self, ours: &str, linear: &str, norm: &str) {
        let (linear, norm) = (linear.to_owned(), norm.to_owned());
        let bias = Recipe::FoldedBias { linear: linear.clone(), norm: norm.clone() };
        self.put(format!("{ours}.linear.bias"), bias);
        self.put(format!("{ours}.linear.weight"), Recipe::FoldedWeight { linear, norm });
    }
}

fn three(shape: &[usize]) -> [usize; 3] {
    [0, 1, 2].map(|axis| shape.get(axis).copied().unwrap_or(1))
}

/// Axis `i` of the result is axis `order[i]` of the input.
fn permute(values: &[f32], shape: [usize; 3], order: [usize; 3]) -> Vec<f32> {
    let strides = [shape[1] * shape[2], shape[2], 1];
    let mut result = Vec::with_capacity(values.len());
    for a in 0..shape[order[0]] {
        for b in 0..shape[order[1]] {
            let from = a * strides[order[0]] + b * strides[order[1]];
            result.extend((0..shape[order[2]]).map(|c| values[from + c * strides[order[2]]]));
        }
    }
    result
}

/// Weight norm over the last dimension: its two tensors have one name in older and another in newer PyTorch.
fn weight_norm(conv: &str, [out, kernel, input]: [usize; 3], published: &dyn Published) -> Result<Vec<f32>> {
    let newer = format!("{conv}.parametrizations.weight.original");
    let older = [format!("{conv}.weight_g"), format!("{conv}.weight_v")];
    let [g, v] = if published.has(&older[0]) { older } else { [format!("{newer}0"), format!("{newer}1")] };
    let g = published.read(&g, &[1, 1, kernel])?;
    let mut v = published.read(&v, &[out, input, kernel])?;
    let mut squares = vec![0f64; kernel];
    for taps in v.chunks_exact(kernel) {
        squares.iter_mut().zip(taps).for_each(|(sum, v)| *sum += f64::from(*v).powi(2));
    }
    for taps in v.chunks_exact_mut(kernel) {
        for ((v, g), square) in taps.iter_mut().zip(&g).zip(&squares) {
            *v = (f64::from(*v) * f64::from(*g) / square.sqrt()) as f32;
        }
    }
    Ok(permute(&v, [out, input, kernel], [0, 2, 1]))
}

/// A batch norm with running statistics as `scale * x + shift`.
fn batch_norm(name: &str, width: usize, published: &dyn Published) -> Result<(Vec<f64>, Vec<f64>)> {
    let read = |part: &str| published.read(&format!("{name}.{part}"), &[width]);
    let (weight, bias) = (read("weight")?, read("bias")?);
    let (mean, variance) = (read("running_mean")?, read("running_var")?);
    let scale: Vec<f64> = weight
        .iter()
        .zip(&variance)
        .map(|(w, v)| f64::from(*w) / (f64::from(*v) + BATCH_NORM_EPS).sqrt())
        .collect();
    let shift =
        bias.iter().zip(&mean).zip(&scale).map(|((b, m), s)| f64::from(*b) - f64::from(*m) * s).collect();
    Ok((scale, shift))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::networks::model_file::tensor_shapes;

    #[test]
    fn every_tensor_of_a_model_has_a_recipe_and_every_recipe_a_tensor() {
        for config in [Config::base(), Config::tiny()] {
            let recipes = Recipes::new(&config).recipes;
            let names: Vec<String> =
                tensor_shapes(&config).unwrap().into_iter().map(|(name, _)| name).collect();
            for name in &names {
                assert!(recipes.contains_key(name), "no recipe for {name}");
            }
            assert_eq!(names.len(), recipes.len());
        }
    }

    #[test]
    fn permuting_axes_twice_gives_the_same_again() {
        let values: Vec<f32> = (0..2 * 3 * 5).map(|i| i as f32).collect();
        let there = permute(&values, [2, 3, 5], [0, 2, 1]);
        assert_eq!(there[..4], [0.0, 5.0, 10.0, 1.0]);
        assert_eq!(permute(&there, [2, 5, 3], [0, 2, 1]), values);
        let turned = permute(&values, [2, 3, 5], [2, 1, 0]);
        assert_eq!(turned[..3], [0.0, 15.0, 5.0]);
    }
}
