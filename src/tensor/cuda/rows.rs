//! Launchers of `rows.cu`.

use super::launch::{
    AddRows, CopyRows, Interpolate, Kernel, L2Normalize, ResampleLinear, RowSource, SampleGaussian,
};
use super::{Cuda, NULL, Tensor, Weight, longest};
use crate::Result;
use crate::tensor::shapes::{self, Shaped};
use crate::tensor::{Clips, Packed, Role};

pub(super) fn add(cuda: &Cuda, x: &Tensor, z: &Tensor) -> Result<Tensor> {
    shapes::same("add", x, z)?;
    let lane = cuda.enter(&[&x.lane, &z.lane])?;
    let y = cuda.tensor(&lane, x.clips.clone(), x.channels)?;
    let add = AddRows {
        y: y.address(),
        x: x.address(),
        z: z.address(),
        offsets: NULL,
        stride: x.stride(),
        clips: 1,
        longest: x.clips.rows(),
    };
    // SAFETY: all three have `rows` rows of `stride` halves.
    unsafe { lane.launch(&add) }?;
    Ok(y)
}

pub(super) fn add_table(cuda: &Cuda, x: &Tensor, table: &Weight) -> Result<Tensor> {
    shapes::add_table(x, table)?;
    let z = cuda.weight("add_table", table, Role::Rows)?;
    let lane = cuda.enter(&[&x.lane])?;
    let y = cuda.tensor(&lane, x.clips.clone(), x.channels)?;
    let offsets = cuda.offsets(&x.clips)?;
    let add = AddRows {
        y: y.address(),
        x: x.address(),
        z,
        offsets: offsets.address(),
        stride: x.stride(),
        clips: x.clips.count(),
        longest: longest(&x.clips),
    };
    // SAFETY: x, y and the table have `stride` halves a row; the table has at least the rows of the longest
    // clip.
    unsafe { lane.launch(&add) }?;
    Ok(y)
}

pub(super) fn resample_linear(cuda: &Cuda, x: &Tensor, clips: &Clips) -> Result<Tensor> {
    shapes::resample_linear(x, clips)?;
    let lane = cuda.enter(&[&x.lane])?;
    let y = cuda.tensor(&lane, clips.clone(), x.channels)?;
    let (x_offsets, y_offsets) = (cuda.offsets(&x.clips)?, cuda.offsets(clips)?);
    let resample = ResampleLinear {
        y: y.address(),
        x: x.address(),
        x_offsets: x_offsets.address(),
        y_offsets: y_offsets.address(),
        stride: x.stride(),
        clips: clips.count(),
        longest: longest(clips),
    };
    // SAFETY: rows of x and y are `stride` halves; every clip with rows in y has rows in x.
    unsafe { lane.launch(&resample) }?;
    Ok(y)
}

/// A call of `copy_rows` that writes rows of `width` columns into y from the first row and column on, all
/// read from x.
fn copy(y: &Tensor, x: u64, x_stride: usize, width: usize, source: RowSource) -> CopyRows {
    CopyRows {
        y: y.address(),
        x,
        source,
        y_offsets: NULL,
        channels: width,
        width,
        x_stride,
        y_stride: y.stride(),
        y_column: 0,
        x_first: 0,
        y_first: 0,
        clips: y.clips.count(),
        longest: longest(&y.clips),
    }
}

/// Launches `copy_rows` with the offsets of y.
///
/// # Safety
/// `copy.x` is the address of rows of at least `channels` halves, `x_stride` apart, as many as `copy.source`
/// requires; `copy` is made for this y.
unsafe fn copy_rows(cuda: &Cuda, y: &Tensor, copy: CopyRows) -> Result<()> {
    let offsets = cuda.offsets(&y.clips)?;
    // SAFETY: the caller's promise for x; y has `stride` halves a row, and column + width is at most that.
    unsafe { y.lane.launch(&CopyRows { y_offsets: offsets.address(), ..copy }) }
}

pub(super) fn stack_frames(cuda: &Cuda, x: &Tensor, n: usize) -> Result<Tensor> {
    let clips = shapes::stack_frames(x, n)?;
    if x.channels.is_multiple_of(8) {
        // The rows are already contiguous.
        return Ok(Tensor {
            clips,
            channels: n * x.channels,
            dtype: x.dtype,
            buffer: x.buffer.clone(),
            lane: x.lane.clone(),
        });
    }
    let lane = cuda.enter(&[&x.lane])?;
    let y = cuda.tensor(&lane, clips, n * x.channels)?;
    let offsets = cuda.offsets(&y.clips)?;
    for frame in 0..n {
        let column = frame * x.channels;
        let last = frame + 1 == n;
        let width = if last { y.stride() - column } else { x.channels };
        let from = x.address() + (2 * frame * x.stride()) as u64;
        let source = RowSource::Clips { offsets: offsets.address() };
        let copy = CopyRows {
            channels: x.channels,
            y_column: column,
            ..copy(&y, from, n * x.stride(), width, source)
        };
        // SAFETY: rows `frame`, `frame + n`, ... of x are as many as y has.
        unsafe { copy_rows(cuda, &y, copy) }?;
    }
    Ok(y)
}

