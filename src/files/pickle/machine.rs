//! The stack machine of `pickle`, protocols 0 to 5. It records calls instead of making them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

use super::allowed::allowed;
use super::literals::{
    Fault, Step, decimal, fault, memo_index, quoted, raw_unicode, shown, unescape, whole_number,
};
use super::{Id, MOST_STEPS, Pickle, Value, refusal};
use crate::Error;

macro_rules! opcodes {
    ($($name:ident = $byte:literal,)*) => {
        $(const $name: u8 = $byte;)*

        fn opcode_name(opcode: u8) -> &'static str {
            match opcode {
                $($name => stringify!($name),)*
                _ => "unknown",
            }
        }
    };
}

// The names of `pickletools`.
opcodes! {
    MARK = b'(', STOP = b'.', POP = b'0', POP_MARK = b'1', DUP = b'2', FLOAT = b'F', INT = b'I', BININT = b'J', BININT1 = b'K',
    LONG = b'L', BININT2 = b'M', NONE = b'N', PERSID = b'P', BINPERSID = b'Q', REDUCE = b'R', STRING = b'S', BINSTRING = b'T',
    SHORT_BINSTRING = b'U', UNICODE = b'V', BINUNICODE = b'X', APPEND = b'a', BUILD = b'b', GLOBAL = b'c', DICT = b'd',
    EMPTY_DICT = b'}', APPENDS = b'e', GET = b'g', BINGET = b'h', INST = b'i', LONG_BINGET = b'j', LIST = b'l', EMPTY_LIST = b']',
    OBJ = b'o', PUT = b'p', BINPUT = b'q', LONG_BINPUT = b'r', SETITEM = b's', TUPLE = b't', EMPTY_TUPLE = b')', SETITEMS = b'u',
    BINFLOAT = b'G', PROTO = 0x80, NEWOBJ = 0x81, EXT1 = 0x82, EXT2 = 0x83, EXT4 = 0x84, TUPLE1 = 0x85, TUPLE2 = 0x86,
    TUPLE3 = 0x87, NEWTRUE = 0x88, NEWFALSE = 0x89, LONG1 = 0x8a, LONG4 = 0x8b, BINBYTES = b'B', SHORT_BINBYTES = b'C',
    SHORT_BINUNICODE = 0x8c, BINUNICODE8 = 0x8d, BINBYTES8 = 0x8e, EMPTY_SET = 0x8f, ADDITEMS = 0x90, FROZENSET = 0x91,
    NEWOBJ_EX = 0x92, STACK_GLOBAL = 0x93, MEMOIZE = 0x94, FRAME = 0x95, BYTEARRAY8 = 0x96, NEXT_BUFFER = 0x97,
    READONLY_BUFFER = 0x98,
}

/// The most bytes that calls may create; FLAME, saved by Python 3 for Python 2, takes 60 MB.
const MOST_MADE: usize = 256 << 20;

struct Machine<'a> {
    input: &'a [u8],
    at: usize,
    values: Vec<Value<'a>>,
    stack: Vec<Id>,
    marks: Vec<usize>,
    memo: HashMap<u64, Id>,
    /// Bytes of texts and tables that calls created: one value may be stored and converted many times.
    made: usize,
}

/// Runs the pickle at the start of `input` to its STOP.
pub(super) fn run<'a>(input: &'a [u8], path: &Path) -> Result<Pickle<'a>, Error> {
    let mut machine = Machine {
        input,
        at: 0,
        values: Vec::new(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
        made: 0,
    };
    for _ in 0..MOST_STEPS {
        let offset = machine.at;
        let opcode = input.get(offset).copied();
        let step = match machine.byte() {
            Ok(STOP) => match machine.pop() {
                Ok(root) => return Ok(Pickle { values: machine.values, root, length: machine.at }),
                Err(fault) => Err(fault),
            },
            Ok(opcode) => machine.step(opcode),
            Err(fault) => Err(fault),
        };
        if let Err(Fault { expected, found }) = step {
            let what = match opcode {
                Some(byte) => {
                    format!("its pickle fails at byte {offset} (opcode {} 0x{byte:02x})", opcode_name(byte))
                }
                None => format!("its pickle fails at byte {offset}"),
            };
            return Err(refusal(path, what, expected, found));
        }
    }
    let expected = format!("at most {MOST_STEPS} instructions");
    Err(refusal(path, "its pickle is too long for a checkpoint", expected, "more"))
}

