//! ARKit blend-shape weights as the Live Link Face app records them, for Unreal, Unity, Blender add-ons and the like.
//!
//! Columns of the CSV, in the app's order:
//!
//! 1. `Timecode`: `HH:MM:SS:FF.mmm`, frames counted from 0 at the chosen rate; `.mmm` is the part of a frame, always `.000` here.
//! 2. `BlendShapeCount`: always 61 (52 weights and 9 rotations).
//! 3. The 52 weights of [`WEIGHTS`], with a capital first letter, each in 0 to 1.
//! 4. `HeadYaw HeadPitch HeadRoll LeftEyeYaw LeftEyePitch LeftEyeRoll RightEyeYaw RightEyePitch RightEyeRoll`: all 0, for the network
//!    moves neither the head nor the eyeballs (a gaze, if there is one, is in the `eyeLook..` weights).
//!
//! Where the weights come from: a motion of the built-in head has 50 of them as channels. `jawOpen` is `jaw_x` / 24 degrees, and
//! `jawForward` is 0. A jaw turned sideways adds to `jawLeft` or `jawRight`: `jaw_y` / 5 degrees + `jaw_z` / 9 degrees, positive to the left
//! (the angles that take the built-in head's chin as far as the blend shape does). "Left" is the subject's left, as in ARKit.
//!
//! Rates other than the motion's are resampled by [`crate::animation::resample`].
//!
//! ```
//! use deeptalk_rt::animation::arkit;
//!
//! # let channels = arkit::WEIGHTS.iter().filter(|n| !["jawOpen", "jawForward"].contains(n));
//! # let names: Vec<String> = channels.copied().chain(["jaw_x", "jaw_y", "jaw_z"]).map(String::from).collect();
//! # let mut values = vec![0.0; 2 * names.len()];
//! # values[50] = 12f32.to_radians();
//! # use deeptalk_rt::animation::{Animation, Rate};
//! # let motion = Animation::from_parameters(Rate::whole(25), names, values);
//! let csv = arkit::csv(&motion, 60, "talk.csv")?;
//! let mut lines = csv.lines();
//! assert!(lines.next().unwrap().starts_with("Timecode,BlendShapeCount,EyeBlinkLeft,EyeLookDownLeft"));
//! let first: Vec<&str> = lines.next().unwrap().split(',').collect();
//! assert_eq!(first[..2], ["00:00:00:00.000", "61"]);
//! assert_eq!(first[2 + 17], "0.500000"); // jawOpen
//! # Ok::<(), deeptalk_rt::Error>(())
//! ```

use std::fmt::Write as _;
use std::path::Path;

use super::resample::resample;
use super::{Animation, Rate};
use crate::{Error, Result};

/// The 52 ARKit blend shapes, in ARKit's and Live Link Face's order.
pub const WEIGHTS: [&str; 52] = [
    "eyeBlinkLeft",
    "eyeLookDownLeft",
    "eyeLookInLeft",
    "eyeLookOutLeft",
    "eyeLookUpLeft",
    "eyeSquintLeft",
    "eyeWideLeft",
    "eyeBlinkRight",
    "eyeLookDownRight",
    "eyeLookInRight",
    "eyeLookOutRight",
    "eyeLookUpRight",
    "eyeSquintRight",
    "eyeWideRight",
    "jawForward",
    "jawRight",
    "jawLeft",
    "jawOpen",
    "mouthClose",
    "mouthFunnel",
    "mouthPucker",
    "mouthRight",
    "mouthLeft",
    "mouthSmileLeft",
    "mouthSmileRight",
    "mouthFrownLeft",
    "mouthFrownRight",
    "mouthDimpleLeft",
    "mouthDimpleRight",
    "mouthStretchLeft",
    "mouthStretchRight",
    "mouthRollLower",
    "mouthRollUpper",
    "mouthShrugLower",
    "mouthShrugUpper",
    "mouthPressLeft",
    "mouthPressRight",
    "mouthLowerDownLeft",
    "mouthLowerDownRight",
    "mouthUpperUpLeft",
    "mouthUpperUpRight",
    "browDownLeft",
    "browDownRight",
    "browInnerUp",
    "browOuterUpLeft",
    "browOuterUpRight",
    "cheekPuff",
    "cheekSquintLeft",
    "cheekSquintRight",
    "noseSneerLeft",
    "noseSneerRight",
    "tongueOut",
];

