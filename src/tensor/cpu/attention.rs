//! Attention, one block of queries at a time: the largest intermediate result is the scores of a block
//! against the keys that it sees, never a table of all pairs.

use std::ops::Range;

use rayon::prelude::*;

use super::Tensor;
use super::math::{exp, largest, sum_of, vectorised};
use super::operands::{Finish, Matrix};
use super::panels::{Format, Panels};
use super::product::{SMALL, block_rows, in_blocks_of};
use super::tile::Block;
use crate::tensor::{Activation, AttentionBias, Packed};

/// Queries of a block at most: against a few thousand keys, their scores stay in a core's second-level cache.
const QUERIES: usize = 24;

/// The operands of one clip. A row holds all heads.
#[derive(Clone, Copy)]
struct Operands<'a> {
    queries: Rows<'a>,
    keys: Rows<'a>,
    values: Rows<'a>,
}

/// Rows that begin `stride` values apart.
#[derive(Clone, Copy)]
struct Rows<'a> {
    values: &'a [f32],
    stride: usize,
    count: usize,
}

impl<'a> Rows<'a> {
    /// Rows of `stride` values, from column `column` on.
    fn of(values: &'a [f32], stride: usize, column: usize) -> Self {
        let count = values.len() / stride.max(1);
        Self { values: values.get(column..).unwrap_or_default(), stride, count }
    }

    fn slice(self, range: Range<usize>) -> Self {
        Self { values: &self.values[range.start * self.stride..], count: range.len(), ..self }
    }
}

/// Keys and values of one head of one clip.
struct Head {
    keys: Panels,
    values: Panels,
}

/// The parameters of all clips. `format` is that of both products; the softmax is f32.
#[derive(Clone, Copy)]
pub(super) struct Attention<'a> {
    pub heads: usize,
    pub width: usize,
    pub bias: &'a AttentionBias,
    pub format: Format,
}

