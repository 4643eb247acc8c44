//! A rig: face parameters to vertices.
