//! Encoders of pictures and video. [`picture::render_outputs`] draws a scene and writes all files in one
//! pass.

mod apng;
mod changes;
mod edits;
mod frames;
mod gif;
pub mod picture;
mod scene;
mod sheet;
mod sound;
mod typeface;
mod video;
mod yuv;

pub use picture::Picture;
pub use sound::SoundCodec;
