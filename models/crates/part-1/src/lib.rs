//! The first half of the model that is built into `deeptalk-rt`. A registry limits the size of a package, so
//! the model comes in two.
#![no_std]

/// The bytes of this half.
pub const PART: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/part.bin"));
