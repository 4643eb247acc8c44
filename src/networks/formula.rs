//! Weights that anyone can rebuild: seeded by a formula over the published names, for tests and benchmarks.

use std::path::Path;

use rayon::prelude::*;

use super::recipes::Recipe;
use super::registry::Architecture;
use super::{Golden, Progress, Provenance, Published, Recipes, write_model};
use crate::files::Written;
use crate::layers::sinusoidal_table;
use crate::tensor::Dtype;
use crate::{Error, Result};

/// Every tensor that is asked for, by the formula.
///
/// Element `i` of the tensor `name` is a number `u` in [-1, 1) from SplitMix64 with the FNV-1a hash of the
/// name as its seed, scaled so that a forward neither explodes nor dies; see the source for the scales.
pub struct Formula;

impl Published for Formula {
    fn has(&self, name: &str) -> bool {
        !name.ends_with("weight_g") && !name.ends_with("weight_v")
    }

    fn read(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let count = shape.iter().product();
        if name.ends_with("pos_enc") {
            let width = shape.last().copied().unwrap_or(1);
            return Ok(sinusoidal_table(count / width.max(1), width));
        }
        let (scale, offset) = scale_and_offset(name, shape);
        let seed = fnv1a(name);
        Ok((0..count)
            .into_par_iter()
            .with_min_len(4096)
            .map(|i| {
                let uniform = (splitmix64(seed, i as u64) >> 40) as f32 * (1.0 / (1 << 23) as f32) - 1.0;
                offset + scale * uniform
            })
            .collect())
    }
}

fn scale_and_offset(name: &str, shape: &[usize]) -> (f32, f32) {
    let last = name.rsplit('.').next().unwrap_or(name);
    let fan_in: usize = shape.iter().skip(1).product();
    if name.ends_with("running_mean") {
        (0.1, 0.0)
    } else if name.ends_with("running_var") {
        (0.5, 1.0)
    } else if name.contains("codebook") || name.contains("ema_") {
        (1.0, 0.0)
    } else if name.contains("alibi_scale") {
        (0.3, 1.0)
    } else if name.contains("extra_tokens") {
        (0.5, 0.0)
    } else if last == "weight_g" || last == "original0" {
        (0.1, 1.0)
    } else if name.ends_with("out_proj.weight") || name.ends_with("attn.proj.weight") {
        ((0.3 * (3.0 / shape[1] as f64).sqrt()) as f32, 0.0)
    } else if shape.len() >= 2 {
        let gain = if name.contains("conv_layers") { 1.5 } else { 1.0 };
        ((gain * (3.0 / fan_in as f64).sqrt()) as f32, 0.0)
    } else if last == "bias" || last.starts_with("bias_") {
        (0.02, 0.0)
    } else if last == "weight" {
        (0.1, 1.0)
    } else {
        (0.1, 0.0)
    }
}

fn fnv1a(name: &str) -> u64 {
    name.bytes()
        .fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3))
}

fn splitmix64(seed: u64, index: u64) -> u64 {
    let z = seed.wrapping_add(index.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Writes a model of this configuration with weights from the formula; `progress` is told before every
/// tensor, and what it returns as an error ends the work.
///
/// # Errors
/// A configuration that contradicts itself; errors of the disk and of `progress`.
pub fn synth_model(
    path: &Path,
    architecture: &Architecture,
    config: &str,
    dtype: Dtype,
    progress: &mut dyn FnMut(Progress) -> Result<()>,
) -> Result<Written> {
    synth(path, architecture, config, (architecture.recipes)(config)?, dtype, progress)
}

/// Writes the model that a golden file was made with: of the file's own configuration and tables, with
/// weights from the formula.
///
/// # Errors
/// [`Error::BadInput`] for a golden file of no known architecture; as [`synth_model`].
pub fn synth_model_of(
    path: &Path,
    golden: &Golden,
    dtype: Dtype,
    progress: &mut dyn FnMut(Progress) -> Result<()>,
) -> Result<Written> {
    let of = |known: &&'static Architecture| Some((*known, (known.model_of)(golden)?));
    let (architecture, model) = super::ARCHITECTURES.iter().find_map(of).ok_or_else(|| {
        let known: Vec<&str> = super::ARCHITECTURES.iter().map(|known| known.name).collect();
        Error::bad_input(
            golden.path(),
            "does not say which model it was made with",
            format!("a golden file of {}", known.join(" or ")),
            "stages or a configuration of none of them",
            "give a golden file with its configuration, or choose the sizes by name",
        )
    })?;
    let mut recipes = (architecture.recipes)(&model.config)?;
    for (name, table) in model.tables {
        recipes.put(name, Recipe::Given(table.into_iter().map(|index| index as f32).collect()));
    }
    synth(path, architecture, &model.config, recipes, dtype, progress)
}

fn synth(
    path: &Path,
    architecture: &Architecture,
    config: &str,
    recipes: Recipes,
    dtype: Dtype,
    progress: &mut dyn FnMut(Progress) -> Result<()>,
) -> Result<Written> {
    let provenance = Provenance {
        source: "made by a formula: for tests and benchmarks, it was never trained".into(),
        license: "CC0-1.0".into(),
    };
    let mut state = Progress { done: 0, total: recipes.len() };
    write_model(path, architecture, config, &provenance, dtype, |name, shape| {
        progress(state)?;
        state.done += 1;
        recipes.make(name, shape, &Formula)
    })
}