pub(super) fn concat(cuda: &Cuda, parts: &[&Tensor]) -> Result<Tensor> {
    let channels = shapes::concat(parts)?;
    if let [only] = parts {
        return Ok((*only).clone());
    }
    let lanes: Vec<_> = parts.iter().map(|part| &part.lane).collect();
    let lane = cuda.enter(&lanes)?;
    let y = cuda.tensor(&lane, parts[0].clips.clone(), channels)?;
    let offsets = cuda.offsets(&y.clips)?;
    let mut column = 0;
    for part in parts {
        let last = column + part.channels == channels;
        let width = if last { y.stride() - column } else { part.channels };
        let source = RowSource::Clips { offsets: offsets.address() };
        let copy = CopyRows {
            channels: part.channels,
            y_column: column,
            ..copy(&y, part.address(), part.stride(), width, source)
        };
        // SAFETY: the part has the clips of y.
        unsafe { copy_rows(cuda, &y, copy) }?;
        column += part.channels;
    }
    Ok(y)
}

pub(super) fn slice_rows(cuda: &Cuda, x: &Tensor, start: usize, max_rows: usize) -> Result<Tensor> {
    let clips = shapes::slice_rows(x, start, max_rows);
    if clips == x.clips {
        return Ok(x.clone());
    }
    let lane = cuda.enter(&[&x.lane])?;
    let y = cuda.tensor(&lane, clips, x.channels)?;
    let offsets = cuda.offsets(&x.clips)?;
    let source = RowSource::Clips { offsets: offsets.address() };
    let copy = CopyRows { x_first: start, ..copy(&y, x.address(), x.stride(), x.stride(), source) };
    // SAFETY: the offsets are those of x; the kernel stays inside both clips.
    unsafe { copy_rows(cuda, &y, copy) }?;
    Ok(y)
}

pub(super) fn prepend_rows(cuda: &Cuda, x: &Tensor, table: &Weight) -> Result<Tensor> {
    let clips = shapes::prepend_rows(x, table)?;
    cuda.weight("prepend_rows", table, Role::Rows)?;
    let count = table.shape()[0];
    let lane = cuda.enter(&[&x.lane])?;
    let y = cuda.tensor(&lane, clips, x.channels)?;
    let offsets = cuda.offsets(&x.clips)?;
    let source = RowSource::Clips { offsets: offsets.address() };
    let before = copy(&y, table.address, x.stride(), x.stride(), RowSource::Table { rows: count });
    let rows = CopyRows { y_first: count, ..copy(&y, x.address(), x.stride(), x.stride(), source) };
    // SAFETY: the table has `count` rows as wide as x's; the offsets are those of x.
    unsafe {
        copy_rows(cuda, &y, before)?;
        copy_rows(cuda, &y, rows)?;
    }
    Ok(y)
}

pub(super) fn broadcast_rows(cuda: &Cuda, x: &Tensor, clips: &Clips) -> Result<Tensor> {
    shapes::broadcast_rows(x, clips)?;
    let lane = cuda.enter(&[&x.lane])?;
    let y = cuda.tensor(&lane, clips.clone(), x.channels)?;
    let copy = copy(&y, x.address(), x.stride(), x.stride(), RowSource::Repeated);
    // SAFETY: x has a row for every clip.
    unsafe { copy_rows(cuda, &y, copy) }?;
    Ok(y)
}

/// Runs a kernel that reads and writes whole rows: y has the rows, channels and stride of every operand.
/// `call` makes the launch for the address of y.
fn by_row<K: Kernel>(
    cuda: &Cuda,
    op: &'static str,
    operands: &[&Tensor],
    call: impl FnOnce(u64) -> K,
) -> Result<Tensor> {
    let x = operands[0];
    for operand in operands {
        shapes::same(op, x, *operand)?;
    }
    let lanes: Vec<_> = operands.iter().map(|operand| &operand.lane).collect();
    let lane = cuda.enter(&lanes)?;
    let y = cuda.tensor(&lane, x.clips.clone(), x.channels())?;
    // SAFETY: all operands have the rows and the stride of y; the callers pass only these sizes and the
    // addresses of the operands.
    unsafe { lane.launch(&call(y.address())) }?;
    Ok(y)
}

pub(super) fn l2_normalize(cuda: &Cuda, x: &Tensor) -> Result<Tensor> {
    let (channels, stride, rows) = (x.channels, x.stride(), x.clips.rows());
    by_row(cuda, "l2_normalize", &[x], |y| L2Normalize { y, x: x.address(), channels, stride, rows })
}

pub(super) fn sample_gaussian(
    cuda: &Cuda,
    mu: &Tensor,
    log_variance: &Tensor,
    noise: &Tensor,
    control: f32,
) -> Result<Tensor> {
    by_row(cuda, "sample_gaussian", &[mu, log_variance, noise], |y| SampleGaussian {
        y,
        mu: mu.address(),
        log_variance: log_variance.address(),
        noise: noise.address(),
        channels: mu.channels,
        stride: mu.stride(),
        control,
        rows: mu.clips.rows(),
    })
}

pub(super) fn interpolate(
    cuda: &Cuda,
    op: &'static str,
    a: &Tensor,
    b: &Tensor,
    weight: f32,
    on_sphere: bool,
) -> Result<Tensor> {
    by_row(cuda, op, &[a, b], |y| Interpolate {
        y,
        a: a.address(),
        b: b.address(),
        channels: a.channels,
        stride: a.stride(),
        weight,
        on_sphere,
        rows: a.clips.rows(),
    })
}
