//! Puts this package's half of the model into the build folder: from the package itself, or cut from the
//! model of the repository.

use std::path::PathBuf;
use std::{env, fs};

fn main() {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap());
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap()).join("part.bin");
    let whole = here.join("../../default.safetensors");
    println!("cargo:rerun-if-changed=build.rs");
    let part = if whole.exists() {
        println!("cargo:rerun-if-changed={}", whole.display());
        let bytes = fs::read(whole).unwrap();
        let (first, second) = bytes.split_at(bytes.len() / 2);
        if env::var("CARGO_PKG_NAME").unwrap().ends_with("-1") { first.to_vec() } else { second.to_vec() }
    } else {
        println!("cargo:rerun-if-changed=part.bin");
        fs::read(here.join("part.bin")).unwrap()
    };
    fs::write(out, part).unwrap();
}
