//! Motion to pictures and video: everything that needs frames drawn. [`picture::render_outputs`] is the one call.

mod apng;
mod frames;
mod gif;
pub mod picture;
mod sheet;
mod sound;
mod typeface;
mod video;
mod yuv;

pub use picture::Picture;
