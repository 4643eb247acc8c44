//! ARKit's 52 blend-shape weights, and the map to them from the channels of the built-in head.
//!
//! Where the weights come from: a motion of the built-in head has 50 of them as channels; [`Arkit`] retargets
//! it. `jawOpen` is `jaw_x` / 24 degrees, and `jawForward` is 0. A jaw turned sideways adds to `jawLeft` or
//! `jawRight`: `jaw_y` / 5 degrees + `jaw_z` / 9 degrees, positive to the left (the angles that take the
//! built-in head's chin as far as the blend shape does). "Left" is the subject's left, as in ARKit.
//!
//! ```
//! use deeptalk_rt::animation::arkit::{self, Arkit};
//! use deeptalk_rt::animation::{Animation, Rate};
//!
//! # let channels = arkit::WEIGHTS.iter().filter(|n| !["jawOpen", "jawForward"].contains(n));
//! # let names: Vec<String> = channels.copied().chain(["jaw_x", "jaw_y", "jaw_z"]).map(String::from).collect();
//! # let mut values = vec![0.0; 2 * names.len()];
//! # values[50] = 12f32.to_radians();
//! let motion = Animation::from_parameters(Rate::whole(25), names.clone(), values);
//! let weights = motion.retargeted(&Arkit::of(&names)?)?.resampled(Rate::whole(60));
//! assert_eq!(weights.parameters()?.names[17], "jawOpen");
//! assert_eq!(weights.frame(0)[17], 0.5);
//! # Ok::<(), deeptalk_rt::Error>(())
//! ```

use super::{JAW_NAMES, NECK_NAMES, Retarget};
use crate::error::Advice;
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

/// The jaw's turn about x at which `jawOpen` is 1.
const OPEN_DEGREES: f32 = 24.0;
/// The jaw's turns about y and about z at which the chin is as far to the side as `jawLeft` = 1 takes it.
const SIDE_DEGREES: [f32; 2] = [5.0, 9.0];

/// The turn of an eye in degrees where `eyeLookDown`, `eyeLookIn`, `eyeLookOut` and `eyeLookUp` are 1, in this
/// order: outwards and down. The channels of the built-in head turn its eyes so far.
pub const LOOK_DEGREES: [[f32; 2]; 4] = [[0.0, 22.0], [-26.0, 0.0], [26.0, 0.0], [0.0, -20.0]];

/// The rotations that Live Link Face records behind the weights. Here they are in radians about ARKit's axes
/// (x to the subject's left, y up, z forward), right-handed: yaw is positive to the subject's left, pitch down,
/// and roll to the subject's right shoulder.
pub const ROTATIONS: [&str; 9] = [
    "headYaw",
    "headPitch",
    "headRoll",
    "leftEyeYaw",
    "leftEyePitch",
    "leftEyeRoll",
    "rightEyeYaw",
    "rightEyePitch",
    "rightEyeRoll",
];

/// ARKit's weights out of the channels of the built-in head: 50 weights and the jaw's rotation.
#[derive(Debug, Clone)]
pub struct Arkit {
    names: Vec<String>,
    /// For each weight its column; none for `jawOpen` and `jawForward`.
    channels: [Option<usize>; 52],
    jaw: [usize; 3],
    /// True if rotations follow the weights; and the columns of the head's rotation, if there are any.
    rotations: Option<Option<[usize; 3]>>,
}

impl Arkit {
    /// The map from rows with these columns.
    ///
    /// # Errors
    /// A usage error if a weight or an axis of the jaw is not among the columns.
    pub fn of(columns: &[String]) -> Result<Self> {
        Self::find(columns).map_err(|missing| {
            let found = columns.first().map_or("no columns", |name| name);
            Error::Usage(format!(
                "ARKit weights need a motion of the 50 ARKit channels and the jaw, but this one has no `{missing}` (its {} columns begin \
                 with `{found}`); use a model made for the built-in head, or {}",
                columns.len(),
                Advice::PlainColumns.text()
            ))
        })
    }

    /// The map that gives [`ROTATIONS`] behind the weights: of the head, from [`NECK_NAMES`] (0 where the columns
    /// lack them), and of the eyes, from the gaze by [`LOOK_DEGREES`].
    ///
    /// # Errors
    /// As [`of`](Self::of).
    pub fn with_rotations(columns: &[String]) -> Result<Self> {
        let find = |name: &str| columns.iter().position(|column| column == name);
        let [x, y, z] = NECK_NAMES.map(find);
        let head = x.zip(y).zip(z).map(|((x, y), z)| [x, y, z]);
        let mut map = Self::of(columns)?;
        map.names.extend(ROTATIONS.map(String::from));
        map.rotations = Some(head);
        Ok(map)
    }

    /// The map, or the first name that the columns lack.
    fn find(columns: &[String]) -> Result<Self, &'static str> {
        let find = |name: &'static str| columns.iter().position(|n| n == name).ok_or(name);
        let mut channels = [None; 52];
        for (channel, name) in channels.iter_mut().zip(WEIGHTS) {
            if name != "jawOpen" && name != "jawForward" {
                *channel = Some(find(name)?);
            }
        }
        let [x, y, z] = JAW_NAMES;
        Ok(Self { names: names(), channels, jaw: [find(x)?, find(y)?, find(z)?], rotations: None })
    }

    /// The 52 weights of one frame, each in 0 to 1.
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

/// The rotations of one frame: the head's axis-angle, and the eyes' from the weights.
fn rotations(head: [f32; 3], weights: &[f32; 52]) -> [f32; 9] {
    let [pitch, yaw, roll] = head;
    let mut all = [yaw, pitch, roll, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    for (eye, (first, outwards)) in [(1, 1.0), (8, -1.0)].into_iter().enumerate() {
        for (weight, [sideways, down]) in weights[first..first + 4].iter().zip(LOOK_DEGREES) {
            all[3 + 3 * eye] += weight * (outwards * sideways).to_radians();
            all[4 + 3 * eye] += weight * down.to_radians();
        }
    }
    all
}

impl Retarget for Arkit {
    fn names(&self) -> &[String] {
        &self.names
    }

    fn apply(&self, row: &[f32], out: &mut [f32]) {
        let weights = self.weights(row);
        out[..52].copy_from_slice(&weights);
        if let Some(head) = self.rotations {
            let head = head.map_or([0.0; 3], |columns| columns.map(|column| row[column]));
            out[52..].copy_from_slice(&rotations(head, &weights));
        }
    }
}

/// [`WEIGHTS`] as an animation holds them.
pub fn names() -> Vec<String> {
    WEIGHTS.map(String::from).to_vec()
}

#[cfg(test)]
mod tests {
    use super::super::{Animation, Rate};
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

    /// The weights of a motion at a rate.
    fn weights(motion: &Animation, fps: u32) -> Animation {
        let map = Arkit::of(&motion.parameters().unwrap().names).unwrap();
        motion.retargeted(&map).unwrap().resampled(Rate::whole(fps))
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
        let rows = weights(&motion, 25).values().to_vec();
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
            let rows = weights(&motion, fps).values().to_vec();
            assert!(rows.iter().all(|w| (0.0..=1.0).contains(w)));
            assert_eq!(weight(&rows, 0, "mouthSmileLeft"), 0.0);
            assert_eq!(weight(&rows, rows.len() / 52 - 1, "mouthSmileLeft"), 1.0);
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
        let error = Arkit::of(&flame.parameters().unwrap().names).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        let text = error.to_string();
        assert!(text.contains("`eyeBlinkLeft`") && text.contains("`exp_00`"), "{text}");
    }
}
