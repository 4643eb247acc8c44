//! The launcher of `skin.cu`.

use super::launch::Skin;
use super::{Cuda, NULL, Tensor, Weight, unsupported};
use crate::Result;
use crate::tensor::{Dtype, Rig, Role, shapes};

/// Channels whose coefficients fit into shared memory that every device has.
const CHANNELS: usize = 1024;

pub(super) fn skin(cuda: &Cuda, parameters: &Tensor, rig: &Rig<Weight>) -> Result<Tensor> {
    let op = "skin";
    let (channels, vertices) = shapes::skin(parameters, rig)?;
    if channels > CHANNELS {
        return Err(unsupported(op, "channels", format!("up to {CHANNELS}"), channels));
    }
    let weight = |weight: &Weight| cuda.weight(op, weight, Role::Exact);
    let [template, shapes, pivots, weights] =
        [weight(&rig.template)?, weight(&rig.shapes)?, weight(&rig.pivots)?, weight(&rig.weights)?];
    let correctives = rig.correctives.as_ref().map_or(Ok(NULL), weight)?;
    let (clips, frames) = (parameters.clips.clone(), parameters.clips.rows());
    let lane = cuda.enter(&[&parameters.lane])?;
    let y = cuda.tensor_of(&lane, clips, 3 * vertices, Dtype::F32)?;
    let skin = Skin {
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
    };
    // SAFETY: the parameters are `frames * (channels + 3)` floats, y `frames * vertices * 3`; the rig's tables are floats of the shapes
    // that were checked; shared memory holds the coefficients, the correctives', a rotation with its
    // shift and the block's coordinates for each frame.
    unsafe { lane.launch(&skin) }?;
    Ok(y)
}
