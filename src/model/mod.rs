//! The network, written once over [`crate::backend::Ops`], in the order and the words of its papers.

pub mod bias;
pub mod config;
pub mod content;
mod deeptalk;
pub mod emotion;
mod emotion_vector;
mod hop;
pub mod log_mel;
pub mod motion_prior;
mod pool;
pub mod predictor;
mod recording;
pub mod stages;
pub mod weights;
mod windows;

pub use config::Config;
pub use deeptalk::{Analysis, Animated, DeepTalk};
pub use emotion_vector::EmotionVector;
pub use hop::{Hop, Hopped};
pub use pool::sinusoidal_table;
pub use recording::{Draw, Progress, Take};
pub use windows::ONE_PASS_SECONDS;
