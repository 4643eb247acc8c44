//! Named regions of a face: which channels belong to them.

use crate::{Error, Result};

/// A region's name and the beginnings of its channels' names. Jaw angles and weights count as mouth too.
const REGIONS: [(&str, &[&str]); 10] = [
    ("all", &[""]),
    ("mouth", &["mouth", "jaw", "tongue"]),
    ("lips", &["mouth"]),
    ("jaw", &["jaw"]),
    ("brows", &["brow"]),
    ("lids", &["eyeBlink", "eyeSquint", "eyeWide"]),
    ("gaze", &["eyeLook"]),
    ("cheeks", &["cheek"]),
    ("nose", &["nose"]),
    ("head", &["neck"]),
];

/// The columns that a name means: those of a region (`all`, `mouth`, `lips`, `jaw`, `brows`, `lids`, `gaze`,
/// `cheeks`, `nose`, `head`), or one channel by its own name.
///
/// # Errors
/// [`Error::Usage`] with the regions that the columns have, for a name that means none of them.
pub fn columns_of(name: &str, columns: &[String]) -> Result<Vec<usize>> {
    if let Some(column) = columns.iter().position(|column| column == name) {
        return Ok(vec![column]);
    }
    let in_region = |beginnings: &[&str]| -> Vec<usize> {
        let is_in = |column: &String| beginnings.iter().any(|beginning| column.starts_with(beginning));
        (0..columns.len()).filter(|index| is_in(&columns[*index])).collect()
    };
    let found =
        REGIONS.iter().find(|(region, _)| *region == name).map(|(_, beginnings)| in_region(beginnings));
    found.filter(|found| !found.is_empty()).ok_or_else(|| {
        let known = REGIONS.iter().filter(|(_, beginnings)| !in_region(beginnings).is_empty());
        let known: Vec<&str> = known.map(|(region, _)| *region).collect();
        let first = columns.first().map_or("none", |column| column);
        Error::Usage(format!(
            "`{name}` is neither a channel nor a region of this motion: its regions are {}, and its {} channels begin with `{first}`",
            known.join(", "),
            columns.len()
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_channel_or_a_region_of_the_columns() {
        let columns = ["browInnerUp", "jaw_x", "mouthClose", "jawOpen"].map(String::from);
        assert_eq!(columns_of("mouth", &columns).unwrap(), [1, 2, 3]);
        assert_eq!(columns_of("jaw", &columns).unwrap(), [1, 3]);
        assert_eq!(columns_of("mouthClose", &columns).unwrap(), [2]);
        assert_eq!(columns_of("all", &columns).unwrap().len(), 4);
        for absent in ["gaze", "mouthclose", ""] {
            let text = columns_of(absent, &columns).unwrap_err().to_string();
            assert!(
                text.contains("all, mouth, lips, jaw, brows,") && text.contains("`browInnerUp`"),
                "{text}"
            );
        }
    }
}
