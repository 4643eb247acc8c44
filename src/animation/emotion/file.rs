//! The file of named emotions: safetensors with two arrays for each name, `NAME.mu` and `NAME.logvar` (f32,
//! one axis).

use std::io::Write;
use std::path::Path;

use super::{EmotionVector, NamedEmotions};
use crate::files::safetensors::{ALIGNMENT, Dtype, Entry, Header, Safetensors};
use crate::files::{AtomicFile, FileMap, Written};
use crate::{Error, Result};

/// What `format` says in the metadata.
const FORMAT: &str = "deeptalk-rt emotions";
/// What `format_version` says.
const FORMAT_VERSION: &str = "1";
const LARGEST_HEADER: u64 = 8 << 20;
/// The most moods of a file. Each name is compared with all others.
const MOST_MOODS: usize = 4096;
const NEXT: &str = "learn the moods from clips with this model";

impl NamedEmotions {
    /// The emotions of a file that was learned with the model whose source is `model`. Vectors of other
    /// models mean other emotions.
    ///
    /// # Errors
    /// [`Error::BadInput`] for a file that is damaged, of another kind or learned with another model;
    /// [`Error::Io`].
    pub fn load(path: impl AsRef<Path>, model: &str) -> Result<Self> {
        let path = path.as_ref();
        Self::parse(path, FileMap::open(path)?.as_ref(), model)
    }

    /// The same from bytes; `path` stands in complaints.
    pub(crate) fn parse(path: &Path, bytes: &[u8], model: &str) -> Result<Self> {
        let bad =
            |what: String, expected: &str, found: &str| Error::bad_input(path, what, expected, found, NEXT);
        let file = Safetensors::parse(bytes, LARGEST_HEADER).map_err(|damage| {
            bad("is no file of moods".into(), "a whole safetensors file", &damage.to_string())
        })?;
        for (key, expected) in [("format", FORMAT), ("format_version", FORMAT_VERSION), ("model", model)] {
            let found = file.metadata().get(key).map_or("nothing", |text| text);
            if found != expected {
                return Err(bad(format!("is no file of moods for this model: `{key}`"), expected, found));
            }
        }
        if file.entries().len() > 2 * MOST_MOODS {
            let (expected, found) =
                (format!("at most {MOST_MOODS}"), format!("{} arrays, two for each", file.entries().len()));
            return Err(bad("has too many moods".into(), &expected, &found));
        }
        let floats = |entry: &Entry| -> Result<Vec<f32>> {
            if entry.dtype != Dtype::F32 || entry.shape.len() != 1 {
                let found = format!("{:?} {:?}", entry.dtype, entry.shape);
                return Err(bad(
                    format!("the array `{}` has the wrong form", entry.name),
                    "F32 with one axis",
                    &found,
                ));
            }
            let (fours, _) = file.data(entry).as_chunks::<4>();
            Ok(fours.iter().map(|four| f32::from_le_bytes(*four)).collect())
        };
        let mut moods = Self::default();
        for entry in file.entries() {
            let Some(name) = entry.name.strip_suffix(".mu") else { continue };
            let logvar = file.entry(&format!("{name}.logvar"));
            let logvar = logvar
                .ok_or_else(|| bad(format!("the mood `{name}` is not whole"), "its `logvar`", "nothing"))?;
            let emotion = EmotionVector { mu: floats(entry)?, logvar: floats(logvar)? };
            moods.insert(name, emotion).map_err(|error| {
                bad(format!("the mood `{name}` cannot be used"), "a name and a vector", &error.to_string())
            })?;
        }
        match file.entries().iter().find(|entry| !entry.name.ends_with(".mu") && !is_of(&moods, &entry.name))
        {
            Some(entry) => {
                Err(bad("has an unknown array".into(), "`NAME.mu` and `NAME.logvar`", &entry.name))
            }
            None => Ok(moods),
        }
    }

