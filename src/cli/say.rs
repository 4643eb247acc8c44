//! Output to the user. A closed pipe is no error here, whereas `println!` would panic.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::{ErrorKind, Write, stderr, stdout};
use std::path::Path;
use std::time::Duration;

use deeptalk_rt::files::Written;
use deeptalk_rt::{Error, Result};

use super::advice;

/// Prints a line on standard error; it is lost if that is closed.
pub fn line(text: impl Display) {
    let _ = writeln!(stderr().lock(), "{}", shown(&text.to_string()));
}

/// Prints an error in the form that scripts search for: `error: ...`.
pub fn error(error: &Error) {
    line(format_args!("error: {}", advice::told(error)));
}

/// Prints a result on standard output. A reader that closed it early (`| head`) is no error.
///
/// # Errors
/// Where the system refuses for another reason, such as a full disk behind it.
pub fn result(text: &str) -> Result<()> {
    let mut out = stdout().lock();
    match out.write_all(shown(text).as_bytes()).and_then(|()| out.flush()) {
        Err(source) if source.kind() != ErrorKind::BrokenPipe => Err(Error::Io {
            path: "standard output".into(),
            action: "write the result",
            source,
            next: "free space or send it elsewhere",
        }),
        _ => Ok(()),
    }
}

/// A text for a terminal: control characters except line breaks and tabs are written as escapes, because
/// names, licences and channels of a file may hold sequences that a terminal obeys.
pub fn shown(text: &str) -> Cow<'_, str> {
    let obeyed = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    if !text.contains(obeyed) {
        return text.into();
    }
    let escape = |c: char| if obeyed(c) { c.escape_default().to_string() } else { c.into() };
    text.chars().map(escape).collect::<String>().into()
}

/// Prints a line about a file that was written: kind, size, hash.
pub fn file(path: &Path, what: &str, written: &Written) {
    let Written { bytes, sha256 } = written;
    line(format_args!("{}: {what}, {}, sha256 {sha256}", path.display(), size(*bytes)));
}

/// A number of bytes in a unit that is easy to read.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.2} GB", bytes as f64 / 1e9),
    }
}

/// A time that is expected, roughly: `about 40 s`, `about 12 min`.
pub fn duration(time: Duration) -> String {
    match time.as_secs_f64() {
        seconds if seconds < 100.0 => format!("about {:.0} s", seconds.max(1.0)),
        seconds => format!("about {:.0} min", seconds / 60.0),
    }
}

/// A count with thousands separators: 1,234,567.
pub fn count(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_gets_no_control_characters_of_a_file() {
        assert_eq!(shown("a\tb\n"), "a\tb\n");
        assert_eq!(shown("\u{1b}]0;owned\u{7}\u{9b}2J\r"), "\\u{1b}]0;owned\\u{7}\\u{9b}2J\\r");
    }

    #[test]
    fn numbers_read_well_at_every_size() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [0, 999, 1_000, 1_500_000, 2_000_000_000].map(size),
            ["0 bytes", "999 bytes", "1.0 kB", "1.5 MB", "2.00 GB"]
        );
        assert_eq!(
            [0.1, 99.4, 100.0, 1_800.0].map(|seconds| duration(Duration::from_secs_f64(seconds))),
            ["about 1 s", "about 99 s", "about 2 min", "about 30 min"]
        );
    }
}
