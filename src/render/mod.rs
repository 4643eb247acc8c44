//! Vertices to pixels.
