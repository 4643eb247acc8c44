//! One JSON object, written in pieces: the whole text is never in memory.

use std::io;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::Request;
use crate::animation::{Animation, Elements, Extra};
use crate::files::{AtomicFile, Failure};

/// Writes `fps`, `names`, `filters` if there were any, the extras, and `frames`: a row of parameters for each
/// frame, in the order of the names. Extras whose names begin with the same word and a dot are the keys of
/// one object. Each number is the shortest text that reads back as the same f32.
pub(super) fn write(file: &mut AtomicFile, request: &Request<'_>) -> Result<(), Failure> {
    let animation = request.animation;
    let object = Object { animation, names: &animation.parameters()?.names };
    serde_json::to_writer(file, &object).map_err(io::Error::from)?;
    Ok(())
}

struct Object<'a> {
    animation: &'a Animation,
    names: &'a [String],
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { animation, names } = self;
        let mut object = serializer.serialize_map(None)?;
        object.serialize_entry("fps", &animation.rate.per_second())?;
        object.serialize_entry("names", names)?;
        if !animation.filters.is_empty() {
            object.serialize_entry("filters", &animation.filters)?;
        }
        let extras: Vec<&Extra> = animation.extras.iter().collect();
        let group = |extra: &Extra| extra.name.split_once('.').map(|(group, _)| group.to_owned());
        for (index, extra) in extras.iter().enumerate() {
            match group(extra) {
                None => object.serialize_entry(&extra.name, &Array::of(extra))?,
                // A group is written at the position of its first member.
                name if extras[..index].iter().any(|before| group(before) == name) => {}
                Some(name) => {
                    let prefix = format!("{name}.");
                    object.serialize_entry(&name, &Group { extras: &extras, prefix: &prefix })?;
                }
            }
        }
        let elements = Numbers::F32(animation.values());
        object.serialize_entry("frames", &Array { shape: &[animation.frames(), names.len()], elements })?;
        object.end()
    }
}

/// The extras whose names begin with `prefix`, as an object.
struct Group<'a> {
    extras: &'a [&'a Extra],
    prefix: &'a str,
}

impl Serialize for Group<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let members = self
            .extras
            .iter()
            .filter_map(|extra| extra.name.strip_prefix(self.prefix).map(|key| (key, Array::of(extra))));
        serializer.collect_map(members)
    }
}

/// An array as nested lists, one level for each axis.
struct Array<'a> {
    shape: &'a [usize],
    elements: Numbers<'a>,
}

#[derive(Clone, Copy)]
enum Numbers<'a> {
    F32(&'a [f32]),
    I32(&'a [i32]),
}

impl<'a> Array<'a> {
    fn of(extra: &'a Extra) -> Self {
        let elements = match &extra.elements {
            Elements::F32(values) => Numbers::F32(values),
            Elements::I32(values) => Numbers::I32(values),
        };
        Self { shape: &extra.shape, elements }
    }
}

impl Serialize for Array<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (self.shape, self.elements) {
            ([], Numbers::F32(values)) => values.first().serialize(serializer),
            ([], Numbers::I32(values)) => values.first().serialize(serializer),
            ([_], Numbers::F32(values)) => values.serialize(serializer),
            ([_], Numbers::I32(values)) => values.serialize(serializer),
            ([count, shape @ ..], elements) => {
                let size: usize = shape.iter().product();
                serializer.collect_seq((0..*count).map(|index| {
                    let range = index * size..(index + 1) * size;
                    let elements = match elements {
                        Numbers::F32(values) => Numbers::F32(&values[range]),
                        Numbers::I32(values) => Numbers::I32(&values[range]),
                    };
                    Array { shape, elements }
                }))
            }
        }
    }
}
