//! Emotions: as vectors, under names, and over time.

mod file;
mod named;
mod script;
mod track;
mod vector;

pub use named::NamedEmotions;
pub use track::{Easing, EmotionKey, EmotionTrack, HIGHEST_STRENGTH, Mood};
pub use vector::EmotionVector;
