//! A face prepared for a motion's columns: rows to vertices, on the host or on a device.
//!
//! The equations are those of `smplx.lbs` (Loper et al., "SMPL", 2015; Li et al., "FLAME", 2017). Joints that
//! the motion does not turn stay at rest, so their weights and correctives are left out;
//! [`MeshOps::skin`](crate::tensor::MeshOps::skin) gives the remaining equations.

use std::borrow::Cow;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;

use super::Face;
use super::columns::Columns;
use super::tables::Tables as Own;
use crate::animation::Animation;
use crate::tensor::cpu::skin::{Tables, pose};
use crate::tensor::{Context, Role, SkinTables, Stored};
use crate::{Error, Result};

/// A face prepared for posing: made once, then used for every frame, by any number of threads.
///
/// ```
/// use deeptalk_rt::rig::{Face, Rig};
///
/// let face = Face::builtin()?;
/// let mut columns = face.parameter_names(); // the channels and the jaw
/// columns.extend(["neck_x", "neck_y", "neck_z"].map(String::from));
/// let rig = Rig::for_columns(&face, &columns, "my motion")?;
/// let mut row = vec![0.0; columns.len()];
/// row[columns.len() - 2] = 0.3; // neck_y, radians: the head turns to its left
/// assert_eq!(rig.vertices_of_rows(&row)?.len(), face.template.len());
/// # Ok::<(), deeptalk_rt::Error>(())
/// ```
#[derive(Clone)]
pub struct Rig<'a> {
    face: FaceRef<'a>,
    columns: Columns,
    tables: Arc<Own>,
    device: Option<Arc<dyn Skinning>>,
}

/// A device that holds the tables of a [`Rig`] and poses its rows.
pub trait Skinning: Send + Sync {
    /// Vertices (frames, V, 3) of `rows` in the rig's order, (frames, [`Rig::parameters`]).
    ///
    /// # Errors
    /// Errors of the device.
    fn vertices(&self, rows: &[f32]) -> Result<Vec<f32>>;
}

/// A face that the rig borrows, or shares with its clones.
#[derive(Clone)]
pub enum FaceRef<'a> {
    /// Borrowed from the caller.
    Borrowed(&'a Face),
    /// Shared with the rig's clones.
    Shared(Arc<Face>),
}

impl Deref for FaceRef<'_> {
    type Target = Face;

    fn deref(&self) -> &Face {
        match self {
            Self::Borrowed(face) => face,
            Self::Shared(face) => face,
        }
    }
}

impl<'a> From<&'a Face> for FaceRef<'a> {
    fn from(face: &'a Face) -> Self {
        Self::Borrowed(face)
    }
}

impl From<Face> for FaceRef<'_> {
    fn from(face: Face) -> Self {
        Self::Shared(face.into())
    }
}

impl<'a> Rig<'a> {
    /// Prepares a face for rows of its [`Face::parameter_names`]: the channels, then the jaw's rotation.
    ///
    /// # Panics
    /// If the tables of the face do not fit together; [`Face::load`] and [`Face::save`] refuse such a face.
    pub fn new(face: impl Into<FaceRef<'a>>) -> Self {
        let face = face.into();
        let names = face.parameter_names();
        Self::for_columns(face, &names, "the face").expect("a face has its own columns")
    }

    /// Prepares a face for rows with the columns `names`: all channels of the face, in any order, and
    /// `JOINT_x`, `JOINT_y`, `JOINT_z` (axis times angle, radians) for each joint that the rows turn. Other
    /// joints stay at rest.
    ///
    /// # Errors
    /// A bad input that names `source`, for columns that are not the face's.
    ///
    /// # Panics
    /// As [`Rig::new`].
    pub fn for_columns(
        face: impl Into<FaceRef<'a>>,
        names: &[String],
        source: impl AsRef<Path>,
    ) -> Result<Self> {
        let face = face.into();
        let columns = Columns::find(&face, names, source.as_ref())?;
        let tables = Arc::new(Own::new(&face, &columns.joints, &[]));
        Ok(Self { face, columns, tables, device: None })
    }

    /// As [`Rig::for_columns`], but only the channels and the jaw move the face: head and eyes stay at rest,
    /// so that distances can be measured along the axes.
    ///
    /// # Errors
    /// As [`Rig::for_columns`].
    ///
    /// # Panics
    /// As [`Rig::new`].
    pub fn for_expression(
        face: impl Into<FaceRef<'a>>,
        names: &[String],
        source: impl AsRef<Path>,
    ) -> Result<Self> {
        let face = face.into();
        let columns = Columns::find(&face, names, source.as_ref())?.of_jaw(&face);
        let tables = Arc::new(Own::new(&face, &columns.joints, &[]));
        Ok(Self { face, columns, tables, device: None })
    }

    /// The same rig with an identity: coefficients of the first identity shapes; the others are 0. It poses
    /// on the host.
    ///
    /// # Panics
    /// If there are more coefficients than identity shapes.
    pub fn with_identity(self, identity: &[f32]) -> Self {
        assert!(identity.len() <= self.face.identity_count(), "more coefficients than identity shapes");
        let tables = Arc::new(Own::new(&self.face, &self.columns.joints, identity));
        Self { tables, device: None, ..self }
    }

