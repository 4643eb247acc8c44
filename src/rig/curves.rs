//! Curves of an animation: jaw, lips and brows over time, measured on the face in plain units.
//!
//! They are measured on the moved vertices, not read from channel names, so they mean the same for every
//! face. In a face without the masks of the built-in head (FLAME has none) the lips are found from the
//! skinning weights: they are where vertices that follow the jaw meet vertices that do not.
//!
//! ```
//! use deeptalk_rt::rig::{Face, curves::Curves};
//!
//! let face = Face::builtin()?;
//! let names = face.parameter_names();
//! let mut values = vec![0.0; 2 * names.len()];
//! values[2 * names.len() - 3] = 10f32.to_radians(); // jaw_x of the second frame
//! # use deeptalk_rt::animation::{Animation, Rate};
//! # let motion = Animation::from_parameters(Rate::whole(25), names, values);
//! let curves = Curves::measure(&motion, &face)?;
//! let jaw = &curves.list[0];
//! assert_eq!((jaw.name, jaw.unit), ("Jaw", "°"));
//! assert!((jaw.values[1] - 10.0).abs() < 1e-4);
//! # Ok::<(), deeptalk_rt::Error>(())
//! ```

use rayon::prelude::*;

use crate::Result;
use crate::animation::Animation;
use crate::rig::{Face, Rig};

/// One quantity over the frames of a motion.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// A label of one or two words: "Jaw".
    pub name: &'static str,
    /// The meaning of a positive value: "open".
    pub positive: &'static str,
    /// The meaning of a negative value, or empty.
    pub negative: &'static str,
    /// The unit of the values: `°`, `mm` or `%`.
    pub unit: &'static str,
    /// The smallest range of a drawing's axis, so that small movements at rest stay small.
    pub span: [f32; 2],
    /// One value a frame.
    pub values: Vec<f32>,
}

/// The curves of an animation in the order of display: jaw, lip opening, lip spread, brows.
#[derive(Debug, Clone, PartialEq)]
pub struct Curves {
    /// The jaw's curve is there if the motion turns the jaw; the others if lips and brows are found on the
    /// face.
    pub list: Vec<Curve>,
}

impl Curves {
    /// Measures `motion` on `face`:
    ///
    /// - *Jaw*: `jaw_x` in degrees;
    /// - *Lip opening*: millimetres between the inner lips, in the middle, less the distance at rest;
    /// - *Lip spread*: how much wider (or, below 0, narrower: rounded) the lips are than at rest, per cent;
    /// - *Brows*: millimetres up (or, below 0, down), the mean over both.
    ///
    /// # Errors
    /// [`Error::BadInput`](crate::Error::BadInput) if the animation was not made for this face.
    pub fn measure(motion: &Animation, face: &Face) -> Result<Self> {
        face.check_channels(&motion.parameters()?.names, "the model")?;
        let width = motion.width();
        let curve = |name, positive, negative, unit, span| Curve {
            name,
            positive,
            negative,
            unit,
            span,
            values: vec![],
        };
        let mut list = Vec::new();
        if let Some(column) = motion.parameters()?.names.iter().position(|name| name == "jaw_x") {
            let mut jaw = curve("Jaw", "open", "", "°", [0.0, 12.0]);
            let rows = motion.values().chunks_exact(width);
            jaw.values = rows.map(|row| row[column].to_degrees()).collect();
            list.push(jaw);
        }

        let lips = inner_lips(face);
        let around = lips.map_or(vec![], |inner| lip_vertices(face, inner));
        let brows = brow_vertices(face);
        if let Some(inner) = lips {
            let mut opening = curve("Lip opening", "open", "", "mm", [0.0, 12.0]);
            opening.values = follow(motion, face, &inner, |at, rest| 1e3 * (distance(at) - distance(rest)))?;
            let mut spread = curve("Lip spread", "wide", "round", "%", [-12.0, 12.0]);
            spread.values = follow(motion, face, &around, |at, rest| 100.0 * (breadth(at, rest) - 1.0))?;
            list.extend([opening, spread]);
        }
        if !brows.is_empty() {
            let mut raise = curve("Brows", "up", "down", "mm", [-3.0, 5.0]);
            raise.values =
                follow(motion, face, &brows, |at, rest| 1e3 * (mean_height(at) - mean_height(rest)))?;
            list.push(raise);
        }
        Ok(Self { list })
    }
}

/// `measure(moved, at rest)` of some vertices for each frame, with the head at rest.
fn follow(
    motion: &Animation,
    face: &Face,
    vertices: &[u32],
    measure: impl Fn(&[[f32; 3]], &[[f32; 3]]) -> f32 + Sync,
) -> Result<Vec<f32>> {
    let part = part(face, vertices);
    let rig = Rig::for_expression(&part, &motion.parameters()?.names, "the model")?;
    let values = motion
        .values()
        .par_chunks_exact(motion.width())
        .map_init(
            || vec![0.0; part.template.len()],
            |moved, row| {
                rig.pose(row, moved);
                measure(moved.as_chunks().0, part.template.as_chunks().0)
            },
        )
        .collect();
    Ok(values)
}

