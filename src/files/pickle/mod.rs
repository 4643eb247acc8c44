//! Python pickles as plain data: no code in them is ever run.
//!
//! A pickle is a program for a small stack machine, and may name any function of Python and call it. This
//! reader only records a call, as an [`Object`] with its arguments. Names must be in a short list of those
//! that checkpoints use; any other name is refused, and the error gives it. All values are in one table and
//! refer to each other by number, so sharing costs nothing, and neither reading nor dropping recurses. The
//! result is checked for cycles and great depth, so each path through it ends. But shared values can make the
//! number of paths very large: code that follows all of them must limit its steps.

mod allowed;
mod literals;
mod machine;

use std::borrow::Cow;
use std::path::Path;

use crate::{Error, Result};

/// The most instructions of a pickle: a checkpoint of 1500 tensors has 60 000. The bound limits the memory to
/// some 200 MB.
const MOST_STEPS: usize = 2 << 20;
/// The deepest nesting: a checkpoint has about ten levels.
const MOST_LEVELS: u16 = 200;
/// The longest text of Python 2 that is read as a text.
const LONGEST_TEXT: usize = 1024;
/// numpy allows 64, torch no more.
const MOST_AXES: usize = 64;

/// A value of the pickle; its parts are numbers of other values.
#[derive(Debug, Clone, PartialEq)]
enum Value<'a> {
    None,
    Bool(bool),
    Int(i128),
    Float(f64),
    /// Python 3's `bytes` and `bytearray`, and Python 2's `str`.
    Bytes(Cow<'a, [u8]>),
    Str(Cow<'a, str>),
    List(Vec<Id>),
    Tuple(Vec<Id>),
    Set(Vec<Id>),
    /// `dict` and similar types, in order; a later pair replaces an earlier one with the same key.
    Dict(Vec<(Id, Id)>),
    Global(Cow<'a, str>, Cow<'a, str>),
    Object {
        class: Id,
        args: Id,
        state: Option<Id>,
    },
    Persistent(Id),
}

type Id = u32;

impl Value<'_> {
    /// The `index`-th part; `None` after the last.
    fn part(&self, index: usize) -> Option<Id> {
        match self {
            Self::List(items) | Self::Tuple(items) | Self::Set(items) => items.get(index).copied(),
            Self::Dict(pairs) => {
                pairs.get(index / 2).map(|&(key, value)| if index.is_multiple_of(2) { key } else { value })
            }
            Self::Object { class, args, state } => {
                [Some(*class), Some(*args), *state].get(index).copied().flatten()
            }
            Self::Persistent(id) => (index == 0).then_some(*id),
            _ => None,
        }
    }
}

/// The content of one pickle.
#[derive(Debug)]
pub struct Pickle<'a> {
    values: Vec<Value<'a>>,
    root: Id,
    /// The length of the pickle in the input, in bytes.
    pub length: usize,
}

/// A call that was recorded instead of made.
#[derive(Debug, Clone, Copy)]
pub struct Object<'p> {
    /// The Python module of the class or function.
    pub module: &'p str,
    /// The name of the class or function in its module.
    pub name: &'p str,
    /// The arguments.
    pub args: Node<'p>,
    /// The argument of `__setstate__`.
    pub state: Option<Node<'p>>,
}

/// A view of one value of a [`Pickle`].
#[derive(Debug, Clone, Copy)]
pub struct Node<'p> {
    pickle: &'p Pickle<'p>,
    id: Id,
}

impl<'a> Pickle<'a> {
    /// Reads the pickle at the start of `input`, of any protocol from 0 to 5; errors name `path`.
    ///
    /// # Errors
    /// A bad input with the byte and the instruction where the bytes are not a pickle, name something that a
    /// checkpoint does not need, or exceed the limits of a checkpoint.
    pub fn parse(input: &'a [u8], path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let pickle = machine::run(input, path)?;
        pickle.check_depth(path)?;
        Ok(pickle)
    }

    /// The value that Python's `pickle.load` would return.
    pub fn root(&self) -> Node<'_> {
        Node { pickle: self, id: self.root }
    }

    /// The keys of the objects stored outside the pickle, in order and with repetitions.
    pub fn persistents(&self) -> impl Iterator<Item = Node<'_>> {
        let keys = self.values.iter().filter_map(|value| match value {
            Value::Persistent(id) => Some(*id),
            _ => None,
        });
        keys.map(|id| Node { pickle: self, id })
    }

    /// Refuses cycles and great depth, without recursion. Each value is visited once, even if it is shared.
    fn check_depth(&self, path: &Path) -> Result<()> {
        const OPEN: u16 = u16::MAX;
        // 0: not visited; otherwise the number of levels of a value, itself included.
        let mut levels = vec![0u16; self.values.len()];
        let mut walk = vec![(self.root, 0, 1u16)];
        levels[self.root as usize] = OPEN;
        while let Some((id, next, deepest)) = walk.last_mut() {
            if let Some(part) = self.values[*id as usize].part(*next) {
                match levels[part as usize] {
                    0 => {
                        levels[part as usize] = OPEN;
                        walk.push((part, 0, 1));
                        if walk.len() <= usize::from(MOST_LEVELS) {
                            continue;
                        }
                    }
                    OPEN => {
                        let expected = "values that do not contain themselves";
                        return Err(refusal(path, "its pickle goes in a circle", expected, "one that does"));
                    }
                    below => {
                        *next += 1;
                        *deepest = below.saturating_add(1).max(*deepest);
                        if *deepest <= MOST_LEVELS {
                            continue;
                        }
                    }
                }
                let expected = format!("at most {MOST_LEVELS} levels");
                return Err(refusal(
                    path,
                    "its pickle is nested too deeply for a checkpoint",
                    expected,
                    "more",
                ));
            }
            levels[*id as usize] = *deepest;
            walk.pop();
        }
        Ok(())
    }
}

