//! Life: blinks, gaze and head motion, which a network that hears speech does not give.
//!
//! Life is a filter like the others: it takes rows in order, and hears the sound around them. It decides from
//! the seed, the rate, the sound and the rows, never from how the rows arrive, and goes on in silence.
//!
//! | part | writes | in place of the network's |
//! |---|---|---|
//! | [`Blink`](LifePart::Blink) | `eyeBlinkLeft`, `eyeBlinkRight` | lids' closing; `eyeSquint` and `eyeWide` stay, and give way while the lids close |
//! | [`Gaze`](LifePart::Gaze) | the eight `eyeLook` channels | gaze, of which a slow part stays |
//! | [`Head`](LifePart::Head) | `neck_x`, `neck_y`, `neck_z`: columns that it adds | nothing |
//!
//! ```
//! use deeptalk_rt::animation::filter::FilterSettings;
//! use deeptalk_rt::animation::{Animation, LifePart, Rate, arkit};
//!
//! let settings = FilterSettings { life: Some(LifePart::ALL.to_vec()), ..FilterSettings::default() };
//! let names = arkit::names();
//! let mut talk = Animation::from_parameters(Rate::whole(25), names.clone(), vec![0.0; 52 * 500]);
//! talk.widen(&settings.columns(&names))?;
//! settings.pipeline(&names, talk.rate, 10, 7)?.apply(&mut talk, &|_: usize| false);
//! assert_eq!(talk.parameters()?.names[52..], ["neck_x", "neck_y", "neck_z"]);
//! assert!(talk.values().chunks_exact(55).any(|row| row[0] > 0.85), "a blink in 20 s of silence");
//! # Ok::<(), deeptalk_rt::Error>(())
//! ```

mod blink;
mod gaze;
mod head;
mod prosody;
mod random;
mod spring;
#[cfg(test)]
mod tests;

use serde::Deserialize;

use self::blink::Blink;
use self::gaze::{Gaze, Look};
use self::head::Head;
use self::prosody::Prosody;
use self::random::Random;
use self::spring::Spring;
use super::Rate;
use super::arkit::LOOK_DEGREES;
use super::filter::{Filter, Sound};
use crate::{Error, Result};

/// The head's rotation, axis times angle in radians: the columns that [`LifePart::Head`] adds to a motion.
pub const NECK_NAMES: [&str; 3] = ["neck_x", "neck_y", "neck_z"];

/// The channels of gaze: down, in, out, up.
const LOOKS: [&str; 4] = ["eyeLookDown", "eyeLookIn", "eyeLookOut", "eyeLookUp"];
const SIDES: [&str; 2] = ["Left", "Right"];
/// The time constant with which the liveliness of the mood is followed.
const MOOD_LAG: f64 = 1.0;

/// A part of life that can be on or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LifePart {
    /// The lids.
    Blink,
    /// The eyes.
    Gaze,
    /// The head.
    Head,
}

impl LifePart {
    /// All parts.
    pub const ALL: [Self; 3] = [Self::Blink, Self::Gaze, Self::Head];

    /// The name in settings and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Blink => "blink",
            Self::Gaze => "gaze",
            Self::Head => "head",
        }
    }

    /// The parts of a list of names such as `blink,head`; `none` is no part, `all` is each.
    ///
    /// # Errors
    /// [`Error::Usage`] with the known names.
    pub fn list(text: &str) -> Result<Vec<Self>> {
        match text.trim() {
            "none" => return Ok(vec![]),
            "all" => return Ok(Self::ALL.to_vec()),
            _ => {}
        }
        let part = |name: &str| Self::ALL.into_iter().find(|part| part.name() == name.trim());
        let found: Option<Vec<Self>> = text.split(',').map(part).collect();
        found.ok_or_else(|| {
            Error::Usage(format!("the parts of life are blink, gaze and head, or all, or none, not `{text}`"))
        })
    }

    /// True if a motion with these columns has the channels that the part writes.
    pub fn fits(self, columns: &[String]) -> bool {
        self.missing(columns).is_none()
    }

    /// The first channel that the part writes and the columns lack.
    fn missing(self, columns: &[String]) -> Option<String> {
        let beginnings: &[&str] = match self {
            Self::Blink => &["eyeBlink"],
            Self::Gaze => &LOOKS,
            // Head motion is that of a speaker whose expression is told by ARKit's names.
            Self::Head => &["mouthSmile", "mouthFrown", "browDown"],
        };
        let names = beginnings.iter().flat_map(|beginning| SIDES.map(|side| format!("{beginning}{side}")));
        names.into_iter().find(|name| !columns.contains(name))
    }
}