/// The rotation columns after the weights.
const ROTATIONS: [&str; 9] = [
    "HeadYaw",
    "HeadPitch",
    "HeadRoll",
    "LeftEyeYaw",
    "LeftEyePitch",
    "LeftEyeRoll",
    "RightEyeYaw",
    "RightEyePitch",
    "RightEyeRoll",
];

/// The jaw's turn about x at which `jawOpen` is 1.
const OPEN_DEGREES: f32 = 24.0;
/// The jaw's turns about y and about z at which the chin is as far to the side as `jawLeft` = 1 takes it.
const SIDE_DEGREES: [f32; 2] = [5.0, 9.0];

/// The 52 weights of each frame, (frames, 52) in the order of [`WEIGHTS`], at `fps` frames a second, each in 0 to 1.
///
/// # Errors
/// A usage error if `fps` is not 1 to 240 or the motion is not one of ARKit channels; `output` is the file that was asked for.
pub fn weights(motion: &Animation, fps: u32, output: impl AsRef<Path>) -> Result<Vec<f32>> {
    if !(1..=240).contains(&fps) {
        return Err(Error::Usage(format!(
            "{}: ARKit files have a whole number of frames a second from 1 to 240, found {fps}; give --fps 25, 30 or 60",
            output.as_ref().display()
        )));
    }
    let parameters = motion.parameters()?;
    let columns = Columns::of_output(&parameters.names, output)?;
    let rows: Vec<f32> =
        parameters.values.chunks_exact(parameters.names.len()).flat_map(|row| columns.weights(row)).collect();
    Ok(resample(&rows, WEIGHTS.len(), motion.rate, Rate::whole(fps)))
}

/// The motion as the text of a Live Link Face CSV.
///
/// # Errors
/// As [`weights`].
pub fn csv(motion: &Animation, fps: u32, output: impl AsRef<Path>) -> Result<String> {
    let rows = weights(motion, fps, output)?;
    let mut text = CsvRows::header();
    for (index, row) in rows.chunks_exact(WEIGHTS.len()).enumerate() {
        put_row(&mut text, index, fps, row);
    }
    Ok(text)
}

/// Rows of a Live Link Face CSV, one at a time: for frames that come one at a time.
pub struct CsvRows {
    columns: Columns,
}

impl CsvRows {
    /// Of frames with these columns; `output` is what is written.
    ///
    /// # Errors
    /// A usage error if the columns are not ARKit channels and the jaw.
    pub fn of(names: &[String], output: impl AsRef<Path>) -> Result<Self> {
        Ok(Self { columns: Columns::of_output(names, output)? })
    }

    /// The first line.
    pub fn header() -> String {
        let mut text = String::from("Timecode,BlendShapeCount");
        for name in WEIGHTS {
            let (first, rest) = name.split_at(1);
            let _ = write!(text, ",{}{rest}", first.to_uppercase());
        }
        for name in ROTATIONS {
            let _ = write!(text, ",{name}");
        }
        text.push('\n');
        text
    }

    /// The line of a frame, counted from 0 at `fps` frames a second; `values` are its columns.
    ///
    /// # Panics
    /// If there are fewer values than columns.
    pub fn row(&self, frame: usize, fps: u32, values: &[f32]) -> String {
        let mut text = String::new();
        put_row(&mut text, frame, fps, &self.columns.weights(values));
        text
    }
}

