//! Launchers of the convolutions: implicit products of `matmul.cu` and `matmul_sm90.cu`, and `conv.cu`.

use super::launch::{FirstConv, GroupedConv, Product, SampleWindows};
use super::layout::padded;
use super::product::{matmul, product, rows_times};
use super::{Cuda, NULL, Tensor, Weight, longest, pack, unsupported};
use crate::Result;
use crate::tensor::shapes::{self, Shaped};
use crate::tensor::{Activation, Clips, Conv1d, ConvTranspose1d, Padding, Role};

pub(super) fn conv1d(
    cuda: &Cuda,
    x: &Tensor,
    conv: &Conv1d<Weight>,
    activation: Activation,
) -> Result<Tensor> {
    let (clips, out) = shapes::conv1d(x, conv)?;
    let kernel = conv.weight.shape()[1];
    if x.is_f32() != (conv.weight.shape()[2] == 1 && conv.groups == 1) {
        let found = format!("{:?}, {} channels", x.dtype, x.channels);
        return Err(unsupported("conv1d", "samples", "one channel in f32, or more in fp16", found));
    }
    if x.is_f32() && kernel == pack::FEW_TAPS {
        return first_conv(cuda, x, conv, activation, clips, out);
    }
    if x.is_f32() {
        return windowed_conv(cuda, x, conv, activation, clips, out);
    }
    if conv.groups > 1 {
        return grouped_conv(cuda, x, conv, activation, clips, out);
    }
    let w = cuda.weight("conv1d", &conv.weight, Role::Conv { groups: 1 })?;
    let bias = cuda.bias("conv1d", conv.bias.as_ref())?;
    let lane = cuda.enter(&[&x.lane])?;
    let y = cuda.tensor(&lane, clips.clone(), out)?;
    let product = Product {
        w,
        bias,
        taps: kernel,
        step: conv.stride,
        padding: conv.padding.rows().0,
        replicate: matches!(conv.padding, Padding::Replicate(..)),
        activation,
        ..product(x, padded(out))
    };
    matmul(cuda, &y, x, &clips, product)?;
    Ok(y)
}

/// A convolution of one input channel with many taps: its windows become rows of a matrix product.
fn windowed_conv(
    cuda: &Cuda,
    x: &Tensor,
    conv: &Conv1d<Weight>,
    activation: Activation,
    clips: Clips,
    out: usize,
) -> Result<Tensor> {
    let taps = conv.weight.shape()[1];
    if conv.padding.rows() != (0, 0) || taps == 1 || out == 1 {
        return Err(unsupported(
            "conv1d",
            "a convolution of one channel",
            "no padding, at least 2 taps and 2 channels out",
            format!("{:?}, {taps} taps, {out} channels", conv.padding),
        ));
    }
    let windows = sample_windows(cuda, x, clips, taps, conv.stride)?;
    let w = cuda.weight("conv1d", &conv.weight, Role::Conv { groups: 1 })?;
    let bias = cuda.bias("conv1d", conv.bias.as_ref())?;
    rows_times(cuda, &windows, [w, bias], out, activation)
}

/// `sample_windows` of `conv.cu`: the windows of a tensor of one channel as rows, first rounded to halves,
/// then the remainder of the rounding, each `padded(taps)` wide. `clips` are those of windows that begin
/// `step` rows apart.
pub(super) fn sample_windows(
    cuda: &Cuda,
    x: &Tensor,
    clips: Clips,
    taps: usize,
    step: usize,
) -> Result<Tensor> {
    let lane = cuda.enter(&[&x.lane])?;
    let y = cuda.tensor(&lane, clips, 2 * padded(taps))?;
    let (x_offsets, y_offsets) = (cuda.offsets(&x.clips)?, cuda.offsets(&y.clips)?);
    let windows = SampleWindows {
        y: y.address(),
        x: x.address(),
        x_offsets: x_offsets.address(),
        y_offsets: y_offsets.address(),
        taps,
        step,
        clips: y.clips.count(),
        longest: longest(&y.clips),
    };
    // SAFETY: x has a float a row, y `2 * padded(taps)` halves; the offsets are those of these clips, and y
    // has as many windows as fit into each clip of x.
    unsafe { lane.launch(&windows) }?;
    Ok(y)
}

