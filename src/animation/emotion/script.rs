//! Tracks of emotions from text and from files.

use std::path::Path;

use serde::Deserialize;

use super::track::check_strength;
use super::{Easing, EmotionKey, EmotionTrack, NamedEmotions};
use crate::files::read_whole;
use crate::{Error, Result};

/// The largest file of a track, and the most keys of one.
const LARGEST_FILE: u64 = 16 << 20;
const MOST_KEYS: usize = 100_000;
const NEXT: &str = "correct it; a line is seconds,mood[,strength[,easing]], such as 2.5,angry,0.8";

/// One key as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    seconds: f64,
    mood: String,
    #[serde(default = "whole")]
    strength: f32,
    #[serde(default)]
    easing: Option<String>,
}

fn whole() -> f32 {
    1.0
}

/// A track from keys with commas between them.
pub(super) fn of_text(text: &str, moods: &NamedEmotions) -> Result<EmotionTrack> {
    let parts: Vec<&str> = text.split(',').collect();
    let keys = parts.iter().map(|part| key_of(part, parts.len() == 1)).collect::<Result<Vec<_>>>()?;
    track(keys, moods).map_err(|(_, error)| error)
}

fn key_of(text: &str, is_alone: bool) -> Result<Written> {
    let bad = |what: &str| {
        Error::Usage(format!(
            "`{}`: {what}: expected [SECONDS] MOOD[:STRENGTH] [smooth|linear|step], such as angry:0.7, or several with times and commas, \
             such as \"0 neutral, 2.5 angry:0.8, 6 sad\"",
            text.trim()
        ))
    };
    let words: Vec<&str> = text.split_whitespace().collect();
    let begins_with_time = words.first().is_some_and(|word| word.parse::<f64>().is_ok());
    let (seconds, words) = match (begins_with_time, is_alone) {
        (true, _) => (words[0].parse().unwrap_or(0.0), &words[1..]),
        (false, true) => (0.0, &words[..]),
        (false, false) => return Err(bad("this key has no time")),
    };
    let (mood, easing) = match words {
        [mood] => (mood, None),
        [mood, easing] => (mood, Some((*easing).to_owned())),
        [] => return Err(bad("this key has no mood")),
        _ => return Err(bad("there are too many words")),
    };
    let (mood, strength) = match mood.split_once(':') {
        None => (*mood, 1.0),
        Some((mood, strength)) => (mood, strength.parse().map_err(|_| bad("the strength is not a number"))?),
    };
    Ok(Written { seconds, mood: mood.into(), strength, easing })
}

/// A track from a file.
pub(super) fn of_file(path: &Path, moods: &NamedEmotions) -> Result<EmotionTrack> {
    let bad =
        |what: String, expected: &str, found: String| Error::bad_input(path, what, expected, found, NEXT);
    let text = String::from_utf8(read_whole(path, LARGEST_FILE, NEXT)?)
        .map_err(|_| bad("is not text".into(), "CSV or JSON in UTF-8", "other bytes".into()))?;
    let is_json = text.trim_start().starts_with('[');
    let (place, keys) = if is_json {
        let keys: Vec<Written> = serde_json::from_str(&text).map_err(|error| {
            bad(
                "cannot be read".into(),
                "a list of {\"seconds\":.., \"mood\":.., \"strength\":.., \"easing\":..}",
                error.to_string(),
            )
        })?;
        ("item", (1..).zip(keys).collect::<Vec<_>>())
    } else {
        let lines = (1..).zip(text.lines()).filter(|(number, line)| {
            !(line.trim().is_empty() || *number == 1 && line.trim_start().starts_with("seconds"))
        });
        let keys = lines.map(|(number, line)| match of_line(line) {
            Ok(key) => Ok((number, key)),
            Err(expected) => Err(bad(format!("line {number} cannot be read"), expected, format!("`{line}`"))),
        });
        ("line", keys.collect::<Result<_>>()?)
    };
    if keys.is_empty() || keys.len() > MOST_KEYS {
        return Err(bad("has no usable number of keys".into(), "1 to 100000 keys", keys.len().to_string()));
    }
    let (numbers, keys): (Vec<usize>, Vec<Written>) = keys.into_iter().unzip();
    track(keys, moods).map_err(|(index, error)| {
        bad(
            format!("{place} {} makes no sense", numbers[index]),
            "a mood at a time",
            format!("an error: {error}"),
        )
    })
}

fn of_line(line: &str) -> Result<Written, &'static str> {
    let cells: Vec<&str> = line.split(',').map(str::trim).collect();
    let number = |text: &str, name: &'static str| text.parse::<f64>().map_err(|_| name);
    let ([seconds, mood] | [seconds, mood, _] | [seconds, mood, _, _]) = cells[..] else {
        return Err("two to four cells");
    };
    let strength = match cells.get(2) {
        None | Some(&"") => 1.0,
        Some(text) => number(text, "a number as strength")? as f32,
    };
    let easing = cells.get(3).filter(|text| !text.is_empty()).map(|text| (*text).to_owned());
    Ok(Written { seconds: number(seconds, "a number of seconds")?, mood: mood.into(), strength, easing })
}

