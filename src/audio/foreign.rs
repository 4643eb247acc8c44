//! What a file is that is not a WAV, and the command that makes one of it.

use std::path::Path;

/// The formats that can be read, for help texts and complaints.
pub(super) const FORMATS: &str = if cfg!(feature = "sound") {
    "WAV, mp3, m4a, mp4, mov, aac, flac, ogg, opus, webm, mkv, aiff or caf"
} else {
    "WAV"
};

type Kind = (&'static [u8], &'static str);
/// Kinds that the feature `sound` decodes, by their first bytes.
const READABLE: [Kind; 5] = [
    (b"ID3", "MP3 sound"),
    (b"fLaC", "FLAC sound"),
    (b"OggS", "Ogg sound (Vorbis or Opus)"),
    (b"caff", "Apple CAF sound"),
    (b"\x1a\x45\xdf\xa3", "a Matroska or WebM film"),
];
/// The name at byte 8 of a RIFF file.
const AVI: Kind = (b"AVI ", "an AVI film");
/// Kinds that nothing here decodes.
const UNREADABLE: [Kind; 6] = [
    (b"RIFX", "a big-endian WAV (RIFX)"),
    (b"riff\x2e\x91\xcf\x11", "Sony Wave64 sound"),
    (b".snd", "Sun AU sound"),
    (b"#!AMR", "AMR sound"),
    (b"\x30\x26\xb2\x75", "Windows Media sound"),
    AVI,
];

/// True for the first bytes of a file whose kind is known and can be decoded.
#[cfg(feature = "sound")]
pub(super) fn is_coded(head: &[u8]) -> bool {
    kind(head).is_some_and(|kind| !UNREADABLE.iter().any(|(_, name)| *name == kind))
}

/// True for the first bytes of a WAV, with wide lengths or not.
pub(super) fn is_wav(head: &[u8]) -> bool {
    head.len() >= 12 && [&b"RIFF"[..], b"RF64", b"BW64"].contains(&&head[..4]) && head[8..12] == *b"WAVE"
}

/// The kind of a file by its first bytes, where they are those of sound or film.
pub(super) fn kind(head: &[u8]) -> Option<&'static str> {
    // An MPEG frame begins with eleven set bits; the layer, two bits, tells MP3 and its elders from AAC.
    named_kind(head).or(match head {
        [0xff, second, ..] if second & 0xf6 == 0xf0 => Some("AAC sound"),
        [0xff, second, ..] if second & 0xe0 == 0xe0 && second & 0x06 != 0 => Some("MP3 sound"),
        _ => None,
    })
}

/// The kind of a sound or film file that begins with a name, which raw samples do not.
pub fn named_kind(head: &[u8]) -> Option<&'static str> {
    let at = |offset: usize, magic: &[u8]| head.get(offset..).is_some_and(|rest| rest.starts_with(magic));
    if at(4, b"ftyp") {
        return Some("an MP4 or M4A file");
    }
    if at(0, b"FORM") && (at(8, b"AIFF") || at(8, b"AIFC")) {
        return Some("AIFF sound");
    }
    if at(0, b"RIFF") && at(8, AVI.0) {
        return Some(AVI.1);
    }
    READABLE.iter().chain(&UNREADABLE).find(|(magic, _)| at(0, magic)).map(|(_, name)| *name)
}

/// The next step for a file that another program can turn into a WAV that is read here.
pub(super) fn convert_first(path: &Path) -> String {
    let is_wav = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("wav"));
    let target = path.with_extension(if is_wav { "16k.wav" } else { "wav" });
    format!("convert it first: ffmpeg -i {} -ar 16000 -ac 1 {}", quoted(path), quoted(&target))
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-+,:@%".contains(c);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_files_are_known_by_their_first_bytes() {
        for (head, expected) in [
            (&b"ID3\x04\0\0\0\0\0\0\0\0"[..], Some("MP3 sound")),
            (b"\xff\xfb\x90\x44\0\0\0\0\0\0\0\0", Some("MP3 sound")),
            (b"\xff\xf1\x50\x80\0\0\0\0\0\0\0\0", Some("AAC sound")),
            (b"fLaC\0\0\0\x22\0\0\0\0", Some("FLAC sound")),
            (b"OggS\0\x02\0\0\0\0\0\0", Some("Ogg sound (Vorbis or Opus)")),
            (b"\0\0\0\x20ftypM4A ", Some("an MP4 or M4A file")),
            (b"FORM\0\0\0\0AIFF", Some("AIFF sound")),
            (b"RIFF\0\0\0\0AVI ", Some("an AVI film")),
            (b"RIFF\0\0\0\0WAVE", None),
            (b"hello, world", None),
            (b"\xff", None),
            (b"", None),
        ] {
            assert_eq!(kind(head), expected, "{head:?}");
        }
    }

    #[test]
    fn the_command_quotes_a_name_with_blanks_and_never_overwrites_its_input() {
        assert_eq!(
            convert_first(Path::new("my talk.mp3")),
            "convert it first: ffmpeg -i 'my talk.mp3' -ar 16000 -ac 1 'my talk.wav'"
        );
        assert_eq!(
            convert_first(Path::new("talk.WAV")),
            "convert it first: ffmpeg -i talk.WAV -ar 16000 -ac 1 talk.16k.wav"
        );
    }
}
