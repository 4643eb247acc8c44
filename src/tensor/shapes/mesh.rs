//! The border check of operations on meshes.

use super::{Shaped, channels, dtype, misfit, rank, weight};
use crate::Result;
use crate::tensor::{Clips, Dtype, Neighbors, Packed, SkinTables, Typed};

/// The clips of the result: whole meshes, and neighbours among their vertices.
pub fn gather(x: &impl Packed, neighbors: &Neighbors) -> Result<Clips> {
    let Neighbors { vertices, length, table } = neighbors;
    if *length == 0 || table.len() % length != 0 || *vertices == 0 {
        let found = (*vertices, *length, table.len());
        return Err(misfit("gather", "the table", "rows of at least 1 of at least 1 vertex", found));
    }
    if let Some(vertex) = table.iter().find(|&&vertex| vertex as usize >= *vertices) {
        return Err(misfit("gather", "a neighbour", format!("a vertex below {vertices}"), vertex));
    }
    match x.clips().lengths().find(|rows| rows % vertices != 0) {
        Some(rows) => Err(misfit("gather", "rows of a clip", format!("a multiple of {vertices}"), rows)),
        None => Ok(x.clips().map(|rows| rows / vertices * (table.len() / length))),
    }
}

/// The sizes of the tables.
pub fn skin<W: Shaped>(parameters: &impl Typed, skin: &SkinTables<W>) -> Result<SkinSizes> {
    let op = "skin";
    let joints = skin.parents.len();
    let [vertices, _] = rank(op, &skin.template)?;
    let [count, ..] = rank::<_, 3>(op, &skin.shapes)?;
    weight(op, &skin.template, &[vertices, 3])?;
    weight(op, &skin.shapes, &[count, vertices, 3])?;
    weight(op, &skin.pivots, &[count + 1, joints, 3])?;
    weight(op, &skin.weights, &[joints + 1, vertices])?;
    let mut corrected = 0;
    if let Some(correctives) = &skin.correctives {
        let [entries, ..] = rank::<_, 3>(op, correctives)?;
        corrected = entries / 9;
        weight(op, correctives, &[9 * corrected, vertices, 3])?;
        if !(1..=joints).contains(&corrected) {
            return Err(misfit(op, "joints with correctives", format!("1 to {joints}"), corrected));
        }
    }
    if let Some(joint) = (0..joints).find(|&joint| skin.parents[joint].is_some_and(|parent| parent >= joint))
    {
        return Err(misfit(
            op,
            &format!("parent of joint {joint}"),
            "a joint before it",
            format!("{:?}", skin.parents[joint]),
        ));
    }
    dtype(op, parameters, Dtype::F32)?;
    channels(op, parameters, count + 3 * joints)?;
    Ok(SkinSizes { vertices, channels: count, joints, corrected })
}

/// Sizes of the tables of [`SkinTables`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SkinSizes {
    /// V: vertices.
    pub vertices: usize,
    /// C: channels.
    pub channels: usize,
    /// J: joints that turn.
    pub joints: usize,
    /// K: joints with correctives, the last of all.
    pub corrected: usize,
}