/// The face of a few vertices alone. Its joints stay at rest: a joint that follows the expression (FLAME's)
/// moves by well under a millimetre.
fn part(face: &Face, vertices: &[u32]) -> Face {
    let count = face.vertex_count();
    let pick = |table: &[f32], width: usize| -> Vec<f32> {
        table
            .chunks_exact((count * width).max(1))
            .flat_map(|shape| vertices.iter().flat_map(move |&v| &shape[v as usize * width..][..width]))
            .copied()
            .collect()
    };
    Face {
        name: face.name.clone(),
        edition: face.edition.clone(),
        license: face.license.clone(),
        source: face.source.clone(),
        channels: face.channels.clone(),
        joint_names: face.joint_names.clone(),
        template: pick(&face.template, 3),
        faces: vec![],
        expression_basis: pick(&face.expression_basis, 3),
        joints: face.joints.clone(),
        joint_regressor: None,
        parents: face.parents.clone(),
        skinning_weights: pick(&face.skinning_weights, face.parents.len()),
        pose_basis: face.pose_basis.as_deref().map(|basis| pick(basis, 3)),
        identity_basis: None,
        colors: None,
        gloss: None,
        masks: Default::default(),
    }
}

/// Upper and lower lip where they meet in the middle.
pub(crate) fn inner_lips(face: &Face) -> Option<[u32; 2]> {
    let one = |name| face.masks.get(name).and_then(|mask| mask.first().copied());
    if let (Some(upper), Some(lower)) = (one("lip_upper_inner"), one("lip_lower_inner")) {
        return Some([upper, lower]);
    }
    let jaw = joint(face, "jaw")?;
    let column = face.joint_names.iter().position(|name| name == "jaw")?;
    let weight = |v: usize| face.skinning_weights[v * face.parents.len() + column];
    let vertices = face.template.as_chunks::<3>().0;
    let middle: Vec<usize> =
        (0..vertices.len()).filter(|&v| vertices[v][0].abs() < 0.003 && vertices[v][2] > jaw[2]).collect();
    let (lower, upper): (Vec<usize>, Vec<usize>) = middle.into_iter().partition(|&v| weight(v) > 0.5);
    let mut best: Option<(f32, [u32; 2])> = None;
    for &u in &upper {
        for &l in lower.iter().filter(|&&l| vertices[l][1] <= vertices[u][1]) {
            let gap = distance(&[vertices[u], vertices[l]]);
            if best.is_none_or(|(least, _)| gap < least) {
                best = Some((gap, [u as u32, l as u32]));
            }
        }
    }
    best.map(|(_, pair)| pair)
}

/// The vertices of both lips: the mask, or the vertices near the point where the lips meet.
fn lip_vertices(face: &Face, [upper, lower]: [u32; 2]) -> Vec<u32> {
    if let Some(mask) = face.masks.get("lips").filter(|mask| !mask.is_empty()) {
        return mask.clone();
    }
    let vertices = face.template.as_chunks::<3>().0;
    let (u, l) = (vertices[upper as usize], vertices[lower as usize]);
    let center: [f32; 3] = std::array::from_fn(|k| 0.5 * (u[k] + l[k]));
    within(face, |v| {
        (v[0] - center[0]).abs() < 0.03 && (v[1] - center[1]).abs() < 0.012 && v[2] > center[2] - 0.02
    })
}

/// The skin over both eyes, or the forehead of a face that has no eye joints.
fn brow_vertices(face: &Face) -> Vec<u32> {
    match (joint(face, "eye_left"), joint(face, "eye_right")) {
        (Some(left), Some(right)) => {
            let (y, z) = (0.5 * (left[1] + right[1]), 0.5 * (left[2] + right[2]));
            within(face, |v| v[0].abs() < 0.055 && (0.018..0.034).contains(&(v[1] - y)) && v[2] > z)
        }
        _ => face.masks.get("forehead").cloned().unwrap_or_default(),
    }
}

fn within(face: &Face, keep: impl Fn(&[f32; 3]) -> bool) -> Vec<u32> {
    let vertices = face.template.as_chunks::<3>().0;
    (0..vertices.len() as u32).filter(|&v| keep(&vertices[v as usize])).collect()
}

fn joint(face: &Face, name: &str) -> Option<[f32; 3]> {
    let index = face.joint_names.iter().position(|n| n == name)?;
    Some(face.joints.as_chunks::<3>().0[index])
}

fn distance(pair: &[[f32; 3]]) -> f32 {
    (0..3).map(|k| (pair[0][k] - pair[1][k]).powi(2)).sum::<f32>().sqrt()
}

