//! The edit list of an MP4 file (ISO/IEC 14496-12, 8.6.6): where in the decoded samples the sound begins and ends.
//!
//! An AAC encoder puts 1,024 to 2,112 samples before the sound. The edit list says how many; without it lips would
//! be up to 0.13 s late.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// The largest `moov` box that is looked at: that of an hour of film has a few megabytes.
const LARGEST: u64 = 64 << 20;
/// Boxes at the top of a file that are walked over: fragmented files have many.
const MOST_BOXES: usize = 100_000;

/// Beginning and length of a track by its edit list. Times are fractions: ticks and ticks a second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Edit {
    begin: Option<(u64, u64)>,
    length: Option<(u64, u64)>,
}

impl Edit {
    /// Frames before the sound, at a rate.
    pub fn start(self, rate: u64) -> Option<u64> {
        self.begin.and_then(|time| frames(time, rate))
    }

    /// Frames of the sound, at a rate.
    pub fn frames(self, rate: u64) -> Option<u64> {
        self.length.and_then(|time| frames(time, rate)).filter(|frames| *frames > 0)
    }
}

fn frames((ticks, scale): (u64, u64), rate: u64) -> Option<u64> {
    let frames = (u128::from(ticks) * u128::from(rate) + u128::from(scale) / 2).checked_div(scale.into())?;
    u64::try_from(frames).ok()
}

/// The edit of the track with the number `track`; None if the file is no MP4 or says nothing.
pub(super) fn edit_of(path: &Path, track: u32) -> Option<Edit> {
    let moov = moov_of(&mut File::open(path).ok()?)?;
    let movie_scale = timescale(child(&moov, b"mvhd")?)?;
    boxes(&moov).filter(|(name, _)| name == b"trak").find_map(|(_, trak)| {
        let tkhd = child(trak, b"tkhd")?;
        let id = number(tkhd.get(if *tkhd.first()? == 1 { 20 } else { 12 }..)?)?;
        (id == track).then_some(())?;
        let scale = timescale(child(child(trak, b"mdia")?, b"mdhd")?)?;
        edit_in(child(child(trak, b"edts")?, b"elst")?, scale.into(), movie_scale.into())
    })
}

/// The first entry of an edit list that shows something.
fn edit_in(elst: &[u8], scale: u64, movie_scale: u64) -> Option<Edit> {
    let (wide, entries) = (*elst.first()? == 1, number(elst.get(4..)?)?);
    let size = if wide { 20 } else { 12 };
    elst.get(8..)?.chunks_exact(size).take(entries as usize).find_map(|entry| {
        let (length, begin) = if wide {
            let (length, rest) = entry.split_first_chunk()?;
            (u64::from_be_bytes(*length), i64::from_be_bytes(*rest.first_chunk()?))
        } else {
            let (length, rest) = entry.split_first_chunk()?;
            (u32::from_be_bytes(*length).into(), i32::from_be_bytes(*rest.first_chunk()?).into())
        };
        // -1: nothing is shown for a while.
        let begin = u64::try_from(begin).ok()?;
        Some(Edit { begin: Some((begin, scale)), length: Some((length, movie_scale)) })
    })
}

/// The content of the `moov` box.
fn moov_of(file: &mut File) -> Option<Vec<u8>> {
    let mut position = 0u64;
    for _ in 0..MOST_BOXES {
        file.seek(SeekFrom::Start(position)).ok()?;
        let mut head = [0; 16];
        file.read_exact(&mut head[..8]).ok()?;
        let (mut size, mut header) = (u64::from(number(&head)?), 8);
        if size == 1 {
            file.read_exact(&mut head[8..]).ok()?;
            (size, header) = (u64::from_be_bytes(*head.last_chunk()?), 16);
        }
        if &head[4..8] == b"moov" {
            let content = size.checked_sub(header).filter(|content| *content <= LARGEST)?;
            let mut bytes = Vec::new();
            file.take(content).read_to_end(&mut bytes).ok()?;
            return Some(bytes);
        }
        position = position.checked_add(size.max(header))?;
    }
    None
}

/// The ticks a second of a header with versions: `mvhd` and `mdhd`.
fn timescale(header: &[u8]) -> Option<u32> {
    number(header.get(if *header.first()? == 1 { 20 } else { 12 }..)?)
}

fn number(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

fn child<'a>(parent: &'a [u8], name: &[u8; 4]) -> Option<&'a [u8]> {
    boxes(parent).find(|(found, _)| found == name).map(|(_, content)| content)
}

/// The boxes in a box: names and contents. What does not fit ends them.
fn boxes(mut bytes: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    std::iter::from_fn(move || {
        let (head, _) = bytes.split_first_chunk::<8>()?;
        let [_, _, _, _, name @ ..] = *head;
        let (here, rest) = bytes.split_at_checked(number(head)? as usize)?;
        let content = here.get(8..)?;
        bytes = rest;
        Some((name, content))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
        [&(content.len() as u32 + 8).to_be_bytes()[..], name, content].concat()
    }

    /// A file with one track, number 7, and this edit list.
    fn film(elst: &[u8]) -> Vec<u8> {
        let numbers = |numbers: &[u32]| -> Vec<u8> { numbers.iter().flat_map(|n| n.to_be_bytes()).collect() };
        let mvhd = made(b"mvhd", &numbers(&[0, 0, 0, 1_000]));
        let tkhd = made(b"tkhd", &numbers(&[0, 0, 0, 7]));
        let mdia = made(b"mdia", &made(b"mdhd", &numbers(&[0, 0, 0, 48_000])));
        let edts = made(b"edts", &made(b"elst", elst));
        let trak = made(b"trak", &[tkhd, edts, mdia].concat());
        [made(b"ftyp", b"isom"), made(b"mdat", &[1; 99]), made(b"moov", &[mvhd, trak].concat())].concat()
    }

    #[test]
    fn the_first_edit_that_shows_something_counts() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let entry =
            |length: u32, begin: i32| [length.to_be_bytes(), begin.to_be_bytes(), [0, 1, 0, 0]].concat();
        let list = [&[0; 4][..], &2u32.to_be_bytes(), &entry(40, -1), &entry(1_500, 1_024)].concat();
        std::fs::write(file.path(), film(&list)).unwrap();
        let edit = edit_of(file.path(), 7).unwrap();
        assert_eq!((edit.start(48_000), edit.frames(48_000)), (Some(1_024), Some(72_000)));
        assert_eq!((edit.start(16_000), edit.frames(16_000)), (Some(341), Some(24_000)));
        assert_eq!(edit_of(file.path(), 8), None);
    }

    #[test]
    fn a_damaged_file_says_nothing_wherever_it_is_cut() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let whole = film(&[0; 20]);
        for length in 0..whole.len() {
            std::fs::write(file.path(), &whole[..length]).unwrap();
            let _ = edit_of(file.path(), 7);
        }
    }
}
