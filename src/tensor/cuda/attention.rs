//! The launcher of `attention.cu`.

use super::device::{Argument, Shape};
use super::{Cuda, NULL, Tensor, address, int, longest, tiles, unsupported};
use crate::Result;
use crate::tensor::{AttentionBias, shapes};

pub(super) fn attention(cuda: &Cuda, qkv: &Tensor, heads: usize, bias: &AttentionBias) -> Result<Tensor> {
    let width = shapes::attention(qkv, heads, bias)?;
    if !matches!(width, 16 | 32 | 48 | 64 | 96) {
        return Err(unsupported("attention", "the width of a head", "16, 32, 48, 64 or 96", width));
    }
    let lane = cuda.enter(&[&qkv.lane])?;
    let y = cuda.tensor(&lane, qkv.clips.clone(), heads * width)?;
    let offsets = cuda.offsets(&qkv.clips)?;
    let all = i32::MAX as usize;
    let (slopes, window, free_rows) = match bias {
        AttentionBias::None => (None, all, 0),
        AttentionBias::Window { rows } => (None, (*rows).min(all), 0),
        AttentionBias::Distance { slopes, free_rows } => {
            let key = slopes.iter().map(|slope| slope.to_bits()).collect();
            (Some(cuda.table(&cuda.slopes, key, slopes)?), all, *free_rows)
        }
    };
    let grid = [longest(&qkv.clips).div_ceil(64), heads, qkv.clips.count()];
    // Q, and two stages of K and V for each group of four warps: tiles of 64 rows.
    let groups = if width == 96 { 1 } else { 2 };
    let shape =
        Shape { grid, threads: 128 * groups, shared: (1 + 4 * groups) * 2 * tiles::halves(width, 64) };
    let arguments = [
        Argument::Address(y.address()),
        Argument::Address(qkv.address()),
        address(&offsets),
        slopes.as_deref().map_or(NULL, address),
        int(heads),
        int(window),
        int(free_rows),
        Argument::Float(1.0 / (width as f32).sqrt()),
    ];
    // SAFETY: qkv has `3 * heads * width` halves a row, y a third of it, slopes one float a head; widths are multiples of 16, so
    // that no row is padded; the offsets are those of these clips.
    unsafe { lane.launch(&format!("attention_{width}"), shape, &arguments) }?;
    Ok(y)
}
