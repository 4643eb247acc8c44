//! From the names and layouts of the published checkpoints to ours: which tensors make each of ours, and how.
//!
//! What the published model does not have, a log-mel spectrogram, comes from its definition.
//!
//! Folded here, so that the network never sees them: weight norm, and the batch norms between an activation
//! and a linear layer.

use std::collections::BTreeMap;

use crate::layers::log_mel::{self, LogMelConfig};
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
pub(super) enum Recipe {
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
    /// The same numbers times a factor.
    Scaled(String, f32),
    /// Some rows, from `first` on, of a tensor of `of` rows.
    Part { from: String, first: usize, of: usize },
    /// These numbers.
    Given(Vec<f32>),
    /// Follows from the sizes.
    Defined(LogMelConfig, fn(&LogMelConfig) -> Vec<f32>),
}

/// The recipes of a whole model.
#[derive(Debug, Default)]
pub struct Recipes {
    recipes: BTreeMap<String, Recipe>,
}

impl Recipes {
    /// No recipes yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of recipes: one for each tensor of a model.
    pub fn len(&self) -> usize {
        self.recipes.len()
    }

    /// True if there is a recipe for this tensor of a model.
    pub fn has(&self, name: &str) -> bool {
        self.recipes.contains_key(name)
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.recipes.is_empty()
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
            Recipe::Scaled(from, factor) => {
                let mut values = published.read(from, shape)?;
                values.iter_mut().for_each(|value| *value *= factor);
                Ok(values)
            }
            Recipe::Part { from, first, of } => {
                let row: usize = shape[1..].iter().product();
                let whole: Vec<usize> = std::iter::once(*of).chain(shape[1..].iter().copied()).collect();
                Ok(published.read(from, &whole)?[first * row..][..shape[0] * row].to_vec())
            }
            Recipe::Given(values) => Ok(values.clone()),
            Recipe::Defined(config, definition) => Ok(definition(config)),
        }
    }

    pub(super) fn put(&mut self, ours: String, recipe: Recipe) {
        self.recipes.insert(ours, recipe);
    }

    pub(super) fn copy(&mut self, ours: &str, theirs: &str) {
        self.put(ours.into(), Recipe::Copy(theirs.into(), 0, 0));
    }

    pub(super) fn linear(&mut self, ours: &str, theirs: &str) {
        for part in ["weight", "bias"] {
            self.copy(&format!("{ours}.{part}"), &format!("{theirs}.{part}"));
        }
    }

    pub(super) fn conv(&mut self, ours: &str, theirs: &str) {
        self.put(format!("{ours}.weight"), Recipe::Taps(format!("{theirs}.weight")));
        self.copy(&format!("{ours}.bias"), &format!("{theirs}.bias"));
    }

    pub(super) fn conv_transpose(&mut self, ours: &str, theirs: &str) {
        self.put(format!("{ours}.weight"), Recipe::TransposedTaps(format!("{theirs}.weight")));
        self.copy(&format!("{ours}.bias"), &format!("{theirs}.bias"));
    }

    pub(super) fn log_mel(&mut self, ours: &str, config: Option<LogMelConfig>) {
        let Some(config) = config else { return };
        self.put(format!("{ours}.log_mel.basis"), Recipe::Defined(config, log_mel::basis));
        self.put(format!("{ours}.log_mel.bands"), Recipe::Defined(config, log_mel::bands));
    }

    /// The encoder of [`Wav2vec`](crate::layers::wav2vec::Wav2vec) at the place `ours`, from the names of
    /// `transformers`.
    pub(super) fn wav2vec(&mut self, ours: &str, theirs: &str, convolutions: usize, layers: usize) {
        for index in 0..convolutions {
            let from = format!("{theirs}.feature_extractor.conv_layers.{index}");
            self.put(format!("{ours}.conv.{index}.weight"), Recipe::Taps(format!("{from}.conv.weight")));
            if index == 0 {
                self.linear(&format!("{ours}.conv.0.norm"), &format!("{from}.layer_norm"));
            }
        }
        let projection = format!("{theirs}.feature_projection");
        self.linear(&format!("{ours}.projection_norm"), &format!("{projection}.layer_norm"));
        self.linear(&format!("{ours}.projection"), &format!("{projection}.projection"));
        let encoder = format!("{theirs}.encoder");
        let positional = format!("{encoder}.pos_conv_embed.conv");
        self.copy(&format!("{ours}.positional.bias"), &format!("{positional}.bias"));
        self.put(format!("{ours}.positional.weight"), Recipe::WeightNormTaps(positional));
        self.linear(&format!("{ours}.norm"), &format!("{encoder}.layer_norm"));
        for index in 0..layers {
            let (ours, theirs) = (format!("{ours}.layers.{index}"), format!("{encoder}.layers.{index}"));
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
    }

    /// Layers of PyTorch's own transformer.
    pub(super) fn torch_layers(&mut self, ours: &str, theirs: &str, count: usize) {
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

    pub(super) fn folded(&mut self, ours: &str, linear: &str, norm: &str) {
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
