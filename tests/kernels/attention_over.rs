//! `attention_over.cu`: causal, windowed and unlimited attention over the rows of another tensor.

use crate::support::*;
use cuda_emulator::Memory;
use deeptalk_rt::tensor::cuda::launch::AttentionOver;

/// Clips of (queries, keys), and the rules by which a query sees a key.
struct Case {
    clips: &'static [(usize, usize)],
    width: usize,
    heads: usize,
    reach: [usize; 2],
    period: usize,
    free_rows: usize,
    slopes: Option<&'static [f32]>,
}

impl Case {
    /// Attention of one head of one clip, in f64. In a clip with more keys than queries, the queries stand at
    /// the last keys.
    fn attend(&self, q: &[f64], kv: [&[f64]; 2], [i, queries, keys]: [usize; 3], head: usize) -> Vec<f64> {
        let place = i + keys.saturating_sub(queries);
        let slope = self.slopes.map_or(0.0, |slopes| f64::from(slopes[head]));
        let row = |values: &[f64], j: usize| values[j * self.width..(j + 1) * self.width].to_vec();
        let score = |j: usize| {
            let seen = j + self.reach[0] >= place && j <= place.saturating_add(self.reach[1]);
            let dot: f64 = row(kv[0], j).iter().zip(q).map(|(k, q)| k * q).sum();
            let bias = if place.min(j) < self.free_rows { 0.0 } else { slope };
            let steps = (place.abs_diff(j) / self.period) as f64;
            if seen { dot / (self.width as f64).sqrt() - bias * steps } else { f64::NEG_INFINITY }
        };
        let scores: Vec<f64> = (0..keys).map(score).collect();
        let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let weights: Vec<f64> = scores.iter().map(|score| (score - largest).exp()).collect();
        let total: f64 = weights.iter().sum();
        let mut y = vec![0.0; self.width];
        for (j, weight) in weights.iter().enumerate() {
            y.iter_mut().zip(row(kv[1], j)).for_each(|(y, v)| *y += weight * v / total);
        }
        y
    }

    fn check(&self) {
        let Self { clips, width, heads, .. } = *self;
        let mut random = Random::new((width + heads) as u64);
        let (queries, keys): (Vec<usize>, Vec<usize>) = clips.iter().copied().unzip();
        let (query_rows, key_rows) = (queries.iter().sum::<usize>(), keys.iter().sum::<usize>());
        let channels = heads * width;
        let q = random.halves(query_rows * channels, 1.0);
        let kv = random.halves(key_rows * 2 * channels, 1.0);
        let mut want = vec![0.0; query_rows * channels];
        let (mut first_query, mut first_key) = (0, 0);
        for &(queries, keys) in clips {
            for head in 0..heads {
                let part = |part: usize| -> Vec<f64> {
                    let at = |row: usize| (first_key + row) * 2 * channels + part * channels + head * width;
                    let rows = (0..keys).flat_map(|row| &kv.values[at(row)..at(row) + width]);
                    rows.map(|v| f64::from(*v)).collect()
                };
                let (k, v) = (part(0), part(1));
                for i in 0..queries {
                    let at = (first_query + i) * channels + head * width;
                    let query: Vec<f64> = q.values[at..at + width].iter().map(|v| f64::from(*v)).collect();
                    let y = self.attend(&query, [&k, &v], [i, queries, keys], head);
                    want[at..at + width].copy_from_slice(&y);
                }
            }
            (first_query, first_key) = (first_query + queries, first_key + keys);
        }
        let (dq, dkv, slopes) = (q.upload(), kv.upload(), self.slopes.map(Memory::from_slice));
        let [q_offsets, kv_offsets] = [&queries, &keys].map(|rows| Memory::from_slice(&offsets(rows)));
        in_every_order(|order| {
            let y = Output::<u16>::new(want.len());
            run(&AttentionOver {
                y: y.address(),
                q: dq.address(),
                kv: dkv.address(),
                q_offsets: q_offsets.address(),
                kv_offsets: kv_offsets.address(),
                slopes: slopes.as_ref().map_or(NULL, Memory::address),
                strides: [channels, channels, 2 * channels],
                heads,
                width,
                reach: self.reach,
                period: self.period,
                free_rows: self.free_rows,
                clips: clips.len(),
                longest: *queries.iter().max().unwrap(),
            });
            assert_close(&to_f32(&y.values()), &want, 2e-3, &format!("{clips:?}, width {width}, {order}"));
        });
    }
}

const ALL: usize = AttentionOver::ALL;

#[test]
fn queries_attend_to_other_rows() {
    let plain = Case {
        clips: &[(5, 37), (0, 3), (33, 65)],
        width: 40,
        heads: 2,
        reach: [ALL; 2],
        period: 1,
        free_rows: 0,
        slopes: None,
    };
    plain.check();
    Case { clips: &[(19, 19), (3, 40)], width: 64, reach: [ALL, 0], ..plain }.check();
    Case { clips: &[(9, 70)], width: 128, heads: 1, reach: [4, 2], ..plain }.check();
}

#[test]
fn the_bias_grows_by_periods_and_spares_free_rows() {
    let clips = &[(20, 20), (2, 51)];
    let slopes = Some([0.5, 0.125].as_slice());
    Case { clips, width: 8, heads: 2, reach: [ALL, 0], period: 5, free_rows: 3, slopes }.check();
}
