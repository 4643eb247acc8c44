//! `pool.cu`: the sorted, weighted sum over time.

use crate::support::*;
use cuda_emulator::Memory;
use deeptalk_rt::tensor::cuda::launch::SortedPool;

#[test]
fn sorted_pool_matches_at_every_length() {
    let (channels, stride) = (13, 16);
    let clips = [1usize, 19, 500, 512, 99];
    let rows: usize = clips.iter().sum();
    let mut random = Random::new(3);
    // Few distinct values: equal values must all be kept.
    let x = Halves::from_f32((0..rows * stride).map(|_| (random.next() * 40.0).round() / 8.0));
    let weights: Vec<f32> = (0..rows).map(|_| random.next()).collect();
    let mut want = Vec::new();
    let mut first = 0;
    for &length in &clips {
        for c in 0..stride {
            let mut column: Vec<f32> = (0..length).map(|t| x.values[(first + t) * stride + c]).collect();
            column.sort_by(|a, b| b.total_cmp(a));
            let sum =
                column.iter().zip(&weights[first..]).map(|(v, w)| f64::from(*v) * f64::from(*w)).sum::<f64>();
            want.push(if c < channels { sum } else { 0.0 });
        }
        first += length;
    }
    let (dx, dw) = (x.upload(), Memory::from_slice(&weights));
    let table = Memory::from_slice(&offsets(&clips));
    in_every_order(|order| {
        let y = Output::<u16>::new(clips.len() * stride);
        run(&SortedPool {
            y: y.address(),
            x: dx.address(),
            weights: dw.address(),
            offsets: table.address(),
            channels,
            stride,
            clips: clips.len(),
        });
        assert_rounded(&to_f32(&y.values()), &want, order);
    });
}
