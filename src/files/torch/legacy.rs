//! Reader of the format of `torch.save` before torch 1.6: several pickles, then the storages.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use super::{View, state_dict, storage_element, storage_key};
use crate::files::pickle::{Node, Pickle};
use crate::files::tensors::not_tensors;
use crate::{Error, Result};

/// The number in the first pickle of such a file.
const MAGIC: i128 = 0x1950_a86a_20f9_469c_fc6c;
const VERSION: i128 = 1001;

/// Lists the tensors: the pickles are a magic number, a version, facts about the machine, the object, and the
/// keys of the storages; each storage is its number of elements, then the elements.
pub(super) fn read(bytes: &[u8], path: &Path) -> Result<Vec<(String, View)>> {
    let mut at = 0;
    let mut next = || {
        let pickle = Pickle::parse(&bytes[at..], path)?;
        at += pickle.length;
        Ok::<_, Error>((pickle, at))
    };
    let (magic, _) = next()?;
    if magic.root().int() != Some(MAGIC) {
        return Err(not_tensors(path, "a pickle of something else"));
    }
    let (version, _) = next()?;
    if version.root().int() != Some(VERSION) {
        return Err(not_tensors(path, format!("{} for a version of the format", version.root().describe())));
    }
    let (machine, _) = next()?;
    if machine.root().get("little_endian").and_then(Node::int) != Some(1) {
        return Err(not_tensors(path, "a file in another byte order"));
    }
    let (object, _) = next()?;
    let (keys, end) = next()?;

    let kinds: HashMap<&str, &str> = object
        .persistents()
        .filter_map(|storage| Some((storage_key(storage.item(2)?)?, storage.item(1)?.global()?.1)))
        .collect();
    let mut storages: HashMap<&str, Range<usize>> = HashMap::new();
    let mut at = end;
    for key in keys.root().items().into_iter().flatten() {
        let range = storage_key(key).and_then(|key| {
            let size = storage_element(kinds.get(key)?)?.size();
            let elements = u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?);
            let start = at + 8;
            let end = usize::try_from(elements).ok()?.checked_mul(size)?.checked_add(start)?;
            (end <= bytes.len()).then_some((key, start..end))
        });
        let (key, range) = range.ok_or_else(|| {
            let what = format!("the storage at byte {at} cannot be read");
            let found = format!("{} bytes to the end of the file", bytes.len() - at.min(bytes.len()));
            Error::bad_input(path, what, "a whole storage", found, "the file was cut short: get it again")
        })?;
        at = range.end;
        storages.insert(key, range);
    }
    state_dict(object.root(), path, |key| Ok(storages.get(key).cloned()))
}
