//! The RIFF container: where in a WAV the samples are.
//!
//! Headers in the field are often wrong about lengths: programs that write into a pipe cannot go back to fill
//! them in, and odd chunks are not always padded. So the walk trusts the file's own length first. The `hound`
//! crate refuses those files, takes the pad byte of an odd chunk for the next one, and decodes at a sixth of
//! the speed; the tests hold what is read here against it.

use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::ops::RangeInclusive;
use std::path::Path;

use super::{foreign, format::Format};
use crate::{Error, Result};

/// Lengths that stand for "not known yet": what ffmpeg, sox and arecord write into a pipe.
const PLACEHOLDERS: [RangeInclusive<u64>; 2] = [0x7fff_f000..=0x8000_0000, 0xffff_f000..=0xffff_ffff];

/// Chunks before the samples: past this the file is damaged, and reading on would only take time.
const MOST_CHUNKS: usize = 1_000;

/// Chunks that programs write before the samples.
const KNOWN_CHUNKS: [&[u8; 4]; 12] = [
    b"data", b"fmt ", b"LIST", b"fact", b"bext", b"JUNK", b"junk", b"PEAK", b"cue ", b"smpl", b"iXML",
    b"ds64",
];

/// What the header of a WAV says, checked against the file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layout {
    pub format: Format,
    /// Where the samples begin, in bytes.
    pub data_start: u64,
    /// Whole frames (one sample of every channel) in the file: at least 1.
    pub frames: u64,
    /// A fault of the lengths in the header with which the samples can still be read.
    pub warning: Option<String>,
}

/// Walks the chunks up to the samples of a file of `file_bytes` bytes.
pub(super) fn locate(path: &Path, file: &mut (impl Read + Seek), file_bytes: u64) -> Result<Layout> {
    let mut walk = Walk { path, file, file_bytes, position: 0 };
    let (wide, riff_bytes) = walk.read_magic()?;
    let mut format = None;
    let mut wide_data_bytes = None;
    for _ in 0..MOST_CHUNKS {
        let (name, bytes) = walk.read_chunk_header()?;
        match &name {
            b"fmt " => {
                let mut chunk = [0; 40];
                let wanted = usize::try_from(bytes).map_or(chunk.len(), |bytes| bytes.min(chunk.len()));
                walk.fill(&mut chunk[..wanted], "the `fmt ` chunk")?;
                format = Some(Format::parse(path, &chunk[..wanted])?);
                walk.skip(bytes - wanted as u64, bytes)?;
            }
            b"ds64" if wide && bytes >= 16 => {
                let mut sizes = [0; 16];
                walk.fill(&mut sizes, "the `ds64` chunk")?;
                let (_, data) = sizes.split_at(8);
                wide_data_bytes = data.try_into().ok().map(u64::from_le_bytes);
                walk.skip(bytes - 16, bytes)?;
            }
            b"data" => {
                let Some(format) = format else {
                    return Err(walk.damaged("a `fmt ` chunk before the samples", "none".into()));
                };
                let declared = match wide_data_bytes {
                    Some(wide_bytes) if bytes == u64::from(u32::MAX) => wide_bytes,
                    _ => bytes,
                };
                let (data_bytes, warning) = walk.data_bytes(declared, riff_bytes)?;
                let frames = data_bytes / format.bytes_per_frame() as u64;
                if frames == 0 {
                    return Err(Error::bad_input(
                        path,
                        "the WAV holds no sound",
                        "one sample or more",
                        format!("{data_bytes} bytes of samples"),
                        "record or export it again",
                    ));
                }
                return Ok(Layout { format, data_start: walk.position, frames, warning });
            }
            _ => walk.skip(bytes, bytes)?,
        }
    }
    Err(walk.damaged("the samples", format!("{MOST_CHUNKS} chunks without them")))
}

/// A position in the file, which complains in its name.
struct Walk<'a, F> {
    path: &'a Path,
    file: &'a mut F,
    file_bytes: u64,
    position: u64,
}