fn put_row(text: &mut String, frame: usize, fps: u32, weights: &[f32]) {
    let _ = write!(text, "{},{}", timecode(frame, fps), WEIGHTS.len() + ROTATIONS.len());
    for weight in weights {
        let _ = write!(text, ",{weight:.6}");
    }
    text.push_str(&",0.000000".repeat(ROTATIONS.len()));
    text.push('\n');
}

/// The motion as JSON: `fps`, `names` (ARKit's own spelling, the order of [`WEIGHTS`]) and `frames`, each with its `timecode`, its `time` in
/// seconds and its 52 `weights`.
///
/// # Errors
/// As [`weights`].
pub fn json(motion: &Animation, fps: u32, output: impl AsRef<Path>) -> Result<String> {
    let rows = weights(motion, fps, output)?;
    let mut text = format!(
        "{{\n\"format\": \"deeptalk-rt arkit\",\n\"fps\": {fps},\n\"names\": {},\n\"frames\": [",
        serde_json::json!(WEIGHTS.as_slice())
    );
    for (index, row) in rows.chunks_exact(WEIGHTS.len()).enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let time = index as f64 / f64::from(fps);
        let _ = write!(
            text,
            "{comma}\n{{\"timecode\": \"{}\", \"time\": {time:.6}, \"weights\": [",
            timecode(index, fps)
        );
        for (k, weight) in row.iter().enumerate() {
            let _ = write!(text, "{}{weight:.6}", if k == 0 { "" } else { ", " });
        }
        text.push_str("]}");
    }
    text.push_str("\n]\n}\n");
    Ok(text)
}

/// `HH:MM:SS:FF.mmm` of a frame counted from 0.
fn timecode(frame: usize, fps: u32) -> String {
    let fps = fps as usize;
    let seconds = frame / fps;
    format!("{:02}:{:02}:{:02}:{:02}.000", seconds / 3600, seconds / 60 % 60, seconds % 60, frame % fps)
}

/// Where a motion's row holds what the weights are made of.
struct Columns {
    /// For each weight its column; none for `jawOpen` and `jawForward`.
    channels: [Option<usize>; 52],
    jaw: [usize; 3],
}

impl Columns {
    /// The columns; `output` is what is written.
    fn of_output(names: &[String], output: impl AsRef<Path>) -> Result<Self> {
        Self::of(names).map_err(|missing| {
            let found = names.first().map_or("no columns", |name| name);
            Error::Usage(format!(
                "{}: ARKit weights need a motion of the 50 ARKit channels and the jaw, but this one has no `{missing}` (its {} columns \
                 begin with `{found}`); use a model made for the built-in head, or have the columns written as they are (without \
                 --format arkit or --to arkit)",
                output.as_ref().display(),
                names.len()
            ))
        })
    }

