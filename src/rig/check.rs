//! Consistency checks of a face.

use std::collections::HashSet;
use std::path::Path;

use super::Face;
use crate::{Error, Result};

/// Joints of a face; FLAME has five. The bound keeps the check for cycles cheap.
const MOST_JOINTS: usize = 256;
/// The largest distance of the sum of a vertex's skinning weights from 1: fp16 rounding stays below.
const WEIGHT_SLACK: f32 = 1e-3;
/// The largest coordinate, in metres: far beyond a face in any unit, and its square is far from the largest
/// number.
const LARGEST: f32 = 1e6;
const NEXT: &str = "the face was made wrongly: make it again from its source";

impl Face {
    /// Refuses a face whose tables do not fit together, naming `path`.
    pub(super) fn check(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        self.problem().map_or(Ok(()), |Problem { what, expected, found }| {
            Err(Error::bad_input(path, what, expected, found, NEXT))
        })
    }

    fn problem(&self) -> Option<Problem> {
        let (v, j) = (self.vertex_count(), self.joint_names.len());
        let text = [
            ("name", &self.name),
            ("edition", &self.edition),
            ("license", &self.license),
            ("source", &self.source),
        ];
        text.into_iter()
            .find(|(_, text)| text.trim().is_empty())
            .map(|(key, _)| problem(format!("the metadata lacks `{key}`"), "a text", "none"))
            .or_else(|| names("channels", &self.channels))
            .or_else(|| names("joints", &self.joint_names))
            .or_else(|| {
                // The jaw's correctives belong to "joints 1..": the first joint has none.
                (!matches!(self.jaw(), Some(1..MOST_JOINTS)) || j > MOST_JOINTS).then(|| {
                    let expected = format!("at most {MOST_JOINTS} joints, `jaw` among them but not first");
                    problem(
                        "the joints are not a face's",
                        expected,
                        format!("{j}: {}", shortened(&self.joint_names)),
                    )
                })
            })
            .or_else(|| self.lengths(v, j))
            .or_else(|| self.out_of_range())
            .or_else(|| self.indices(v))
            .or_else(|| parents(&self.parents))
            .or_else(|| weights(&self.skinning_weights, j))
    }

    fn lengths(&self, v: usize, j: usize) -> Option<Problem> {
        let c = self.channels.len();
        let optional = |values: &Option<Vec<f32>>| values.as_ref().map(Vec::len);
        let identities = self.identity_count().max(1);
        [
            ("template", Some(self.template.len()), vec![v.max(1), 3]),
            ("faces", Some(self.faces.len() * 3), vec![self.faces.len().max(1), 3]),
            ("expression_basis", Some(self.expression_basis.len()), vec![c, v, 3]),
            ("joints", Some(self.joints.len()), vec![j, 3]),
            ("joint_regressor", optional(&self.joint_regressor), vec![j, v]),
            ("parents", Some(self.parents.len()), vec![j]),
            ("skinning_weights", Some(self.skinning_weights.len()), vec![v, j]),
            ("pose_basis", optional(&self.pose_basis), vec![9 * (j - 1), v, 3]),
            ("identity_basis", optional(&self.identity_basis), vec![identities, v, 3]),
            ("colors", self.colors.as_ref().map(|c| c.len() * 3), vec![v, 3]),
            ("gloss", self.gloss.as_ref().map(Vec::len), vec![v]),
        ]
        .into_iter()
        .find(|(_, found, shape)| found.is_some_and(|found| found != shape.iter().product::<usize>()))
        .map(|(name, found, shape)| {
            let found = format!("{} values", found.unwrap_or(0));
            problem(format!("the tensor `{name}` has the wrong size"), format!("{shape:?}"), found)
        })
    }