impl Attention<'_> {
    /// A row of `qkv` holds the queries of all heads, then the keys, then the values.
    pub fn of_itself(self, qkv: &Tensor) -> Tensor {
        let channels = self.heads * self.width;
        let mut y = Tensor::unwritten(qkv.clips().clone(), channels);
        for (clip, out) in y.clips_mut().enumerate() {
            let rows = |column| Rows::of(qkv.clip(clip), 3 * channels, column);
            let operands = Operands { queries: rows(0), keys: rows(channels), values: rows(2 * channels) };
            self.of_clip(operands, out);
        }
        y
    }

    /// A row of `kv` holds the keys of all heads, then the values.
    pub fn of_others(self, q: &Tensor, kv: &Tensor) -> Tensor {
        let channels = self.heads * self.width;
        let mut y = Tensor::unwritten(q.clips().clone(), channels);
        for (clip, out) in y.clips_mut().enumerate() {
            let rows = |column| Rows::of(kv.clip(clip), 2 * channels, column);
            let queries = Rows::of(q.clip(clip), channels, 0);
            self.of_clip(Operands { queries, keys: rows(0), values: rows(channels) }, out);
        }
        y
    }

    fn of_clip(self, clip: Operands<'_>, out: &mut [f32]) {
        let Self { heads, width, bias, .. } = self;
        let channels = heads * width;
        let (queries, keys) = (clip.queries.count, clip.keys.count);
        if queries == 0 {
            return;
        }
        // The position of the first query among the keys.
        let place = keys.saturating_sub(queries);
        if let AttentionBias::Window { rows: 1 } = bias {
            // The softmax over a single key is 1.
            let Rows { values, stride, .. } = clip.values.slice(place..keys);
            let values = values.chunks(stride).map(|row| &row[..channels]);
            out.chunks_exact_mut(channels).zip(values).for_each(|(out, values)| out.copy_from_slice(values));
            return;
        }
        // Keys that a query sees before and after its own position, where these are limited.
        let reach = match bias {
            AttentionBias::None | AttentionBias::Distance { .. } => None,
            AttentionBias::Window { rows } => Some((rows - 1, rows - 1)),
            AttentionBias::Causal { context, .. } => Some((context - 1, 0)),
        };
        if let Some((before, after)) = reach
            && keys > before.saturating_add(after).saturating_add(2 + 2 * QUERIES)
        {
            // Blocks of one size: the order of a softmax's sum depends only on the first key of the block.
            out.par_chunks_mut(QUERIES * channels).enumerate().for_each(|(index, out)| {
                let first = index * QUERIES;
                let last = first + out.len() / channels;
                let seen = (place + first).saturating_sub(before)..(place + last + after).min(keys);
                let clip = Operands {
                    queries: clip.queries.slice(first..last),
                    keys: clip.keys.slice(seen.clone()),
                    values: clip.values.slice(seen.clone()),
                };
                for head in 0..heads {
                    let one = self.head(clip, head);
                    self.attend(clip.queries, &one, place + first - seen.start, head, out);
                }
            });
            return;
        }
        let multiplications = 2 * queries * keys * channels;
        let all = of_all(heads, multiplications, |head| self.head(clip, head));
        let block = block_rows(queries, multiplications).min(QUERIES) * channels;
        in_blocks_of(multiplications, out, block, |index, out| {
            let first = index * block / channels;
            let queries = clip.queries.slice(first..first + out.len() / channels);
            for (head, one) in all.iter().enumerate() {
                self.attend(queries, one, place + first, head, out);
            }
        });
    }

    fn head(self, clip: Operands<'_>, head: usize) -> Head {
        let (Operands { keys, values, .. }, Self { width, format, .. }) = (clip, self);
        let column = head * width;
        Head {
            keys: Panels::from_transposed(&keys.values[column..], keys.stride, keys.count, width, format),
            values: Panels::from_rows(&values.values[column..], values.stride, width, values.count, format),
        }
    }

    /// One head of some queries; `place` is the position of the first query among the keys of the head.
    fn attend(self, queries: Rows<'_>, one: &Head, place: usize, head: usize, out: &mut [f32]) {
        let Self { heads, width, bias, .. } = self;
        let keys = one.keys.columns();
        let mut scores = super::Buffer::unwritten(queries.count * keys);
        let q = Matrix::rows(&queries.values[head * width..], queries.stride);
        let (b, finish) = (&one.keys, Finish { bias: None, activation: Activation::None });
        Block { a: q, rows: queries.count, b, out: &mut scores, stride: keys, finish }.compute();
        let scale = 1.0 / (width as f32).sqrt();
        let mut sums = [0.0; QUERIES];
        vectorised(
            #[inline(always)]
            || {
                for (i, (row, sum)) in scores.chunks_exact_mut(keys).zip(&mut sums).enumerate() {
                    row.iter_mut().for_each(|score| *score *= scale);
                    add_bias(row, place + i, head, bias);
                    // A row with a NaN has a NaN in its sum, whatever value `largest` returned.
                    let largest = largest(row);
                    *sum = sum_of(row, |score| exp(score - largest));
                }
            },
        );
        let a = Matrix::rows(&scores, keys);
        let (b, out, channels) = (&one.values, &mut out[head * width..], heads * width);
        Block { a, rows: queries.count, b, out, stride: channels, finish }.compute();
        // The division is done here and not on the weights, because the results are fewer.
        for (out, sum) in out.chunks_mut(channels).zip(&sums) {
            out[..width].iter_mut().for_each(|value| *value /= sum);
        }
    }
}

