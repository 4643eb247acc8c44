//! Launchers of the norms and of the pooling: `norm.cu` and `pool.cu`.

use super::launch::{
    GroupNormApply, GroupNormMoments, LayerNorm, LayerNormOfParts, NormalizeSamples, SampleMoments,
    SortedPool, UniteMoments,
};
use super::product::Parts;
use super::{Cuda, NULL, Tensor, Weight, longest, unsupported};
use crate::Result;
use crate::tensor::{Activation, Clips, Norm, Packed, Role, shapes};

/// Addresses of weight and bias, or [`NULL`] for a norm without them.
pub(super) fn parameters(cuda: &Cuda, op: &'static str, norm: &Norm<Weight>) -> Result<[u64; 2]> {
    let Some(affine) = &norm.affine else { return Ok([NULL, NULL]) };
    Ok([cuda.weight(op, &affine.weight, Role::Vector)?, cuda.weight(op, &affine.bias, Role::Vector)?])
}

/// `layer_norm(x + residual)`.
pub(super) fn layer_norm(
    cuda: &Cuda,
    x: &Tensor,
    residual: Option<&Tensor>,
    norm: &Norm<Weight>,
    activation: Activation,
) -> Result<Tensor> {
    let op = "layer_norm";
    shapes::norm(op, x, norm)?;
    if let Some(residual) = residual {
        shapes::same("add_layer_norm", x, residual)?;
    }
    let channels = x.channels;
    if !channels.is_multiple_of(8) || channels > 1024 || matches!(activation, Activation::LeakyRelu(_)) {
        return Err(unsupported(op, "channels", "a multiple of 8 up to 1024", channels));
    }
    let [weight, bias] = parameters(cuda, op, norm)?;
    let lane = cuda.enter(&[&x.lane, &residual.unwrap_or(x).lane])?;
    let y = cuda.tensor(&lane, x.clips.clone(), channels)?;
    let kernel = LayerNorm {
        y: y.address(),
        x: x.address(),
        residual: residual.map_or(NULL, Tensor::address),
        weight,
        bias,
        rows: x.clips.rows(),
        channels,
        eps: norm.eps,
        activation,
    };
    // SAFETY: x, residual and y have `rows * channels` halves, weight and bias `channels`; the kernel's name
    // says how many vectors of 256 channels it holds.
    unsafe { lane.launch(&kernel) }?;
    Ok(y)
}

/// `layer_norm(residual + the product)`.
pub(super) fn layer_norm_of_parts(
    cuda: &Cuda,
    parts: &Parts,
    residual: &Tensor,
    norm: &Norm<Weight>,
) -> Result<Tensor> {
    let op = "linear_add_layer_norm";
    shapes::norm(op, residual, norm)?;
    shapes::same(op, &parts.shape, residual)?;
    let (channels, rows) = (residual.channels, residual.clips.rows());
    if !channels.is_multiple_of(8) || channels > 1024 {
        return Err(unsupported(op, "channels", "a multiple of 8 up to 1024", channels));
    }
    let [weight, bias] = parameters(cuda, op, norm)?;
    let lane = cuda.enter(&[&residual.lane])?;
    let y = cuda.tensor(&lane, residual.clips.clone(), channels)?;
    let kernel = LayerNormOfParts {
        y: y.address(),
        parts: parts.sums.address(),
        count: parts.count,
        product_bias: parts.bias,
        residual: residual.address(),
        weight,
        bias,
        rows,
        channels,
        eps: norm.eps,
    };
    // SAFETY: residual and y have `rows * channels` halves, the sums as many floats for each part, the bias
    // of the product, weight and bias `channels` halves; the kernel's name says how many vectors of 256
    // channels it holds.
    unsafe { lane.launch(&kernel) }?;
    Ok(y)
}

pub(super) fn group_norm(
    cuda: &Cuda,
    x: &Tensor,
    norm: &Norm<Weight>,
    activation: Activation,
) -> Result<Tensor> {
    let op = "group_norm";
    shapes::norm(op, x, norm)?;
    let (channels, clips) = (x.channels, x.clips.count());
    let plain = channels == 1 && norm.affine.is_none() && activation == Activation::None;
    if x.is_f32() && !plain {
        let expected = "one channel, no parameters and no activation";
        return Err(unsupported(op, "samples in f32", expected, format!("{channels} channels")));
    }
    if !x.is_f32() && (!channels.is_multiple_of(8) || matches!(activation, Activation::LeakyRelu(_))) {
        return Err(unsupported(op, "channels", "a multiple of 8", channels));
    }
    let [weight, bias] = parameters(cuda, op, norm)?;
    let lane = cuda.enter(&[&x.lane])?;
    let y = cuda.tensor_of(&lane, x.clips.clone(), channels, x.dtype)?;
    let offsets = cuda.offsets(&x.clips)?;
    let longest = longest(&x.clips);
    let chunk = if x.is_f32() { SampleMoments::CHUNK } else { GroupNormMoments::CHUNK };
    let buffer = lane.arena.take(clips * longest.div_ceil(chunk) * channels * 8)?;
    let united = lane.arena.take(clips * channels * 8)?;
    let (y_address, x_address, offsets) = (y.address(), x.address(), offsets.address());
    let (moments, united) = (buffer.address(), united.address());
    let unite = UniteMoments { united, moments, offsets, channels, chunk, eps: norm.eps, clips, longest };
    // SAFETY: x and y have `rows * channels` values; the moments are two floats for each clip, chunk and
    // channel, the united moments two for each clip and channel; both buffers outlive the launches in the
    // lane's order.
    unsafe {
        if x.is_f32() {
            lane.launch(&SampleMoments { moments, x: x_address, offsets, clips, longest })?;
        } else {
            lane.launch(&GroupNormMoments { moments, x: x_address, offsets, channels, clips, longest })?;
        }
        lane.launch(&unite)?;
        if x.is_f32() {
            let y = y_address;
            lane.launch(&NormalizeSamples { y, x: x_address, united, offsets, clips, longest })?;
        } else {
            lane.launch(&GroupNormApply {
                y: y_address,
                x: x_address,
                united,
                weight,
                bias,
                offsets,
                channels,
                activation,
                clips,
                longest,
            })?;
        }
    }
    Ok(y)
}

pub(super) fn sorted_pool(cuda: &Cuda, x: &Tensor, weights: &Tensor) -> Result<Tensor> {
    shapes::sorted_pool(x, weights)?;
    let clips = x.clips.count();
    if longest(&x.clips) > SortedPool::ROWS {
        return Err(unsupported(
            "sorted_pool",
            "rows of a clip",
            format!("up to {}", SortedPool::ROWS),
            longest(&x.clips),
        ));
    }
    let lane = cuda.enter(&[&x.lane, &weights.lane])?;
    let y = cuda.tensor(&lane, Clips::from_lengths(vec![1; clips]), x.channels())?;
    let offsets = cuda.offsets(&x.clips)?;
    let pool = SortedPool {
        y: y.address(),
        x: x.address(),
        weights: weights.address(),
        offsets: offsets.address(),
        channels: x.channels,
        stride: x.stride(),
        clips,
    };
    // SAFETY: x has `stride` halves and weights a float for every row, y `stride` halves for every clip, at
    // most 512 rows each.
    unsafe { lane.launch(&pool) }?;
    Ok(y)
}
