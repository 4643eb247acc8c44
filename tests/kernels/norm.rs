//! `norm.cu`: layer norm, and the norm over time in its three steps.

use crate::support::*;
use cuda_emulator::Memory;
use deeptalk_rt::tensor::cuda::launch::{
    GroupNormApply, GroupNormMoments, LayerNorm, LayerNormOfParts, NormalizeSamples, SampleMoments,
    UniteMoments,
};

fn normalized(values: &[f64], eps: f64) -> Vec<f64> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
    values.iter().map(|v| (v - mean) / (variance + eps).sqrt()).collect()
}

fn check_layer_norm(
    vectors: usize,
    channels: usize,
    rows: usize,
    residual: bool,
    affine: bool,
    gelu: bool,
    scale: f32,
) {
    let mut random = Random::new(channels as u64);
    let (x, r) = (random.halves(rows * channels, scale), random.halves(rows * channels, scale));
    let (w, b) = (random.halves(channels, 1.0), random.halves(channels, 1.0));
    let activation = if gelu { Activation::Gelu } else { Activation::None };
    let mut want = Vec::new();
    for row in 0..rows {
        let at = row * channels..(row + 1) * channels;
        let sums = x.values[at.clone()].iter().zip(&r.values[at]);
        let values: Vec<f64> =
            sums.map(|(x, r)| f64::from(*x) + if residual { f64::from(*r) } else { 0.0 }).collect();
        for (c, v) in normalized(&values, 1e-5).into_iter().enumerate() {
            let v = if affine { v * f64::from(w.values[c]) + f64::from(b.values[c]) } else { v };
            want.push(activated(activation, v));
        }
    }
    let (dr, dw, db) = (r.upload(), w.upload(), b.upload());
    in_every_order(|order| {
        // In place: the output is the input.
        let y = Output::holding(&x.bits);
        let norm = LayerNorm {
            y: y.address(),
            x: y.address(),
            residual: if residual { dr.address() } else { NULL },
            weight: if affine { dw.address() } else { NULL },
            bias: if affine { db.address() } else { NULL },
            rows,
            channels,
            eps: 1e-5,
            activation,
        };
        let kernel = norm.launch().kernel;
        assert_eq!(kernel, format!("layer_norm_{vectors}"));
        run(&norm);
        assert_rounded(&to_f32(&y.values()), &want, &format!("{kernel}, {channels} channels, {order}"));
    });
}

#[test]
fn layer_norm_matches_at_every_width() {
    check_layer_norm(1, 32, 19, false, true, false, 1.0);
    check_layer_norm(1, 248, 3, true, true, false, 1.0);
    check_layer_norm(2, 512, 5, false, true, true, 1.0);
    check_layer_norm(3, 768, 9, true, false, true, 1.0);
    check_layer_norm(4, 1000, 2, true, true, false, 1.0);
}

#[test]
fn layer_norm_of_huge_values_matches() {
    check_layer_norm(3, 768, 3, false, true, false, 30000.0);
}

fn check_layer_norm_of_parts(vectors: usize, channels: usize, rows: usize, count: usize, bias: bool) {
    let mut random = Random::new(channels as u64);
    let parts: Vec<f32> = (0..count * rows * channels).map(|_| random.next()).collect();
    let r = random.halves(rows * channels, 1.0);
    let [b, w, offset] = [0.5, 1.0, 1.0].map(|scale| random.halves(channels, scale));
    let mut want = Vec::new();
    for row in 0..rows {
        let values: Vec<f64> = (0..channels)
            .map(|c| {
                let at = |part: usize| parts[(part * rows + row) * channels + c];
                let sum = (1..count).fold(at(0), |sum, part| sum + at(part));
                let product = half::f16::from_f32(sum + if bias { b.values[c] } else { 0.0 });
                f64::from(product.to_f32()) + f64::from(r.values[row * channels + c])
            })
            .collect();
        for (c, v) in normalized(&values, 1e-5).into_iter().enumerate() {
            want.push(v * f64::from(w.values[c]) + f64::from(offset.values[c]));
        }
    }
    let (dp, db, dw, doffset) = (Memory::from_slice(&parts), b.upload(), w.upload(), offset.upload());
    in_every_order(|order| {
        // In place: the output is the residual.
        let y = Output::holding(&r.bits);
        let norm = LayerNormOfParts {
            y: y.address(),
            parts: dp.address(),
            count,
            product_bias: if bias { db.address() } else { NULL },
            residual: y.address(),
            weight: dw.address(),
            bias: doffset.address(),
            rows,
            channels,
            eps: 1e-5,
        };
        let kernel = norm.launch().kernel;
        assert_eq!(kernel, format!("layer_norm_of_parts_{vectors}"));
        run(&norm);
        assert_rounded(&to_f32(&y.values()), &want, &format!("{kernel}, {channels} channels, {order}"));
    });
}

