//! Faces: blend shapes, and linear blend skinning as `smplx.lbs` does it with one joint that turns.

use rayon::prelude::*;

use super::{Tensor, Weight};
use crate::tensor::Rig;

/// [`Rig`] as numbers.
pub(crate) struct Skin<'a> {
    pub template: &'a [f32],
    pub shapes: &'a [f32],
    pub pivots: &'a [f32],
    pub correctives: Option<&'a [f32]>,
    pub weights: &'a [f32],
}

pub(super) fn skin(parameters: &Tensor, rig: &Rig<Weight>, mut y: Tensor) -> Tensor {
    let skin = Skin {
        template: rig.template.values(),
        shapes: rig.shapes.values(),
        pivots: rig.pivots.values(),
        correctives: rig.correctives.as_ref().map(Weight::values),
        weights: rig.weights.values(),
    };
    let width = skin.pivots.len() / 3 + 2;
    if !skin.template.is_empty() {
        y.data
            .par_chunks_mut(skin.template.len())
            .zip(parameters.data.par_chunks(width))
            .for_each(|(out, row)| pose(&skin, row, out));
    }
    y
}

/// Vertices (V, 3) of one row (C + 3), into `out`.
pub(crate) fn pose(skin: &Skin<'_>, row: &[f32], out: &mut [f32]) {
    let (row, turn) = row.split_at(row.len() - 3);
    out.copy_from_slice(skin.template);
    add_shapes(row, skin.shapes, out);
    let r = rotation([turn[0], turn[1], turn[2]]);
    if let Some(correctives) = skin.correctives {
        let turned: Vec<f32> = r.iter().zip(IDENTITY).map(|(r, i)| r - i).collect();
        add_shapes(&turned, correctives, out);
    }
    let (rest, moves) = skin.pivots.split_at(3);
    let pivot: [f32; 3] = std::array::from_fn(|k| {
        row.iter().zip(moves.chunks_exact(3)).fold(rest[k], |sum, (c, by)| sum + c * by[k])
    });
    let shift: [f32; 3] = std::array::from_fn(|k| {
        pivot[k] - (r[3 * k] * pivot[0] + r[3 * k + 1] * pivot[1] + r[3 * k + 2] * pivot[2])
    });
    for (v, [at_rest, turning]) in out.as_chunks_mut::<3>().0.iter_mut().zip(skin.weights.as_chunks::<2>().0)
    {
        let [x, y, z] = *v;
        *v = std::array::from_fn(|k| {
            let moved = r[3 * k] * x + r[3 * k + 1] * y + r[3 * k + 2] * z + shift[k];
            at_rest * [x, y, z][k] + turning * moved
        });
    }
}

/// `out += basis^T coefficients`, basis (shapes, out.len()), without the coefficients that are 0.
///
/// Four shapes a pass: `out` is read and rounded a quarter as often.
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

const IDENTITY: [f32; 9] = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];

/// Rodrigues' formula as in `smplx.lbs.batch_rodrigues`: the angle is the norm of the vector + 1e-8, which makes the zero vector safe
/// (and leaves one tiny vector that is not).
fn rotation(r: [f32; 3]) -> [f32; 9] {
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
