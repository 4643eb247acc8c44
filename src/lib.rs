//! Speech in, a moving, feeling 3D face out.
//!
//! The runtime of DEEPTalk (Kim et al., AAAI 2025, arXiv 2408.06010): from speech alone, the motion of a face at 25 frames a second whose
//! emotion fits the voice.
//!
//! ```
//! use deeptalk_rt::backend::cpu::Cpu;
//! use deeptalk_rt::checkpoint::ModelFile;
//! use deeptalk_rt::model::Take;
//! # use deeptalk_rt::{backend::Dtype, checkpoint::synth_model, model::Config};
//! # let folder = tempfile::tempdir().unwrap();
//! # let (model, speech) = (folder.path().join("model.safetensors"), "tests/golden/speech_a.wav");
//! # let talk = folder.path().join("talk.npz");
//! # synth_model(&model, &Config::tiny(), Dtype::F16)?;
//!
//! let model = ModelFile::open(model)?.load(Cpu)?;
//! let samples = deeptalk_rt::audio::read_wav(speech, 0.0, None)?;
//! let motions = model.takes(&samples, &[Take::default()], &mut |_| Ok(()))?;
//! assert_eq!(motions[0].frames(), samples.len().div_ceil(640));
//! deeptalk_rt::export::write(talk, &motions[0], &Default::default())?;
//! # Ok::<(), deeptalk_rt::Error>(())
//! ```
//!
//! | module | what |
//! |---|---|
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
pub mod verify;

pub use error::{BadInput, Error, Result};
pub use motion::Motion;