    fn out_of_range(&self) -> Option<Problem> {
        [
            ("template", Some(&self.template)),
            ("expression_basis", Some(&self.expression_basis)),
            ("joints", Some(&self.joints)),
            ("joint_regressor", self.joint_regressor.as_ref()),
            ("skinning_weights", Some(&self.skinning_weights)),
            ("pose_basis", self.pose_basis.as_ref()),
            ("identity_basis", self.identity_basis.as_ref()),
        ]
        .into_iter()
        .find_map(|(name, values)| {
            let values = values?;
            let at = values.iter().position(|x| !(0.0..=LARGEST).contains(&x.abs()))?;
            let what = format!("the tensor `{name}` has values that are no coordinates or weights");
            let expected = format!("finite values of at most {LARGEST:e}");
            Some(problem(what, expected, format!("{:e} at element {at}", values[at])))
        })
    }

    fn indices(&self, v: usize) -> Option<Problem> {
        let triangles = self.faces.iter().enumerate().find_map(|(at, t @ [a, b, c])| {
            if t.iter().any(|&i| i as usize >= v) {
                let expected = format!("vertices 0 to {}", v - 1);
                return Some(problem(
                    "`faces` points outside the vertices",
                    expected,
                    format!("{t:?} at triangle {at}"),
                ));
            }
            (a == b || b == c || a == c).then(|| {
                let found = format!("{t:?} at triangle {at}");
                problem("`faces` has a triangle that uses a vertex twice", "three different vertices", found)
            })
        });
        triangles.or_else(|| {
            self.masks.iter().find_map(|(name, mask)| {
                let what = format!("`mask.{name}` is not a set of vertices");
                if name.is_empty() || mask.is_empty() {
                    return Some(problem(
                        what,
                        "a name and at least one vertex",
                        format!("{} vertices", mask.len()),
                    ));
                }
                let outside = mask.iter().find(|&&i| i as usize >= v)?;
                Some(problem(what, format!("vertices 0 to {}", v - 1), outside.to_string()))
            })
        })
    }
}

struct Problem {
    what: String,
    expected: String,
    found: String,
}

fn problem(what: impl Into<String>, expected: impl Into<String>, found: impl Into<String>) -> Problem {
    Problem { what: what.into(), expected: expected.into(), found: found.into() }
}

fn names(list: &str, names: &[String]) -> Option<Problem> {
    let mut seen = HashSet::new();
    if names.is_empty() {
        return Some(problem(format!("the list of {list} is empty"), "at least one name", "none"));
    }
    let odd = names.iter().find(|name| name.is_empty() || !seen.insert(name.as_str()))?;
    Some(problem(
        format!("the list of {list} is not one of names"),
        "each name once, none empty",
        format!("`{odd}` again"),
    ))
}

fn parents(parents: &[i32]) -> Option<Problem> {
    let outside = parents.iter().position(|&p| p < -1 || p >= parents.len() as i32);
    if let Some(joint) = outside {
        let expected = format!("-1 or a joint up to {}", parents.len() - 1);
        return Some(problem(
            "`parents` points outside the joints",
            expected,
            format!("{} for joint {joint}", parents[joint]),
        ));
    }
    let circling = (0..parents.len()).find(|&joint| {
        let chain = std::iter::successors(Some(joint), |&j| usize::try_from(parents[j]).ok());
        chain.take(parents.len() + 1).count() > parents.len()
    })?;
    Some(problem(
        "`parents` goes in a circle",
        "every joint to end at a root",
        format!("joint {circling} to lead back to itself"),
    ))
}

fn weights(weights: &[f32], j: usize) -> Option<Problem> {
    weights.chunks_exact(j).enumerate().find_map(|(vertex, row)| {
        let sum: f32 = row.iter().sum();
        ((sum - 1.0).abs() > WEIGHT_SLACK).then(|| {
            let found = format!("{sum} at vertex {vertex}");
            problem("`skinning_weights` has a row that does not sum to 1", "a sum of 1", found)
        })
    })
}

fn shortened(names: &[String]) -> String {
    names.iter().take(8).map(String::as_str).collect::<Vec<_>>().join(", ")
}