impl<'a> Machine<'a> {
    fn step(&mut self, opcode: u8) -> Step {
        match opcode {
            PROTO => match self.byte()? {
                0..=5 => Ok(()),
                other => Err(fault("protocol 0 to 5", format!("protocol {other}"))),
            },
            FRAME => match self.length(8)? {
                frame if frame <= self.input.len() - self.at => Ok(()),
                frame => Err(self.too_short(frame)),
            },

            NONE => self.push(Value::None),
            NEWTRUE => self.push(Value::Bool(true)),
            NEWFALSE => self.push(Value::Bool(false)),
            INT => match self.line()? {
                b"00" => self.push(Value::Bool(false)),
                b"01" => self.push(Value::Bool(true)),
                text => self.push(Value::Int(decimal(text)?)),
            },
            LONG => {
                let text = self.line()?;
                self.push(Value::Int(decimal(text.strip_suffix(b"L").unwrap_or(text))?))
            }
            BININT => {
                let value = i32::from_le_bytes(self.array()?);
                self.push(Value::Int(value.into()))
            }
            BININT1 => {
                let value = self.byte()?;
                self.push(Value::Int(value.into()))
            }
            BININT2 => {
                let value = u16::from_le_bytes(self.array()?);
                self.push(Value::Int(value.into()))
            }
            LONG1 | LONG4 => {
                let bytes = self.counted(if opcode == LONG1 { 1 } else { 4 })?;
                self.push(Value::Int(whole_number(bytes)?))
            }
            FLOAT => {
                let text = self.line()?;
                let value = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
                self.push(Value::Float(value.ok_or_else(|| fault("a number", quoted(text)))?))
            }
            BINFLOAT => {
                let value = f64::from_be_bytes(self.array()?);
                self.push(Value::Float(value))
            }

            STRING => {
                let text = unescape(self.line()?)?;
                self.push_decoded(Value::Bytes(text.into()))
            }
            SHORT_BINSTRING | SHORT_BINBYTES => self.push_bytes(1),
            BINSTRING | BINBYTES => self.push_bytes(4),
            BINBYTES8 | BYTEARRAY8 => self.push_bytes(8),
            UNICODE => {
                let text = raw_unicode(self.line()?)?;
                self.push_decoded(Value::Str(text.into()))
            }
            SHORT_BINUNICODE => self.push_text(1),
            BINUNICODE => self.push_text(4),
            BINUNICODE8 => self.push_text(8),

            EMPTY_LIST => self.push(Value::List(Vec::new())),
            EMPTY_TUPLE => self.push(Value::Tuple(Vec::new())),
            EMPTY_DICT => self.push(Value::Dict(Vec::new())),
            EMPTY_SET => self.push(Value::Set(Vec::new())),
            LIST | TUPLE | FROZENSET => {
                let items = self.pop_to_mark()?;
                self.push(match opcode {
                    LIST => Value::List(items),
                    TUPLE => Value::Tuple(items),
                    _ => Value::Set(items),
                })
            }
            DICT => {
                let items = self.pop_to_mark()?;
                self.push(Value::Dict(pairs(&items)?))
            }
            TUPLE1 | TUPLE2 | TUPLE3 => {
                let mut items = (TUPLE1..=opcode).map(|_| self.pop()).collect::<Step<Vec<_>>>()?;
                items.reverse();
                self.push(Value::Tuple(items))
            }
            APPEND => {
                let item = self.pop()?;
                self.extend(&[item])
            }
            APPENDS | ADDITEMS => {
                let items = self.pop_to_mark()?;
                self.extend(&items)
            }
            SETITEM => {
                let value = self.pop()?;
                let key = self.pop()?;
                self.set(&[key, value])
            }
            SETITEMS => {
                let items = self.pop_to_mark()?;
                self.set(&items)
            }

            MARK => {
                self.marks.push(self.stack.len());
                Ok(())
            }
            POP if self.marks.last() == Some(&self.stack.len()) => {
                self.marks.pop();
                Ok(())
            }
            POP => self.pop().map(drop),
            POP_MARK => self.pop_to_mark().map(drop),
            DUP => {
                let top = self.top()?;
                self.stack.push(top);
                Ok(())
            }
            GET => {
                let index = memo_index(self.line()?)?;
                self.recall(index)
            }
            BINGET => {
                let index = self.byte()?;
                self.recall(index.into())
            }
            LONG_BINGET => {
                let index = u32::from_le_bytes(self.array()?);
                self.recall(index.into())
            }
            PUT => {
                let index = memo_index(self.line()?)?;
                self.remember(index)
            }
            BINPUT => {
                let index = self.byte()?;
                self.remember(index.into())
            }
            LONG_BINPUT => {
                let index = u32::from_le_bytes(self.array()?);
                self.remember(index.into())
            }
            MEMOIZE => self.remember(self.memo.len() as u64),

            GLOBAL => {
                let (module, name) = (self.name()?, self.name()?);
                self.push_global(module, name)
            }
            STACK_GLOBAL => {
                let (name, module) = (self.pop_text()?, self.pop_text()?);
                self.push_global(module, name)
            }
            REDUCE | NEWOBJ => {
                let (args, class) = (self.pop()?, self.pop()?);
                self.call(class, args)
            }
            NEWOBJ_EX => {
                let (_keywords, args, class) = (self.pop()?, self.pop()?, self.pop()?);
                self.call(class, args)
            }
            INST => {
                let (module, name) = (self.name()?, self.name()?);
                let args = Value::Tuple(self.pop_to_mark()?);
                self.push_global(module, name)?;
                self.push(args)?;
                let (args, class) = (self.pop()?, self.pop()?);
                self.call(class, args)
            }
            OBJ => {
                let items = self.pop_to_mark()?;
                let (class, args) = items.split_first().ok_or_else(|| fault("a class", "nothing"))?;
                self.push(Value::Tuple(args.to_vec()))?;
                let args = self.pop()?;
                self.call(*class, args)
            }
            BUILD => {
                let new = self.pop()?;
                let top = self.top()?;
                match &mut self.values[top as usize] {
                    Value::Object { state, .. } => *state = Some(new),
                    // Attributes of an OrderedDict, such as the `_metadata` of a state dict: no tensor needs
                    // them.
                    Value::Dict(_) => {}
                    _ => return Err(fault("an object to set the state of", "a plain value")),
                }
                Ok(())
            }
            PERSID => {
                let text = self.name()?;
                self.push(Value::Str(text.into()))?;
                let id = self.pop()?;
                self.push(Value::Persistent(id))
            }
            BINPERSID => {
                let id = self.pop()?;
                self.push(Value::Persistent(id))
            }

            EXT1 | EXT2 | EXT4 => Err(fault("names in full", "a number of Python's extension registry")),
            NEXT_BUFFER | READONLY_BUFFER => {
                Err(fault("all data inside the pickle", "data that is kept elsewhere"))
            }
            _ => Err(fault("an instruction of pickle", "none")),
        }
    }

