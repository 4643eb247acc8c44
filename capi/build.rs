//! Sets the soname of the shared library, so that a program loads only a library with the ABI it was linked
//! with.

fn main() {
    let version = std::env::var("CARGO_PKG_VERSION").unwrap_or_default();
    let mut parts = version.split('.');
    let (major, minor) = (parts.next().unwrap_or("0"), parts.next().unwrap_or("0"));
    // Before 1.0 every minor version is a separate ABI.
    let abi = if major == "0" { format!("0.{minor}") } else { major.to_owned() };
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libdeeptalk.so.{abi}");
    }
    println!("cargo:rerun-if-changed=build.rs");
}
