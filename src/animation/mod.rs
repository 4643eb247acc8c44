//! Face motion over time: what networks give, filters change, retargeting maps to other names, and files and
//! pictures show.

pub mod arkit;
mod emotion;
mod extras;
pub mod filter;
mod life;
mod rate;
pub mod resample;
mod retarget;
mod track;
mod vertices;

pub use emotion::{Easing, EmotionKey, EmotionTrack, EmotionVector, HIGHEST_STRENGTH, Mood, NamedEmotions};
pub use extras::{Elements, Extra, Extras};
pub use life::{Life, LifePart, NECK_NAMES};
pub use rate::Rate;
pub use retarget::Retarget;
pub use track::{Animation, JAW_NAMES, Parameters, Track};
pub use vertices::{ShapeTable, VertexBasis, Vertices};
