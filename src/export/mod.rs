//! Motion to files, one format a file.
mod atomic;
pub use atomic::AtomicFile;
