//! The interface for programs: a [`Model`] that threads share, and a [`Session`] for every voice.
//!
//! ```
//! use deeptalk_rt::runtime::{Model, Session, Take};
//! # use deeptalk_rt::{networks::deeptalk::{Config, synth_model}, tensor::Dtype};
//! # let folder = tempfile::tempdir().unwrap();
//! # let file = folder.path().join("model.safetensors");
//! # synth_model(&file, &Config::tiny(), Dtype::F16)?;
//!
//! let model = Model::load(&file)?;
//! let speech = deeptalk_rt::audio::read_sound("tests/golden/speech_a.wav", 0.0, None)?;
//! let mut session = Session::new(&model);
//! let motion = session.animate(&speech, &Take::default())?;
//! assert_eq!(motion.frames(), model.spec().frames_for(speech.len()));
//! println!("{:?} of {:?} for words", session.timings().part("content"), session.timings().total);
//! # Ok::<(), deeptalk_rt::Error>(())
//! ```
//!
//! A model is read-only: clones share it, and any number of threads may use it at once. Everything that
//! changes - a stream's sound and state, timings - belongs to a session, which one thread at a time uses.
//! Sound is mono, f32, full scale = 1; whole recordings are at the sample rate of the network ([`Spec`]),
//! streams at any rate.

mod model;
mod rig;
mod session;
mod threads;

pub use model::{Model, ModelOptions};
pub use session::Session;

pub use crate::animation::{EmotionTrack, NamedEmotions};
pub use crate::networks::{
    Control, Draw, EmotionVector, Frames, Progress, Spec, Step, StreamOptions, Take, Timings,
};
pub use crate::tensor::Device;