impl<'p> Node<'p> {
    fn value(self) -> &'p Value<'p> {
        &self.pickle.values[self.id as usize]
    }

    fn at(self, id: Id) -> Self {
        Self { pickle: self.pickle, id }
    }

    /// A text: `str`, or Python 2's `str` where it is UTF-8 of at most 1024 bytes: longer ones are data, and
    /// would be checked anew for every reference to them.
    pub fn text(self) -> Option<&'p str> {
        match self.value() {
            Value::Str(text) => Some(text),
            Value::Bytes(bytes) if bytes.len() <= LONGEST_TEXT => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    /// True if this value is the text `text`. A value of another length costs nothing, so long keys may be
    /// compared often.
    fn is_text(self, text: &str) -> bool {
        match self.value() {
            Value::Str(own) => own == text,
            Value::Bytes(own) => **own == *text.as_bytes(),
            _ => false,
        }
    }

    /// Bytes: `bytes`, or Python 2's `str`.
    pub fn bytes(self) -> Option<&'p [u8]> {
        match self.value() {
            Value::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// True for a text of Python 2, whose texts are bytes.
    pub fn is_bytes(self) -> bool {
        matches!(self.value(), Value::Bytes(_))
    }

    /// True for `None`.
    pub fn is_none(self) -> bool {
        matches!(self.value(), Value::None)
    }

    /// A whole number; `True` is 1, as in Python.
    pub fn int(self) -> Option<i128> {
        match self.value() {
            Value::Int(value) => Some(*value),
            Value::Bool(value) => Some((*value).into()),
            _ => None,
        }
    }

    /// A whole number that is a valid size.
    pub fn size(self) -> Option<usize> {
        self.int().and_then(|value| usize::try_from(value).ok())
    }

    /// A number, whole or not.
    pub fn float(self) -> Option<f64> {
        match self.value() {
            Value::Float(value) => Some(*value),
            _ => self.int().map(|value| value as f64),
        }
    }

    /// The items of a list or a tuple.
    pub fn items(self) -> Option<impl ExactSizeIterator<Item = Self>> {
        match self.value() {
            Value::List(items) | Value::Tuple(items) => Some(items.iter().map(move |&id| self.at(id))),
            _ => None,
        }
    }

    /// The `index`-th item of a list or a tuple.
    pub fn item(self, index: usize) -> Option<Self> {
        self.items()?.nth(index)
    }

    /// The sizes of a shape: a list, a tuple or a `torch.Size`, with a valid number of axes.
    pub fn sizes(self) -> Option<Vec<usize>> {
        let sizes = self.object().map_or(Some(self), |object| object.args.item(0))?;
        sizes.items().filter(|items| items.len() <= MOST_AXES)?.map(Self::size).collect()
    }

    /// The pairs of a dictionary, in order.
    pub fn pairs(self) -> Option<impl ExactSizeIterator<Item = (Self, Self)>> {
        match self.value() {
            Value::Dict(pairs) => Some(pairs.iter().map(move |&(key, value)| (self.at(key), self.at(value)))),
            _ => None,
        }
    }

    /// The value of a dictionary for a text key.
    pub fn get(self, key: &str) -> Option<Self> {
        self.pairs()?.filter(|(k, _)| k.is_text(key)).last().map(|(_, value)| value)
    }

    /// A name of Python: module and name.
    pub fn global(self) -> Option<(&'p str, &'p str)> {
        match self.value() {
            Value::Global(module, name) => Some((module, name)),
            _ => None,
        }
    }

    /// A call, with its arguments and state.
    pub fn object(self) -> Option<Object<'p>> {
        let Value::Object { class, args, state } = self.value() else { return None };
        let (module, name) = self.at(*class).global()?;
        Some(Object { module, name, args: self.at(*args), state: state.map(|id| self.at(id)) })
    }

    /// The key of an object stored outside the pickle: a storage of torch.
    pub fn persistent(self) -> Option<Self> {
        match self.value() {
            Value::Persistent(id) => Some(self.at(*id)),
            _ => None,
        }
    }

    /// A description of the value for an error: "a list of 3", "a `torch.Size`".
    pub fn describe(self) -> String {
        match self.value() {
            Value::None => "None".into(),
            Value::Bool(value) => format!("the truth value {value}"),
            Value::Int(value) => format!("the number {value}"),
            Value::Float(value) => format!("the number {value}"),
            Value::Bytes(bytes) => format!("{} bytes", bytes.len()),
            Value::Str(text) => format!(
                "the text `{}`",
                text.chars().take(60).flat_map(char::escape_debug).collect::<String>()
            ),
            Value::List(items) => format!("a list of {}", items.len()),
            Value::Tuple(items) => format!("a tuple of {}", items.len()),
            Value::Set(items) => format!("a set of {}", items.len()),
            Value::Dict(pairs) => format!("a dictionary of {}", pairs.len()),
            Value::Global(module, name) => format!("`{module}.{name}` itself"),
            Value::Object { class, .. } => match self.at(*class).global() {
                Some((module, name)) => format!("a `{module}.{name}`"),
                None => "an object".into(),
            },
            Value::Persistent(_) => "a storage".into(),
        }
    }
}

fn refusal(
    path: &Path,
    what: impl Into<String>,
    expected: impl Into<String>,
    found: impl Into<String>,
) -> Error {
    let next = "get the file again from its publisher; a checkpoint holds tensors only (save the `state_dict` alone)";
    Error::bad_input(path, what, expected, found, next)
}
