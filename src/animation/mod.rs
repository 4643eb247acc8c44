//! What a network gives: face motion over time, whoever computed it.

pub mod arkit;
mod motion;
pub mod resample;

pub use motion::{JAW_NAMES, Motion};
