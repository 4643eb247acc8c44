"""The network of deeptalk-rt in PyTorch, for training: the same computation as the Rust code."""
