//! The architecture of the crate, checked from its source: the rooms that each room may use, and that no room
//! outside `networks` names a network. `docs/architecture.md` has the picture.
//!
//! A room is a folder of `src`. The checks read tokens, so comments and doc tests may contain any name; unit
//! tests inside `src` obey the same rules as the code of their file.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Every room with the rooms that it may use, from the bottom up: a room may use only rooms above it in this
/// table, so there is no circle. Every room may use `error`.
const ROOMS: &[(&str, &[&str])] = &[
    ("files", &[]),
    ("audio", &["files"]),
    ("tensor", &["files"]),
    ("layers", &["tensor", "audio"]),
    ("animation", &["files"]),
    ("networks", &["layers", "tensor", "audio", "animation", "files"]),
    ("rig", &["tensor", "animation", "files"]),
    ("render", &["rig"]),
    ("encode", &["render", "rig", "animation", "audio", "files"]),
    ("export", &["encode", "render", "rig", "animation", "audio", "files"]),
    (
        "runtime",
        &["networks", "layers", "tensor", "audio", "animation", "rig", "render", "encode", "export", "files"],
    ),
    ("verify", &["runtime", "networks", "tensor", "audio", "animation", "files"]),
    ("bench", &["verify", "runtime", "networks", "layers", "tensor", "audio", "animation", "files"]),
];

/// Rooms of the program, which may use every room of the library.
const PROGRAM: &[&str] = &["cli"];

/// Files of `src` that belong to no room.
const ROOMLESS: &[&str] = &["lib.rs", "main.rs", "error.rs"];

/// Identifiers, numbers and one-word strings that belong to a network, beside the names of the folders in
/// `src/networks`.
const NETWORK_WORDS: &[(&str, &str)] = &[
    ("DeepTalk", "a type of one network"),
    ("codes_t", "a codebook of one network"),
    ("codes_b", "a codebook of one network"),
    ("25.0", "a number of frames per second"),
    ("640", "the samples of a frame at 25 frames per second"),
];

#[test]
fn rooms_use_only_the_rooms_below_them() {
    let source = Source::read();
    let mut broken = String::new();
    for file in &source.files {
        let Some((room, allowed)) = ROOMS.iter().find(|(room, _)| *room == file.room()) else { continue };
        for used in &file.paths {
            let target = source.room_of(used);
            if target == *room || target == "error" || allowed.contains(&target.as_str()) {
                continue;
            }
            let place = format!("{}:{}", file.name, used.line);
            let path = used.segments.join("::");
            match ROOMS.iter().any(|(known, _)| *known == target) {
                true => writeln!(
                    broken,
                    "{place}: `{room}` uses `{target}` (`crate::{path}`), but may use only: {}",
                    if allowed.is_empty() { "no other room".into() } else { allowed.join(", ") }
                ),
                false => writeln!(broken, "{place}: `crate::{path}` is in no room of this test's table"),
            }
            .unwrap();
        }
    }
    assert!(broken.is_empty(), "arrows against the direction of docs/architecture.md:\n{broken}");
}

#[test]
fn every_folder_of_the_source_is_a_room_of_the_table() {
    let source = Source::read();
    let found: BTreeSet<&str> = source.files.iter().map(File::room).filter(|room| !room.is_empty()).collect();
    for room in found {
        let known = ROOMS.iter().map(|(room, _)| room).chain(PROGRAM).any(|known| *known == room);
        assert!(known, "`src/{room}` is in no table of tests/architecture.rs: say which rooms it may use");
    }
    for (index, (room, allowed)) in ROOMS.iter().enumerate() {
        for used in *allowed {
            let below = ROOMS[..index].iter().any(|(lower, _)| lower == used);
            assert!(
                below,
                "the table lets `{room}` use `{used}`, which does not stand above it in the table"
            );
        }
    }
}

