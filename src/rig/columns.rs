//! The columns of a motion, found by name: expression channels, and three rotations for each joint that the
//! motion turns.

use std::path::Path;

use super::Face;
use crate::{Advice, Error, Result};

/// The axes of a joint's rotation: the endings of its three columns.
const AXES: [&str; 3] = ["_x", "_y", "_z"];

/// The names of a joint's columns: `jaw_x`, `jaw_y`, `jaw_z`.
pub(super) fn joint_columns(joint: &str) -> [String; 3] {
    AXES.map(|axis| format!("{joint}{axis}"))
}

/// The columns of a prepared rig's parameters in the rows of a motion.
///
/// The rig's own order is: the C channels of the face, then three rotations for each turned joint, in the
/// order of `joints`.
#[derive(Clone)]
pub(super) struct Columns {
    /// The motion's columns.
    pub names: Vec<String>,
    /// The joints that turn, parents before children. The jaw is always one of them.
    pub joints: Vec<usize>,
    /// For each parameter of the rig the column that holds it; none for a jaw that the motion does not have.
    sources: Vec<Option<usize>>,
    /// True if the motion's rows are already in the rig's order.
    in_order: bool,
}

impl Columns {
    /// Finds `names` among the channels and joints of `face`.
    ///
    /// # Errors
    /// A bad input that names `source` (the file or object that the motion comes from) for a column that the
    /// face does not have, a column that occurs twice, a missing channel, and a joint with only one or two of
    /// its three rotations.
    pub fn find(face: &Face, names: &[String], source: &Path) -> Result<Self> {
        let wrong = |what: String, expected: String, found: String| {
            let next =
                format!("{} (a model of the published kind needs a FLAME face)", Advice::FaceOfModel.text());
            Err(Error::bad_input(source, what, expected, found, next))
        };
        let not_for_it =
            || format!("the motion was not made for the face `{}` ({})", face.name, face.edition);
        let place = |name: &str| names.iter().position(|other| other == name);
        let channels: Vec<Option<usize>> = face.channels.iter().map(|name| place(name)).collect();
        let joints: Vec<[Option<usize>; 3]> =
            (face.joint_names.iter()).map(|joint| joint_columns(joint).map(|name| place(&name))).collect();

        let mut known = vec![false; names.len()];
        for &column in channels.iter().chain(joints.as_flattened()).flatten() {
            known[column] = true;
        }
        let missing = face.channels.iter().zip(&channels).find(|(_, place)| place.is_none());
        let number =
            |column: usize| format!("`{}` as number {} of {}", names[column], column + 1, names.len());
        if let Some(unknown) = known.iter().position(|known| !known) {
            // A name that occurs twice is found only at its first position.
            if place(&names[unknown]) != Some(unknown) {
                return wrong(
                    "a column of the motion stands there twice".into(),
                    "each name once".into(),
                    number(unknown),
                );
            }
            let expected = match missing {
                Some((name, _)) => format!("columns of the face, such as `{name}`"),
                None => format!(
                    "columns of the face, or rotations of its joints ({})",
                    face.joint_names.join(", ")
                ),
            };
            return wrong(not_for_it(), expected, format!("the column {}", number(unknown)));
        }
        if let Some((name, _)) = missing {
            let found = format!("{} columns without it", names.len());
            return wrong(not_for_it(), format!("a column `{name}`"), found);
        }
        for (joint, places) in face.joint_names.iter().zip(&joints) {
            let count = places.iter().flatten().count();
            if count % 3 != 0 {
                let expected = format!("`{}`", joint_columns(joint).join("`, `"));
                let what = format!("the motion has a part of the rotation of the joint `{joint}`");
                return wrong(what, expected, format!("{count} of them"));
            }
        }

        let jaw = face.jaw();
        let turned = (0..joints.len()).filter(|&joint| joints[joint][0].is_some() || Some(joint) == jaw);
        let mut turned: Vec<usize> = turned.collect();
        turned.sort_by_key(|&joint| face.ancestors(joint).count());
        let rotations = turned.iter().flat_map(|&joint| joints[joint]);
        let sources: Vec<Option<usize>> = channels.into_iter().chain(rotations).collect();
        let in_order = is_in_order(&sources, names);
        Ok(Self { names: names.to_vec(), joints: turned, sources, in_order })
    }

    /// The same columns of a rig whose only joint is the jaw.
    pub fn of_jaw(mut self, face: &Face) -> Self {
        let channels = face.channels.len();
        let jaw = self.joints.iter().position(|&joint| Some(joint) == face.jaw()).unwrap_or(0);
        let rotation = channels + 3 * jaw;
        self.sources = [&self.sources[..channels], &self.sources[rotation..rotation + 3]].concat();
        self.joints = vec![self.joints[jaw]];
        self.in_order = is_in_order(&self.sources, &self.names);
        self
    }

    /// The number of parameters of the rig: C + 3 for each turned joint.
    pub fn parameters(&self) -> usize {
        self.sources.len()
    }

    /// True if the motion's rows are already in the rig's order.
    pub fn in_order(&self) -> bool {
        self.in_order
    }

    /// One row of the motion in the rig's order.
    pub fn ordered(&self, row: &[f32]) -> impl Iterator<Item = f32> {
        self.sources.iter().map(|source| source.map_or(0.0, |column| row[column]))
    }
}

fn is_in_order(sources: &[Option<usize>], names: &[String]) -> bool {
    sources.len() == names.len() && sources.iter().enumerate().all(|(at, source)| *source == Some(at))
}