/// The factor by which x grew, fitted over all vertices, which is more stable than the distance of two
/// corners.
fn breadth(at: &[[f32; 3]], rest: &[[f32; 3]]) -> f32 {
    let (both, square) =
        at.iter().zip(rest).fold((0.0, 0.0), |(b, s), (a, r)| (b + a[0] * r[0], s + r[0] * r[0]));
    if square > 0.0 { both / square } else { 1.0 }
}

fn mean_height(vertices: &[[f32; 3]]) -> f32 {
    vertices.iter().map(|v| v[1]).sum::<f32>() / vertices.len().max(1) as f32
}

/// The lowest and the highest sample in each of `bins` equal parts of `samples`, clamped to -1 to 1.
///
/// ```
/// let bins = deeptalk_rt::rig::curves::waveform(&[0.0, 0.5, -0.25, 0.1], 2);
/// assert_eq!(bins, [(0.0, 0.5), (-0.25, 0.1)]);
/// ```
pub fn waveform(samples: &[f32], bins: usize) -> Vec<(f32, f32)> {
    (0..bins)
        .map(|bin| {
            let start = bin * samples.len() / bins;
            let end = ((bin + 1) * samples.len() / bins).max(start + 1).min(samples.len());
            let stretch = samples.get(start..end).unwrap_or(&[]);
            let swing =
                stretch.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(l, h), &s| (l.min(s), h.max(s)));
            if stretch.is_empty() { (0.0, 0.0) } else { (swing.0.clamp(-1.0, 1.0), swing.1.clamp(-1.0, 1.0)) }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn motion(face: &Face, rows: &[&[(&str, f32)]]) -> Animation {
        let names = face.parameter_names();
        let mut values = vec![0.0; rows.len() * names.len()];
        for (frame, row) in rows.iter().enumerate() {
            for (name, value) in *row {
                let column = names.iter().position(|n| n == name).unwrap();
                values[frame * names.len() + column] = *value;
            }
        }
        Animation::from_parameters(crate::animation::Rate::whole(25), names, values)
    }

    const ROWS: [&[(&str, f32)]; 6] = [
        &[],
        &[("jaw_x", 0.3)],
        &[("mouthStretchLeft", 1.0), ("mouthStretchRight", 1.0)],
        &[("mouthPucker", 1.0)],
        &[("browInnerUp", 1.0), ("browOuterUpLeft", 1.0), ("browOuterUpRight", 1.0)],
        &[("browDownLeft", 1.0), ("browDownRight", 1.0)],
    ];

    fn check(face: &Face) {
        let curves = Curves::measure(&motion(face, &ROWS), face).unwrap();
        let names: Vec<_> = curves.list.iter().map(|curve| curve.name).collect();
        assert_eq!(names, ["Jaw", "Lip opening", "Lip spread", "Brows"]);
        let [jaw, opening, spread, brows] = [0, 1, 2, 3].map(|i| &curves.list[i].values);
        assert!(
            [jaw, opening, spread, brows].iter().all(|values| values.len() == 6 && values[0].abs() < 1e-3)
        );
        assert!((jaw[1] - 0.3f32.to_degrees()).abs() < 1e-4);
        assert!((8.0..40.0).contains(&opening[1]), "{opening:?}");
        assert!(spread[2] > 3.0 && spread[3] < -3.0, "{spread:?}");
        assert!(brows[4] > 1.0 && brows[5] < -1.0, "{brows:?}");
        assert!(brows[1].abs() < 0.1, "the jaw does not move the brows");
    }

    #[test]
    fn the_curves_follow_jaw_lips_and_brows_of_the_built_in_head() {
        check(&Face::builtin().unwrap());
    }

    #[test]
    fn a_face_without_masks_is_probed_and_gives_the_same_curves() {
        let mut face = Face::builtin().unwrap();
        face.masks.clear();
        check(&face);
    }

    #[test]
    fn a_motion_of_another_face_is_refused() {
        let face = Face::builtin().unwrap();
        let mut other = motion(&face, &ROWS);
        other.parameters_mut().unwrap().names[0] = "exp_00".into();
        let text = Curves::measure(&other, &face).unwrap_err().to_string();
        assert!(text.contains("exp_00") && text.contains("eyeBlinkLeft"), "{text}");
    }

    #[test]
    fn the_waveform_covers_every_sample_at_awkward_sizes() {
        for (samples, bins) in [(0usize, 3usize), (1, 5), (7, 3), (100, 99), (3, 1)] {
            let sound: Vec<f32> = (0..samples).map(|i| if i + 1 == samples { 2.0 } else { 0.1 }).collect();
            let wave = waveform(&sound, bins);
            assert_eq!(wave.len(), bins);
            assert!(samples == 0 || wave[bins - 1].1 == 1.0, "the last, clipped sample is in the last bin");
        }
    }
}
