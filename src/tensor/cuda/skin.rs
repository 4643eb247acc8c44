//! The launcher of `skin.cu`.

use super::{Cuda, NULL, Tensor, Weight, launch, unsupported};
use crate::Result;
use crate::tensor::shapes::SkinSizes;
use crate::tensor::{Dtype, Role, SkinTables, shapes};

/// The most channels: their coefficients fit into the shared memory of every device, together with the most
/// joints.
const CHANNELS: usize = 1024;
/// The most joints: their parents fit into one argument, four bits each.
const JOINTS: usize = 8;

pub(super) fn skin(cuda: &Cuda, parameters: &Tensor, skin: &SkinTables<Weight>) -> Result<Tensor> {
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
    let kernel = launch::Skin {
        y: y.address(),
        x: parameters.address(),
        template,
        shapes,
        correctives,
        pivots,
        weights,
        frames,
        vertices,
        channels,
        joints,
        corrected,
        parents: launch::Skin::packed(&skin.parents),
    };
    // SAFETY: the parameters are `frames * (channels + 3 * joints)` floats, y `frames * vertices * 3`; the
    // tables are floats of the shapes that were checked; each parent has a lower number than its joint;
    // shared memory holds for each frame the coefficients, those of the correctives, a movement of each joint
    // and the block's coordinates.
    unsafe { lane.launch(&kernel) }?;
    Ok(y)
}
