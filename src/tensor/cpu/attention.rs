//! Attention, a block of queries at a time: the scores of a block against the keys that it sees are the largest thing that exists, never
//! a table of all pairs.

use std::ops::Range;

use rayon::prelude::*;

use super::Tensor;
use super::math::{exp, largest, sum_of, vectorised};
use super::panels::{Format, Panels};
use super::product::{Finish, Matrix, SMALL, block_rows, in_blocks_of};
use super::tile::Block;
use crate::tensor::{Activation, AttentionBias, Packed};

/// Queries of a block at most: against a few thousand keys, their scores stay in a core's second-level cache.
const QUERIES: usize = 24;

/// Keys and values of one head of one clip.
struct Head {
    keys: Panels,
    values: Panels,
}

/// `format`: of both products. The softmax is f32.
pub(super) fn attention(
    qkv: &Tensor,
    heads: usize,
    width: usize,
    bias: &AttentionBias,
    format: Format,
) -> Tensor {
    let channels = heads * width;
    let mut y = Tensor::unwritten(qkv.clips().clone(), channels);
    let stride = 3 * channels;
    for (clip, out) in y.clips_mut().enumerate() {
        let rows = qkv.clip(clip);
        let count = rows.len() / stride.max(1);
        if let AttentionBias::Window { rows: 1 } = bias {
            // The softmax over a single key is 1.
            let values = rows.chunks_exact(stride).map(|row| &row[2 * channels..]);
            out.chunks_exact_mut(channels).zip(values).for_each(|(out, values)| out.copy_from_slice(values));
            continue;
        }
        if let AttentionBias::Window { rows: reach } = bias
            && count > 2 * (reach + QUERIES)
        {
            // Blocks of one size: the order of a softmax's sum follows from where the block's keys begin.
            out.par_chunks_mut(QUERIES * channels).enumerate().for_each(|(index, out)| {
                let first = index * QUERIES;
                let last = first + out.len() / channels;
                let seen = (first + 1).saturating_sub(*reach)..(last + reach - 1).min(count);
                let queries = first - seen.start..last - seen.start;
                let rows = &rows[seen.start * stride..seen.end * stride];
                for head in 0..heads {
                    let one = Head::of(rows, head, width, stride, format);
                    attend(rows, &one, queries.clone(), (head, width, stride), bias, out);
                }
            });
            continue;
        }
        let multiplications = 2 * count * count * channels;
        let all = of_all(heads, multiplications, |head| Head::of(rows, head, width, stride, format));
        let block = block_rows(count, multiplications).min(QUERIES) * channels;
        in_blocks_of(multiplications, out, block, |index, out| {
            let first = index * block / channels;
            let queries = first..first + out.len() / channels;
            for (head, one) in all.iter().enumerate() {
                attend(rows, one, queries.clone(), (head, width, stride), bias, out);
            }
        });
    }
    y
}

fn of_all(heads: usize, multiplications: usize, make: impl Fn(usize) -> Head + Sync + Send) -> Vec<Head> {
    if multiplications <= SMALL {
        (0..heads).map(make).collect()
    } else {
        (0..heads).into_par_iter().map(make).collect()
    }
}

impl Head {
    fn of(rows: &[f32], head: usize, width: usize, stride: usize, format: Format) -> Self {
        let (count, channels) = (rows.len() / stride, stride / 3);
        Self {
            keys: Panels::from_transposed(&rows[channels + head * width..], stride, count, width, format),
            values: Panels::from_rows(&rows[2 * channels + head * width..], stride, width, count, format),
        }
    }
}

/// One head of some queries; `rows` are those of the keys, and the queries are numbered among them.
fn attend(
    rows: &[f32],
    one: &Head,
    queries: Range<usize>,
    (head, width, stride): (usize, usize, usize),
    bias: &AttentionBias,
    out: &mut [f32],
) {
    let keys = one.keys.columns();
    let mut scores = super::Buffer::unwritten(queries.len() * keys);
    let q = Matrix::rows(&rows[queries.start * stride + head * width..], stride);
    let (b, finish) = (&one.keys, Finish { bias: None, activation: Activation::None });
    Block { a: q, rows: queries.len(), b, out: &mut scores, stride: keys, finish }.compute();
    let scale = 1.0 / (width as f32).sqrt();
    let mut sums = [0.0; QUERIES];
    vectorised(
        #[inline(always)]
        || {
            for (i, (row, sum)) in scores.chunks_exact_mut(keys).zip(&mut sums).enumerate() {
                row.iter_mut().for_each(|score| *score *= scale);
                add_bias(row, queries.start + i, head, bias);
                // A row with a NaN has one in its sum, whatever the largest was.
                let largest = largest(row);
                *sum = sum_of(row, |score| exp(score - largest));
            }
        },
    );
    let a = Matrix::rows(&scores, keys);
    let (b, out) = (&one.values, &mut out[head * width..]);
    let channels = stride / 3;
    Block { a, rows: queries.len(), b, out, stride: channels, finish }.compute();
    // Here there are fewer numbers to divide than weights.
    for (out, sum) in out.chunks_mut(channels).zip(&sums) {
        out[..width].iter_mut().for_each(|value| *value /= sum);
    }
}

#[inline(always)]
fn add_bias(row: &mut [f32], query: usize, head: usize, bias: &AttentionBias) {
    match bias {
        AttentionBias::None => {}
        AttentionBias::Window { rows } => {
            let (first, last) = (query.saturating_sub(rows - 1), (query + rows).min(row.len()));
            row[..first].fill(f32::NEG_INFINITY);
            row[last..].fill(f32::NEG_INFINITY);
        }
        AttentionBias::Distance { free_rows, .. } if query < *free_rows => {}
        AttentionBias::Distance { slopes, free_rows } => {
            let slope = slopes[head];
            // 32-bit numbers, which fit into vectors.
            let query = query as i32;
            for (key, score) in (*free_rows as i32..).zip(row.iter_mut().skip(*free_rows)) {
                *score -= slope * (query - key).unsigned_abs() as f32;
            }
        }
    }
}
