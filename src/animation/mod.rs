//! Face motion over time: what networks give, filters change, retargeting maps to other names, and files and pictures show.

pub mod arkit;
mod extras;
mod rate;
pub mod resample;
mod track;

pub use extras::{Elements, Extra, Extras};
pub use rate::Rate;
pub use track::{Animation, JAW_NAMES, Parameters, Track, Vertices};
