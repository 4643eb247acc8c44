//! The tables of skinning, made once from a face and the joints that a motion turns.

use super::Face;
use crate::tensor::cpu::skin::{Tables as View, add_shapes};

/// The tables that depend on the turned joints (J of them) and on the identity; the shapes stay in the face.
pub(super) struct Tables {
    /// (V, 3): vertices at rest, identity included.
    template: Vec<f32>,
    /// (C + 1, J, 3): positions of the joints at rest, then their displacement at channel = 1.
    pivots: Vec<f32>,
    /// (9 K, V, 3): pose correctives of the last K joints; K is J, or J - 1 if the face's first joint, which
    /// has none, comes first.
    correctives: Option<Vec<f32>>,
    /// (J + 1, V): weight of the part at rest, then of each joint together with the unturned joints below it.
    weights: Vec<f32>,
    /// The parent of each joint: the nearest joint above it that turns.
    parents: Vec<Option<usize>>,
}

impl Tables {
    /// Makes the tables of `face` for `joints`, parents before children, and an identity of at most S
    /// coefficients.
    pub fn new(face: &Face, joints: &[usize], identity: &[f32]) -> Self {
        let mut template = face.template.clone();
        if let Some(basis) = face.identity_basis.as_ref().filter(|_| !identity.is_empty()) {
            add_shapes(identity, basis, &mut template);
        }
        let place = |joint: usize| joints.iter().position(|&other| other == joint);
        // For each joint of the face the nearest joint that turns, itself or above it.
        let nearest: Vec<Option<usize>> =
            (0..face.parents.len()).map(|joint| face.ancestors(joint).find_map(place)).collect();
        let parents = joints.iter().map(|&joint| face.ancestors(joint).skip(1).find_map(place)).collect();
        Self {
            pivots: pivots(face, joints, &template),
            correctives: correctives(face, joints),
            weights: weights(face, &nearest, joints.len()),
            parents,
            template,
        }
    }

    /// All tables, with the shapes of the face they were made from.
    pub fn view<'a>(&'a self, face: &'a Face) -> View<'a> {
        View {
            template: &self.template,
            shapes: &face.expression_basis,
            pivots: &self.pivots,
            correctives: self.correctives.as_deref(),
            weights: &self.weights,
            parents: &self.parents,
        }
    }
}

/// Pivots of the joints. A joint that follows the shape is a weighted sum of vertices, so each channel moves
/// it by the same sum of displacements.
fn pivots(face: &Face, joints: &[usize], template: &[f32]) -> Vec<f32> {
    let vertices = face.vertex_count();
    let Some(all) = &face.joint_regressor else {
        let mut pivots: Vec<f32> =
            joints.iter().flat_map(|&joint| &face.joints[3 * joint..][..3]).copied().collect();
        pivots.resize((face.channels.len() + 1) * joints.len() * 3, 0.0);
        return pivots;
    };
    let regressors: Vec<Vec<(usize, f32)>> = (joints.iter())
        .map(|&joint| {
            let row = all[joint * vertices..][..vertices].iter().copied().enumerate();
            row.filter(|(_, weight)| *weight != 0.0).collect()
        })
        .collect();
    let shapes = face.expression_basis.chunks_exact(template.len().max(1));
    std::iter::once(template)
        .chain(shapes)
        .flat_map(|points| {
            regressors.iter().flat_map(move |regressor| {
                (0..3).map(move |k| -> f32 {
                    regressor.iter().map(|(vertex, weight)| weight * points[3 * vertex + k]).sum()
                })
            })
        })
        .collect()
}

fn correctives(face: &Face, joints: &[usize]) -> Option<Vec<f32>> {
    let basis = face.pose_basis.as_ref()?;
    let values = 9 * face.template.len();
    let mut own = Vec::new();
    for (at, &joint) in joints.iter().enumerate() {
        match joint {
            0 if at == 0 => {}
            0 => own.resize(own.len() + values, 0.0),
            _ => own.extend_from_slice(&basis[values * (joint - 1)..][..values]),
        }
    }
    Some(own).filter(|own| !own.is_empty())
}

/// The table of weights. `nearest` gives the column of each joint of the face, `None` for a joint at rest.
fn weights(face: &Face, nearest: &[Option<usize>], joints: usize) -> Vec<f32> {
    let vertices = face.vertex_count();
    let mut weights = vec![0.0; vertices * (joints + 1)];
    for (vertex, row) in face.skinning_weights.chunks_exact(nearest.len()).enumerate() {
        for (weight, nearest) in row.iter().zip(nearest) {
            weights[nearest.map_or(0, |joint| joint + 1) * vertices + vertex] += weight;
        }
    }
    weights
}
