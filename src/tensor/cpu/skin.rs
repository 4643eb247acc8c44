//! Vertices of faces: blend shapes, then linear blend skinning as in `smplx.lbs`.

use rayon::prelude::*;

use super::{Tensor, Weight};
use crate::tensor::SkinTables;

/// The tables of a face for J turned joints and C channels, as arrays of numbers.
pub(crate) struct Tables<'a> {
    /// (V, 3).
    pub template: &'a [f32],
    /// (C, V, 3).
    pub shapes: &'a [f32],
    /// (C + 1, J, 3).
    pub pivots: &'a [f32],
    /// (9 K, V, 3), of the last K joints.
    pub correctives: Option<&'a [f32]>,
    /// (J + 1, V).
    pub weights: &'a [f32],
    /// An earlier joint for each joint, or none.
    pub parents: &'a [Option<usize>],
}

pub(super) fn skin(parameters: &Tensor, skin: &SkinTables<Weight>, mut y: Tensor) -> Tensor {
    let tables = Tables {
        template: skin.template.values(),
        shapes: skin.shapes.values(),
        pivots: skin.pivots.values(),
        correctives: skin.correctives.as_ref().map(Weight::values),
        weights: skin.weights.values(),
        parents: &skin.parents,
    };
    let joints = tables.parents.len();
    let width = tables.pivots.len() / (3 * joints) - 1 + 3 * joints;
    if !tables.template.is_empty() {
        y.data
            .par_chunks_mut(tables.template.len())
            .zip(parameters.data.par_chunks(width))
            .for_each(|(out, row)| pose(&tables, row, out));
    }
    y
}

/// Vertices (V, 3) of one row (C + 3 J), into `out`.
pub(crate) fn pose(tables: &Tables<'_>, row: &[f32], out: &mut [f32]) {
    let joints = tables.parents.len();
    let (channels, turns) = row.split_at(row.len() - 3 * joints);
    out.copy_from_slice(tables.template);
    add_shapes(channels, tables.shapes, out);
    let rotations: Vec<Matrix> = turns.as_chunks().0.iter().map(|turn| rotation(*turn)).collect();
    if let Some(correctives) = tables.correctives {
        let corrected = correctives.len() / (9 * out.len());
        let turned = rotations[joints - corrected..].iter().flat_map(|r| r.iter().zip(IDENTITY));
        add_shapes(&turned.map(|(r, i)| r - i).collect::<Vec<_>>(), correctives, out);
    }
    let transforms = transforms(tables, channels, &rotations);
    let vertices = out.len() / 3;
    for (index, v) in out.as_chunks_mut::<3>().0.iter_mut().enumerate() {
        let (at, weight) = (*v, |column: usize| tables.weights[column * vertices + index]);
        *v = at.map(|x| weight(0) * x);
        for (joint, transform) in transforms.iter().enumerate() {
            let weight = weight(joint + 1);
            if weight != 0.0 {
                let moved = transform.apply(at);
                (0..3).for_each(|k| v[k] += weight * moved[k]);
            }
        }
    }
}

/// Row-major.
type Matrix = [f32; 9];

/// `x -> r x + shift`.
struct Transform {
    r: Matrix,
    shift: [f32; 3],
}

impl Transform {
    fn apply(&self, [x, y, z]: [f32; 3]) -> [f32; 3] {
        let Self { r, shift } = self;
        std::array::from_fn(|k| r[3 * k] * x + r[3 * k + 1] * y + r[3 * k + 2] * z + shift[k])
    }

    /// The composition: `inner` first, then `self`.
    fn after(&self, inner: &Self) -> Self {
        let r = std::array::from_fn(|i| {
            let (row, column) = (i / 3, i % 3);
            (0..3).map(|j| self.r[3 * row + j] * inner.r[3 * j + column]).sum()
        });
        Self { r, shift: self.apply(inner.shift) }
    }
}

/// The movement of each joint: its rotation about its pivot, then the movement of its parent.
fn transforms(tables: &Tables<'_>, channels: &[f32], rotations: &[Matrix]) -> Vec<Transform> {
    let joints = rotations.len();
    let (rest, moves) = tables.pivots.split_at(3 * joints);
    let mut transforms: Vec<Transform> = Vec::with_capacity(joints);
    for (joint, (r, parent)) in rotations.iter().zip(tables.parents).enumerate() {
        let pivot: [f32; 3] = std::array::from_fn(|k| {
            let moves = moves.iter().skip(3 * joint + k).step_by(3 * joints);
            channels.iter().zip(moves).fold(rest[3 * joint + k], |sum, (c, by)| sum + c * by)
        });
        let shift = std::array::from_fn(|k| {
            pivot[k] - (r[3 * k] * pivot[0] + r[3 * k + 1] * pivot[1] + r[3 * k + 2] * pivot[2])
        });
        let own = Transform { r: *r, shift };
        transforms.push(match parent {
            Some(parent) => transforms[*parent].after(&own),
            None => own,
        });
    }
    transforms
}

/// `out += basis^T coefficients`, basis (shapes, out.len()); shapes with coefficient 0 are skipped.
///
/// Four shapes in one pass: `out` is read and rounded a quarter as often.
pub(crate) fn add_shapes(coefficients: &[f32], basis: &[f32], out: &mut [f32]) {
    let shapes = coefficients.iter().zip(basis.chunks_exact(out.len()));
    let moved: Vec<(f32, &[f32])> =
        shapes.filter(|(c, _)| **c != 0.0).map(|(c, shape)| (*c, shape)).collect();
    let (fours, rest) = moved.as_chunks::<4>();
    for [(c0, s0), (c1, s1), (c2, s2), (c3, s3)] in fours {
        let shapes = s0.iter().zip(*s1).zip(s2.iter().zip(*s3));
        for (o, ((s0, s1), (s2, s3))) in out.iter_mut().zip(shapes) {
            *o += (c0 * s0 + c1 * s1) + (c2 * s2 + c3 * s3);
        }
    }
    for (c, shape) in rest {
        out.iter_mut().zip(*shape).for_each(|(o, s)| *o += c * s);
    }
}

const IDENTITY: Matrix = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];

/// Rodrigues' formula as in `smplx.lbs.batch_rodrigues`: the angle is the norm of the vector + 1e-8, which
/// makes the zero vector safe (and leaves one tiny vector that is not).
fn rotation(r: [f32; 3]) -> Matrix {
    let angle = r.iter().map(|v| (v + 1e-8) * (v + 1e-8)).sum::<f32>().sqrt();
    if angle == 0.0 {
        return IDENTITY;
    }
    let [x, y, z] = r.map(|v| v / angle);
    let (sin, cos) = angle.sin_cos();
    let k = [0.0, -z, y, z, 0.0, -x, -y, x, 0.0];
    std::array::from_fn(|i| {
        let (row, column) = (i / 3, i % 3);
        let squared: f32 = (0..3).map(|j| k[3 * row + j] * k[3 * j + column]).sum();
        IDENTITY[i] + sin * k[i] + (1.0 - cos) * squared
    })
}
