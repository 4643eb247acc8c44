//! The header is what the source says, and does not change without a new version.

use deeptalk_capi_header::{capi, hash, made};

fn text(name: &str) -> String {
    std::fs::read_to_string(capi().join(name)).unwrap()
}

#[test]
fn the_header_is_what_the_source_says() {
    let made = made();
    let path = capi().join("include/deeptalk.h");
    if std::env::var_os("DEEPTALK_WRITE_HEADER").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    assert!(
        std::fs::read_to_string(&path).unwrap_or_default() == made,
        "include/deeptalk.h is not what src says: make it anew with DEEPTALK_WRITE_HEADER=1 cargo test -p deeptalk-capi-header"
    );
}

#[test]
fn the_header_does_not_change_without_a_new_version() {
    let manifest = text("Cargo.toml");
    let version =
        manifest.lines().find_map(|line| line.strip_prefix("version = \"")?.strip_suffix('"')).unwrap();
    let history = text("abi-versions.txt");
    let lines: Vec<(&str, &str)> = history
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_once(' ').unwrap())
        .collect();
    let number =
        |version: &str| -> Vec<u32> { version.split('.').map(|part| part.parse().unwrap()).collect() };
    assert!(lines.windows(2).all(|pair| number(pair[0].0) < number(pair[1].0)), "versions rise");
    let now = hash(&text("include/deeptalk.h"));
    assert_eq!(
        lines.last().copied(),
        Some((version, now.as_str())),
        "the header's declarations are not those of the last version: raise the version of the C ABI as abi-versions.txt says, and add \
         its line there: {version} {now}"
    );
    // The version that programs see is the same.
    let source = text("src/version.rs");
    for (name, value) in ["DT_ABI_MAJOR", "DT_ABI_MINOR"].into_iter().zip(number(version)) {
        assert!(source.contains(&format!("pub const {name}: u32 = {value};")), "{name} is not {value}");
    }
}

#[test]
fn a_changed_declaration_is_seen_and_a_changed_comment_is_not() {
    let header = text("include/deeptalk.h");
    assert_eq!(hash(&header), hash(&format!("// something new\n{}", header.replace("/* ", "/*  other "))));
    let changed = header.replacen("size_t count", "uint32_t count", 1);
    assert!(changed != header && hash(&changed) != hash(&header));
}

#[test]
fn thread_rules_stand_at_every_function() {
    let mut functions = 0;
    for name in ["version", "status", "model", "options", "session", "stream", "motion", "face"] {
        let mut comment = String::new();
        for line in text(&format!("src/{name}.rs")).lines() {
            match line.trim_start() {
                line if line.starts_with("///") => comment += line,
                line if line.starts_with("#[unsafe(no_mangle)]") => {
                    functions += 1;
                    assert!(comment.contains("Thread rules: "), "{name}.rs: {comment}");
                }
                _ => comment.clear(),
            }
        }
    }
    assert!(functions > 25, "{functions}");
    assert!(text("src/progress.rs").contains("Thread rules: "));
}
