//! Tracks of vertices on a face: the shapes of their mesh become the expression channels of the face.
//!
//! A face with these channels is shown, drawn and exported like any other: a picture poses it, a page and
//! glTF hold its shapes as morph targets, all without an approximation.

use std::path::Path;

use super::Face;
use crate::animation::{Animation, Rate, Vertices};
use crate::{Advice, Error, Result};

/// A face with the shapes of a track of vertices, and the track as weights of these shapes.
pub struct Morphed {
    /// The face; its joints stay at rest.
    pub face: Face,
    /// The weights, as parameters `shape_000` ...
    pub animation: Animation,
}

impl Morphed {
    /// The shapes of `vertices` on `face`.
    ///
    /// # Errors
    /// [`Error::BadInput`] that names `source`, for a face with another number of vertices.
    pub fn of(face: &Face, vertices: &Vertices, rate: Rate, source: &Path) -> Result<Self> {
        face.check_vertices(vertices.count(), source)?;
        let channels: Vec<String> =
            (0..vertices.basis.shapes()).map(|shape| format!("shape_{shape:03}")).collect();
        let animation = Animation::from_parameters(rate, channels.clone(), vertices.weights.clone());
        let face = Face {
            channels,
            expression_basis: vertices.basis.table()?,
            // Joints that follow the vertices of an expression would move others.
            joint_regressor: None,
            pose_basis: None,
            ..face.clone()
        };
        Ok(Self { face, animation })
    }
}

impl Face {
    /// Refuses a motion of so many vertices, which comes from `source`, if this face has another number.
    ///
    /// # Errors
    /// [`Error::BadInput`] with both numbers.
    pub fn check_vertices(&self, count: usize, source: impl AsRef<Path>) -> Result<()> {
        if count == self.vertex_count() {
            return Ok(());
        }
        let what =
            format!("moves {count} vertices, and the face `{}` has {}", self.name, self.vertex_count());
        let next = Advice::FaceOfModel.text();
        Err(Error::bad_input(
            source,
            what,
            format!("a face of {count} vertices"),
            self.vertex_count().to_string(),
            next,
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::Rig;
    use super::*;
    use crate::animation::ShapeTable;

    #[test]
    fn a_face_with_the_shapes_of_a_track_takes_its_positions() {
        let face = Face::builtin().unwrap();
        let count = face.template.len();
        let table: Vec<f32> = (0..2 * count).map(|i| (i as f32 * 0.37).sin() * 1e-3).collect();
        let basis = ShapeTable { topology: "head".into(), rest: vec![0.0; count], table };
        let mut track = Vertices::new(Arc::new(basis), vec![1.0, 0.0, 0.5, -2.0]);
        track.rest = face.template.clone().into();
        let morphed = Morphed::of(&face, &track, Rate::whole(25), Path::new("a model")).unwrap();
        let names = &morphed.animation.parameters().unwrap().names;
        assert_eq!(names[1], "shape_001");
        let rig = Rig::for_columns(&morphed.face, names, "a model").unwrap();
        let posed = rig.vertices(&morphed.animation).unwrap();
        for (a, b) in posed.iter().zip(track.positions(0..2).unwrap()) {
            assert!((a - b).abs() < 1e-6, "{a} {b}");
        }
        let basis = ShapeTable { topology: "seven".into(), rest: vec![0.0; 21], table: vec![0.0; 21] };
        let track = Vertices::new(Arc::new(basis), vec![1.0]);
        let error = Morphed::of(&face, &track, Rate::whole(25), Path::new("a model")).err().unwrap();
        assert!(error.exit_code() == 3 && error.to_string().contains("moves 7 vertices"), "{error}");
        assert!(error.to_string().contains("has 7971"), "{error}");
    }
}