#[test]
fn layer_norm_of_a_product_in_parts_matches_at_every_width() {
    check_layer_norm_of_parts(1, 248, 3, 2, true);
    check_layer_norm_of_parts(2, 512, 5, 5, false);
    check_layer_norm_of_parts(3, 768, 9, 4, true);
    check_layer_norm_of_parts(4, 1000, 2, 1, true);
}

fn check_group_norm(channels: usize, clips: &[usize], mean: f32, affine: bool) {
    let mut random = Random::new(channels as u64);
    let rows: usize = clips.iter().sum();
    let x = Halves::from_f32((0..rows * channels).map(|i| random.next() + mean * (i % channels) as f32));
    let (w, b) = (random.halves(channels, 1.0), random.halves(channels, 1.0));
    let mut want = vec![0.0; rows * channels];
    let mut first = 0;
    for &length in clips {
        for c in 0..channels {
            let column: Vec<f64> =
                (0..length).map(|t| f64::from(x.values[(first + t) * channels + c])).collect();
            for (t, v) in normalized(&column, 1e-5).into_iter().enumerate() {
                let v = if affine { v * f64::from(w.values[c]) + f64::from(b.values[c]) } else { v };
                want[(first + t) * channels + c] = activated(Activation::Gelu, v);
            }
        }
        first += length;
    }
    let (dx, dw, db) = (x.upload(), w.upload(), b.upload());
    let table = Memory::from_slice(&offsets(clips));
    let longest = *clips.iter().max().unwrap();
    let (clip_count, chunk) = (clips.len(), GroupNormMoments::CHUNK);
    let chunks = longest.div_ceil(chunk);
    in_every_order(|order| {
        let moments = Output::<f32>::new(clips.len() * chunks * channels * 2);
        let united = Output::<f32>::new(clips.len() * channels * 2);
        let y = Output::<u16>::new(rows * channels);
        let (x, offsets, clips, eps) = (dx.address(), table.address(), clip_count, 1e-5);
        let (moments, united) = (moments.address(), united.address());
        run(&GroupNormMoments { moments, x, offsets, channels, clips, longest });
        run(&UniteMoments { united, moments, offsets, channels, chunk, eps, clips, longest });
        run(&GroupNormApply {
            y: y.address(),
            x,
            united,
            weight: if affine { dw.address() } else { NULL },
            bias: if affine { db.address() } else { NULL },
            offsets,
            channels,
            activation: Activation::Gelu,
            clips,
            longest,
        });
        assert_rounded(&to_f32(&y.values()), &want, &format!("{channels} channels, {order}"));
    });
}

#[test]
fn the_norm_over_time_matches() {
    check_group_norm(72, &[19, 300, 1], 0.0, true);
    check_group_norm(8, &[989], 0.0, false);
}

#[test]
fn the_norm_over_time_keeps_its_digits_far_from_zero() {
    check_group_norm(16, &[600, 19], 60.0, true);
}

#[test]
fn samples_are_normalized_clip_by_clip() {
    let clips = [5000usize, 1, 4096, 333];
    let mut random = Random::new(1);
    let x: Vec<f32> = (0..clips.iter().sum::<usize>()).map(|_| random.next() * 0.1 + 0.7).collect();
    let mut want = Vec::new();
    let mut first = 0;
    for &length in &clips {
        let values: Vec<f64> = x[first..first + length].iter().map(|&v| f64::from(v)).collect();
        want.extend(normalized(&values, 1e-7));
        first += length;
    }
    let dx = Memory::from_slice(&x);
    let table = Memory::from_slice(&offsets(&clips));
    in_every_order(|order| {
        let chunks = 2;
        let moments = Output::<f32>::new(clips.len() * chunks * 2);
        let united = Output::<f32>::new(clips.len() * 2);
        let y = Output::<f32>::new(x.len());
        let (x, offsets, clips, longest) = (dx.address(), table.address(), clips.len(), 5000);
        let (moments, united, chunk) = (moments.address(), united.address(), SampleMoments::CHUNK);
        run(&SampleMoments { moments, x, offsets, clips, longest });
        run(&UniteMoments { united, moments, offsets, channels: 1, chunk, eps: 1e-7, clips, longest });
        run(&NormalizeSamples { y: y.address(), x, united, offsets, clips, longest });
        assert_close(&y.values(), &want, 1e-5, order);
    });
}
