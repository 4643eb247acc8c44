//! ARKit weights as the Live Link Face app records them, for Unreal, Unity, Blender add-ons and other
//! readers.
//!
//! Columns of the CSV, in the app's order:
//!
//! 1. `Timecode`: `HH:MM:SS:FF.mmm`, frames counted from 0 at the chosen rate; `.mmm` is the part of a frame,
//!    always `.000` here.
//! 2. `BlendShapeCount`: always 61 (52 weights and 9 rotations).
//! 3. The 52 weights of [`WEIGHTS`], with a capital first letter, each in 0 to 1.
//! 4. The 9 rotations of [`ROTATIONS`] in radians, with a capital first letter: 0 for an animation of the 52
//!    weights alone, and the head's where no motion of the head was added.

use std::fmt::Write as _;

use crate::animation::arkit::{ROTATIONS, WEIGHTS};
use crate::animation::{Animation, Rate};
use crate::{Error, Result};

/// An animation of the 52 weights, with or without rotations ([`Arkit`](crate::animation::arkit::Arkit)), as the
/// text of a Live Link Face CSV.
///
/// # Errors
/// A usage error if the columns are not [`WEIGHTS`], alone or with [`ROTATIONS`] behind them, or the rate is not a whole number of frames a second up
/// to 240.
pub fn csv(animation: &Animation) -> Result<String> {
    let (fps, rows) = weights(animation)?;
    let mut text = csv_header();
    for (frame, row) in rows.chunks_exact(animation.columns()).enumerate() {
        let (weights, rotations) = row.split_at(WEIGHTS.len());
        text.push_str(&csv_row(frame, fps, weights, rotations));
    }
    Ok(text)
}

/// The rate as a whole number and the rows of an animation of the weights.
fn weights(animation: &Animation) -> Result<(u32, &[f32])> {
    let parameters = animation.parameters()?;
    let (weights, rotations) = parameters.names.split_at(WEIGHTS.len().min(parameters.names.len()));
    if weights != WEIGHTS || !rotations.is_empty() && rotations != ROTATIONS {
        let found = parameters.names.first().map_or("none", |name| name);
        return Err(Error::Usage(format!(
            "expected an animation of ARKit's 52 weights, found {} columns that begin with `{found}`: retarget it first",
            parameters.names.len()
        )));
    }
    Ok((whole(animation.rate)?, &parameters.values))
}

fn whole(rate: Rate) -> Result<u32> {
    match (rate.numerator(), rate.denominator()) {
        (fps @ 1..=240, 1) => Ok(fps),
        _ => Err(Error::Usage(format!(
            "ARKit files have a whole number of frames a second from 1 to 240, found {rate}: resample the animation first"
        ))),
    }
}

/// The first line of a Live Link Face CSV.
pub fn csv_header() -> String {
    let mut text = String::from("Timecode,BlendShapeCount");
    for name in WEIGHTS.iter().chain(&ROTATIONS) {
        let (first, rest) = name.split_at(1);
        let _ = write!(text, ",{}{rest}", first.to_uppercase());
    }
    text.push('\n');
    text
}

/// The line of a frame, counted from 0 at `fps` frames a second, with its 52 weights and its 9 rotations, or
/// none, which are written as 0.
pub fn csv_row(frame: usize, fps: u32, weights: &[f32], rotations: &[f32]) -> String {
    let mut text = format!("{},{}", timecode(frame, fps), WEIGHTS.len() + ROTATIONS.len());
    for index in 0..WEIGHTS.len() + ROTATIONS.len() {
        let value = weights.iter().chain(rotations).nth(index).unwrap_or(&0.0);
        // Adding 0 makes a negative zero a plain one.
        let _ = write!(text, ",{:.6}", value + 0.0);
    }
    text.push('\n');
    text
}

