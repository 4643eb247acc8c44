//! Every CUDA kernel on the checked emulator, in several orders of its threads, on awkward shapes, against
//! plain loops.

mod attention;
mod attention_over;
mod barriers;
mod codes;
mod conv;
mod gpu;
mod launches;
mod matmul;
mod norm;
mod pool;
mod rows;
mod skin;
mod spectrum;
mod stack;
mod support;
mod traffic;