/// The filter: blinks, gaze and head motion. Latency: 0 frames, but the sound of `look_ahead` frames after a
/// row must have been heard when the row comes.
#[derive(Debug, Clone)]
pub struct Life {
    step: f64,
    prosody: Prosody,
    blink: Option<(Blink, Lids)>,
    gaze: Option<(Gaze, Looks)>,
    head: Option<(Head, [usize; 3])>,
    mood: Mood,
}

/// Columns of the lids: blink, squint, wide of each side.
#[derive(Debug, Clone)]
struct Lids {
    blink: [usize; 2],
    give_way: Vec<(usize, usize)>,
}

/// Columns of the gaze: down, in, out, up of each side; and where the mood looks.
#[derive(Debug, Clone)]
struct Looks {
    channels: [[usize; 4]; 2],
    mood: [Spring; 2],
}

/// How lively the expression of a row is.
#[derive(Debug, Clone)]
struct Mood {
    lively: Vec<(usize, f64)>,
    followed: Spring,
}

impl Life {
    /// Life of these parts in rows of `columns`, which hold [`NECK_NAMES`] if the head moves.
    ///
    /// # Errors
    /// [`Error::Usage`] for a channel that a part writes and the columns lack.
    pub fn new(
        parts: &[LifePart],
        columns: &[String],
        rate: Rate,
        look_ahead: usize,
        seed: u64,
    ) -> Result<Self> {
        for part in parts {
            if let Some(missing) = part.missing(columns) {
                let first = columns.first().map_or("none", |column| column);
                return Err(Error::Usage(format!(
                    "life's part `{}` needs a motion with ARKit's channels, and this one has no `{missing}`: its {} channels begin with \
                     `{first}`",
                    part.name(),
                    columns.len()
                )));
            }
        }
        let find = |name: &str| columns.iter().position(|column| column == name);
        let must =
            |name: &str| find(name).ok_or_else(|| Error::Usage(format!("life needs a column `{name}`")));
        let sides = |beginning: &str| SIDES.map(|side| format!("{beginning}{side}"));
        let (fps, has) = (rate.per_second(), |part| parts.contains(&part));
        let random = |part: LifePart| Random::new(seed, part as u64 + 1);
        let blink = if has(LifePart::Blink) {
            let [left, right] = sides("eyeBlink");
            let blink = [must(&left)?, must(&right)?];
            let other = |side: usize, beginning: &str| find(&sides(beginning)[side]).map(|at| (at, side));
            let give_way = (0..2).flat_map(|side| ["eyeWide", "eyeSquint"].map(|name| other(side, name)));
            let lids = Lids { blink, give_way: give_way.flatten().collect() };
            Some((Blink::new(fps, random(LifePart::Blink)), lids))
        } else {
            None
        };
        let gaze = if has(LifePart::Gaze) {
            let mut channels = [[0; 4]; 2];
            for (side, name) in SIDES.iter().enumerate() {
                for (at, look) in LOOKS.iter().enumerate() {
                    channels[side][at] = must(&format!("{look}{name}"))?;
                }
            }
            let looks = Looks { channels, mood: [Spring::new(MOOD_LAG), Spring::new(MOOD_LAG)] };
            Some((Gaze::new(fps, random(LifePart::Gaze)), looks))
        } else {
            None
        };
        let head = if has(LifePart::Head) {
            let [x, y, z] = NECK_NAMES;
            Some((Head::new(fps, random(LifePart::Head)), [must(x)?, must(y)?, must(z)?]))
        } else {
            None
        };
        let prosody = Prosody::new(fps, look_ahead);
        Ok(Self { step: 1.0 / fps, prosody, blink, gaze, head, mood: Mood::of(columns) })
    }

