//! A rig: face parameters to vertices.
//!
//! A [`Face`] is a template, what each expression channel adds to it, and a jaw that turns. It is FLAME-shaped, so that FLAME itself and
//! the built-in head are the same thing to everything that draws or exports.
//!
//! Metres; x points to the subject's left, y up, z forward.

mod builtin;
mod check;
pub mod curves;
mod file;
mod flame;
mod vertices;

use std::collections::BTreeMap;
use std::path::Path;

use crate::{Advice, Error, Result};

pub use flame::import_flame;

pub use crate::animation::JAW_NAMES;

/// A rig of V vertices, C expression channels and J joints; see [`Face::load`] for where it comes from.
///
/// All tables are row-major. The fields are public for those who draw, export or build a face; [`Face::load`] and [`Face::save`]
/// check that they fit together.
#[derive(Clone, PartialEq)]
pub struct Face {
    /// What to call it: "FLAME 2020", "built-in head".
    pub name: String,
    /// Which rig it is: `built-in`, `FLAME 2020` or `FLAME 2023`. Motions are made for one edition.
    pub edition: String,
    /// The licence under which the shapes may be used.
    pub license: String,
    /// Where it was made from, with a hash of the input.
    pub source: String,
    /// Names of the C expression channels, in the order of a motion's columns.
    pub channels: Vec<String>,
    /// Names of the J joints; one of them is `jaw`.
    pub joint_names: Vec<String>,
    /// Vertices at rest, (V, 3), metres.
    pub template: Vec<f32>,
    /// Triangles, counter-clockwise seen from outside.
    pub faces: Vec<[u32; 3]>,
    /// Displacement at channel = 1, (C, V, 3).
    pub expression_basis: Vec<f32>,
    /// Rest positions of the joints, (J, 3).
    pub joints: Vec<f32>,
    /// (J, V): joints as weighted sums of the shaped vertices. Without it the joints stay at `joints`.
    pub joint_regressor: Option<Vec<f32>>,
    /// Parent of each joint, -1 for a root.
    pub parents: Vec<i32>,
    /// How much each joint moves each vertex, (V, J); rows sum to 1.
    pub skinning_weights: Vec<f32>,
    /// Pose correctives, (9 (J - 1), V, 3): times the entries of R - I of joints 1.., row-major.
    pub pose_basis: Option<Vec<f32>>,
    /// Identity shapes, (S, V, 3).
    pub identity_basis: Option<Vec<f32>>,
    /// sRGB of each vertex.
    pub colors: Option<Vec<[u8; 3]>>,
    /// 0 matt .. 255 wet, for each vertex.
    pub gloss: Option<Vec<u8>>,
    /// Named sets of vertices: `lips`, `mouth`, `eyes` ...
    pub masks: BTreeMap<String, Vec<u32>>,
}

impl Face {
    /// V: the number of vertices.
    pub fn vertex_count(&self) -> usize {
        self.template.len() / 3
    }

    /// S: the number of identity shapes, 0 for a face that has none.
    pub fn identity_count(&self) -> usize {
        self.identity_basis.as_ref().map_or(0, |basis| basis.len() / self.template.len().max(1))
    }

    /// Names of a motion's columns for this face: the channels, then [`JAW_NAMES`].
    pub fn parameter_names(&self) -> Vec<String> {
        self.channels.iter().map(String::as_str).chain(JAW_NAMES).map(String::from).collect()
    }

    /// The joint that a motion turns.
    fn jaw(&self) -> Option<usize> {
        self.joint_names.iter().position(|name| name == "jaw")
    }

    /// Refuses a motion whose columns (`names`, C + 3 of them) are not the parameters of this face, in order.
    ///
    /// # Errors
    /// A bad input that names `model` (the file the motion comes from), this face, and the first column that differs.
    pub fn check_channels(&self, names: &[String], model: impl AsRef<Path>) -> Result<()> {
        let own = self.parameter_names();
        if own == names {
            return Ok(());
        }
        let first = own.iter().zip(names).take_while(|(a, b)| a == b).count();
        let side = |list: &[String]| match list.get(first) {
            Some(name) => format!("{} columns with `{name}` as number {}", list.len(), first + 1),
            None => format!("{} columns", list.len()),
        };
        Err(Error::bad_input(
            model,
            format!("its motion was not made for the face `{}` ({})", self.name, self.edition),
            side(&own),
            side(names),
            format!("{} (a model of the published kind needs a FLAME face)", Advice::FaceOfModel.text()),
        ))
    }
}

/// What it is and how large; the tables would fill many screens.
impl std::fmt::Debug for Face {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Face")
            .field("name", &self.name)
            .field("edition", &self.edition)
            .field("vertices", &self.vertex_count())
            .field("triangles", &self.faces.len())
            .field("channels", &self.channels.len())
            .field("joints", &self.joint_names)
            .field("identities", &self.identity_count())
            .field("masks", &self.masks.keys())
            .finish_non_exhaustive()
    }
}
