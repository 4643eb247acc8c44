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
use crate::Result;
use crate::tensor::cpu::skin::{Skin, add_shapes, pose};
use crate::tensor::{Ops, Rig, Role, Stored};

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

    fn pose(&self, row: &[f32], identity: &[f32], jaw: &JawSkin, out: &mut [f32]) {
        let channels = self.channels.len();
        assert_eq!(row.len(), channels + 3, "a motion row has the channels and three jaw rotations");
        assert_eq!(out.len(), self.template.len(), "three values a vertex");
        assert!(identity.len() <= self.identity_count(), "more coefficients than identity shapes");

        let mut skin = jaw.skin(self);
        if identity.is_empty() {
            return pose(&skin, row, out);
        }
        let mut template = self.template.clone();
        if let Some(basis) = &self.identity_basis {
            add_shapes(identity, basis, &mut template);
        }
        let mut pivots = jaw.pivots.clone();
        if let Some(at_rest) = jaw.regressed(&template) {
            pivots[..3].copy_from_slice(&at_rest);
        }
        skin.template = &template;
        skin.pivots = &pivots;
        pose(&skin, row, out);
    }

    /// The face, with the neutral identity, for a device to pose.
    ///
    /// # Errors
    /// Whatever the device says.
    pub fn rig<B: Ops>(&self, ops: &B) -> Result<Rig<B::Weight>> {
        let jaw = JawSkin::of(self);
        let (v, c) = (self.vertex_count(), self.channels.len());
        let load = |name: &str, shape: &[usize], values: &[f32]| {
            ops.load(Stored::from_f32(name, shape, values.to_vec()), Role::Exact)
        };
        let Skin { template, shapes, pivots, correctives, weights } = jaw.skin(self);
        Ok(Rig {
            template: load("template", &[v, 3], template)?,
            shapes: load("expression_basis", &[c, v, 3], shapes)?,
            pivots: load("pivots", &[c + 1, 3], pivots)?,
            correctives: correctives
                .map(|correctives| load("pose_basis", &[9, v, 3], correctives))
                .transpose()?,
            weights: load("skinning_weights", &[v, 2], weights)?,
        })
    }
}

/// What a motion needs to know of the joints.
struct JawSkin {
    jaw: usize,
    /// (V, 2): weights of the joints that never move, and of the jaw with the joints below it.
    weights: Vec<f32>,
    /// (C + 1, 3): the jaw's place at rest, then how far each channel moves it.
    pivots: Vec<f32>,
    /// The vertices that say where the jaw is, if it follows the shape: number and weight.
    regressor: Option<Vec<(usize, f32)>>,
}

impl JawSkin {
    fn of(face: &Face) -> Self {
        let jaw = face.jaw().expect("a checked face has a jaw");
        let below: Vec<bool> =
            (0..face.parents.len()).map(|joint| is_below(&face.parents, joint, jaw)).collect();
        let weights = face
            .skinning_weights
            .chunks_exact(face.parents.len())
            .flat_map(|row| {
                row.iter().zip(&below).fold([0.0, 0.0], |[rest, with], (w, &below)| {
                    if below { [rest, with + w] } else { [rest + w, with] }
                })
            })
            .collect();
        let vertices = face.vertex_count();
        let regressor = face.joint_regressor.as_ref().map(|all| {
            let row = all[jaw * vertices..][..vertices].iter().copied().enumerate();
            row.filter(|(_, weight)| *weight != 0.0).collect()
        });
        let mut skin = Self { jaw, weights, pivots: face.joints[jaw * 3..][..3].to_vec(), regressor };
        let moves = face.expression_basis.chunks_exact(face.template.len().max(1));
        let moves = moves.flat_map(|shape| skin.regressed(shape).unwrap_or([0.0; 3])).collect::<Vec<_>>();
        if let Some(at_rest) = skin.regressed(&face.template) {
            skin.pivots = at_rest.to_vec();
        }
        skin.pivots.extend(moves);
        skin
    }

    /// The place that these vertices give the jaw, if it follows them.
    fn regressed(&self, vertices: &[f32]) -> Option<[f32; 3]> {
        let regressor = self.regressor.as_ref()?;
        Some(std::array::from_fn(|k| {
            regressor.iter().map(|(vertex, weight)| weight * vertices[3 * vertex + k]).sum()
        }))
    }

    fn skin<'a>(&'a self, face: &'a Face) -> Skin<'a> {
        let values = 9 * face.template.len();
        Skin {
            template: &face.template,
            shapes: &face.expression_basis,
            pivots: &self.pivots,
            // Joint 0 has no correctives.
            correctives: face.pose_basis.as_ref().map(|basis| &basis[values * (self.jaw - 1)..][..values]),
            weights: &self.weights,
        }
    }
}

/// Whether `joint` is `ancestor` or hangs below it; `parents` has no cycles.
fn is_below(parents: &[i32], joint: usize, ancestor: usize) -> bool {
    let chain = std::iter::successors(Some(joint), |&j| usize::try_from(parents[j]).ok());
    chain.take(parents.len()).any(|j| j == ancestor)
}
