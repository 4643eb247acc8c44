//! Attention, a block of queries at a time: the scores of a block against all keys of its clip are the largest
//! thing that exists, never a table of all pairs.

use gemm::Parallelism;
use rayon::prelude::*;

use super::Tensor;
use super::math::{exp, sum, vectorised};
use super::product::{Matrix, product};
use crate::backend::{AttentionBias, Packed};

/// Scores of a block: 1 MiB of them stay in a core's second-level cache between the two products.
const SCORES: usize = 256 * 1024;
/// Queries of a block at most.
const QUERIES: usize = 256;

/// One task: some queries of one head of one clip.
struct Block {
    first_row: usize,
    clip_rows: usize,
    head: usize,
    query: usize,
    queries: usize,
}

pub(super) fn attention(qkv: &Tensor, heads: usize, width: usize, bias: &AttentionBias) -> Tensor {
    let channels = heads * width;
    let mut y = Tensor::zeros(qkv.clips().clone(), channels);
    let mut blocks = Vec::new();
    for range in qkv.clips().ranges() {
        let most = (SCORES / range.len().max(1)).clamp(16, QUERIES);
        for query in (0..range.len()).step_by(most) {
            let queries = most.min(range.len() - query);
            for head in 0..heads {
                blocks.push(Block { first_row: range.start, clip_rows: range.len(), head, query, queries });
            }
        }
    }
    let results: Vec<Vec<f32>> =
        blocks.par_iter().map(|block| attend(qkv, channels, width, bias, block)).collect();
    for (block, result) in blocks.iter().zip(results) {
        for (i, row) in result.chunks_exact(width).enumerate() {
            let at = (block.first_row + block.query + i) * channels + block.head * width;
            y.data[at..at + width].copy_from_slice(row);
        }
    }
    y
}

fn attend(qkv: &Tensor, channels: usize, width: usize, bias: &AttentionBias, block: &Block) -> Vec<f32> {
    let stride = 3 * channels;
    let head = |part: usize, row: usize| {
        let from = (block.first_row + row) * stride + part * channels + block.head * width;
        &qkv.data[from..]
    };
    let (m, n) = (block.queries, block.clip_rows);
    let mut scores = vec![0.0; m * n];
    let q = Matrix::rows(head(0, block.query), stride);
    let k = Matrix::transposed(head(1, 0), stride);
    product((m, n, width), 1.0 / (width as f32).sqrt(), q, k, &mut scores, n, false, Parallelism::None);
    vectorised(
        #[inline(always)]
        || {
            for (i, row) in scores.chunks_exact_mut(n).enumerate() {
                add_bias(row, block.query + i, block.head, bias);
                let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                row.iter_mut().for_each(|score| *score = exp(*score - largest));
                let scale = 1.0 / sum(row, |weight| weight);
                row.iter_mut().for_each(|weight| *weight *= scale);
            }
        },
    );
    let mut out = vec![0.0; m * width];
    let v = Matrix::rows(head(2, 0), stride);
    product((m, width, n), 1.0, Matrix::rows(&scores, n), v, &mut out, width, false, Parallelism::None);
    out
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
            for (key, score) in row.iter_mut().enumerate().skip(*free_rows) {
                *score -= slope * query.abs_diff(key) as f32;
            }
        }
    }
}
