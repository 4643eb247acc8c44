//! The launcher of `skin.cu`.

use super::device::{Argument, Shape};
use super::{Cuda, NULL, Tensor, Weight, int, unsupported};
use crate::Result;
use crate::tensor::shapes::SkinSizes;
use crate::tensor::{Dtype, Role, Skin, shapes};

/// Frames of a block, as in `skin.cu`.
const FRAMES: usize = 8;
/// Channels whose coefficients fit into the shared memory that every device has, beside the most joints.
const CHANNELS: usize = 1024;
/// Joints whose parents fit into one argument, four bits each.
const JOINTS: usize = 8;

pub(super) fn skin(cuda: &Cuda, parameters: &Tensor, skin: &Skin<Weight>) -> Result<Tensor> {
    let op = "skin";
    let SkinSizes { vertices, channels, joints, corrected } = shapes::skin(parameters, skin)?;
    if channels > CHANNELS {
        return Err(unsupported(op, "channels", format!("up to {CHANNELS}"), channels));
    }
    if joints > JOINTS {
        return Err(unsupported(op, "joints that turn", format!("up to {JOINTS}"), joints));
    }
    let weight = |weight: &Weight| cuda.weight(op, weight, Role::Exact);
    let [template, shapes, pivots, weights] =
        [weight(&skin.template)?, weight(&skin.shapes)?, weight(&skin.pivots)?, weight(&skin.weights)?];
    let correctives = skin.correctives.as_ref().map_or(Ok(NULL), weight)?;
    let (clips, frames) = (parameters.clips.clone(), parameters.clips.rows());
    let lane = cuda.enter(&[&parameters.lane])?;
    let y = cuda.tensor_of(&lane, clips, 3 * vertices, Dtype::F32)?;
    let coefficients = channels + 9 * corrected;
    let shape = Shape {
        grid: [vertices.div_ceil(128), frames.div_ceil(FRAMES), 1],
        threads: 128,
        shared: FRAMES * (coefficients + 12 * joints + 3 * 128) * size_of::<f32>(),
    };
    let arguments = [
        Argument::Address(y.address()),
        Argument::Address(parameters.address()),
        template,
        shapes,
        correctives,
        pivots,
        weights,
        int(frames),
        int(vertices),
        int(channels),
        int(joints),
        int(corrected),
        int(packed(&skin.parents)),
    ];
    // SAFETY: the parameters are `frames * (channels + 3 * joints)` floats, y `frames * vertices * 3`; the tables are floats of the shapes
    // that were checked; each parent stands before its joint; shared memory holds the coefficients, those of the correctives, a
    // movement of each joint and the block's coordinates for each frame.
    unsafe { lane.launch("skin", shape, &arguments) }?;
    Ok(y)
}

/// Four bits a joint, the first lowest: the number of the parent plus one, 0 for none.
fn packed(parents: &[Option<usize>]) -> usize {
    parents.iter().rev().fold(0, |all, parent| all << 4 | parent.map_or(0, |parent| parent + 1))
}
