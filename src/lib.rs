//! Speech in, a moving, feeling 3D face out.
//!
//! The runtime of DEEPTalk (Kim et al., AAAI 2025, arXiv 2408.06010): from speech alone, the motion of a face at 25 frames a second whose
//! emotion fits the voice.
//!
//! ```
//! use deeptalk_rt::model::Take;
//! use deeptalk_rt::runtime::{Model, Session};
//! # use deeptalk_rt::{backend::Dtype, checkpoint::synth_model, model::Config};
//! # let folder = tempfile::tempdir().unwrap();
//! # let (model, speech) = (folder.path().join("model.safetensors"), "tests/golden/speech_a.wav");
//! # let talk = folder.path().join("talk.npz");
//! # synth_model(&model, &Config::tiny(), Dtype::F16)?;
//!
//! let model = Model::load(model)?; // shared by threads
//! let mut session = Session::new(&model); // one a voice
//! let samples = deeptalk_rt::audio::read_wav(speech, 0.0, None)?;
//! let motion = session.animate(&samples, &Take::default())?;
//! assert_eq!(motion.frames(), samples.len().div_ceil(640));
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
//! | [`audio`] | WAV in, 16 kHz mono |
//! | [`checkpoint`] | model files, and the import of published ones |
//! | [`model`] | the network, written once over [`backend::Ops`] |
//! | [`backend`] | the vocabulary of operations, and the devices that speak it |
//! | [`face`] | a rig: face parameters to vertices |
//! | [`render`] | vertices to pixels |
//! | [`export`] | a motion to files |
//! | [`verify`] | every stage against a reference |
//! | [`mod@bench`] | how fast it is |
#![deny(missing_docs)]
#![deny(unsafe_code)]

pub mod audio;
pub mod backend;
pub mod bench;
pub mod checkpoint;
mod error;
pub mod export;
pub mod face;
pub mod model;
mod motion;
pub mod render;
pub mod runtime;
pub mod verify;

pub use error::{BadInput, Error, Result};
pub use motion::Motion;
