//! `deeptalk-rt`: the command line.

fn main() {}