    /// Writes the emotions, with the source of the model that they were learned with, and facts about them
    /// for people.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn save(&self, path: impl AsRef<Path>, model: &str, facts: &[(&str, String)]) -> Result<Written> {
        let fixed = [
            ("format", FORMAT.to_owned()),
            ("format_version", FORMAT_VERSION.into()),
            ("model", model.into()),
        ];
        let metadata = facts.iter().cloned().chain(fixed).map(|(key, text)| (key.to_owned(), text)).collect();
        let arrays: Vec<(String, &[f32])> = self
            .iter()
            .flat_map(|(name, emotion)| {
                [(format!("{name}.mu"), &emotion.mu[..]), (format!("{name}.logvar"), &emotion.logvar[..])]
            })
            .collect();
        let header = Header {
            metadata,
            arrays: arrays
                .iter()
                .map(|(name, values)| (name.clone(), Dtype::F32, vec![values.len()]))
                .collect(),
        };
        AtomicFile::write(path.as_ref(), |file| {
            header.write(file, ALIGNMENT, |index, file| {
                let bytes: Vec<u8> = arrays[index].1.iter().flat_map(|value| value.to_le_bytes()).collect();
                Ok(file.write_all(&bytes)?)
            })
        })
    }
}

fn is_of(moods: &NamedEmotions, array: &str) -> bool {
    array.strip_suffix(".logvar").is_some_and(|name| moods.names().any(|known| known == name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moods() -> NamedEmotions {
        let mut moods = NamedEmotions::default();
        for (name, x) in [("neutral", 0.0), ("sly", 1.0)] {
            let logvar = vec![-2.0, -3.0];
            moods.insert(name, EmotionVector { logvar, ..EmotionVector::set(&[1.0, x]).unwrap() }).unwrap();
        }
        moods
    }

    #[test]
    fn moods_come_back_as_they_were_and_belong_to_their_model() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("moods.safetensors");
        moods().save(&path, "a model", &[("clips", "sly 3".into())]).unwrap();
        assert_eq!(NamedEmotions::load(&path, "a model").unwrap(), moods());
        let error = NamedEmotions::load(&path, "another").unwrap_err();
        assert!(
            error.exit_code() == 3 && error.to_string().contains("expected another, found a model"),
            "{error}"
        );
    }

    #[test]
    fn damaged_files_are_refused_with_what_is_wrong() {
        let good = |arrays: &[(&str, Dtype, Vec<u8>)], model: &str| {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("moods.safetensors");
            let metadata = [("format", FORMAT), ("format_version", "1"), ("model", model)];
            let header = Header {
                metadata: metadata.into_iter().map(|(key, text)| (key.into(), text.into())).collect(),
                arrays: arrays
                    .iter()
                    .map(|(name, dtype, data)| ((*name).into(), *dtype, vec![data.len() / 4]))
                    .collect(),
            };
            AtomicFile::write(&path, |file| {
                header.write(file, ALIGNMENT, |index, file| Ok(file.write_all(&arrays[index].2)?))
            })
            .unwrap();
            NamedEmotions::load(&path, "m")
        };
        let numbers = |values: &[f32]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
        let two = numbers(&[0.6, 0.8]);
        let pair =
            |mu: Vec<u8>, logvar: Vec<u8>| vec![("a.mu", Dtype::F32, mu), ("a.logvar", Dtype::F32, logvar)];
        assert!(good(&pair(two.clone(), two.clone()), "m").is_ok());
        for (arrays, words) in [
            (pair(numbers(&[f32::NAN, 0.0]), two.clone()), "finite"),
            (pair(two.clone(), numbers(&[1.0])), "wide"),
            (vec![("a.mu", Dtype::F32, two.clone())], "not whole"),
            (vec![("a.mu", Dtype::I32, two.clone()), ("a.logvar", Dtype::F32, two.clone())], "wrong form"),
            (vec![("b", Dtype::F32, two.clone())], "unknown array"),
            (
                [
                    pair(two.clone(), two.clone()),
                    vec![("2.mu", Dtype::F32, two.clone()), ("2.logvar", Dtype::F32, two)],
                ]
                .concat(),
                "`2`",
            ),
        ] {
            let error = good(&arrays, "m").unwrap_err();
            assert!(error.exit_code() == 3 && error.to_string().contains(words), "{error}");
        }
        let names: Vec<String> = (0..2 * MOST_MOODS + 1).map(|number| format!("a{number}.mu")).collect();
        let many: Vec<(&str, Dtype, Vec<u8>)> =
            names.iter().map(|name| (name.as_str(), Dtype::F32, numbers(&[0.6, 0.8]))).collect();
        let error = good(&many, "m").unwrap_err();
        assert!(error.to_string().contains("has too many moods: expected at most 4096"), "{error}");
        let error = NamedEmotions::parse(Path::new("x"), b"not safetensors", "m").unwrap_err();
        assert_eq!(error.exit_code(), 3);
    }
}
