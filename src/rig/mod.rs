//! Faces and rigs: parameters to vertices.
//!
//! A [`Face`] is data: vertices at rest, the displacement of each expression channel, joints with their
//! weights and correctives, colours. It has the structure of FLAME, so that FLAME's models and the built-in
//! head are used in the same way. A [`Rig`] is a face prepared for the columns of a motion: made once, then
//! it turns rows of parameters into vertices.
//!
//! Lengths are metres; x points to the subject's left, y up, z forward. Rotations are axis times angle,
//! radians.

mod builtin;
mod check;
mod columns;
pub mod curves;
mod file;
mod flame;
mod morphs;
mod prepared;
mod tables;

use std::collections::BTreeMap;
use std::path::Path;

use crate::Result;

pub use flame::import_flame;
pub use morphs::Morphed;
pub use prepared::{FaceRef, Rig, Skinning};

pub use crate::animation::JAW_NAMES;

/// A face of V vertices, C expression channels and J joints, from [`Face::builtin`], [`Face::load`] or
/// [`import_flame`].
///
/// All tables are row-major. The fields are public for code that draws, exports or builds faces;
/// [`Face::load`] and [`Face::save`] check that their sizes and indices agree.
#[derive(Clone, PartialEq)]
pub struct Face {
    /// The display name: "FLAME 2020", "Built-in head".
    pub name: String,
    /// The edition of its shapes: `built-in`, `FLAME 2020` or `FLAME 2023`. A motion is made for one edition.
    pub edition: String,
    /// The licence under which the shapes may be used.
    pub license: String,
    /// The file that the face was made from, with its hash.
    pub source: String,
    /// Names of the C expression channels, in the order of a motion's columns.
    pub channels: Vec<String>,
    /// Names of the J joints, such as FLAME's `root`, `neck`, `jaw`, `eye_left`, `eye_right`; one of them is
    /// `jaw`.
    pub joint_names: Vec<String>,
    /// Vertices at rest, (V, 3), metres.
    pub template: Vec<f32>,
    /// Triangles, counter-clockwise seen from outside.
    pub faces: Vec<[u32; 3]>,
    /// Displacement at channel = 1, (C, V, 3).
    pub expression_basis: Vec<f32>,
    /// Rest positions of the joints, (J, 3).
    pub joints: Vec<f32>,
    /// (J, V): joints as weighted sums of the vertices after identity and expression shapes. Without it the
    /// joints stay at `joints`.
    pub joint_regressor: Option<Vec<f32>>,
    /// Parent of each joint, -1 for a root.
    pub parents: Vec<i32>,
    /// Share of each joint in the movement of each vertex, (V, J); rows sum to 1.
    pub skinning_weights: Vec<f32>,
    /// Pose correctives, (9 (J - 1), V, 3): displacements for each entry of R - I, row-major, of joints 1..;
    /// joint 0 has none.
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

    /// Names of the columns of a motion that turns the jaw alone: the channels, then [`JAW_NAMES`].
    pub fn parameter_names(&self) -> Vec<String> {
        self.channels.iter().map(String::as_str).chain(JAW_NAMES).map(String::from).collect()
    }

    /// Names of all columns that a motion of this face can have: the channels, then `JOINT_x`, `JOINT_y`,
    /// `JOINT_z` of every joint.
    pub fn all_parameter_names(&self) -> Vec<String> {
        let rotations = self.joint_names.iter().flat_map(|joint| columns::joint_columns(joint));
        self.channels.iter().cloned().chain(rotations).collect()
    }

    /// The number of the joint `jaw`.
    pub(crate) fn jaw(&self) -> Option<usize> {
        self.joint_names.iter().position(|name| name == "jaw")
    }

    /// The joint, its parent, and so on up to the root.
    fn ancestors(&self, joint: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(Some(joint), |&joint| usize::try_from(self.parents[joint]).ok())
            .take(self.parents.len())
    }

    /// Refuses a motion whose columns `names` are not those of this face, by the rules of
    /// [`Rig::for_columns`].
    ///
    /// # Errors
    /// A bad input that names `model` (the file the motion comes from), this face, and the first column that
    /// differs.
    pub fn check_channels(&self, names: &[String], model: impl AsRef<Path>) -> Result<()> {
        columns::Columns::find(self, names, model.as_ref()).map(drop)
    }
}

/// Prints names and sizes, without the tables.
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
