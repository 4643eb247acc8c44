//! Speech in, an emotional 3D face animation out.
//!
//! The runtime of DEEPTalk (Kim et al., AAAI 2025, arXiv 2408.06010): from speech alone, the motion of a face
//! at 25 frames a second whose emotion fits the voice.
//!
//! ```
//! use deeptalk_rt::runtime::{Model, Session, Take};
//! # use deeptalk_rt::{networks::deeptalk::{Config, synth_model}, tensor::Dtype};
//! # let folder = tempfile::tempdir().unwrap();
//! # let (model, speech) = (folder.path().join("model.safetensors"), "tests/golden/speech_a.wav");
//! # let talk = folder.path().join("talk.npz");
//! # synth_model(&model, &Config::tiny(), Dtype::F16)?;
//!
//! let model = Model::load(model)?; // shared by threads
//! let mut session = Session::new(&model); // one a voice
//! let samples = deeptalk_rt::audio::read_sound(speech, 0.0, None)?;
//! let motion = session.animate(&samples, &Take::default())?;
//! assert_eq!(motion.frames(), model.spec().frames_for(samples.len()));
//! deeptalk_rt::export::write(talk, &motion, &Default::default())?;
//!
//! // The same as a stream: sound in pieces of any size, frames as soon as they can be known.
//! let mut shown = 0;
//! for piece in samples.chunks(1_000) {
//!     session.push(piece)?;
//!     shown += session.poll().count();
//! }
//! session.finish()?;
//! assert_eq!(shown + session.poll().count(), motion.frames());
//! # Ok::<(), deeptalk_rt::Error>(())
//! ```
//!
//! Programs talk to [`runtime`]; the modules below it are for those who look into the network or add to it.
//!
//! | module | what |
//! |---|---|
//! | [`runtime`] | models that threads share, sessions, streams |
//! | [`networks`] | the networks, each written once over the operations of [`tensor`], and model files |
//! | [`layers`] | building blocks that networks share |
//! | [`tensor`] | the tensor operations, and the devices that implement them |
//! | [`audio`] | WAV in, 16 kHz mono |
//! | [`animation`] | face motion over time, retargeting, resampling |
//! | [`rig`] | a face: parameters to vertices |
//! | [`render`] | vertices to pixels |
//! | [`encode`] | a motion to pictures and video |
//! | [`export`] | a motion to data files |
//! | [`files`] | atomic writes, safetensors, NumPy, pickles, torch archives |
//! | [`verify`] | every stage against a reference |
//! | [`mod@bench`] | measured speed |
#![deny(missing_docs)]
#![deny(unsafe_code)]

pub mod animation;
pub mod audio;
pub mod bench;
pub mod encode;
mod error;
pub mod export;
pub mod files;
pub mod layers;
pub mod networks;
pub mod render;
pub mod rig;
pub mod runtime;
pub mod tensor;
pub mod verify;

pub use error::{Advice, BadInput, Error, Result};