/// Between a module and its children the arrow goes both ways in Rust (`pub use`, `super::`); between
/// siblings it goes one way. Unit tests may use both.
#[test]
fn no_two_modules_of_a_room_use_each_other() {
    let source = Source::read();
    let modules: BTreeSet<&[String]> = source.files.iter().map(|file| file.module.as_slice()).collect();
    // By parent: an arrow from one child to another, and a place where the first uses the second.
    let mut arrows: BTreeMap<&[String], BTreeMap<(&str, &str), String>> = BTreeMap::new();
    for file in source.files.iter().filter(|file| !file.module.is_empty()) {
        for used in file.paths.iter().filter(|used| !used.in_tests) {
            let owner = (0..=used.segments.len()).rev().map(|n| &used.segments[..n]);
            let Some(owner) = owner.into_iter().find(|module| modules.contains(module)) else { continue };
            let shared = file.module.iter().zip(owner).take_while(|(a, b)| a == b).count();
            if shared == 0 || shared == file.module.len() || shared == owner.len() {
                continue;
            }
            arrows
                .entry(&file.module[..shared])
                .or_default()
                .entry((&file.module[shared], &owner[shared]))
                .or_insert_with(|| format!("{}:{}", file.name, used.line));
        }
    }
    let mut broken = String::new();
    for (parent, arrows) in &arrows {
        let reached = |from: &str| {
            let mut reached = BTreeSet::new();
            let mut open = vec![from.to_owned()];
            while let Some(at) = open.pop() {
                let next = arrows.keys().filter(|(a, _)| *a == at).map(|(_, b)| (*b).to_owned());
                open.extend(next.filter(|b| reached.insert(b.clone())));
            }
            reached
        };
        for ((from, to), place) in arrows {
            if reached(to).contains(*from) {
                let parent = parent.join("::");
                writeln!(broken, "{place}: `{parent}::{from}` uses `{to}`, which leads back to it").unwrap();
            }
        }
    }
    assert!(broken.is_empty(), "modules in a circle:\n{broken}");
}

