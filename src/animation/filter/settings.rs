//! The filters of a performance as settings, from a preset file or from options.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::super::{Life, LifePart, NECK_NAMES};
use super::{Hold, Level, Levels, OneEuro, Pipeline, Rest, Smoothing, Symmetry, columns_of};
use crate::animation::Rate;
use crate::files::read_whole;
use crate::{Error, Result};

/// The largest preset.
const LARGEST_FILE: u64 = 1 << 20;
/// The largest gain and the largest offset.
const MOST: f32 = 100.0;
/// How much the cutoff of a smoothing rises with the speed, if nothing is said.
const BETA: f32 = 0.5;

/// The filters of a performance, in the order in which they are applied: life; gain, offset and limits; smoothing;
/// symmetry; the mouth's closing and the rest in silence; held poses. Names are those of channels or regions
/// ([`columns_of`]). No filter holds frames back.
///
/// ```
/// use deeptalk_rt::animation::filter::FilterSettings;
///
/// let look = FilterSettings::from_toml(
///     "symmetry = 0.5
///      [gain]
///      mouth = 1.2
///      [clamp]
///      jaw_x = [0, 0.4]
///      [smooth]
///      brows = 1.5                          # Hz
///      cheeks = { cutoff = 1, beta = 0.2 }",
/// )?;
/// assert_eq!(look.names(), ["gain mouth=1.2", "clamp jaw_x=0..0.4", "smooth brows=1.5:0.5 cheeks=1:0.2", "symmetry 0.5"]);
/// # Ok::<(), deeptalk_rt::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FilterSettings {
    /// Blinks, gaze and head motion: the parts that are on; nothing means none. The head adds [`NECK_NAMES`] to
    /// the columns.
    pub life: Option<Vec<LifePart>>,
    /// Factors; a later name in the alphabet multiplies on top of earlier ones.
    pub gain: BTreeMap<String, f32>,
    /// What is added behind the factor.
    pub offset: BTreeMap<String, f32>,
    /// The smallest and the largest value.
    pub clamp: BTreeMap<String, [f32; 2]>,
    /// One Euro smoothing: the cutoff at rest in Hz, with or without a beta.
    pub smooth: BTreeMap<String, Smooth>,
    /// Left and right made alike: from 0 (nothing) to 1 (wholly).
    pub symmetry: Option<f32>,
    /// The mouth closes after so many seconds of silence, whatever the rest of the face does.
    pub close_mouth_after: Option<f64>,
    /// The face comes to rest after so many seconds of silence.
    pub rest_after: Option<f64>,
    /// Each pose is held for so many frames.
    pub hold: Option<usize>,
}

/// A smoothing as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Smooth {
    /// The cutoff at rest in Hz.
    Cutoff(f32),
    /// The cutoff and its rise with the speed.
    Both {
        /// The cutoff at rest in Hz.
        cutoff: f32,
        /// How much the cutoff rises with the speed, in values a second.
        beta: f32,
    },
}

impl From<Smooth> for Smoothing {
    fn from(smooth: Smooth) -> Self {
        match smooth {
            Smooth::Cutoff(least) => Self { least, beta: BETA },
            Smooth::Both { cutoff, beta } => Self { least: cutoff, beta },
        }
    }
}

impl FilterSettings {
    /// The settings of a TOML text.
    ///
    /// # Errors
    /// [`Error::Usage`] with the line, for a text that is not TOML, for unknown keys and for numbers out of
    /// range.
    pub fn from_toml(text: &str) -> Result<Self> {
        let settings: Self = toml::from_str(text).map_err(|error| {
            let text = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
            Error::Usage(format!("the filters cannot be read: {text}"))
        })?;
        settings.check()?;
        Ok(settings)
    }

