//! The launcher of `attention.cu`.

use super::launch::Attention;
use super::{Cuda, NULL, Tensor, longest, unsupported};
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
    let all = Attention::ALL;
    let (slopes, window, free_rows) = match bias {
        AttentionBias::None => (None, all, 0),
        AttentionBias::Window { rows } => (None, (*rows).min(all), 0),
        AttentionBias::Distance { slopes, free_rows } => {
            let key = slopes.iter().map(|slope| slope.to_bits()).collect();
            (Some(cuda.table(&cuda.slopes, key, slopes)?), all, *free_rows)
        }
    };
    let attention = Attention {
        y: y.address(),
        qkv: qkv.address(),
        offsets: offsets.address(),
        slopes: slopes.as_deref().map_or(NULL, |slopes| slopes.address()),
        heads,
        width,
        window,
        free_rows,
        clips: qkv.clips.count(),
        longest: longest(&qkv.clips),
    };
    // SAFETY: qkv has `3 * heads * width` halves a row, y a third of it, slopes one float a head; widths are multiples of 16, so
    // that no row is padded; the offsets are those of these clips.
    unsafe { lane.launch(&attention) }?;
    Ok(y)
}
