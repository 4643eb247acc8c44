//! The network, written once over [`crate::tensor::Ops`], in the order and the words of its papers.

pub mod bias;
pub mod config;
pub mod content;
mod deeptalk;
pub mod emotion;
mod emotion_vector;
mod hop;
mod import;
pub mod log_mel;
pub mod motion_prior;
mod pool;
pub mod predictor;
mod recipes;
mod recording;
pub mod stages;
mod synth;
pub mod weights;
mod windows;

pub use config::Config;
pub use deeptalk::{Analysis, Animated, DeepTalk};
pub use emotion_vector::EmotionVector;
pub use hop::{Hop, Hopped};
pub use import::{ImportReport, import_deeptalk};
pub use pool::sinusoidal_table;
pub use recipes::{Published, Recipes};
pub use recording::{Draw, Progress, Take};
pub use synth::{Formula, synth_model, synth_model_with};
pub use windows::ONE_PASS_SECONDS;
