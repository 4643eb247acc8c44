//! Options of the filters over a motion.

use std::path::PathBuf;

use clap::Args;
use deeptalk_rt::Result;
use deeptalk_rt::animation::filter::{FilterSettings, Smooth};
use deeptalk_rt::animation::{Animation, LifePart};
use deeptalk_rt::rig::Face;

use super::finish;
use super::values;

#[derive(Args)]
#[command(next_help_heading = "Filters over the motion")]
pub struct FilterOptions {
    /// A preset of filters (TOML; docs/direct.md); the options below add to it
    #[arg(long, value_name = "FILE")]
    pub look: Option<PathBuf>,

    /// Blinks, gaze and head motion: `none`, `all`, or a list of blink, gaze, head [default: all where the
    /// built-in head is shown and in ARKit files, none in other data]
    #[arg(long, value_name = "PARTS", value_parser = life)]
    life: Option<Life>,

    /// Factors by channel or region (all, mouth, lips, jaw, brows, lids, gaze, cheeks, nose, head)
    #[arg(long, value_name = "NAME=FACTOR,...", value_delimiter = ',', value_parser = pair, allow_hyphen_values = true)]
    gain: Vec<(String, f32)>,

    /// What is added, by channel or region
    #[arg(long, value_name = "NAME=VALUE,...", value_delimiter = ',', value_parser = pair, allow_hyphen_values = true)]
    add: Vec<(String, f32)>,

    /// The smallest and the largest value, by channel or region
    #[arg(long, value_name = "NAME=LOW..HIGH,...", value_delimiter = ',', value_parser = limits)]
    #[arg(allow_hyphen_values = true)]
    clamp: Vec<(String, [f32; 2])>,

    /// Smooth slow motion (One Euro filter): the cutoff at rest in Hz, by channel or region
    #[arg(long, value_name = "NAME=HZ,...", value_delimiter = ',', value_parser = pair)]
    smooth: Vec<(String, f32)>,

    /// Make left and right more alike: from 0 (as it is) to 1 (wholly)
    #[arg(long, value_name = "SHARE", value_parser = values::share, allow_negative_numbers = true)]
    symmetry: Option<f32>,

    /// Close the mouth after so much silence, whatever the rest of the face does
    #[arg(long, value_name = "SECONDS", value_parser = values::rest, allow_negative_numbers = true)]
    close_mouth_after: Option<f64>,

    /// Let the face come to rest after so much silence [default: never in `run`, 1 s in streams]
    #[arg(long, value_name = "SECONDS", value_parser = values::rest, allow_negative_numbers = true)]
    rest_after: Option<f64>,

    /// Hold each pose for so many frames
    #[arg(long, value_name = "FRAMES", value_parser = clap::value_parser!(u16).range(1..=1000))]
    hold: Option<u16>,
}

impl FilterOptions {
    /// The preset with what the options add.
    pub fn settings(&self) -> Result<FilterSettings> {
        let mut settings =
            self.look.as_ref().map_or_else(|| Ok(FilterSettings::default()), FilterSettings::load)?;
        settings.life = self.life.clone().map(|Life(parts)| parts).or(settings.life);
        settings.gain.extend(self.gain.iter().cloned());
        settings.offset.extend(self.add.iter().cloned());
        settings.clamp.extend(self.clamp.iter().cloned());
        settings
            .smooth
            .extend(self.smooth.iter().map(|(name, hertz)| (name.clone(), Smooth::Cutoff(*hertz))));
        settings.symmetry = self.symmetry.or(settings.symmetry);
        settings.close_mouth_after = self.close_mouth_after.or(settings.close_mouth_after);
        settings.rest_after = self.rest_after.or(settings.rest_after);
        settings.hold = self.hold.map(usize::from).or(settings.hold);
        settings.check()?;
        Ok(settings)
    }
}

/// The parts of life that are on.
#[derive(Debug, Clone)]
struct Life(Vec<LifePart>);

/// The filters of the formats that keep numbers, and of those that show a face or move a rig: the same but for
/// life, which is on by itself where a face is shown.
pub struct Filters {
    pub kept: FilterSettings,
    pub shown: FilterSettings,
}

impl Filters {
    /// For a motion with these columns, and the face that shows it, if there is one.
    pub fn of(filters: &FilterSettings, columns: &[String], face: Option<&Face>) -> Self {
        let life = filters.life.clone().or_else(|| Some(usual_life(columns, face)));
        Self { kept: filters.clone(), shown: FilterSettings { life, ..filters.clone() } }
    }

    /// The motion as it is kept, and as it is shown if a format shows it and life makes a difference.
    pub fn both(
        &self,
        mut motion: Animation,
        samples: &[f32],
        seed: u64,
        shows: bool,
    ) -> Result<(Animation, Option<Animation>)> {
        let mut shown = (shows && self.kept.life() != self.shown.life()).then(|| motion.clone());
        shown.iter_mut().try_for_each(|shown| finish::filter(shown, samples, &self.shown, seed))?;
        finish::filter(&mut motion, samples, &self.kept, seed)?;
        Ok((motion, shown))
    }
}

/// The parts of life that are on where nothing is said: those that fit the columns of the motion, and the face
/// that shows it, if there is one.
pub fn usual_life(columns: &[String], face: Option<&Face>) -> Vec<LifePart> {
    let has_neck = face.is_none_or(|face| face.joint_names.iter().any(|joint| joint == "neck"));
    let fits = |part: &LifePart| part.fits(columns) && (has_neck || *part != LifePart::Head);
    LifePart::ALL.into_iter().filter(fits).collect()
}

fn life(text: &str) -> Result<Life, String> {
    LifePart::list(text).map(Life).map_err(|error| error.to_string())
}

fn pair(text: &str) -> Result<(String, f32), String> {
    let found =
        text.split_once('=').and_then(|(name, value)| Some((name.trim().into(), value.trim().parse().ok()?)));
    found.ok_or_else(|| "expected a channel or region and a number, such as mouth=1.2".into())
}

fn limits(text: &str) -> Result<(String, [f32; 2]), String> {
    let number = |text: &str| text.trim().parse().ok();
    let found = text.split_once('=').and_then(|(name, range)| {
        let (low, high) = range.split_once("..")?;
        Some((name.trim().into(), [number(low)?, number(high)?]))
    });
    found.ok_or_else(|| "expected a channel or region and two numbers, such as jaw_x=0..0.4".into())
}
