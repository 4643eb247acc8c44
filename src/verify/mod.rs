//! The comparison of every stage of a forward with a reference: a golden file (the published code's own numbers), or another device's
//! run of the same input.

mod compare;

use std::collections::BTreeSet;
use std::path::Path;

pub use compare::{Comparison, Limits, Row, compare};

use crate::Result;
use crate::networks::{Golden, Network, Stages};
use crate::tensor::NumberFormat;

impl Limits {
    /// The limits of a device that multiplies in this format.
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
/// A golden file that is not of this network, or has nothing to compare; sound that is missing; errors of the device.
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

/// Names that are in one and not in the other.
fn only_in(these: &Stages, those: &Stages) -> BTreeSet<String> {
    these.keys().filter(|name| !those.contains_key(*name)).cloned().collect()
}
