//! Launchers of the norms and of the pooling: `norm.cu` and `pool.cu`.

use super::device::{Argument, Shape};
use super::product::Parts;
use super::{Cuda, NULL, Tensor, Weight, address, int, longest, numbers, unsupported};
use crate::Result;
use crate::tensor::{Activation, Affine, Clips, LAYER_NORM_EPS, Packed, Role, shapes};

/// Rows of a chunk of the norm over time, and samples of one of its version for one channel.
const CHUNK: usize = 256;
const SAMPLES_CHUNK: usize = 4096;
/// Rows that a thread of `group_norm_apply` goes down.
const APPLY_ROWS: usize = 4;
/// Rows that a warp can sort.
const SORTED_ROWS: usize = 512;

fn parameters(cuda: &Cuda, op: &'static str, affine: Option<&Affine<Weight>>) -> Result<[Argument; 2]> {
    let Some(affine) = affine else { return Ok([NULL, NULL]) };
    Ok([cuda.weight(op, &affine.weight, Role::Vector)?, cuda.weight(op, &affine.bias, Role::Vector)?])
}

/// `layer_norm(x + residual)`.
pub(super) fn layer_norm(
    cuda: &Cuda,
    x: &Tensor,
    residual: Option<&Tensor>,
    affine: Option<&Affine<Weight>>,
    activation: Activation,
) -> Result<Tensor> {
    let op = "layer_norm";
    shapes::affine(op, x, affine)?;
    if let Some(residual) = residual {
        shapes::same("add_layer_norm", x, residual)?;
    }
    let channels = x.channels;
    if !channels.is_multiple_of(8) || channels > 1024 || matches!(activation, Activation::LeakyRelu(_)) {
        return Err(unsupported(op, "channels", "a multiple of 8 up to 1024", channels));
    }
    let [weight, bias] = parameters(cuda, op, affine)?;
    let lane = cuda.enter(&[&x.lane, &residual.unwrap_or(x).lane])?;
    let y = cuda.tensor(&lane, x.clips.clone(), channels)?;
    let shape = Shape { grid: [x.clips.rows().div_ceil(4), 1, 1], threads: 128, shared: 0 };
    let arguments = [
        Argument::Address(y.address()),
        Argument::Address(x.address()),
        Argument::Address(residual.map_or(0, Tensor::address)),
        weight,
        bias,
        int(x.clips.rows()),
        int(channels),
        Argument::Float(LAYER_NORM_EPS),
        numbers(activation).0,
    ];
    // SAFETY: x, residual and y have `rows * channels` halves, weight and bias `channels`; the kernel's name says how many
    // vectors of 256 channels it holds.
    unsafe { lane.launch(&format!("layer_norm_{}", channels.div_ceil(256)), shape, &arguments) }?;
    Ok(y)
}

/// `layer_norm(residual + the product)`.
pub(super) fn layer_norm_of_parts(
    cuda: &Cuda,
    parts: &Parts,
    residual: &Tensor,
    affine: &Affine<Weight>,
) -> Result<Tensor> {
    let op = "linear_add_layer_norm";
    shapes::affine(op, residual, Some(affine))?;
    shapes::same(op, &parts.shape, residual)?;
    let (channels, rows) = (residual.channels, residual.clips.rows());
    if !channels.is_multiple_of(8) || channels > 1024 {
        return Err(unsupported(op, "channels", "a multiple of 8 up to 1024", channels));
    }
    let [weight, bias] = parameters(cuda, op, Some(affine))?;
    let lane = cuda.enter(&[&residual.lane])?;
    let y = cuda.tensor(&lane, residual.clips.clone(), channels)?;
    let shape = Shape { grid: [rows.div_ceil(4), 1, 1], threads: 128, shared: 0 };
    let arguments = [
        Argument::Address(y.address()),
        address(&parts.sums),
        int(parts.count),
        parts.bias,
        Argument::Address(residual.address()),
        weight,
        bias,
        int(rows),
        int(channels),
        Argument::Float(LAYER_NORM_EPS),
    ];
    // SAFETY: residual and y have `rows * channels` halves, the sums as many floats for each part, the bias of the product, weight
    // and bias `channels` halves; the kernel's name says how many vectors of 256 channels it holds.
    unsafe { lane.launch(&format!("layer_norm_of_parts_{}", channels.div_ceil(256)), shape, &arguments) }?;
    Ok(y)
}