    /// The columns that life writes: a rest in silence leaves them alone.
    pub(super) fn written(&self) -> Vec<usize> {
        let lids = self.blink.iter().flat_map(|(_, lids)| lids.blink);
        let looks = self.gaze.iter().flat_map(|(_, looks)| looks.channels.as_flattened());
        let neck = self.head.iter().flat_map(|(_, neck)| neck);
        lids.chain(looks.copied()).chain(neck.copied()).collect()
    }
}

impl Filter for Life {
    fn push(&mut self, frame: usize, sound: &dyn Sound, row: &mut [f32]) -> bool {
        let heard = self.prosody.next(frame, sound);
        let look = self.gaze.as_mut().map_or(Look::default(), |(gaze, looks)| {
            let (look, [left, down]) = (gaze.next(&heard), looks.mood(row, self.step));
            let moved = |[at, under]: [f64; 2]| [at + left, under + down];
            Look { at: moved(look.at), target: moved(look.target), ..look }
        });
        let mut turned = [0.0; 3];
        if let Some((head, neck)) = &mut self.head {
            let liveliness = self.mood.next(row, self.step);
            turned = head.next(&heard, liveliness, look.target);
            for (column, angle) in neck.iter().zip(turned) {
                row[*column] = angle.to_radians() as f32;
            }
        }
        if let Some((_, looks)) = &self.gaze {
            // The eyes stay on their point while the head turns.
            looks.write([look.at[0] - turned[1], look.at[1] - turned[0]], row);
        }
        if let Some((blink, lids)) = &mut self.blink {
            let closed = blink.next(&heard, look.shifts) as f32;
            lids.blink.iter().for_each(|column| row[*column] = closed);
            lids.give_way.iter().for_each(|(column, _)| row[*column] *= 1.0 - closed);
        }
        true
    }
}

impl Looks {
    /// The angles to the left and down that the network's own gaze has, as a slow motion: a sad face looks down.
    fn mood(&mut self, row: &[f32], step: f64) -> [f64; 2] {
        let mut angles = [0.0; 2];
        for (channels, outwards) in self.channels.iter().zip([0.5, -0.5]) {
            for (column, [sideways, down]) in channels.iter().zip(LOOK_DEGREES) {
                let weight = f64::from(row[*column]).clamp(0.0, 1.0);
                angles[0] += weight * outwards * f64::from(sideways);
                angles[1] += weight * 0.5 * f64::from(down);
            }
        }
        std::array::from_fn(|axis| self.mood[axis].towards(angles[axis], step))
    }

    /// Writes the weights that turn the eyes by these angles to the left and down.
    fn write(&self, [left, down]: [f64; 2], row: &mut [f32]) {
        for (channels, outwards) in self.channels.iter().zip([left, -left]) {
            for (column, [sideways, downwards]) in channels.iter().zip(LOOK_DEGREES) {
                let (most, angle) = if sideways == 0.0 { (downwards, down) } else { (sideways, outwards) };
                row[*column] = (angle / f64::from(most)).clamp(0.0, 1.0) as f32;
            }
        }
    }
}

impl Mood {
    fn of(columns: &[String]) -> Self {
        const LIVELY: [(&str, f64); 6] = [
            ("mouthSmile", 0.6),
            ("browDown", 0.5),
            ("browOuterUp", 0.5),
            ("eyeWide", 0.5),
            ("noseSneer", 0.4),
            ("mouthFrown", -0.9),
        ];
        let mut lively = Vec::new();
        for (beginning, weight) in LIVELY {
            for side in SIDES {
                let name = format!("{beginning}{side}");
                let column = columns.iter().position(|column| *column == name);
                lively.extend(column.map(|column| (column, weight / 2.0)));
            }
        }
        Self { lively, followed: Spring::new(MOOD_LAG) }
    }

    /// From 0.5 for a sad face to 1.6 for a lively one; 1 for a neutral face.
    fn next(&mut self, row: &[f32], step: f64) -> f64 {
        let sum: f64 = self.lively.iter().map(|(column, weight)| weight * f64::from(row[*column])).sum();
        1.0 + self.followed.towards(sum.clamp(-0.5, 0.6), step)
    }
}
