//! Safetensors: named arrays after a JSON header. The only reader and the only writer of the format.
//!
//! A file is the length of its header (u64, little-endian), the header, and the arrays one after another. The
//! `safetensors` crate checks that their offsets follow each other, fit their shapes and end with the file;
//! [`Safetensors::parse`] also limits the header's size and refuses a name that occurs twice.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::{Display, Formatter};
use std::io::{self, Seek, Write};
use std::ops::Range;

pub use safetensors::Dtype;
use safetensors::SafeTensors;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use super::{AtomicFile, Failure};

/// An opened, checked file; `B` holds its bytes: a memory map, a vector, a slice.
#[derive(Debug)]
pub struct Safetensors<B> {
    bytes: B,
    metadata: BTreeMap<String, String>,
    entries: Vec<Entry>,
    /// The position of each name in `entries`: a file may have very many arrays, and readers look up each of
    /// them.
    index: HashMap<String, usize>,
}

/// One array of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// The type of its elements.
    pub dtype: Dtype,
    /// The sizes of its axes.
    pub shape: Vec<usize>,
    /// Its bytes, counted from the beginning of the file.
    pub range: Range<usize>,
}

/// The reason why bytes are not a safetensors file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Damage {
    /// The file is shorter than the length of a header.
    Short(usize),
    /// The header is longer than the reader allows, or than the file.
    Header {
        /// The length that the file gives.
        length: u64,
        /// The largest length allowed.
        most: u64,
    },
    /// A name that occurs twice, in the list of arrays or in the metadata.
    Twice(String),
    /// The message of the `safetensors` crate.
    Invalid(String),
}

impl Display for Damage {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Short(bytes) => write!(f, "{bytes} bytes"),
            Self::Header { length, most } => {
                write!(f, "a header of {length} bytes where {most} are the most")
            }
            Self::Twice(name) => write!(f, "the name `{name}` twice"),
            Self::Invalid(text) => f.write_str(text),
        }
    }
}

impl<B: AsRef<[u8]>> Safetensors<B> {
    /// Reads and checks the header, which may have `largest_header` bytes at most. No array is touched.
    ///
    /// # Errors
    /// The damage of the bytes.
    pub fn parse(bytes: B, largest_header: u64) -> Result<Self, Damage> {
        let file = bytes.as_ref();
        let Some((length, rest)) = file.split_first_chunk::<8>() else {
            return Err(Damage::Short(file.len()));
        };
        let length = u64::from_le_bytes(*length);
        let most = largest_header.min(rest.len() as u64);
        if length > most {
            return Err(Damage::Header { length, most });
        }
        if let Some(name) = repeated(&rest[..length as usize]) {
            return Err(Damage::Twice(name));
        }
        let (_, header) =
            SafeTensors::read_metadata(file).map_err(|error| Damage::Invalid(error.to_string()))?;
        let data = 8 + length as usize;
        let mut entries: Vec<Entry> = header
            .tensors()
            .into_iter()
            .map(|(name, info)| Entry {
                name,
                dtype: info.dtype,
                shape: info.shape.clone(),
                range: data + info.data_offsets.0..data + info.data_offsets.1,
            })
            .collect();
        entries.sort_by(|a, b| (a.range.start, &a.name).cmp(&(b.range.start, &b.name)));
        let metadata =
            header.metadata().iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect();
        let index = entries.iter().enumerate().map(|(at, entry)| (entry.name.clone(), at)).collect();
        Ok(Self { bytes, metadata, entries, index })
    }

    /// The metadata.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    /// Every array, in the order of their bytes.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The array of this name.
    pub fn entry(&self, name: &str) -> Option<&Entry> {
        self.index.get(name).map(|at| &self.entries[*at])
    }

    /// The bytes of an array of this file.
    pub fn data(&self, entry: &Entry) -> &[u8] {
        &self.bytes.as_ref()[entry.range.clone()]
    }

    /// The whole file.
    pub fn bytes(&self) -> &B {
        &self.bytes
    }
}

/// A name that occurs twice in the header or in its metadata; `None` if the header is not JSON, an error that
/// the crate reports.
fn repeated(header: &[u8]) -> Option<String> {
    struct Names(Option<String>);

    impl<'de> Visitor<'de> for &mut Names {
        type Value = ();

        fn expecting(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
            let mut seen = HashSet::new();
            while let Some(name) = map.next_key::<String>()? {
                if name == "__metadata__" {
                    map.next_value_seed(&mut *self)?;
                } else {
                    map.next_value::<IgnoredAny>()?;
                }
                if !seen.insert(name.clone()) {
                    self.0.get_or_insert(name);
                }
            }
            Ok(())
        }
    }

    impl<'de> serde::de::DeserializeSeed<'de> for &mut Names {
        type Value = ();

        fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
            deserializer.deserialize_map(self)
        }
    }

    let mut names = Names(None);
    serde_json::Deserializer::from_slice(header).deserialize_map(&mut names).ok()?;
    names.0
}

