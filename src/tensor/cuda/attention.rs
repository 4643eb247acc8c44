//! Launchers of `attention.cu` and `attention_over.cu`.

use std::sync::Arc;

use super::arena::Buffer;
use super::launch::{Attention, AttentionOver};
use super::{Cuda, NULL, Tensor, longest, unsupported};
use crate::Result;
use crate::tensor::{AttentionBias, Clips, shapes};

/// Attention of a clip over itself. A row of `qkv` holds the queries of all heads, then the keys, then the
/// values.
pub(super) fn self_attention(
    cuda: &Cuda,
    qkv: &Tensor,
    heads: usize,
    bias: &AttentionBias,
) -> Result<Tensor> {
    let width = shapes::self_attention(qkv, heads, bias)?;
    let all = Attention::ALL;
    let (window, free_rows) = match bias {
        AttentionBias::None => (all, 0),
        AttentionBias::Window { rows } => ((*rows).min(all), 0),
        AttentionBias::Distance { free_rows, .. } => (all, *free_rows),
        AttentionBias::Causal { .. } => {
            let keys = qkv.address() + (2 * heads * width) as u64;
            let operands = Operands { q: qkv, kv: keys, kv_clips: &qkv.clips, kv_stride: qkv.stride() };
            return over(cuda, "self_attention", &operands, heads, width, bias);
        }
    };
    if !matches!(width, 16 | 32 | 48 | 64 | 96) {
        return Err(unsupported("self_attention", "the width of a head", "16, 32, 48, 64 or 96", width));
    }
    let lane = cuda.enter(&[&qkv.lane])?;
    let y = cuda.tensor(&lane, qkv.clips.clone(), heads * width)?;
    let offsets = cuda.offsets(&qkv.clips)?;
    let slopes = slopes_of(cuda, bias)?;
    let attention = Attention {
        y: y.address(),
        qkv: qkv.address(),
        offsets: offsets.address(),
        slopes: slopes.as_deref().map_or(NULL, Buffer::address),
        heads,
        width,
        window,
        free_rows,
        clips: qkv.clips.count(),
        longest: longest(&qkv.clips),
    };
    // SAFETY: qkv has `3 * heads * width` halves a row, y a third of it, slopes one float a head; widths are
    // multiples of 16, so that no row is padded; the offsets are those of these clips.
    unsafe { lane.launch(&attention) }?;
    Ok(y)
}

/// Attention over other rows. A row of `kv` holds the keys of all heads, then the values.
pub(super) fn attention(
    cuda: &Cuda,
    q: &Tensor,
    kv: &Tensor,
    heads: usize,
    bias: &AttentionBias,
) -> Result<Tensor> {
    let width = shapes::attention(q, kv, heads, bias)?;
    cuda.enter(&[&q.lane, &kv.lane])?;
    let operands = Operands { q, kv: kv.address(), kv_clips: &kv.clips, kv_stride: kv.stride() };
    over(cuda, "attention", &operands, heads, width, bias)
}

/// The operands of `attention_over`.
struct Operands<'a> {
    /// Rows that begin with the queries.
    q: &'a Tensor,
    /// The address of the first key.
    kv: u64,
    kv_clips: &'a Clips,
    kv_stride: usize,
}

fn over(
    cuda: &Cuda,
    op: &'static str,
    operands: &Operands<'_>,
    heads: usize,
    width: usize,
    bias: &AttentionBias,
) -> Result<Tensor> {
    let &Operands { q, kv, kv_clips, kv_stride } = operands;
    if !width.is_multiple_of(8) || width > AttentionOver::WIDEST {
        let expected = format!("a multiple of 8 up to {}", AttentionOver::WIDEST);
        return Err(unsupported(op, "the width of a head", expected, width));
    }
    let all = AttentionOver::ALL;
    let (reach, period, free_rows) = match bias {
        AttentionBias::None => ([all, all], 1, 0),
        AttentionBias::Window { rows } => ([(rows - 1).min(all); 2], 1, 0),
        AttentionBias::Distance { free_rows, .. } => ([all, all], 1, *free_rows),
        AttentionBias::Causal { period, context, .. } => ([(context - 1).min(all), 0], (*period).min(all), 0),
    };
    let lane = cuda.enter(&[&q.lane])?;
    let y = cuda.tensor(&lane, q.clips.clone(), heads * width)?;
    let (q_offsets, kv_offsets) = (cuda.offsets(&q.clips)?, cuda.offsets(kv_clips)?);
    let slopes = slopes_of(cuda, bias)?;
    let attention = AttentionOver {
        y: y.address(),
        q: q.address(),
        kv,
        q_offsets: q_offsets.address(),
        kv_offsets: kv_offsets.address(),
        slopes: slopes.as_deref().map_or(NULL, Buffer::address),
        strides: [y.stride(), q.stride(), kv_stride],
        heads,
        width,
        reach,
        period,
        free_rows,
        clips: q.clips.count(),
        longest: longest(&q.clips),
    };
    // SAFETY: rows of q begin with `heads * width` halves, and rows of kv hold twice as many from the address
    // on, the strides apart; slopes has a float a head; widths are multiples of 8, so every head of a row is
    // aligned; the offsets are those of these clips, and each clip with queries has a key.
    unsafe { lane.launch(&attention) }?;
    Ok(y)
}

/// The slopes of a bias on the device, one for each head.
fn slopes_of(cuda: &Cuda, bias: &AttentionBias) -> Result<Option<Arc<Buffer>>> {
    match bias {
        AttentionBias::None | AttentionBias::Window { .. } => Ok(None),
        AttentionBias::Distance { slopes, .. } | AttentionBias::Causal { slopes, .. } => {
            let key = slopes.iter().map(|slope| slope.to_bits()).collect();
            cuda.table(&cuda.slopes, key, slopes).map(Some)
        }
    }
}
