//! The CUDA back end on the stand-in driver: the whole network through the program's own device code, on a
//! machine without a GPU.

mod attention;
mod errors;
mod memory;
mod network;
mod overlap;
mod published;
mod skin;
mod stack;
mod stand_in;
mod stream;