/// The header of a file to be written.
#[derive(Debug, Default)]
pub struct Header {
    /// The metadata.
    pub metadata: BTreeMap<String, String>,
    /// Name, type and shape of every array, in the order of their bytes.
    pub arrays: Vec<(String, Dtype, Vec<usize>)>,
}

/// The alignment of a file's arrays in bytes: they begin at a multiple of it, so that kernels can read them
/// in place.
pub const ALIGNMENT: usize = 64;

impl Header {
    /// The header with its length in front, padded with spaces to a multiple of `alignment` bytes.
    fn bytes(&self, alignment: usize) -> Vec<u8> {
        let mut header = serde_json::Map::new();
        header.insert("__metadata__".into(), serde_json::json!(self.metadata));
        let mut begin = 0;
        for (name, dtype, shape) in &self.arrays {
            let end = begin + size(*dtype, shape);
            let entry = serde_json::json!({ "dtype": dtype, "shape": shape, "data_offsets": [begin, end] });
            header.insert(name.clone(), entry);
            begin = end;
        }
        let mut text = serde_json::Value::Object(header).to_string().into_bytes();
        text.resize((text.len() + 8).next_multiple_of(alignment) - 8, b' ');
        let mut bytes = (text.len() as u64).to_le_bytes().to_vec();
        bytes.append(&mut text);
        bytes
    }

    /// Writes the file array by array: `write` gives the bytes of the array with an index. The same header
    /// and arrays give the same bytes.
    ///
    /// # Errors
    /// Those of `write` and of the disk, and an array that is given more or fewer bytes than its shape says.
    pub fn write(
        &self,
        file: &mut AtomicFile,
        alignment: usize,
        mut write: impl FnMut(usize, &mut AtomicFile) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        file.write_all(&self.bytes(alignment))?;
        for (index, (name, dtype, shape)) in self.arrays.iter().enumerate() {
            let begin = file.stream_position()?;
            write(index, file)?;
            let (written, expected) = (file.stream_position()? - begin, size(*dtype, shape));
            if written != expected as u64 {
                let text = format!("the array `{name}` has {written} bytes where its shape has {expected}");
                return Err(io::Error::other(text).into());
            }
        }
        Ok(())
    }
}

/// Bytes of an array.
fn size(dtype: Dtype, shape: &[usize]) -> usize {
    shape.iter().product::<usize>() * dtype.bitsize() / 8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), data].concat()
    }

    #[test]
    fn what_is_written_is_read_and_begins_at_a_multiple_of_64() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.safetensors");
        let header = Header {
            metadata: [("format".into(), "a \"test\"".into())].into(),
            arrays: vec![
                ("z".into(), Dtype::F32, vec![2, 3]),
                ("a".into(), Dtype::U8, vec![5]),
                ("n".into(), Dtype::I32, vec![0]),
            ],
        };
        let data = [(0..24).collect::<Vec<u8>>(), vec![7; 5], vec![]];
        AtomicFile::write(&path, |file| {
            header.write(file, ALIGNMENT, |index, file| Ok(file.write_all(&data[index])?))
        })
        .unwrap();
        let file = Safetensors::parse(std::fs::read(&path).unwrap(), 1 << 10).unwrap();
        assert_eq!(file.metadata()["format"], "a \"test\"");
        let names: Vec<&str> = file.entries().iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(names, ["z", "a", "n"]);
        assert_eq!(file.entry("z").unwrap().range.start % 64, 0);
        for (entry, data) in file.entries().iter().zip(&data) {
            assert_eq!(file.data(entry), data);
        }
        assert_eq!(file.entry("z").unwrap().shape, [2, 3]);
        let wrong =
            AtomicFile::write(&path, |file| header.write(file, 8, |_, file| Ok(file.write_all(&[1])?)));
        assert!(wrong.unwrap_err().to_string().contains("`z` has 1 bytes where its shape has 24"));
    }

    #[test]
    fn damage_is_told_for_what_it_is() {
        let parse = |bytes: &[u8]| Safetensors::parse(bytes.to_vec(), 200).map(|_| ()).unwrap_err();
        assert_eq!(parse(b"1234567"), Damage::Short(7));
        assert_eq!(parse(&file(&" ".repeat(201), b"")), Damage::Header { length: 201, most: 200 });
        assert_eq!(parse(&[9, 0, 0, 0, 0, 0, 0, 0, b'{']), Damage::Header { length: 9, most: 1 });
        assert!(matches!(parse(&file("{", b"")), Damage::Invalid(_)));
        let array = |begin, end| {
            format!(r#"{{"dtype":"U8","shape":[{}],"data_offsets":[{begin},{end}]}}"#, end - begin)
        };
        let twice = format!(r#"{{"a":{},"a":{}}}"#, array(0, 0), array(0, 1));
        assert_eq!(parse(&file(&twice, b"x")), Damage::Twice("a".into()));
        let twice = r#"{"__metadata__":{"format":"a","format":"b"}}"#;
        assert_eq!(parse(&file(twice, b"")), Damage::Twice("format".into()));
        let outside = format!(r#"{{"a":{}}}"#, array(0, 9));
        assert!(matches!(parse(&file(&outside, b"x")), Damage::Invalid(_)));
    }
}
