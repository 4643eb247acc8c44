//! Launchers of `rows.cu`.

use super::arena::Buffer;
use super::device::{Argument, Shape};
use super::tensor::padded;
use super::{Cuda, NULL, Tensor, Weight, address, int, longest};
use crate::Result;
use crate::tensor::shapes::{self, Shaped};
use crate::tensor::{Clips, Packed, Role};

fn vectors(rows: usize, stride: usize, clips: usize) -> Shape {
    Shape { grid: [(rows * stride / 8).div_ceil(256), clips, 1], threads: 256, shared: 0 }
}

pub(super) fn add(cuda: &Cuda, x: &Tensor, z: &Tensor) -> Result<Tensor> {
    shapes::same("add", x, z)?;
    let lane = cuda.enter(&[&x.lane, &z.lane])?;
    let y = cuda.tensor(&lane, x.clips.clone(), x.channels)?;
    let rows = x.clips.rows();
    let [to, from, other] = [&y, x, z].map(|t| Argument::Address(t.address()));
    let arguments = [to, from, other, NULL, int(rows), int(x.stride())];
    // SAFETY: all three have `rows` rows of `stride` halves.
    unsafe { lane.launch("add_rows", vectors(rows, x.stride(), 1), &arguments) }?;
    Ok(y)
}

pub(super) fn add_table(cuda: &Cuda, x: &Tensor, table: &Weight) -> Result<Tensor> {
    shapes::add_table(x, table)?;
    let z = cuda.weight("add_table", table, Role::Rows)?;
    let lane = cuda.enter(&[&x.lane])?;
    let y = cuda.tensor(&lane, x.clips.clone(), x.channels)?;
    let offsets = cuda.offsets(&x.clips)?;
    let arguments = [
        Argument::Address(y.address()),
        Argument::Address(x.address()),
        z,
        address(&offsets),
        int(0),
        int(x.stride()),
    ];
    let shape = vectors(longest(&x.clips), x.stride(), x.clips.count());
    // SAFETY: x and y have `stride` halves a row, and so has the table, which reaches as far as the longest clip.
    unsafe { lane.launch("add_rows", shape, &arguments) }?;
    Ok(y)
}

pub(super) fn resample_linear(cuda: &Cuda, x: &Tensor, clips: &Clips) -> Result<Tensor> {
    shapes::resample_linear(x, clips)?;
    let lane = cuda.enter(&[&x.lane])?;
    let y = cuda.tensor(&lane, clips.clone(), x.channels)?;
    let (x_offsets, y_offsets) = (cuda.offsets(&x.clips)?, cuda.offsets(clips)?);
    let arguments = [
        Argument::Address(y.address()),
        Argument::Address(x.address()),
        address(&x_offsets),
        address(&y_offsets),
        int(x.stride()),
    ];
    // SAFETY: rows of x and y are `stride` halves; every clip of y that has rows has some in x.
    unsafe {
        lane.launch("resample_linear", vectors(longest(clips), x.stride(), clips.count()), &arguments)
    }?;
    Ok(y)
}

/// Where `copy_rows` takes a row from.
enum From<'a> {
    /// The same clip of a tensor.
    Clips(&'a Buffer),
    /// A table of so many rows, for every clip.
    Table(usize),
    /// The one row of the clip.
    Repeated,
}

/// A call of `copy_rows`.
struct Copy<'a> {
    x: u64,
    x_stride: usize,
    channels: usize,
    /// Columns that are written: the channels, and zeros behind them.
    width: usize,
    column: usize,
    x_first: usize,
    y_first: usize,
    from: From<'a>,
}

/// # Safety
/// `x` is the address of rows of at least `channels` halves, `x_stride` apart: as many as `from` says.
unsafe fn copy_rows(cuda: &Cuda, y: &Tensor, copy: &Copy<'_>) -> Result<()> {
    let offsets = cuda.offsets(&y.clips)?;
    let (x_offsets, kind, rows) = match copy.from {
        From::Clips(offsets) => (address(offsets), 0, 0),
        From::Table(rows) => (NULL, 1, rows),
        From::Repeated => (NULL, 2, 0),
    };
    let arguments = [
        Argument::Address(y.address()),
        Argument::Address(copy.x),
        x_offsets,
        address(&offsets),
        int(copy.channels),
        int(copy.width),
        int(copy.x_stride),
        int(y.stride()),
        int(copy.column),
        int(copy.x_first),
        int(copy.y_first),
        int(kind),
        int(rows),
    ];
    let shape = vectors(longest(&y.clips), padded(copy.width), y.clips.count());
    // SAFETY: the caller's promise for x; y has `stride` halves a row, and column + width is at most that.
    unsafe { y.lane.launch("copy_rows", shape, &arguments) }
}

