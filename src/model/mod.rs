//! The network, written once over [`crate::backend`].
