//! Speech in, a moving, feeling 3D face out.
#![deny(missing_docs)]
#![warn(clippy::all)]

pub mod audio;
pub mod backend;
pub mod checkpoint;
mod error;
pub mod export;
pub mod face;
pub mod model;
mod motion;
pub mod render;
pub mod verify;

pub use error::{BadInput, Error, Result};
pub use motion::Motion;