#[test]
fn no_room_but_networks_names_a_network() {
    let source = Source::read();
    let folders: Vec<String> = std::fs::read_dir(root().join("src/networks"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    let mut broken = String::new();
    for file in source.files.iter().filter(|file| file.room() != "networks") {
        for Word { line, text } in &file.words {
            let meaning = match NETWORK_WORDS.iter().find(|(word, _)| word == text) {
                Some((_, meaning)) => meaning,
                None if folders.contains(text) => "the name of a network",
                None => continue,
            };
            writeln!(broken, "{}:{line}: `{text}` is {meaning}", file.name).unwrap();
        }
    }
    assert!(broken.is_empty(), "facts of a network outside `networks`:\n{broken}");
}

#[test]
fn paths_and_words_are_found_in_all_their_forms() {
    let text = "//! crate::none and 640
        use crate::{audio::{self, wav::Wav}, Error}; use super::sibling::Thing;
        /// deeptalk::Config
        mod tests { use super::super::other; fn f() { crate::tensor::cpu::g::<u8>(25.0f32, 640_usize, \"codes_t\") } }
        const A: &str = \"640 samples of codes_t are prose\";";
    let file = File::parse("src/rig/mod.rs", text);
    let paths: Vec<String> = file.paths.iter().map(|path| path.segments.join("::")).collect();
    assert_eq!(
        paths,
        ["audio", "audio::wav::Wav", "Error", "sibling::Thing", "other", "tensor::cpu::g"],
        "`super` of src/rig/mod.rs is the crate's root"
    );
    let words: Vec<&str> = file.words.iter().map(|word| word.text.as_str()).collect();
    for word in ["25.0", "640", "codes_t"] {
        assert_eq!(words.iter().filter(|found| **found == word).count(), 1, "{word}: {words:?}");
    }
    assert!(!words.contains(&"deeptalk"));
    assert_eq!(File::parse("src/rig/a/b.rs", "use super::super::c::D;").paths[0].segments, ["rig", "c", "D"]);
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A path from the crate's root, and the place of its use.
struct Used {
    line: usize,
    segments: Vec<String>,
    /// True if the place is in the file's unit tests.
    in_tests: bool,
}

/// An identifier, a number without its suffix, or a string of one word.
struct Word {
    line: usize,
    text: String,
}

/// The contents of a source file for the checks.
struct File {
    /// The path from the repository's root.
    name: String,
    /// The path from the crate's root: `["rig", "file"]` for `src/rig/file.rs`.
    module: Vec<String>,
    paths: Vec<Used>,
    words: Vec<Word>,
}

impl File {
    fn parse(name: &str, text: &str) -> Self {
        let inside = name.strip_prefix("src/").unwrap().strip_suffix(".rs").unwrap();
        let module: Vec<String> = match ROOMLESS.contains(&format!("{inside}.rs").as_str()) {
            true => Vec::new(),
            false => inside.split('/').filter(|part| *part != "mod").map(String::from).collect(),
        };
        let mut file =
            Self { name: name.into(), module: module.clone(), paths: Vec::new(), words: Vec::new() };
        let tokens: TokenStream = text.parse().unwrap_or_else(|error| panic!("{name}: {error}"));
        file.walk(tokens, &module);
        file
    }

    /// The room's name; empty for a file of no room.
    fn room(&self) -> &str {
        self.module.first().map_or("", String::as_str)
    }

    fn walk(&mut self, tokens: TokenStream, module: &[String]) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let in_tests = module.get(self.module.len()).is_some_and(|inner| inner == "tests");
        for (index, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Group(group) => {
                    let before = |n: usize| index.checked_sub(n).map(|i| tokens[i].to_string());
                    let attribute = before(1).as_deref() == Some("#") || before(2).as_deref() == Some("#");
                    let first = group.stream().into_iter().next();
                    if attribute && first.is_some_and(|first| first.to_string() == "doc") {
                        continue;
                    }
                    match before(2).as_deref() == Some("mod") {
                        true => {
                            let inner = [module, &[before(1).unwrap_or_default()]].concat();
                            self.walk(group.stream(), &inner);
                        }
                        false => self.walk(group.stream(), module),
                    }
                }
                TokenTree::Ident(ident) => {
                    let line = ident.span().start().line;
                    let text = ident.to_string();
                    let follows_path = index >= 2 && is_separator(&tokens[index - 2..]);
                    match text.as_str() {
                        "crate" => self.path(&tokens[index + 1..], &[], line, in_tests),
                        "super" if !follows_path => {
                            let parent = &module[..module.len().saturating_sub(1)];
                            self.path(&tokens[index + 1..], parent, line, in_tests);
                        }
                        _ => {}
                    }
                    self.words.push(Word { line, text });
                }
                TokenTree::Literal(literal) => {
                    self.literal(&literal.to_string(), literal.span().start().line);
                }
                TokenTree::Punct(_) => {}
            }
        }
    }

    fn literal(&mut self, literal: &str, line: usize) {
        let text = if literal.starts_with(|c: char| c.is_ascii_digit()) {
            let number: String = literal
                .chars()
                .filter(|c| *c != '_')
                .take_while(|c| c.is_ascii_digit() || *c == '.')
                .collect();
            number
        } else {
            literal.trim_matches(|c| c == '"' || c == 'b').to_owned()
        };
        self.words.push(Word { line, text });
    }

    /// The paths of the tokens after `crate` or `super`, with `base` in front: one, or all of a `use` group.
    fn path(&mut self, mut tokens: &[TokenTree], base: &[String], line: usize, in_tests: bool) {
        let mut segments = base.to_vec();
        let mut any = false;
        while is_separator(tokens) {
            match tokens.get(2) {
                Some(TokenTree::Ident(ident)) => {
                    match ident.to_string().as_str() {
                        "super" => drop(segments.pop()),
                        "self" => {}
                        name => segments.push(name.into()),
                    }
                    any = true;
                    tokens = &tokens[3..];
                }
                Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                    let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                    for part in inner.split(|token| token.to_string() == ",") {
                        let Some(first) = part.first() else { continue };
                        let line = first.span().start().line;
                        let mut start = segments.clone();
                        match first.to_string().as_str() {
                            "self" | "*" => {}
                            name => start.push(name.into()),
                        }
                        self.path(&part[1..], &start, line, in_tests);
                    }
                    return;
                }
                _ => break,
            }
        }
        if any || !segments.is_empty() {
            self.paths.push(Used { line, segments, in_tests });
        }
    }
}

/// True if the tokens begin with `::`.
fn is_separator(tokens: &[TokenTree]) -> bool {
    let colon = |token: Option<&TokenTree>| matches!(token, Some(TokenTree::Punct(p)) if p.as_char() == ':');
    colon(tokens.first()) && colon(tokens.get(1))
}

/// The files of `src`, and the names that the crate's root gives to items of rooms.
struct Source {
    files: Vec<File>,
    reexports: BTreeMap<String, String>,
}

impl Source {
    fn read() -> Self {
        let mut paths = Vec::new();
        collect(&root().join("src"), &mut paths);
        paths.sort();
        let files: Vec<File> = paths
            .iter()
            .map(|path| {
                let name = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
                File::parse(&name, &std::fs::read_to_string(path).unwrap())
            })
            .collect();
        // `pub use room::Item;` in lib.rs; read as if the path began with `crate`.
        let library = std::fs::read_to_string(root().join("src/lib.rs")).unwrap();
        let library = File::parse("src/lib.rs", &library.replace("pub use ", "pub use crate::"));
        let reexports = library.paths.iter().filter_map(|path| match path.segments.as_slice() {
            [room, .., item] => Some((item.clone(), room.clone())),
            _ => None,
        });
        Self { reexports: reexports.collect(), files }
    }

    fn room_of(&self, used: &Used) -> String {
        let first = used.segments.first().cloned().unwrap_or_default();
        self.reexports.get(&first).cloned().unwrap_or(first)
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
}