/// The track of these keys; an error comes with the index of its key.
fn track(keys: Vec<Written>, moods: &NamedEmotions) -> Result<EmotionTrack, (usize, Error)> {
    let mut track = EmotionTrack { keys: Vec::new(), neutral: moods.neutral().cloned() };
    for (index, Written { seconds, mood, strength, easing }) in keys.into_iter().enumerate() {
        let key = || {
            let mood = moods.mood(&mood)?;
            check_strength(strength)?;
            let easing = easing.as_deref().map_or(Ok(Easing::default()), easing_of)?;
            Ok(EmotionKey { seconds, mood, strength, easing })
        };
        track.keys.push(key().map_err(|error| (index, error))?);
        // The keys before are checked already, so a complaint is about this one.
        let last = &track.keys[index.saturating_sub(1)..];
        let pair = EmotionTrack { keys: last.to_vec(), neutral: track.neutral.clone() };
        pair.check(moods.width().unwrap_or(0)).map_err(|error| (index, error))?;
    }
    Ok(track)
}

fn easing_of(name: &str) -> Result<Easing> {
    let found = Easing::ALL.into_iter().find(|(known, _)| *known == name);
    found.map(|(_, easing)| easing).ok_or_else(|| {
        let known = Easing::ALL.map(|(known, _)| known).join(", ");
        Error::Usage(format!("there is no easing `{name}`: the known ones are {known}"))
    })
}

#[cfg(test)]
mod tests {
    use super::super::{EmotionVector, Mood};
    use super::*;

    fn moods() -> NamedEmotions {
        let mut moods = NamedEmotions::default();
        for (name, x) in [("neutral", 0.0), ("angry", 1.0), ("sad", -1.0)] {
            moods.insert(name, EmotionVector::set(&[1.0, x]).unwrap()).unwrap();
        }
        moods
    }

    fn written(track: &EmotionTrack) -> Vec<(f64, f32, Easing)> {
        track.keys.iter().map(|key| (key.seconds, key.strength, key.easing)).collect()
    }

    #[test]
    fn text_gives_one_mood_or_keys_with_times() {
        use Easing::{Linear, Smooth, Step};
        for (text, expected) in [
            ("angry", vec![(0.0, 1.0, Smooth)]),
            (" angry:0.7 ", vec![(0.0, 0.7, Smooth)]),
            ("3 angry:2 step", vec![(3.0, 2.0, Step)]),
            (
                "0 neutral, 2.5 angry:0.8 linear,6 heard",
                vec![(0.0, 1.0, Smooth), (2.5, 0.8, Linear), (6.0, 1.0, Smooth)],
            ),
        ] {
            let track = moods().track(text).unwrap();
            assert_eq!(written(&track), expected, "{text}");
            assert_eq!(track.neutral.as_ref(), moods().neutral());
        }
        assert_eq!(moods().track("0 sad, 1 heard").unwrap().keys[1].mood, Mood::Heard);
    }

    #[test]
    fn text_that_makes_no_sense_is_wrong_use() {
        for (text, words) in [
            ("", "no mood"),
            ("1", "no mood"),
            ("hapy", "neutral, angry, sad"),
            ("angry:x", "not a number"),
            ("angry:3", "0 to 2, not 3"),
            ("angry:nan", "0 to 2, not NaN"),
            ("angry, sad", "no time"),
            ("0 angry, -1 sad", "from 0 on"),
            ("nan angry", "from 0 on"),
            ("2 angry, 2 sad", "go up"),
            ("0 angry slow", "smooth, linear, step"),
            ("0 angry step now", "too many words"),
            ("0 angry,", "no time"),
        ] {
            let error = moods().track(text).unwrap_err();
            assert!(error.exit_code() == 2 && error.to_string().contains(words), "{text}: {error}");
        }
        assert!(moods().change("2 angry").is_err() && moods().change("angry:0.5").is_ok());
    }

    #[test]
    fn files_of_both_kinds_give_the_same_track_and_faults_name_their_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("moods");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            moods().track_file(&path)
        };
        let csv =
            read("seconds,mood,strength,easing\n0,neutral\n\n2.5, angry ,0.8,linear\n6,sad,,step\n").unwrap();
        let json = read(
            r#"[{"seconds": 0, "mood": "neutral"}, {"seconds": 2.5, "mood": "angry", "strength": 0.8, "easing": "linear"},
                {"seconds": 6, "mood": "sad", "easing": "step"}]"#,
        );
        assert_eq!(csv, json.unwrap());
        assert_eq!(csv.keys.len(), 3);
        for (text, words) in [
            ("", "1 to 100000 keys"),
            ("[]", "1 to 100000 keys"),
            ("0,neutral\n1,hapy", "line 2 makes no sense"),
            ("0,neutral\n\n-1,sad", "line 3 makes no sense"),
            ("0,neutral,loud", "line 1 cannot be read: expected a number as strength"),
            ("0", "two to four cells"),
            (r#"[{"seconds": 0, "mood": "sad", "power": 1}]"#, "power"),
            (r#"[{"seconds": 1, "mood": "sad"}, {"seconds": 1, "mood": "sad"}]"#, "item 2 makes no sense"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.exit_code() == 3 && error.to_string().contains(words), "{text}: {error}");
        }
        std::fs::write(&path, [0xff, 0xfe]).unwrap();
        assert!(moods().track_file(&path).unwrap_err().to_string().contains("UTF-8"));
    }
}
