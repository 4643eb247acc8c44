//! Every CUDA kernel on the checked emulator, in several orders of its threads, on awkward shapes, against plain loops.

mod matmul;
mod support;