    /// The settings of a TOML file.
    ///
    /// # Errors
    /// [`Error::BadInput`], with the words of [`from_toml`](Self::from_toml).
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let bad = |found: String| {
            Error::bad_input(path, "is no preset of filters", "TOML with filters", found, "correct it")
        };
        let text = read_whole(path, LARGEST_FILE, "give a preset of filters")?;
        let text = String::from_utf8(text).map_err(|_| bad("text that is not UTF-8".into()))?;
        Self::from_toml(&text).map_err(|error| bad(error.to_string()))
    }

    /// True if nothing is filtered.
    pub fn is_empty(&self) -> bool {
        self.life().is_empty() && Self { life: None, ..self.clone() } == Self::default()
    }

    /// Refuses numbers that are out of range.
    ///
    /// # Errors
    /// [`Error::Usage`], naming the filter, the number and the range.
    pub fn check(&self) -> Result<()> {
        let range = |what: &str, name: &str, value: f64, least: f64, most: f64| match (least..=most)
            .contains(&value)
        {
            true => Ok(()),
            false => {
                let name = if name.is_empty() { String::new() } else { format!(" of `{name}`") };
                Err(Error::Usage(format!("the {what}{name} is a number from {least} to {most}, not {value}")))
            }
        };
        let most = f64::from(MOST);
        self.gain.iter().try_for_each(|(name, value)| range("gain", name, f64::from(*value), -most, most))?;
        self.offset
            .iter()
            .try_for_each(|(name, value)| range("offset", name, f64::from(*value), -most, most))?;
        for (name, [low, high]) in &self.clamp {
            range("lower limit", name, f64::from(*low), -most, most)?;
            range("upper limit", name, f64::from(*high), f64::from(*low), most)?;
        }
        for (name, smooth) in &self.smooth {
            let Smoothing { least, beta } = (*smooth).into();
            range("smoothing's cutoff", name, f64::from(least), 0.01, 1000.0)?;
            range("smoothing's beta", name, f64::from(beta), 0.0, 1000.0)?;
        }
        let one = |what: &str, value: Option<f64>, least: f64, most: f64| {
            value.map_or(Ok(()), |value| range(what, "", value, least, most))
        };
        one("symmetry", self.symmetry.map(f64::from), 0.0, 1.0)?;
        one("time after which the mouth closes", self.close_mouth_after, 0.0, 3600.0)?;
        one("time after which the face rests", self.rest_after, 0.0, 3600.0)?;
        one("number of frames that a pose is held", self.hold.map(|frames| frames as f64), 1.0, 1000.0)
    }

    /// The parts of life that are on.
    pub fn life(&self) -> &[LifePart] {
        self.life.as_deref().unwrap_or_default()
    }

    /// The columns of filtered rows: those of the motion, and those that life adds.
    pub fn columns(&self, columns: &[String]) -> Vec<String> {
        let mut all = columns.to_vec();
        if self.life().contains(&LifePart::Head) {
            all.extend(
                NECK_NAMES.into_iter().filter(|name| !columns.iter().any(|c| c == name)).map(String::from),
            );
        }
        all
    }

    /// The filters for the rows of a motion with these columns at `rate`, where the sound of `look_ahead` frames
    /// after a row is known. Rows that are pushed have the columns of [`columns`](Self::columns). `seed`: that of
    /// life.
    ///
    /// # Errors
    /// [`Error::Usage`] for names that are neither channels nor regions of the columns, and as
    /// [`check`](Self::check).
    pub fn pipeline(&self, columns: &[String], rate: Rate, look_ahead: usize, seed: u64) -> Result<Pipeline> {
        self.check()?;
        let columns = &self.columns(columns)[..];
        let mut pipeline = Pipeline::new();
        let mut alive = Vec::new();
        if !self.life().is_empty() {
            let life = Life::new(self.life(), columns, rate, look_ahead, seed)?;
            alive = life.written();
            pipeline = pipeline.with(life);
        }
        let mut levels = vec![Level::default(); columns.len()];
        let mut each = |name: &String, change: &dyn Fn(&mut Level)| {
            columns_of(name, columns)
                .map(|found| found.into_iter().for_each(|column| change(&mut levels[column])))
        };
        for (name, gain) in &self.gain {
            each(name, &|level| level.gain *= gain)?;
        }
        for (name, offset) in &self.offset {
            each(name, &|level| level.offset += offset)?;
        }
        for (name, limits) in &self.clamp {
            each(name, &|level| level.limits = *limits)?;
        }
        if levels.iter().any(|level| *level != Level::default()) {
            pipeline = pipeline.with(Levels::new(levels));
        }
        let mut smooth: BTreeMap<usize, Smoothing> = BTreeMap::new();
        for (name, smoothing) in &self.smooth {
            smooth.extend(columns_of(name, columns)?.into_iter().map(|column| (column, (*smoothing).into())));
        }
        if !smooth.is_empty() {
            pipeline = pipeline.with(OneEuro::new(rate.per_second(), smooth));
        }
        if let Some(share) = self.symmetry {
            columns_of("all", columns)?;
            pipeline = pipeline.with(Symmetry::new(share, columns));
        }
        let frames = |seconds: f64| (seconds * rate.per_second()).round() as usize;
        if let Some(seconds) = self.close_mouth_after {
            let mouth = columns_of("mouth", columns)?;
            pipeline = pipeline.with(Rest::new(frames(seconds), look_ahead).of(mouth));
        }
        if let Some(seconds) = self.rest_after {
            let rest = Rest::new(frames(seconds), look_ahead);
            // Life goes on in silence.
            pipeline = pipeline.with(match alive.is_empty() {
                true => rest,
                false => rest.of((0..columns.len()).filter(|column| !alive.contains(column)).collect()),
            });
        }
        if let Some(frames) = self.hold {
            pipeline = pipeline.with(Hold::new(frames));
        }
        Ok(pipeline)
    }

    /// Each filter with its settings in a line, in order: what files say about a filtered motion.
    pub fn names(&self) -> Vec<String> {
        fn list<T>(values: &BTreeMap<String, T>, text: impl Fn(&T) -> String) -> String {
            let items: Vec<String> =
                values.iter().map(|(name, value)| format!("{name}={}", text(value))).collect();
            items.join(" ")
        }
        let smooth = |smooth: &Smooth| {
            let Smoothing { least, beta } = (*smooth).into();
            format!("{least}:{beta}")
        };
        let life: Vec<&str> = self.life().iter().map(|part| part.name()).collect();
        let all = [
            ("life", life.join(" ")),
            ("gain", list(&self.gain, f32::to_string)),
            ("offset", list(&self.offset, f32::to_string)),
            ("clamp", list(&self.clamp, |[low, high]| format!("{low}..{high}"))),
            ("smooth", list(&self.smooth, smooth)),
            ("symmetry", self.symmetry.map_or_else(String::new, |share| share.to_string())),
            (
                "close_mouth_after",
                self.close_mouth_after.map_or_else(String::new, |seconds| seconds.to_string()),
            ),
            ("rest_after", self.rest_after.map_or_else(String::new, |seconds| seconds.to_string())),
            ("hold", self.hold.map_or_else(String::new, |frames| frames.to_string())),
        ];
        all.into_iter()
            .filter(|(_, text)| !text.is_empty())
            .map(|(name, text)| format!("{name} {text}"))
            .collect()
    }
}