/// `first_conv` of `conv.cu`: one input channel, few taps.
fn first_conv(
    cuda: &Cuda,
    x: &Tensor,
    conv: &Conv1d<Weight>,
    activation: Activation,
    clips: Clips,
    out: usize,
) -> Result<Tensor> {
    let fits = conv.stride <= 8 && conv.padding.rows() == (0, 0) && activation == Activation::None;
    if !fits || !out.is_multiple_of(8) {
        return Err(unsupported(
            "conv1d",
            "a convolution of one channel and 10 taps",
            "stride up to 8, no padding, no activation, a multiple of 8 channels out",
            format!("stride {}, {:?}, {activation:?}, {out} channels", conv.stride, conv.padding),
        ));
    }
    let w = cuda.weight("conv1d", &conv.weight, Role::Conv { groups: 1 })?;
    let bias = cuda.bias("conv1d", conv.bias.as_ref())?;
    let lane = cuda.enter(&[&x.lane])?;
    let y = cuda.tensor(&lane, clips, out)?;
    let (x_offsets, y_offsets) = (cuda.offsets(&x.clips)?, cuda.offsets(&y.clips)?);
    let first = FirstConv {
        y: y.address(),
        x: x.address(),
        w,
        bias,
        x_offsets: x_offsets.address(),
        y_offsets: y_offsets.address(),
        channels: out,
        step: conv.stride,
        clips: y.clips.count(),
        longest: longest(&y.clips),
    };
    // SAFETY: x has a float and y `out` halves a row, w (out, 10) and bias (out) halves; the offsets are
    // those of these clips.
    unsafe { lane.launch(&first) }?;
    Ok(y)
}

/// `grouped_conv_*` of `conv.cu`.
fn grouped_conv(
    cuda: &Cuda,
    x: &Tensor,
    conv: &Conv1d<Weight>,
    activation: Activation,
    clips: Clips,
    out: usize,
) -> Result<Tensor> {
    let [_, taps, width] = [conv.weight.shape()[0], conv.weight.shape()[1], conv.weight.shape()[2]];
    let fits = matches!(width, 16 | 32 | 48 | 64)
        && out == x.channels
        && conv.stride == 1
        && GroupedConv::shared(width, taps) <= 96 << 10;
    if !fits
        || matches!(conv.padding, Padding::Replicate(..))
        || matches!(activation, Activation::LeakyRelu(_))
    {
        return Err(unsupported(
            "conv1d",
            "a grouped convolution",
            "groups of 16, 32, 48 or 64 channels in and out, up to 128 taps, stride 1, zero padding",
            format!(
                "groups of {width}, {out} channels out, {taps} taps, stride {}, {:?}",
                conv.stride, conv.padding
            ),
        ));
    }
    let w = cuda.weight("conv1d", &conv.weight, Role::Conv { groups: conv.groups })?;
    let bias = cuda.bias("conv1d", conv.bias.as_ref())?;
    let lane = cuda.enter(&[&x.lane])?;
    let y = cuda.tensor(&lane, clips, out)?;
    let (x_offsets, y_offsets) = (cuda.offsets(&x.clips)?, cuda.offsets(&y.clips)?);
    let grouped = GroupedConv {
        y: y.address(),
        x: x.address(),
        w,
        bias,
        residual: NULL,
        x_offsets: x_offsets.address(),
        y_offsets: y_offsets.address(),
        groups: conv.groups,
        width,
        taps,
        padding: conv.padding.rows().0,
        activation,
        clips: y.clips.count(),
        longest: longest(&y.clips),
    };
    // SAFETY: x and y have `groups * width` halves a row, w (groups, taps, width, width) and bias as many as
    // channels; the offsets are those of these clips; shared memory is what three stages and the window need.
    unsafe { lane.launch(&grouped) }?;
    Ok(y)
}

pub(super) fn conv_transpose1d(
    cuda: &Cuda,
    x: &Tensor,
    conv: &ConvTranspose1d<Weight>,
    activation: Activation,
) -> Result<Tensor> {
    let op = "conv_transpose1d";
    let (clips, out) = shapes::conv_transpose1d(x, conv)?;
    let kernel = conv.weight.shape()[0];
    let stride = conv.stride;
    if clips != x.clips.map(|rows| rows * stride) || !out.is_multiple_of(8) {
        return Err(unsupported(
            op,
            "a transposed convolution",
            format!("{stride} rows for each, a multiple of 8 channels"),
            format!("{:?} rows from {:?}, {out} channels", clips.offsets(), x.clips.offsets()),
        ));
    }
    let window = pack::transposed_window(kernel, stride, conv.padding);
    let w = cuda.weight(op, &conv.weight, Role::ConvTranspose { stride, padding: conv.padding })?;
    let bias = cuda.weight(op, &conv.bias, Role::ConvTransposeBias { stride })?;
    let lane = cuda.enter(&[&x.lane])?;
    let y = cuda.tensor(&lane, clips, out)?;
    // The rows of one step are adjacent: (rows, stride * out) is (stride * rows, out).
    let product = Product {
        w,
        bias,
        taps: window.rows,
        padding: window.before,
        activation,
        ..product(x, stride * out)
    };
    matmul(cuda, &y, x, &x.clips, product)?;
    Ok(y)
}