/// An animation of the 52 weights ([`Arkit`](crate::animation::arkit::Arkit)) as JSON: `fps`, `filters` if
/// there were any, `names` (ARKit's own spelling, the order of [`WEIGHTS`]) and `frames`, each with its
/// `timecode`, its `time` in seconds and its 52 `weights`. If a rotation is not 0, `rotationNames` lists
/// [`ROTATIONS`], and each frame has its 9 `rotations`.
///
/// # Errors
/// As [`csv`].
pub fn json(animation: &Animation) -> Result<String> {
    let (fps, rows) = weights(animation)?;
    let filters = match &animation.filters[..] {
        [] => String::new(),
        filters => format!("\"filters\": {},\n", serde_json::json!(filters)),
    };
    let turns = rows
        .chunks_exact(animation.columns())
        .any(|row| row[WEIGHTS.len()..].iter().any(|turn| *turn != 0.0));
    let rotation_names = match turns {
        true => format!("\"rotationNames\": {},\n", serde_json::json!(ROTATIONS)),
        false => String::new(),
    };
    let mut text = format!(
        "{{\n\"format\": \"deeptalk-rt arkit\",\n\"fps\": {fps},\n{filters}\"names\": {},\n{rotation_names}\"frames\": [",
        serde_json::json!(WEIGHTS.as_slice())
    );
    for (index, row) in rows.chunks_exact(animation.columns()).enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let time = index as f64 / f64::from(fps);
        let _ = write!(
            text,
            "{comma}\n{{\"timecode\": \"{}\", \"time\": {time:.6}, \"weights\": [",
            timecode(index, fps)
        );
        let (weights, rotations) = row.split_at(WEIGHTS.len());
        list(&mut text, weights);
        if turns {
            text.push_str("], \"rotations\": [");
            list(&mut text, rotations);
        }
        text.push_str("]}");
    }
    text.push_str("\n]\n}\n");
    Ok(text)
}

/// The numbers with six decimals and commas between them.
fn list(text: &mut String, values: &[f32]) {
    for (k, value) in values.iter().enumerate() {
        let _ = write!(text, "{}{:.6}", if k == 0 { "" } else { ", " }, value + 0.0);
    }
}

/// `HH:MM:SS:FF.mmm` of a frame counted from 0.
fn timecode(frame: usize, fps: u32) -> String {
    let fps = fps as usize;
    let seconds = frame / fps;
    format!("{:02}:{:02}:{:02}:{:02}.000", seconds / 3600, seconds / 60 % 60, seconds % 60, frame % fps)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::animation::arkit::names;

    /// An animation of weights that grow from frame to frame.
    fn weights(frames: usize, fps: u32) -> Animation {
        let values = (0..frames * 52).map(|i| (i % 97) as f32 / 97.0).collect();
        Animation::from_parameters(Rate::whole(fps), names(), values)
    }

    #[test]
    fn the_header_is_live_link_faces_own() {
        let csv = super::csv(&weights(1, 25)).unwrap();
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
    fn timecodes_count_frames_seconds_minutes_and_hours() {
        assert_eq!(timecode(0, 60), "00:00:00:00.000");
        assert_eq!(timecode(59, 60), "00:00:00:59.000");
        assert_eq!(timecode(60, 60), "00:00:01:00.000");
        assert_eq!(timecode(25 * 3661 + 7, 25), "01:01:01:07.000");
    }

    #[test]
    fn json_holds_the_same_numbers_as_csv() {
        let talk = weights(4, 30);
        let json: serde_json::Value = serde_json::from_str(&super::json(&talk).unwrap()).unwrap();
        let csv = super::csv(&talk).unwrap();
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
    fn timecodes_need_a_whole_number_of_frames_a_second() {
        for rate in [Rate::whole(241), Rate::new(30_000, 1_001).unwrap()] {
            let fast = Animation { rate, ..weights(1, 25) };
            let text = csv(&fast).unwrap_err().to_string();
            assert!(text.contains(&format!("found {rate}")), "{text}");
        }
    }

    #[test]
    fn other_columns_are_refused() {
        let names = ["exp_00", "jaw_x"].map(String::from);
        let flame = Animation::from_parameters(Rate::whole(25), names, vec![0.0; 4]);
        let text = csv(&flame).unwrap_err().to_string();
        assert!(text.contains("`exp_00`") && text.contains("retarget it first"), "{text}");
    }

    #[test]
    fn one_frame_and_none_are_written() {
        assert_eq!(csv(&weights(0, 30)).unwrap().lines().count(), 1);
        assert_eq!(csv(&weights(1, 30)).unwrap().lines().count(), 2);
        let none: serde_json::Value = serde_json::from_str(&json(&weights(0, 30)).unwrap()).unwrap();
        assert_eq!(none["frames"].as_array().unwrap().len(), 0);
    }
}