    /// The same rig, posed by a device that holds its [`skin`](Rig::skin).
    pub fn on(self, device: Arc<dyn Skinning>) -> Self {
        Self { device: Some(device), ..self }
    }

    /// The face.
    pub fn face(&self) -> &Face {
        &self.face
    }

    /// The names of the columns that a row has.
    pub fn columns(&self) -> &[String] {
        &self.columns.names
    }

    /// The joints that turn, as numbers of the face's joints: the jaw, and those that the columns name;
    /// parents before children.
    pub fn joints(&self) -> &[usize] {
        &self.columns.joints
    }

    /// The number of parameters in the rig's own order: the channels of the face, then three rotations for
    /// each of [`joints`](Rig::joints).
    pub fn parameters(&self) -> usize {
        self.columns.parameters()
    }

    /// Rows in the rig's own order, (frames, [`parameters`](Rig::parameters)); joints that the columns do not
    /// name have rotations of 0.
    ///
    /// # Errors
    /// [`Error::Shape`] for values that are not whole rows.
    pub fn ordered<'r>(&self, rows: &'r [f32]) -> Result<Cow<'r, [f32]>> {
        self.check_rows(rows)?;
        if self.columns.in_order() {
            return Ok(rows.into());
        }
        let rows = rows.chunks_exact(self.columns.names.len());
        Ok(rows.flat_map(|row| self.columns.ordered(row)).collect())
    }

    /// Vertices (frames, V, 3), metres, of a motion.
    ///
    /// # Errors
    /// A motion of vertices; a bad input if the motion's columns are not those that the rig was prepared for;
    /// errors of the device.
    pub fn vertices(&self, motion: &Animation) -> Result<Vec<f32>> {
        let (own, names) = (self.columns(), &motion.parameters()?.names);
        if names != own {
            self.face.check_channels(names, "the motion")?;
            let found = format!("{} columns: {}", names.len(), names.join(", "));
            let next = "prepare a rig for the motion's columns";
            let what = "its columns are not those that the rig was prepared for";
            return Err(Error::bad_input("the motion", what, own.join(", "), found, next));
        }
        self.vertices_of_rows(motion.values())
    }

    /// The tables as arrays of numbers.
    pub(crate) fn tables(&self) -> Tables<'_> {
        self.tables.view(&self.face)
    }

    /// The tables on a device, for [`MeshOps::skin`](crate::tensor::MeshOps::skin).
    ///
    /// # Errors
    /// Errors of the device.
    pub fn skin<B: Context>(&self, ops: &B) -> Result<SkinTables<B::Weight>> {
        let tables = self.tables();
        let (v, c, j) = (self.face.vertex_count(), self.face.channels.len(), tables.parents.len());
        let load = |name: &str, shape: &[usize], values: &[f32]| {
            ops.load(Stored::from_f32(name, shape, values.to_vec()), Role::Exact)
        };
        Ok(SkinTables {
            template: load("template", &[v, 3], tables.template)?,
            shapes: load("expression_basis", &[c, v, 3], tables.shapes)?,
            pivots: load("pivots", &[c + 1, j, 3], tables.pivots)?,
            correctives: (tables.correctives)
                .map(|values| load("pose_basis", &[values.len() / (3 * v), v, 3], values))
                .transpose()?,
            weights: load("skinning_weights", &[j + 1, v], tables.weights)?,
            parents: tables.parents.to_vec(),
        })
    }

    /// Vertices (frames, V, 3), metres, of rows (frames, columns), such as those of a motion or of a stream.
    ///
    /// # Errors
    /// [`Error::Shape`] for values that are not whole rows; errors of the device.
    pub fn vertices_of_rows(&self, rows: &[f32]) -> Result<Vec<f32>> {
        let rows = self.ordered(rows)?;
        match &self.device {
            Some(device) => device.vertices(&rows),
            None => Ok(self.vertices_on_host(&rows)),
        }
    }

    /// As `vertices_of_rows`, for rows in the rig's own order, on the host, in rayon's current threads.
    fn vertices_on_host(&self, rows: &[f32]) -> Vec<f32> {
        let (width, values) = (self.parameters(), self.face.template.len());
        let mut out = vec![0.0; rows.len() / width * values];
        let tables = self.tables();
        let frames = out.par_chunks_mut(values.max(1)).zip(rows.par_chunks(width));
        frames.for_each(|(out, row)| pose(&tables, row, out));
        out
    }

    /// Writes the vertices (V, 3), metres, of one row into `out`. The host computes them, in the caller's
    /// thread.
    ///
    /// # Panics
    /// If `row` is not one value a column, or `out` not three values a vertex.
    pub fn pose(&self, row: &[f32], out: &mut [f32]) {
        assert_eq!(row.len(), self.columns.names.len(), "one value a column");
        assert_eq!(out.len(), self.face.template.len(), "three values a vertex");
        let tables = self.tables();
        if self.columns.in_order() {
            pose(&tables, row, out);
        } else {
            pose(&tables, &self.columns.ordered(row).collect::<Vec<_>>(), out);
        }
    }

    fn check_rows(&self, rows: &[f32]) -> Result<()> {
        let width = self.columns.names.len();
        if rows.len().is_multiple_of(width) {
            return Ok(());
        }
        Err(Error::Shape {
            op: "vertices",
            what: "the rows".into(),
            expected: format!("whole rows of {width}"),
            found: format!("{} values", rows.len()),
        })
    }
}
