//! The C ABI: a thin skin over `deeptalk_rt::runtime`. `include/deeptalk.h` is made of this crate and opens with its rules.
#![deny(missing_docs)]
#![deny(unsafe_op_in_unsafe_fn)]
#![allow(non_camel_case_types)]
// The one contract of all functions, that pointers point to what their types say, stands in the header.
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
