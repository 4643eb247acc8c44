//! Documents name files that exist: Markdown links, and paths in `code`.

use std::path::{Path, PathBuf};

/// Folders of the repository whose paths are checked where a document writes them as code.
const FOLDERS: [&str; 9] =
    ["src", "tests", "docs", "tools", "kernels", "emulator", "benches", "examples", "models"];

#[test]
fn links_of_documents_lead_to_files_and_headings() {
    let mut broken = Vec::new();
    for (document, text) in documents() {
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (path, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = match path.is_empty() {
                true => document.clone(),
                false => document.parent().unwrap().join(path),
            };
            if !target.exists() {
                broken.push(format!("{}: ({link}): there is no {}", document.display(), target.display()));
            } else if !heading.is_empty() && target.extension().is_some_and(|ending| ending == "md") {
                let text = std::fs::read_to_string(&target).unwrap();
                let headings = text.lines().filter(|line| line.starts_with('#'));
                if !headings.map(anchor).any(|known| known == heading) {
                    broken.push(format!("{}: ({link}): there is no such heading", document.display()));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn paths_in_documents_are_those_of_the_repository() {
    let mut broken = Vec::new();
    for (document, text) in documents() {
        // A path may start at the repository's root or at the document's folder.
        for code in text.split('`').skip(1).step_by(2) {
            let is_path = code.bytes().all(|c| c.is_ascii_alphanumeric() || b"_-./".contains(&c));
            let ours = FOLDERS.iter().any(|folder| code.starts_with(&format!("{folder}/")));
            if !is_path || !ours || code.contains("NAME") {
                continue;
            }
            let found = [root(), document.parent().unwrap()].iter().any(|from| from.join(code).exists());
            if !found {
                broken.push(format!("{}: `{code}` does not exist", document.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// The anchor that a heading gets: lower case, blanks as hyphens, no punctuation.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text.chars().filter(|c| c.is_alphanumeric() || *c == ' ' || *c == '-' || *c == '_');
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Markdown file of the repository with its text, without fenced code. The changelog is left out,
/// because it names files of the past.
fn documents() -> Vec<(PathBuf, String)> {
    let mut paths = Vec::new();
    collect(root(), &mut paths);
    assert!(paths.len() >= 8, "{paths:?}");
    paths.sort();
    let text = |path: &Path| {
        let text = std::fs::read_to_string(path).unwrap();
        text.split("```").step_by(2).collect::<Vec<_>>().join("\n")
    };
    paths.into_iter().map(|path| (path.clone(), text(&path))).collect()
}

fn collect(folder: &Path, documents: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !path.is_symlink() {
            if !name.starts_with('.') && !["target", "node_modules"].contains(&name.as_str()) {
                collect(&path, documents);
            }
        } else if name.ends_with(".md") && name != "CHANGELOG.md" {
            documents.push(path);
        }
    }
}