pub(super) fn stack_frames(cuda: &Cuda, x: &Tensor, n: usize) -> Result<Tensor> {
    let clips = shapes::stack_frames(x, n)?;
    if x.channels.is_multiple_of(8) {
        // The rows lie one behind the other already.
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
        let copy = Copy {
            x: x.address() + (2 * frame * x.stride()) as u64,
            x_stride: n * x.stride(),
            channels: x.channels,
            width: if last { y.stride() - column } else { x.channels },
            column,
            x_first: 0,
            y_first: 0,
            from: From::Clips(&offsets),
        };
        // SAFETY: every n-th row of x, from row `frame` on: as many as y has rows.
        unsafe { copy_rows(cuda, &y, &copy) }?;
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
        let copy = Copy {
            x: part.address(),
            x_stride: part.stride(),
            channels: part.channels,
            width: if last { y.stride() - column } else { part.channels },
            column,
            x_first: 0,
            y_first: 0,
            from: From::Clips(&offsets),
        };
        // SAFETY: the part has the clips of y.
        unsafe { copy_rows(cuda, &y, &copy) }?;
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
    let copy = Copy {
        x: x.address(),
        x_stride: x.stride(),
        channels: x.stride(),
        width: x.stride(),
        column: 0,
        x_first: start,
        y_first: 0,
        from: From::Clips(&offsets),
    };
    // SAFETY: the offsets are those of x; the kernel stays inside both clips.
    unsafe { copy_rows(cuda, &y, &copy) }?;
    Ok(y)
}

pub(super) fn prepend_rows(cuda: &Cuda, x: &Tensor, table: &Weight) -> Result<Tensor> {
    let clips = shapes::prepend_rows(x, table)?;
    cuda.weight("prepend_rows", table, Role::Rows)?;
    let count = table.shape()[0];
    let lane = cuda.enter(&[&x.lane])?;
    let y = cuda.tensor(&lane, clips, x.channels)?;
    let offsets = cuda.offsets(&x.clips)?;
    let whole = |x_address, y_first, from| Copy {
        x: x_address,
        x_stride: x.stride(),
        channels: x.stride(),
        width: x.stride(),
        column: 0,
        x_first: 0,
        y_first,
        from,
    };
    // SAFETY: the table has `count` rows as wide as x's; the offsets are those of x.
    unsafe {
        copy_rows(cuda, &y, &whole(table.address, 0, From::Table(count)))?;
        copy_rows(cuda, &y, &whole(x.address(), count, From::Clips(&offsets)))?;
    }
    Ok(y)
}

pub(super) fn broadcast_rows(cuda: &Cuda, x: &Tensor, clips: &Clips) -> Result<Tensor> {
    shapes::broadcast_rows(x, clips)?;
    let lane = cuda.enter(&[&x.lane])?;
    let y = cuda.tensor(&lane, clips.clone(), x.channels)?;
    let copy = Copy {
        x: x.address(),
        x_stride: x.stride(),
        channels: x.stride(),
        width: x.stride(),
        column: 0,
        x_first: 0,
        y_first: 0,
        from: From::Repeated,
    };
    // SAFETY: x has a row for every clip.
    unsafe { copy_rows(cuda, &y, &copy) }?;
    Ok(y)
}

/// One row a block: x, y and whatever else have rows `stride` apart.
fn by_row(
    cuda: &Cuda,
    op: &'static str,
    kernel: &str,
    operands: &[&Tensor],
    more: &[Argument],
) -> Result<Tensor> {
    let x = operands[0];
    for operand in operands {
        shapes::same(op, x, *operand)?;
    }
    let lanes: Vec<_> = operands.iter().map(|operand| &operand.lane).collect();
    let lane = cuda.enter(&lanes)?;
    let y = cuda.tensor(&lane, x.clips.clone(), x.channels())?;
    let mut arguments = vec![Argument::Address(y.address())];
    arguments.extend(operands.iter().map(|operand| Argument::Address(operand.address())));
    arguments.extend([int(x.channels), int(x.stride())]);
    arguments.extend(more);
    let shape = Shape { grid: [x.clips.rows(), 1, 1], threads: 32, shared: 0 };
    // SAFETY: all operands have the rows and the stride of y; the callers add what their kernel takes besides.
    unsafe { lane.launch(kernel, shape, &arguments) }?;
    Ok(y)
}

pub(super) fn l2_normalize(cuda: &Cuda, x: &Tensor) -> Result<Tensor> {
    by_row(cuda, "l2_normalize", "l2_normalize", &[x], &[])
}

pub(super) fn sample_gaussian(
    cuda: &Cuda,
    mu: &Tensor,
    log_variance: &Tensor,
    noise: &Tensor,
    control: f32,
) -> Result<Tensor> {
    let operands = [mu, log_variance, noise];
    by_row(cuda, "sample_gaussian", "sample_gaussian", &operands, &[Argument::Float(control)])
}

pub(super) fn interpolate(
    cuda: &Cuda,
    op: &'static str,
    a: &Tensor,
    b: &Tensor,
    weight: f32,
    on_sphere: bool,
) -> Result<Tensor> {
    by_row(cuda, op, "interpolate", &[a, b], &[Argument::Float(weight), int(on_sphere.into())])
}
