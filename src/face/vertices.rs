//! Parameters to vertices: linear blend skinning as `smplx.lbs` does it, with every joint but the jaw at rest.
//!
//! A joint that is not turned leaves its vertices alone, so what is left of the general sum over joints is
//!
//! ```text
//! shaped = template + identity_basis . s + expression_basis . e
//! pivot  = joint_regressor[jaw] . shaped                  (or the stored joint)
//! posed  = shaped + pose_basis[jaw] . (R - I)
//! vertex = w_rest posed + w_jaw (R (posed - pivot) + pivot)
//! ```
//!
//! with `w_jaw` the summed weights of the jaw and the joints below it, and `w_rest` those of all others.

use rayon::prelude::*;

use super::Face;

impl Face {
    /// Vertices (frames, V, 3) of the motion `parameters` (frames, C + 3), with the neutral identity.
    ///
    /// # Panics
    /// If `parameters` is not a whole number of rows; [`Face::check_channels`] tells beforehand.
    pub fn vertices(&self, parameters: &[f32]) -> Vec<f32> {
        let width = self.channels.len() + 3;
        assert!(
            parameters.len().is_multiple_of(width),
            "{} values are not rows of {width}",
            parameters.len()
        );
        let skin = JawSkin::of(self);
        let mut out = vec![0.0; parameters.len() / width * self.template.len()];
        out.par_chunks_mut(self.template.len())
            .zip(parameters.par_chunks(width))
            .for_each(|(out, row)| self.pose(row, &[], &skin, out));
        out
    }

    /// Vertices (V, 3) of one motion row (C + 3), into `out`.
    ///
    /// `identity` holds the coefficients of the first identity shapes, at most S of them; the others are 0.
    ///
    /// # Panics
    /// If `row`, `identity` or `out` has the wrong length.
    pub fn vertices_into(&self, row: &[f32], identity: &[f32], out: &mut [f32]) {
        self.pose(row, identity, &JawSkin::of(self), out);
    }

    fn pose(&self, row: &[f32], identity: &[f32], skin: &JawSkin, out: &mut [f32]) {
        let channels = self.channels.len();
        assert_eq!(row.len(), channels + 3, "a motion row has the channels and three jaw rotations");
        assert_eq!(out.len(), self.template.len(), "three values a vertex");
        assert!(identity.len() <= self.identity_count(), "more coefficients than identity shapes");

        out.copy_from_slice(&self.template);
        if let Some(basis) = &self.identity_basis {
            add_shapes(identity, basis, out);
        }
        add_shapes(&row[..channels], &self.expression_basis, out);

        let rotation = rotation([row[channels], row[channels + 1], row[channels + 2]]);
        let pivot = match &self.joint_regressor {
            Some(regressor) => {
                weighted_sum(&regressor[skin.jaw * skin.at_rest.len()..][..skin.at_rest.len()], out)
            }
            None => [self.joints[skin.jaw * 3], self.joints[skin.jaw * 3 + 1], self.joints[skin.jaw * 3 + 2]],
        };
        if let Some(basis) = &self.pose_basis {
            let turned: Vec<f32> = rotation.iter().zip(IDENTITY).map(|(r, i)| r - i).collect();
            add_shapes(&turned, &basis[9 * (skin.jaw - 1) * out.len()..], out);
        }
        let r = rotation;
        let shift: [f32; 3] = std::array::from_fn(|k| {
            pivot[k] - (r[3 * k] * pivot[0] + r[3 * k + 1] * pivot[1] + r[3 * k + 2] * pivot[2])
        });
        for ((v, at_rest), with_jaw) in
            out.as_chunks_mut::<3>().0.iter_mut().zip(&skin.at_rest).zip(&skin.with_jaw)
        {
            let [x, y, z] = *v;
            *v = std::array::from_fn(|k| {
                let moved = r[3 * k] * x + r[3 * k + 1] * y + r[3 * k + 2] * z + shift[k];
                at_rest * [x, y, z][k] + with_jaw * moved
            });
        }
    }
}

/// The skinning weights, folded to the two groups of joints that a motion tells apart.
struct JawSkin {
    jaw: usize,
    /// (V): weights of the joints that never move.
    at_rest: Vec<f32>,
    /// (V): weights of the jaw and of the joints below it.
    with_jaw: Vec<f32>,
}

impl JawSkin {
    fn of(face: &Face) -> Self {
        let jaw = face.jaw().expect("a checked face has a jaw");
        let below: Vec<bool> =
            (0..face.parents.len()).map(|joint| is_below(&face.parents, joint, jaw)).collect();
        let (at_rest, with_jaw): (Vec<f32>, Vec<f32>) = face
            .skinning_weights
            .chunks_exact(face.parents.len())
            .map(|row| {
                row.iter().zip(&below).fold((0.0, 0.0), |(rest, with), (w, &below)| {
                    if below { (rest, with + w) } else { (rest + w, with) }
                })
            })
            .unzip();
        Self { jaw, at_rest, with_jaw }
    }
}

/// Whether `joint` is `ancestor` or hangs below it; `parents` has no cycles.
fn is_below(parents: &[i32], joint: usize, ancestor: usize) -> bool {
    let chain = std::iter::successors(Some(joint), |&j| usize::try_from(parents[j]).ok());
    chain.take(parents.len()).any(|j| j == ancestor)
}

/// `out += basis^T coefficients`, basis (shapes, out.len()), without the coefficients that are 0.
///
/// Four shapes a pass: `out` is read and rounded a quarter as often.
fn add_shapes(coefficients: &[f32], basis: &[f32], out: &mut [f32]) {
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

fn weighted_sum(weights: &[f32], points: &[f32]) -> [f32; 3] {
    let mut sum = [0.0; 3];
    for (w, p) in weights.iter().zip(points.as_chunks::<3>().0) {
        if *w != 0.0 {
            (0..3).for_each(|k| sum[k] += w * p[k]);
        }
    }
    sum
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