impl<F: Read + Seek> Walk<'_, F> {
    /// Reads the twelve bytes that every WAV opens with: whether lengths may be wide (RF64), and the RIFF
    /// length.
    fn read_magic(&mut self) -> Result<(bool, u64)> {
        let mut head = [0; 12];
        let wanted = self.file_bytes.min(12) as usize;
        self.fill(&mut head[..wanted], "the header")?;
        let wide = match (&head[..4], &head[8..]) {
            (b"RIFF", b"WAVE") => false,
            (b"RF64" | b"BW64", b"WAVE") => true,
            _ => {
                let (found, next) = match foreign::kind(&head[..wanted]) {
                    Some(kind) => (kind.into(), foreign::convert_first(self.path)),
                    None => (
                        format!("a file that begins with \"{}\"", head[..wanted].escape_ascii()),
                        format!("give a sound file, or {}", foreign::convert_first(self.path)),
                    ),
                };
                return Err(Error::bad_input(
                    self.path,
                    "is not a recording that can be read",
                    foreign::FORMATS,
                    found,
                    next,
                ));
            }
        };
        Ok((wide, u64::from(u32::from_le_bytes([head[4], head[5], head[6], head[7]]))))
    }

    fn read_chunk_header(&mut self) -> Result<([u8; 4], u64)> {
        let mut head = [0; 8];
        self.fill(&mut head, "the next chunk (no `data` chunk so far)")?;
        let [a, b, c, d, size @ ..] = head;
        let name = [a, b, c, d];
        if !name.iter().all(|byte| (b' '..=b'~').contains(byte)) {
            let found = format!("\"{}\" at byte {}", name.escape_ascii(), self.position - 8);
            return Err(self.damaged("the name of a chunk", found));
        }
        Ok((name, u64::from(u32::from_le_bytes(size))))
    }

    fn fill(&mut self, bytes: &mut [u8], what: &str) -> Result<()> {
        match self.file.read_exact(bytes) {
            Ok(()) => {
                self.position += bytes.len() as u64;
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                let found = format!("the end of the file at byte {}", self.file_bytes);
                Err(self.damaged(what, found))
            }
            Err(error) => Err(Error::unreadable(self.path, error)),
        }
    }

    /// Skips the `rest` of a chunk of `chunk_bytes`, and the byte that pads an odd one. Some writers leave that byte
    /// out; a chunk's name never begins with a zero, which tells the two apart. Other writers put something else
    /// there; then the name of a known chunk behind it tells.
    fn skip(&mut self, rest: u64, chunk_bytes: u64) -> Result<()> {
        self.seek(self.position + rest)?;
        if chunk_bytes % 2 == 1 && self.position < self.file_bytes {
            let pad = self.position;
            let mut next = [0; 5];
            let there = (self.file_bytes - pad).min(5) as usize;
            self.fill(&mut next[..there], "the next chunk")?;
            let is_pad = next[0] == 0 || KNOWN_CHUNKS.iter().any(|name| next[1..] == **name);
            self.seek(pad + u64::from(is_pad))?;
        }
        Ok(())
    }

    /// True if a chunk begins here that ends in the file.
    fn begins_chunk(&mut self) -> Result<bool> {
        let (here, mut head) = (self.position, [0; 8]);
        if self.file_bytes - here < 8 {
            return Ok(false);
        }
        self.fill(&mut head, "the next chunk")?;
        self.seek(here)?;
        let [a, b, c, d, size @ ..] = head;
        let has_name = [a, b, c, d].iter().all(|byte| (b' '..=b'~').contains(byte));
        Ok(has_name && here + 8 + u64::from(u32::from_le_bytes(size)) <= self.file_bytes)
    }

    fn seek(&mut self, position: u64) -> Result<()> {
        self.file.seek(SeekFrom::Start(position)).map_err(|error| Error::unreadable(self.path, error))?;
        self.position = position;
        Ok(())
    }

    /// The bytes of samples from here on: as declared, or all the rest where the writer left a placeholder.
    ///
    /// More than there is: what is there, with a warning.
    fn data_bytes(&mut self, declared: u64, riff_bytes: u64) -> Result<(u64, Option<String>)> {
        let rest = self.file_bytes.saturating_sub(self.position);
        // A length of 0 is left over from a writer that was stopped if the RIFF length is not filled in either, or
        // if no other chunk follows; otherwise it is meant.
        let header_is_unfinished =
            riff_bytes == 0 || riff_bytes == u64::from(u32::MAX) || riff_bytes + 8 <= self.position;
        let is_placeholder = declared == 0 && (header_is_unfinished || !self.begins_chunk()?)
            || declared == u64::from(u32::MAX)
            || declared > rest && PLACEHOLDERS.iter().any(|range| range.contains(&declared));
        if is_placeholder {
            return Ok((rest, None));
        }
        if declared > rest {
            let warning = format!(
                "the file is shorter than its header says, so what is there is heard: expected {declared} bytes of \
                 samples, found {rest}"
            );
            return Ok((rest, Some(warning)));
        }
        Ok((declared, None))
    }

    fn damaged(&self, expected: &str, found: String) -> Error {
        Error::bad_input(
            self.path,
            "the WAV's header is damaged",
            expected,
            found,
            format!("export it again, or {}", foreign::convert_first(self.path)),
        )
    }
}
