//! What programs talk to: a [`Model`] that threads share, and a [`Session`] for every voice.
//!
//! ```
//! use deeptalk_rt::runtime::{Model, Session};
//! use deeptalk_rt::networks::deeptalk::Take;
//! # use deeptalk_rt::{networks::deeptalk::{Config, synth_model}, tensor::Dtype};
//! # let folder = tempfile::tempdir().unwrap();
//! # let file = folder.path().join("model.safetensors");
//! # synth_model(&file, &Config::tiny(), Dtype::F16)?;
//!
//! let model = Model::load(&file)?;
//! let speech = deeptalk_rt::audio::read_wav("tests/golden/speech_a.wav", 0.0, None)?;
//! let mut session = Session::new(&model);
//! let motion = session.animate(&speech, &Take::default())?;
//! assert_eq!(motion.frames(), speech.len().div_ceil(640));
//! println!("{:?} of {:?} for words", session.timings().content, session.timings().total);
//! # Ok::<(), deeptalk_rt::Error>(())
//! ```
//!
//! A model is read-only: clones share it, and any number of threads may use it at once. Everything that changes - a stream's sound and
//! state, timings - belongs to a session, which one thread at a time uses. Sound is mono, f32, full scale = 1; whole recordings are at
//! 16 kHz ([`crate::audio::resample`]), streams at any rate. Frames come at 25 a second.

mod control;
mod device;
mod model;
mod rig;
mod session;
mod stream;
mod threads;

pub use control::{Control, Step, Timings};
pub use device::Device;
pub use model::{Model, ModelOptions};
pub use rig::Rig;
pub use session::Session;
pub use stream::{Frames, StreamOptions};
