"""The network of deeptalk-rt in PyTorch: what the Rust code computes, to train it."""
