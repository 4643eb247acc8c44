//! The C ABI: thin wrappers of `deeptalk_rt::runtime`. `include/deeptalk.h` is generated from this crate and
//! begins with the rules of the ABI.
#![deny(missing_docs)]
#![deny(unsafe_op_in_unsafe_fn)]
#![allow(non_camel_case_types)]
// All functions have the same contract, which the header states: pointers point to what their types say.
#![allow(clippy::missing_safety_doc)]

mod face;
mod handle;
mod model;
mod motion;
mod options;
mod progress;
mod session;
mod status;
mod stream;
mod text;
mod version;

pub use face::*;
pub use model::*;
pub use motion::*;
pub use options::*;
pub use progress::*;
pub use session::*;
pub use status::*;
pub use stream::*;
pub use version::*;
