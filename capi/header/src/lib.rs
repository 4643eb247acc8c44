//! Generates the header of the C ABI from `capi/src` with cbindgen. A separate crate, so that the ABI itself
//! is built without cbindgen.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// The folder `capi` of the crate that the header declares.
pub fn capi() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The header, generated from the source.
///
/// # Panics
/// If cbindgen cannot parse the source.
pub fn made() -> String {
    let capi = capi();
    let config = cbindgen::Config::from_file(capi.join("cbindgen.toml")).expect("cbindgen.toml is good");
    let sources =
        ["status", "version", "model", "options", "progress", "motion", "session", "stream", "face"];
    let builder = sources.iter().fold(cbindgen::Builder::new().with_config(config), |builder, name| {
        builder.with_src(capi.join(format!("src/{name}.rs")))
    });
    let mut text = Vec::new();
    builder.generate().expect("cbindgen understands the source").write(&mut text);
    String::from_utf8(text).expect("a header is UTF-8")
}

/// The declarations of a header, without comments and with every run of blanks as one.
pub fn declarations(header: &str) -> String {
    let mut code = String::new();
    let mut rest = header;
    loop {
        let comment = [("/*", "*/"), ("//", "\n")].into_iter().filter_map(|(open, close)| {
            let begin = rest.find(open)?;
            let end = rest[begin + 2..].find(close).map_or(rest.len(), |end| begin + 2 + end + close.len());
            Some((begin, end))
        });
        let Some((begin, end)) = comment.min() else { break };
        code += &rest[..begin];
        code.push('\n');
        rest = &rest[end..];
    }
    code += rest;
    code.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The SHA-256 of [`declarations`], in hexadecimal.
pub fn hash(header: &str) -> String {
    Sha256::digest(declarations(header)).iter().map(|byte| format!("{byte:02x}")).collect()
}