fn of_all(heads: usize, multiplications: usize, make: impl Fn(usize) -> Head + Sync + Send) -> Vec<Head> {
    if multiplications <= SMALL {
        (0..heads).map(make).collect()
    } else {
        (0..heads).into_par_iter().map(make).collect()
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
            // 32-bit numbers, of which more fit into a vector.
            let query = query as i32;
            for (key, score) in (*free_rows as i32..).zip(row.iter_mut().skip(*free_rows)) {
                *score -= slope * (query - key).unsigned_abs() as f32;
            }
        }
        AttentionBias::Causal { slopes, period, context } => {
            let first = query.saturating_sub(context - 1);
            row[..first].fill(f32::NEG_INFINITY);
            row[query + 1..].fill(f32::NEG_INFINITY);
            // From the query backwards, one period at a time.
            for (periods, scores) in row[first..=query].rchunks_mut(*period).enumerate() {
                scores.iter_mut().for_each(|score| *score -= slopes[head] * periods as f32);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::tensor::cpu::{Cpu, Tensor};
    use crate::tensor::{AttentionBias, Clips, Context, RowOps};

    const HEADS: usize = 2;
    const WIDTH: usize = 5;
    const CHANNELS: usize = HEADS * WIDTH;

    fn rows(clips: &Clips, channels: usize, seed: usize) -> Vec<f32> {
        (0..clips.rows() * channels).map(|i| ((i * 37 + seed * 11) % 101) as f32 / 40.0 - 1.25).collect()
    }

    fn upload(clips: &Clips, channels: usize, values: &[f32]) -> Tensor {
        Cpu::F32.upload(clips, channels, values).unwrap()
    }

    /// The bias of a query and a key by their positions; minus infinity if the query does not see the key.
    fn bias_of(bias: &AttentionBias, head: usize, query: usize, key: usize) -> f64 {
        let apart = query.abs_diff(key);
        match bias {
            AttentionBias::None => 0.0,
            AttentionBias::Window { rows } if apart < *rows => 0.0,
            AttentionBias::Distance { free_rows, .. } if query.min(key) < *free_rows => 0.0,
            AttentionBias::Distance { slopes, .. } => -f64::from(slopes[head]) * apart as f64,
            AttentionBias::Causal { slopes, period, context } if key <= query && apart < *context => {
                -f64::from(slopes[head]) * (apart / period) as f64
            }
            AttentionBias::Window { .. } | AttentionBias::Causal { .. } => f64::NEG_INFINITY,
        }
    }

    /// Attention in plain loops.
    fn plain(q: &[f32], kv: &[f32], q_clips: &Clips, kv_clips: &Clips, bias: &AttentionBias) -> Vec<f64> {
        let mut y = Vec::new();
        for (queries, keys) in q_clips.ranges().zip(kv_clips.ranges()) {
            for query in queries.clone() {
                let place = (query - queries.start) + keys.len().saturating_sub(queries.len());
                for head in 0..HEADS {
                    let at =
                        |row: usize, channels: usize, column: usize| row * channels + head * WIDTH + column;
                    let scores = keys.clone().map(|key| {
                        let dot = (0..WIDTH).map(|i| {
                            f64::from(q[at(query, CHANNELS, i)]) * f64::from(kv[at(key, 2 * CHANNELS, i)])
                        });
                        dot.sum::<f64>() / (WIDTH as f64).sqrt()
                            + bias_of(bias, head, place, key - keys.start)
                    });
                    let weights: Vec<f64> = scores.map(f64::exp).collect();
                    let sum: f64 = weights.iter().sum();
                    for i in 0..WIDTH {
                        let value = |key: usize| f64::from(kv[at(key, 2 * CHANNELS, CHANNELS + i)]);
                        let all = keys.clone().zip(&weights);
                        y.push(all.map(|(key, weight)| weight * value(key)).sum::<f64>() / sum);
                    }
                }
            }
        }
        y
    }

    fn agree(found: &Tensor, expected: &[f64], what: &str) {
        let found = Cpu::F32.download(found).unwrap();
        assert_eq!(found.len(), expected.len(), "{what}");
        for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
            assert!((f64::from(*found) - expected).abs() < 2e-6, "{what}: {index}: {found} {expected}");
        }
    }

    fn biases() -> Vec<AttentionBias> {
        let slopes = vec![0.25, 0.0625];
        let causal = |period, context| AttentionBias::Causal { slopes: slopes.clone(), period, context };
        vec![
            AttentionBias::None,
            AttentionBias::Window { rows: 1 },
            AttentionBias::Window { rows: 4 },
            AttentionBias::Distance { slopes: slopes.clone(), free_rows: 3 },
            causal(1, usize::MAX),
            causal(7, usize::MAX),
            causal(3, 10),
            causal(25, 1),
        ]
    }

    #[test]
    fn every_bias_is_that_of_a_plain_loop_alone_in_a_batch_and_over_kept_keys() {
        // Short and long clips, an empty one, and clips with more keys than queries.
        let q_clips = Clips::from_lengths([1, 130, 0, 9, 3]);
        let kv_clips = Clips::from_lengths([1, 130, 2, 171, 90]);
        let (q, kv) = (rows(&q_clips, CHANNELS, 1), rows(&kv_clips, 2 * CHANNELS, 2));
        let (queries, keys) = (upload(&q_clips, CHANNELS, &q), upload(&kv_clips, 2 * CHANNELS, &kv));
        for bias in biases() {
            let found = Cpu::F32.attention(&queries, &keys, HEADS, &bias).unwrap();
            agree(&found, &plain(&q, &kv, &q_clips, &kv_clips, &bias), &format!("{bias:?}"));
        }
    }

    #[test]
    fn queries_keys_and_values_in_one_tensor_are_those_in_two() {
        let clips = Clips::from_lengths([130, 1, 40]);
        let (q, kv) = (rows(&clips, CHANNELS, 1), rows(&clips, 2 * CHANNELS, 2));
        let qkv: Vec<f32> =
            q.chunks(CHANNELS).zip(kv.chunks(2 * CHANNELS)).flat_map(|(q, kv)| [q, kv].concat()).collect();
        let (queries, keys) = (upload(&clips, CHANNELS, &q), upload(&clips, 2 * CHANNELS, &kv));
        for bias in biases() {
            let one = Cpu::F32.self_attention(&upload(&clips, 3 * CHANNELS, &qkv), HEADS, &bias).unwrap();
            let two = Cpu::F32.attention(&queries, &keys, HEADS, &bias).unwrap();
            assert_eq!(Cpu::F32.download(&one).unwrap(), Cpu::F32.download(&two).unwrap(), "{bias:?}");
        }
    }

    #[test]
    fn operands_that_do_not_fit_are_sentences() {
        let refused = |q: [usize; 2], kv: [usize; 2], heads: usize, bias: AttentionBias| {
            let [q, kv] = [q, kv]
                .map(|[rows, channels]| upload(&Clips::one(rows), channels, &vec![0.0; rows * channels]));
            Cpu::F32.attention(&q, &kv, heads, &bias).expect_err("it fits").to_string()
        };
        let causal = |slopes, period, context| AttentionBias::Causal { slopes, period, context };
        let error = refused([3, 10], [3, 20], 3, AttentionBias::None);
        assert_eq!(error, "attention: channels: expected \"a multiple of 3 heads\", found 10");
        let error = refused([3, 10], [3, 10], 2, AttentionBias::None);
        assert_eq!(error, "attention: channels: expected 20, found 10");
        let error = refused([3, 10], [2, 20], 2, causal(vec![0.1, 0.2], 4, 9));
        assert_eq!(error, "attention: keys of a clip: expected \"at least 3\", found 2");
        let error = refused([3, 10], [0, 20], 2, AttentionBias::None);
        assert_eq!(error, "attention: keys of a clip: expected \"at least 1\", found 0");
        let error = refused([3, 10], [3, 20], 2, causal(vec![0.1], 4, 9));
        assert_eq!(error, "attention: slopes: expected 2, found 1");
        let error = refused([3, 10], [3, 20], 2, causal(vec![0.1, 0.2], 0, 9));
        assert_eq!(error, "attention: period and context: expected \"at least 1 each\", found (0, 9)");
    }
}
