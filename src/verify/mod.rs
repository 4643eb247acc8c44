//! The comparison of each stage of a forward with a reference: a golden file (values of the published code),
//! or the run of another device on the same input.

mod compare;

use std::collections::BTreeSet;
use std::path::Path;

pub use compare::{Comparison, Limits, Row, compare};

use crate::Result;
use crate::networks::{Golden, Network, Stages};
use crate::tensor::NumberFormat;

impl Limits {
    /// The limits of a device whose products have this format.
    pub fn of(format: NumberFormat) -> Self {
        match format {
            NumberFormat::F32 => Self::F32,
            NumberFormat::F16 => Self::F16,
            NumberFormat::Bf16 => Self::BF16,
        }
    }
}

/// Compares a network with a golden file.
///
/// # Errors
/// A golden file of another network, or without comparable stages; missing sound; errors of the device.
pub fn against_golden(network: &dyn Network, golden: &Golden, limits: Limits) -> Result<Comparison> {
    let stages = network.replay(golden)?;
    Ok(compare(&stages, &golden.reference(network.spec())?, network.spec(), limits))
}

/// Compares a network with the golden file at a path, f32 against f32.
///
/// # Errors
/// As [`Golden::open`] and [`against_golden`].
pub fn against_golden_file(network: &dyn Network, path: &Path) -> Result<Comparison> {
    against_golden(network, &Golden::open(path)?, Limits::F32)
}

/// Names that are only in `these`.
fn only_in(these: &Stages, those: &Stages) -> BTreeSet<String> {
    these.keys().filter(|name| !those.contains_key(*name)).cloned().collect()
}
