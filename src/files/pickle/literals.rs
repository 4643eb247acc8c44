//! Literals of numbers and texts in a pickle, and the error for a malformed one.

use std::borrow::Cow;

/// The reason why the machine stopped: what was expected and what was found.
pub(super) struct Fault {
    pub(super) expected: Cow<'static, str>,
    pub(super) found: Cow<'static, str>,
}

pub(super) fn fault(expected: impl Into<Cow<'static, str>>, found: impl Into<Cow<'static, str>>) -> Fault {
    Fault { expected: expected.into(), found: found.into() }
}

pub(super) type Step<T = ()> = Result<T, Fault>;

pub(super) fn shown(text: &str) -> String {
    text.chars().take(80).flat_map(char::escape_debug).collect()
}

pub(super) fn quoted(bytes: &[u8]) -> String {
    format!("`{}`", shown(&String::from_utf8_lossy(&bytes[..bytes.len().min(80)])))
}

pub(super) fn decimal(text: &[u8]) -> Step<i128> {
    let value = std::str::from_utf8(text).ok().and_then(|text| text.trim().parse().ok());
    value.ok_or_else(|| fault("a whole number of at most 128 bits", quoted(text)))
}

pub(super) fn memo_index(text: &[u8]) -> Step<u64> {
    u64::try_from(decimal(text)?).map_err(|_| fault("the number of a remembered value", quoted(text)))
}

/// A whole number in two's complement, little-endian, of up to 16 bytes.
pub(super) fn whole_number(bytes: &[u8]) -> Step<i128> {
    let negative = bytes.last().is_some_and(|&byte| byte >= 0x80);
    let mut wide = [if negative { 0xff } else { 0 }; 16];
    let place = wide.get_mut(..bytes.len());
    place
        .ok_or_else(|| fault("a whole number of at most 16 bytes", format!("{} bytes", bytes.len())))?
        .copy_from_slice(bytes);
    Ok(i128::from_le_bytes(wide))
}

/// The bytes that a Python 2 string literal means.
pub(super) fn unescape(literal: &[u8]) -> Step<Vec<u8>> {
    let (inner, odd) = match literal {
        [b'\'', inner @ .., b'\''] | [b'"', inner @ .., b'"'] => {
            (inner, || fault("an escape of Python", "another"))
        }
        _ => return Err(fault("a text in quotes", quoted(literal))),
    };
    let mut out = Vec::with_capacity(inner.len());
    let mut rest = inner.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        out.push(match rest.next().ok_or_else(odd)? {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'a' => 0x07,
            b'b' => 0x08,
            b'f' => 0x0c,
            b'v' => 0x0b,
            same @ (b'\\' | b'\'' | b'"') => same,
            b'x' => {
                let digits = [rest.next().ok_or_else(odd)?, rest.next().ok_or_else(odd)?];
                u8::try_from(hexadecimal(&digits)?).map_err(|_| odd())?
            }
            first @ b'0'..=b'7' => {
                let mut value = u32::from(first - b'0');
                for _ in 0..2 {
                    let Some(digit) = rest.next_if(|digit| (b'0'..=b'7').contains(digit)) else { break };
                    value = value * 8 + u32::from(digit - b'0');
                }
                u8::try_from(value).map_err(|_| odd())?
            }
            _ => return Err(odd()),
        });
    }
    Ok(out)
}

/// Python's `raw-unicode-escape`: latin-1 with `\uXXXX` and `\UXXXXXXXX`.
pub(super) fn raw_unicode(line: &[u8]) -> Step<String> {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((&byte, after)) = rest.split_first() {
        let digits = match after.first() {
            Some(b'u') if byte == b'\\' => 4,
            Some(b'U') if byte == b'\\' => 8,
            _ => {
                out.push(byte.into());
                rest = after;
                continue;
            }
        };
        let code = after.get(1..=digits).ok_or_else(|| fault("a letter's code", quoted(after)))?;
        out.push(char::from_u32(hexadecimal(code)?).ok_or_else(|| fault("a letter's code", quoted(code)))?);
        rest = &after[1 + digits..];
    }
    Ok(out)
}

fn hexadecimal(digits: &[u8]) -> Step<u32> {
    digits.iter().try_fold(0u32, |value, &digit| {
        let digit =
            char::from(digit).to_digit(16).ok_or_else(|| fault("a hexadecimal digit", quoted(digits)))?;
        Ok(value.wrapping_shl(4) | digit)
    })
}