    fn bytes(&mut self, length: usize) -> Step<&'a [u8]> {
        let rest = &self.input[self.at..];
        let bytes = rest.get(..length).ok_or_else(|| self.too_short(length))?;
        self.at += length;
        Ok(bytes)
    }

    fn too_short(&self, wanted: usize) -> Fault {
        fault(format!("{wanted} more bytes"), format!("{} before the end", self.input.len() - self.at))
    }

    fn array<const N: usize>(&mut self) -> Step<[u8; N]> {
        Ok(*self.bytes(N)?.first_chunk().expect("as many as asked for"))
    }

    fn byte(&mut self) -> Step<u8> {
        self.array().map(|[byte]| byte)
    }

    /// A length of `width` bytes, little-endian.
    fn length(&mut self, width: usize) -> Step<usize> {
        let mut wide = [0; 8];
        wide[..width].copy_from_slice(self.bytes(width)?);
        usize::try_from(u64::from_le_bytes(wide)).map_err(|_| fault("a length", "one beyond memory"))
    }

    /// A length, then that many bytes.
    fn counted(&mut self, width: usize) -> Step<&'a [u8]> {
        let length = self.length(width)?;
        self.bytes(length)
    }

    fn line(&mut self) -> Step<&'a [u8]> {
        let rest = &self.input[self.at..];
        let length = rest.iter().position(|&b| b == b'\n').ok_or_else(|| fault("a line", "no end of it"))?;
        self.at += length + 1;
        Ok(rest[..length].strip_suffix(b"\r").unwrap_or(&rest[..length]))
    }

    fn name(&mut self) -> Step<&'a str> {
        let line = self.line()?;
        std::str::from_utf8(line).map_err(|_| fault("a name", quoted(line)))
    }

    fn push(&mut self, value: Value<'a>) -> Step {
        let id = Id::try_from(self.values.len()).expect("bounded by the steps");
        self.values.push(value);
        self.stack.push(id);
        Ok(())
    }

    fn push_bytes(&mut self, width: usize) -> Step {
        let bytes = self.counted(width)?;
        self.push(Value::Bytes(bytes.into()))
    }

    fn push_text(&mut self, width: usize) -> Step {
        let bytes = self.counted(width)?;
        let text = std::str::from_utf8(bytes).map_err(|_| fault("a text in UTF-8", "other bytes"))?;
        self.push(Value::Str(text.into()))
    }

    fn push_decoded(&mut self, value: Value<'a>) -> Step {
        self.spend(match &value {
            Value::Bytes(bytes) => bytes.len(),
            Value::Str(text) => text.len(),
            _ => 0,
        })?;
        self.push(value)
    }

    /// Counts bytes that could not be borrowed from the input. Decoding each byte of a file once creates at
    /// most three bytes for each.
    fn spend(&mut self, bytes: usize) -> Step {
        self.made += bytes;
        if self.made > MOST_MADE.min(self.input.len().saturating_mul(4)) {
            return Err(fault("no more texts than the file has", "the same one converted over and over"));
        }
        Ok(())
    }

    fn push_global(&mut self, module: impl Into<Cow<'a, str>>, name: impl Into<Cow<'a, str>>) -> Step {
        let (module, name) = (module.into(), name.into());
        if !allowed(&module, &name) {
            let found = format!(
                "`{}`, which is not something a checkpoint needs",
                shown(&format!("{module}.{name}"))
            );
            return Err(fault("only tensors, numbers, texts and what holds them", found));
        }
        self.push(Value::Global(module, name))
    }

    /// The stack position of the last mark.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn top(&self) -> Step<Id> {
        match self.stack.last() {
            Some(&id) if self.stack.len() > self.floor() => Ok(id),
            _ => Err(fault("a value on the stack", "none")),
        }
    }

    fn pop(&mut self) -> Step<Id> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn pop_to_mark(&mut self) -> Step<Vec<Id>> {
        let mark = self.marks.pop().ok_or_else(|| fault("a mark on the stack", "none"))?;
        Ok(self.stack.split_off(mark))
    }

    fn pop_text(&mut self) -> Step<Cow<'a, str>> {
        let id = self.pop()?;
        match &self.values[id as usize] {
            Value::Str(text) => Ok(text.clone()),
            _ => Err(fault("a name", "something else")),
        }
    }

    fn recall(&mut self, index: u64) -> Step {
        let id = self
            .memo
            .get(&index)
            .ok_or_else(|| fault("a remembered value", format!("none under {index}")))?;
        self.stack.push(*id);
        Ok(())
    }

    fn remember(&mut self, index: u64) -> Step {
        self.memo.insert(index, self.top()?);
        Ok(())
    }

    fn extend(&mut self, more: &[Id]) -> Step {
        let top = self.top()?;
        match &mut self.values[top as usize] {
            Value::List(items) | Value::Set(items) => items.extend(more),
            _ => return Err(fault("a list to add to", "something else")),
        }
        Ok(())
    }

    fn set(&mut self, items: &[Id]) -> Step {
        let top = self.top()?;
        match &mut self.values[top as usize] {
            Value::Dict(own) => own.extend(pairs(items)?),
            _ => return Err(fault("a dictionary to set items of", "something else")),
        }
        Ok(())
    }

    /// Records the call of `class` with `args`; a call that is only another form of plain data becomes that
    /// data.
    fn call(&mut self, class: Id, args: Id) -> Step {
        let Value::Global(module, name) = &self.values[class as usize] else {
            return Err(fault("a named class or function to call", "another value"));
        };
        let Value::Tuple(given) = &self.values[args as usize] else {
            return Err(fault("a tuple of arguments", "another value"));
        };
        match (&**module, &**name) {
            ("collections", "defaultdict") => self.push(Value::Dict(Vec::new())),
            ("collections", "OrderedDict") => {
                let items: &[Id] = match given.first().map(|&id| &self.values[id as usize]) {
                    None => &[],
                    Some(Value::List(items)) => items,
                    Some(_) => return Err(fault("a list of pairs", "another value")),
                };
                let pairs: Option<Vec<(Id, Id)>> = items.iter().map(|&id| self.pair(id)).collect();
                let pairs = pairs.ok_or_else(|| fault("a list of pairs", "another value"))?;
                self.spend(size_of_val(&pairs[..]))?;
                self.push(Value::Dict(pairs))
            }
            // The form in which Python 3 writes bytes for Python 2: the text of the same code points.
            ("_codecs", "encode") => {
                let Some(Value::Str(text)) = given.first().map(|&id| &self.values[id as usize]) else {
                    return Err(fault("a text to encode", "another value"));
                };
                let bytes: Result<Vec<u8>, _> = text.chars().map(|c| u8::try_from(u32::from(c))).collect();
                let bytes = bytes.map_err(|_| fault("latin-1", "a letter outside it"))?;
                self.push_decoded(Value::Bytes(bytes.into()))
            }
            // The form in which protocols 0 and 1 make any object: the class is the first argument.
            ("copy_reg" | "copyreg", "_reconstructor") => {
                let class = given
                    .first()
                    .copied()
                    .filter(|&id| matches!(self.values[id as usize], Value::Global(..)));
                let class = class.ok_or_else(|| fault("a class to make an object of", "another value"))?;
                self.push(Value::Object { class, args, state: None })
            }
            _ => self.push(Value::Object { class, args, state: None }),
        }
    }

    fn pair(&self, id: Id) -> Option<(Id, Id)> {
        match &self.values[id as usize] {
            Value::List(items) | Value::Tuple(items) => match items[..] {
                [key, value] => Some((key, value)),
                _ => None,
            },
            _ => None,
        }
    }
}

fn pairs(items: &[Id]) -> Step<Vec<(Id, Id)>> {
    let (pairs, rest) = items.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(fault("a value for every key", "a key without"));
    }
    Ok(pairs.iter().map(|&[key, value]| (key, value)).collect())
}
