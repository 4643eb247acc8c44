//! Emotions under names.

use super::{EmotionTrack, EmotionVector, Mood, script};
use crate::{Error, Result};

/// The name of the emotion that the network hears, in places where a name is expected.
pub(super) const HEARD: &str = "heard";
/// The name of the emotion of strength 0.
const NEUTRAL: &str = "neutral";
/// The longest name.
const LONGEST: usize = 64;

/// Emotions under names, in a fixed order: the moods that a model knows.
///
/// ```
/// use deeptalk_rt::animation::{EmotionVector, NamedEmotions};
///
/// let mut moods = NamedEmotions::default();
/// moods.insert("neutral", EmotionVector::set(&[1.0, 0.0])?)?;
/// moods.insert("glad", EmotionVector::set(&[0.0, 1.0])?)?;
/// let track = moods.track("0 neutral, 2.5 glad:0.8, 6 heard linear")?;
/// assert_eq!(track.keys[1].strength, 0.8);
/// assert!(moods.track("gald").unwrap_err().to_string().contains("neutral, glad"));
/// # Ok::<(), deeptalk_rt::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NamedEmotions(Vec<(String, EmotionVector)>);

impl NamedEmotions {
    /// Adds an emotion, or replaces the one of the same name.
    ///
    /// # Errors
    /// [`Error::Usage`] for a name that is not a letter with letters, digits, `_` and `-` behind it, that is
    /// longer than 64 characters, or that is `heard`; and for a vector of another width than those that are
    /// there.
    pub fn insert(&mut self, name: &str, emotion: EmotionVector) -> Result<()> {
        check_name(name)?;
        emotion.check(self.width().unwrap_or(emotion.mu.len()))?;
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = emotion,
            None => self.0.push((name.into(), emotion)),
        }
        Ok(())
    }

    /// The emotion of this name.
    ///
    /// # Errors
    /// [`Error::Usage`] with the names that are known.
    pub fn get(&self, name: &str) -> Result<&EmotionVector> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, emotion)| emotion).ok_or_else(|| {
            let names: Vec<&str> = self.names().collect();
            Error::Usage(match names[..] {
                [] => format!(
                    "there is no mood `{name}`: this model knows none but `{HEARD}`, the one that it hears; learn moods from clips that show \
                     them"
                ),
                _ => format!(
                    "there is no mood `{name}`: the known ones are {}, and `{HEARD}` for the one that is heard",
                    names.join(", ")
                ),
            })
        })
    }

    /// The emotion of strength 0, if there is one.
    pub fn neutral(&self) -> Option<&EmotionVector> {
        self.0.iter().find(|(known, _)| known == NEUTRAL).map(|(_, emotion)| emotion)
    }

    /// The mood of a name; `heard` is the one that the network hears.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn mood(&self, name: &str) -> Result<Mood> {
        if name == HEARD { Ok(Mood::Heard) } else { self.get(name).cloned().map(Mood::set) }
    }

    /// A track from text: `happy`, `angry:0.7`, or keys with times, `0 neutral, 2.5 angry:0.8 linear, 6 sad`.
    /// A key is `[SECONDS] NAME[:STRENGTH] [smooth|linear|step]`; a single one needs no time.
    ///
    /// # Errors
    /// [`Error::Usage`]: an unknown name, with the known ones; a key that cannot be read; times that are
    /// negative or not in order; a strength out of range.
    pub fn track(&self, text: &str) -> Result<EmotionTrack> {
        script::of_text(text, self)
    }

    /// A mood and its strength from text: `NAME[:STRENGTH]`, as a stream is told of a change.
    ///
    /// # Errors
    /// As [`track`](Self::track).
    pub fn change(&self, text: &str) -> Result<(Mood, f32)> {
        let track = self.track(text)?;
        match &track.keys[..] {
            [key] if key.seconds == 0.0 => Ok((key.mood.clone(), key.strength)),
            _ => Err(Error::Usage(format!(
                "a change is one mood without a time, such as angry:0.7, not `{text}`"
            ))),
        }
    }

    /// A track from a file: lines of `seconds,mood,strength,easing` (CSV; the last two may be left out; a
    /// first line that begins with `seconds` is a heading), or a JSON list of objects with these keys.
    ///
    /// # Errors
    /// [`Error::BadInput`] with the line or the item, [`Error::Io`].
    pub fn track_file(&self, path: impl AsRef<std::path::Path>) -> Result<EmotionTrack> {
        script::of_file(path.as_ref(), self)
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// Each name with its emotion, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &EmotionVector)> {
        self.0.iter().map(|(name, emotion)| (name.as_str(), emotion))
    }

    /// Numbers of a vector; none without emotions.
    pub fn width(&self) -> Option<usize> {
        self.0.first().map(|(_, emotion)| emotion.mu.len())
    }

    /// True without emotions.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn check_name(name: &str) -> Result<()> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(is_word);
    if is_name && name.len() <= LONGEST && name != HEARD {
        return Ok(());
    }
    Err(Error::Usage(format!(
        "a mood's name is a letter with letters, digits, _ and - behind it, up to {LONGEST} in all, and not `{HEARD}`: found `{}`",
        name.chars().take(LONGEST).collect::<String>()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_words_and_a_second_one_replaces_the_first() {
        let mut moods = NamedEmotions::default();
        let vector = |x: f32| EmotionVector::set(&[x, 1.0]).unwrap();
        assert!(moods.get("sly").unwrap_err().to_string().contains("knows none but `heard`"));
        moods.insert("sly", vector(0.0)).unwrap();
        moods.insert("so-so_2", vector(1.0)).unwrap();
        moods.insert("sly", vector(2.0)).unwrap();
        assert_eq!(moods.names().collect::<Vec<_>>(), ["sly", "so-so_2"]);
        assert_eq!(moods.get("sly").unwrap(), &vector(2.0));
        for bad in ["", "2b", "a b", "a:b", "heard", "é", &"a".repeat(65)] {
            assert_eq!(moods.insert(bad, vector(0.0)).unwrap_err().exit_code(), 2, "{bad}");
        }
        assert!(moods.insert("wide", EmotionVector::set(&[1.0; 3]).unwrap()).is_err());
        assert_eq!(moods.mood("heard").unwrap(), Mood::Heard);
    }
}
