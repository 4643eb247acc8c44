//! `attention.cu`: every head width and bias, packed clips of awkward lengths.

use crate::support::*;
use cuda_emulator::Memory;
use deeptalk_rt::tensor::cuda::launch::Attention;

fn check(
    width: usize,
    heads: usize,
    clips: &[usize],
    slopes: Option<&[f32]>,
    window: usize,
    free_rows: usize,
    scale: f32,
) {
    let mut random = Random::new((width + window) as u64);
    let rows: usize = clips.iter().sum();
    let channels = heads * width;
    let qkv = random.halves(rows * 3 * channels, scale);
    let factor = 1.0 / (width as f32).sqrt();
    let mut want = vec![0f64; rows * channels];
    let mut first = 0;
    for &length in clips {
        for head in 0..heads {
            let at = |part: usize, row: usize, c: usize| {
                f64::from(qkv.values[(first + row) * 3 * channels + part * channels + head * width + c])
            };
            for i in 0..length {
                let scores: Vec<f64> = (0..length)
                    .map(|j| {
                        let dot: f64 = (0..width).map(|c| at(0, i, c) * at(1, j, c)).sum();
                        let free = i < free_rows || j < free_rows;
                        let slope = slopes.map_or(0.0, |s| f64::from(s[head]));
                        if i.abs_diff(j) >= window {
                            return f64::NEG_INFINITY;
                        }
                        dot * f64::from(factor) - if free { 0.0 } else { slope * i.abs_diff(j) as f64 }
                    })
                    .collect();
                let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let weights: Vec<f64> = scores.iter().map(|s| (s - largest).exp()).collect();
                let total: f64 = weights.iter().sum();
                for c in 0..width {
                    want[(first + i) * channels + head * width + c] =
                        weights.iter().enumerate().map(|(j, w)| w * at(2, j, c)).sum::<f64>() / total;
                }
            }
        }
        first += length;
    }
    let dx = qkv.upload();
    let table = Memory::from_slice(&offsets(clips));
    let ds = slopes.map(Memory::from_slice);
    in_every_order(|order| {
        let y = Output::<u16>::new(rows * channels);
        run(&Attention {
            y: y.address(),
            qkv: dx.address(),
            offsets: table.address(),
            slopes: ds.as_ref().map_or(NULL, Memory::address),
            heads,
            width,
            window,
            free_rows,
            clips: clips.len(),
            longest: *clips.iter().max().unwrap(),
        });
        // Between the two products the weights are rounded to fp16: an error of half a step each, which
        // averages out.
        assert_close(&to_f32(&y.values()), &want, 4e-3, &format!("heads of {width}, {order}"));
    });
}

const ALL: usize = Attention::ALL;

#[test]
fn every_head_width_matches_on_packed_clips() {
    check(16, 2, &[19, 1, 70], Some(&[0.5, 0.0625]), ALL, 0, 1.0);
    check(32, 1, &[65, 0, 19], Some(&[0.25]), ALL, 0, 1.0);
    check(48, 2, &[64, 3], Some(&[0.5, 0.25]), ALL, 0, 1.0);
    check(64, 2, &[111, 19], None, ALL, 0, 1.0);
    check(96, 1, &[99, 128], None, ALL, 0, 1.0);
}

#[test]
fn free_rows_have_no_bias_with_anything() {
    check(64, 2, &[83, 5, 10, 11], Some(&[0.5, 0.7]), ALL, 10, 1.0);
}

#[test]
fn a_window_hides_the_keys_outside_of_it() {
    for window in [1, 25, 64, 65, 200] {
        check(32, 1, &[211, 19, 1], None, window, 0, 1.0);
    }
}

#[test]
fn large_scores_do_not_overflow() {
    check(64, 1, &[70], Some(&[1.0]), ALL, 0, 60.0);
}