    /// The columns, or the first name that the motion lacks.
    fn of(names: &[String]) -> Result<Self, &'static str> {
        let find = |name: &'static str| names.iter().position(|n| n == name).ok_or(name);
        let mut channels = [None; 52];
        for (channel, name) in channels.iter_mut().zip(WEIGHTS) {
            if name != "jawOpen" && name != "jawForward" {
                *channel = Some(find(name)?);
            }
        }
        Ok(Self { channels, jaw: [find("jaw_x")?, find("jaw_y")?, find("jaw_z")?] })
    }

    fn weights(&self, row: &[f32]) -> [f32; 52] {
        let [open, yaw, roll] = self.jaw.map(|column| row[column].to_degrees());
        let left = yaw / SIDE_DEGREES[0] + roll / SIDE_DEGREES[1];
        std::array::from_fn(|k| {
            let channel = self.channels[k].map_or(0.0, |column| row[column]);
            let jaw = match WEIGHTS[k] {
                "jawOpen" => open / OPEN_DEGREES,
                "jawLeft" => left.max(0.0),
                "jawRight" => (-left).max(0.0),
                _ => 0.0,
            };
            (channel + jaw).clamp(0.0, 1.0)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn motion(frames: usize) -> Animation {
        let names: Vec<String> = WEIGHTS
            .into_iter()
            .filter(|name| !["jawOpen", "jawForward"].contains(name))
            .chain(["jaw_x", "jaw_y", "jaw_z"])
            .map(String::from)
            .collect();
        let values = vec![0.0; frames * names.len()];
        Animation::from_parameters(Rate::whole(25), names, values)
    }

    fn set(motion: &mut Animation, frame: usize, name: &str, value: f32) {
        let parameters = motion.parameters_mut().unwrap();
        let column = parameters.names.iter().position(|n| n == name).unwrap();
        parameters.values[frame * parameters.names.len() + column] = value;
    }

    fn weight(rows: &[f32], frame: usize, name: &str) -> f32 {
        rows[frame * 52 + WEIGHTS.iter().position(|n| *n == name).unwrap()]
    }

    #[test]
    fn the_header_is_live_link_faces_own() {
        let csv = csv(&motion(1), 25, "talk.csv").unwrap();
        let header = "Timecode,BlendShapeCount,EyeBlinkLeft,EyeLookDownLeft,EyeLookInLeft,EyeLookOutLeft,EyeLookUpLeft,EyeSquintLeft,\
                      EyeWideLeft,EyeBlinkRight,EyeLookDownRight,EyeLookInRight,EyeLookOutRight,EyeLookUpRight,EyeSquintRight,EyeWideRight,\
                      JawForward,JawRight,JawLeft,JawOpen,MouthClose,MouthFunnel,MouthPucker,MouthRight,MouthLeft,MouthSmileLeft,\
                      MouthSmileRight,MouthFrownLeft,MouthFrownRight,MouthDimpleLeft,MouthDimpleRight,MouthStretchLeft,MouthStretchRight,\
                      MouthRollLower,MouthRollUpper,MouthShrugLower,MouthShrugUpper,MouthPressLeft,MouthPressRight,MouthLowerDownLeft,\
                      MouthLowerDownRight,MouthUpperUpLeft,MouthUpperUpRight,BrowDownLeft,BrowDownRight,BrowInnerUp,BrowOuterUpLeft,\
                      BrowOuterUpRight,CheekPuff,CheekSquintLeft,CheekSquintRight,NoseSneerLeft,NoseSneerRight,TongueOut,HeadYaw,HeadPitch,\
                      HeadRoll,LeftEyeYaw,LeftEyePitch,LeftEyeRoll,RightEyeYaw,RightEyePitch,RightEyeRoll";
        assert_eq!(csv.lines().next().unwrap(), header);
        assert_eq!(csv.lines().count(), 2);
        assert!(csv.lines().all(|line| line.split(',').count() == 63));
    }

    #[test]
    fn the_jaw_becomes_its_blend_shapes_and_stays_in_range() {
        let mut motion = motion(4);
        for (frame, [x, y, z]) in
            [[12.0, 2.5, 0.0], [48.0, 0.0, -4.5], [-10.0, 0.0, 0.0], [24.0, 9.0, 9.0]].into_iter().enumerate()
        {
            set(&mut motion, frame, "jaw_x", f32::to_radians(x));
            set(&mut motion, frame, "jaw_y", f32::to_radians(y));
            set(&mut motion, frame, "jaw_z", f32::to_radians(z));
        }
        set(&mut motion, 1, "jawRight", 0.25);
        let rows = weights(&motion, 25, "talk.csv").unwrap();
        let near = |a: f32, b: f32| assert!((a - b).abs() < 1e-6, "{a} {b}");
        near(weight(&rows, 0, "jawOpen"), 0.5);
        near(weight(&rows, 0, "jawLeft"), 0.5);
        near(weight(&rows, 0, "jawRight"), 0.0);
        near(weight(&rows, 1, "jawOpen"), 1.0);
        near(weight(&rows, 1, "jawRight"), 0.75);
        near(weight(&rows, 2, "jawOpen"), 0.0);
        near(weight(&rows, 3, "jawLeft"), 1.0);
        assert!(rows.chunks(52).all(|row| row[14] == 0.0), "jawForward");
    }

    #[test]
    fn weights_outside_the_range_are_clamped_at_every_rate() {
        let mut motion = motion(6);
        set(&mut motion, 0, "mouthSmileLeft", -3.0);
        (1..6).for_each(|frame| set(&mut motion, frame, "mouthSmileLeft", 1e30));
        for fps in [25, 30, 60] {
            let rows = weights(&motion, fps, "talk.csv").unwrap();
            assert!(rows.iter().all(|w| (0.0..=1.0).contains(w)));
            assert_eq!(weight(&rows, 0, "mouthSmileLeft"), 0.0);
            assert_eq!(weight(&rows, rows.len() / 52 - 1, "mouthSmileLeft"), 1.0);
        }
    }

    #[test]
    fn timecodes_count_frames_seconds_minutes_and_hours() {
        assert_eq!(timecode(0, 60), "00:00:00:00.000");
        assert_eq!(timecode(59, 60), "00:00:00:59.000");
        assert_eq!(timecode(60, 60), "00:00:01:00.000");
        assert_eq!(timecode(25 * 3661 + 7, 25), "01:01:01:07.000");
    }

    #[test]
    fn json_holds_the_same_numbers_as_csv() {
        let mut motion = motion(3);
        set(&mut motion, 1, "browInnerUp", 0.123456);
        let json: serde_json::Value = serde_json::from_str(&json(&motion, 30, "talk.json").unwrap()).unwrap();
        let csv = csv(&motion, 30, "talk.csv").unwrap();
        let frames = json["frames"].as_array().unwrap();
        assert_eq!(frames.len(), 4);
        assert_eq!(json["names"][17], "jawOpen");
        for (frame, line) in frames.iter().zip(csv.lines().skip(1)) {
            let cells: Vec<&str> = line.split(',').collect();
            assert_eq!(frame["timecode"], cells[0]);
            let weights: Vec<f64> =
                frame["weights"].as_array().unwrap().iter().map(|w| w.as_f64().unwrap()).collect();
            let cells: Vec<f64> = cells[2..54].iter().map(|cell| cell.parse().unwrap()).collect();
            assert_eq!(weights, cells);
        }
    }

    #[test]
    fn a_motion_of_other_channels_is_refused_by_both_names() {
        let mut flame = motion(2);
        flame
            .parameters_mut()
            .unwrap()
            .names
            .iter_mut()
            .enumerate()
            .take(50)
            .for_each(|(i, name)| *name = format!("exp_{i:02}"));
        let error = csv(&flame, 25, "talk.csv").unwrap_err();
        assert_eq!(error.exit_code(), 2);
        let text = error.to_string();
        assert!(
            text.contains("`eyeBlinkLeft`") && text.contains("`exp_00`") && text.contains("talk.csv"),
            "{text}"
        );
        assert!(csv_error(0).contains("found 0") && csv_error(241).contains("found 241"));
    }

    fn csv_error(fps: u32) -> String {
        csv(&motion(1), fps, "talk.csv").unwrap_err().to_string()
    }

    #[test]
    fn one_frame_and_none_are_written() {
        assert_eq!(csv(&motion(0), 30, "talk.csv").unwrap().lines().count(), 1);
        assert_eq!(csv(&motion(1), 30, "talk.csv").unwrap().lines().count(), 2);
        let none: serde_json::Value = serde_json::from_str(&json(&motion(0), 30, "t.json").unwrap()).unwrap();
        assert_eq!(none["frames"].as_array().unwrap().len(), 0);
    }
}
