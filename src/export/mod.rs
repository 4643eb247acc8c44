//! Motion to files, one format a file.

pub mod arkit;
pub mod curves;
pub mod glb;
pub mod html;
mod occlusion;
pub mod resample;
mod surface;