pub(super) fn group_norm(
    cuda: &Cuda,
    x: &Tensor,
    affine: Option<&Affine<Weight>>,
    eps: f32,
    activation: Activation,
) -> Result<Tensor> {
    let op = "group_norm";
    shapes::affine(op, x, affine)?;
    let (channels, clips) = (x.channels, x.clips.count());
    let plain = channels == 1 && affine.is_none() && activation == Activation::None;
    if x.is_f32() && !plain {
        let expected = "one channel, no parameters and no activation";
        return Err(unsupported(op, "samples in f32", expected, format!("{channels} channels")));
    }
    if !x.is_f32() && (!channels.is_multiple_of(8) || matches!(activation, Activation::LeakyRelu(_))) {
        return Err(unsupported(op, "channels", "a multiple of 8", channels));
    }
    let [weight, bias] = parameters(cuda, op, affine)?;
    let lane = cuda.enter(&[&x.lane])?;
    let y = cuda.tensor_of(&lane, x.clips.clone(), channels, x.dtype)?;
    let offsets = cuda.offsets(&x.clips)?;
    let table = address(&offsets);
    let longest = longest(&x.clips);
    let chunk = if x.is_f32() { SAMPLES_CHUNK } else { CHUNK };
    let chunks = longest.div_ceil(chunk);
    let moments = lane.arena.take(clips * chunks * channels * 8)?;
    let united = lane.arena.take(clips * channels * 8)?;
    let (to, from) = (Argument::Address(y.address()), Argument::Address(x.address()));
    let unite = Shape { grid: [channels.div_ceil(128), clips, 1], threads: 128, shared: 0 };
    // SAFETY: x and y have `rows * channels` values; the moments are two floats for each clip, chunk and channel, the united ones
    // two for each clip and channel; both buffers outlive the launches in the lane's order.
    unsafe {
        if x.is_f32() {
            let shape = Shape { grid: [chunks, clips, 1], threads: 256, shared: 0 };
            lane.launch("sample_moments", shape, &[address(&moments), from, table, int(chunks)])?;
        } else {
            let shape = Shape { grid: [channels.div_ceil(64), chunks, clips], threads: 256, shared: 0 };
            lane.launch(
                "group_norm_moments",
                shape,
                &[address(&moments), from, table, int(channels), int(chunks)],
            )?;
        }
        let arguments = [
            address(&united),
            address(&moments),
            table,
            int(channels),
            int(chunks),
            int(chunk),
            Argument::Float(eps),
        ];
        lane.launch("unite_moments", unite, &arguments)?;
        if x.is_f32() {
            let shape = Shape { grid: [longest.div_ceil(256), clips, 1], threads: 256, shared: 0 };
            lane.launch("normalize_samples", shape, &[to, from, address(&united), table])?;
        } else {
            let vectors = longest.div_ceil(APPLY_ROWS) * channels / 8;
            let shape = Shape { grid: [vectors.div_ceil(256), clips, 1], threads: 256, shared: 0 };
            let arguments =
                [to, from, address(&united), weight, bias, table, int(channels), numbers(activation).0];
            lane.launch("group_norm_apply", shape, &arguments)?;
        }
    }
    Ok(y)
}

pub(super) fn sorted_pool(cuda: &Cuda, x: &Tensor, weights: &Tensor) -> Result<Tensor> {
    shapes::sorted_pool(x, weights)?;
    let clips = x.clips.count();
    if longest(&x.clips) > SORTED_ROWS {
        return Err(unsupported(
            "sorted_pool",
            "rows of a clip",
            format!("up to {SORTED_ROWS}"),
            longest(&x.clips),
        ));
    }
    let lane = cuda.enter(&[&x.lane, &weights.lane])?;
    let y = cuda.tensor(&lane, Clips::from_lengths(vec![1; clips]), x.channels())?;
    let offsets = cuda.offsets(&x.clips)?;
    let shape = Shape { grid: [x.stride().div_ceil(4), clips, 1], threads: 128, shared: 0 };
    let arguments = [
        Argument::Address(y.address()),
        Argument::Address(x.address()),
        Argument::Address(weights.address()),
        address(&offsets),
        int(x.channels),
        int(x.stride()),
    ];
    // SAFETY: x has `stride` halves and weights a float for every row, y `stride` halves for every clip, at most 512 rows each.
    unsafe { lane.launch("sorted_pool", shape, &arguments) }?;
    Ok(y)
}
