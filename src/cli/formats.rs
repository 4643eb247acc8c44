//! The table of formats as the command line shows and reads it.

use std::path::Path;

use deeptalk_rt::Result;
use deeptalk_rt::export::{Ending, FORMATS, Format};

/// The table, one line per format.
pub fn table() -> String {
    let line = |format: &Format| {
        let ending = match format.layout {
            Some(layout) => format!("{} with --format {layout}", format.ending),
            None => format!("{:<6}", format.ending.to_string()),
        };
        format!("  {ending} {}\n", format.about)
    };
    FORMATS.iter().map(line).collect()
}

/// What --format takes: the endings of files, and the layouts.
pub fn names() -> Vec<&'static str> {
    let own = FORMATS.iter().filter(|format| format.layout.is_none());
    own.filter_map(suffix).chain(Format::layouts()).collect()
}

/// The layout of this name, if it is one and not an ending.
pub fn layout(name: &str) -> Option<&'static str> {
    Format::layouts().find(|layout| *layout == name)
}

/// The ending of files in a folder: the value of --format if that is an ending, the first ending of its
/// layout, or the first of all.
pub fn ending(name: Option<&str>) -> &'static str {
    let layout = name.and_then(layout);
    let mut endings = FORMATS.iter().filter(|format| format.layout == layout).filter_map(suffix);
    let wanted = name.filter(|_| layout.is_none());
    endings.find(|ending| wanted.is_none_or(|wanted| wanted == *ending)).unwrap_or("npz")
}

/// The format of a path, in a layout if one is given.
///
/// # Errors
/// An unknown ending, or one that the layout does not have.
pub fn of(path: &Path, layout: Option<&str>) -> Result<&'static Format> {
    match layout {
        Some(layout) => Format::of_layout(path, layout),
        None => Format::of_path(path),
    }
}

fn suffix(format: &Format) -> Option<&'static str> {
    match format.ending {
        Ending::Suffix(suffix) => Some(suffix),
        Ending::Folder => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_in_a_folder_get_the_ending_that_is_asked_for() {
        assert_eq!([None, Some("glb"), Some("arkit")].map(ending), ["npz", "glb", "csv"]);
        assert!(names().starts_with(&["npz", "npy", "csv"]) && names().ends_with(&["glb", "arkit"]));
        assert_eq!(table().lines().count(), FORMATS.len());
    }
}
