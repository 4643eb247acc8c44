//! `norm.cu`: layer norm, and the norm over time in its three steps.

use crate::matmul::Activation;
use crate::support::*;
use cuda_emulator::Memory;

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
            want.push(activation.apply(v));
        }
    }
    let (dr, dw, db) = (r.upload(), w.upload(), b.upload());
    in_every_order(|order| {
        // In place: the output is the input.
        let y = Output::holding(&x.bits);
        let kernel = format!("layer_norm_{vectors}");
        run(
            &kernel,
            [rows.div_ceil(4), 1, 1],
            128,
            0,
            &[
                y.argument(),
                y.argument(),
                if residual { dr.argument() } else { NULL },
                if affine { dw.argument() } else { NULL },
                if affine { db.argument() } else { NULL },
                int(rows),
                int(channels),
                float(1e-5),
                int(activation as usize),
            ],
        );
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
        let kernel = format!("layer_norm_of_parts_{vectors}");
        #[rustfmt::skip]
        let arguments = [
            y.argument(), dp.argument(), int(count), if bias { db.argument() } else { NULL }, y.argument(), dw.argument(),
            doffset.argument(), int(rows), int(channels), float(1e-5),
        ];
        run(&kernel, [rows.div_ceil(4), 1, 1], 128, 0, &arguments);
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
                want[(first + t) * channels + c] = Activation::Gelu.apply(v);
            }
        }
        first += length;
    }
    let (dx, dw, db) = (x.upload(), w.upload(), b.upload());
    let table = Memory::from_slice(&offsets(clips));
    let longest = *clips.iter().max().unwrap();
    let chunks = longest.div_ceil(256);
    in_every_order(|order| {
        let moments = Output::<f32>::new(clips.len() * chunks * channels * 2);
        let united = Output::<f32>::new(clips.len() * channels * 2);
        let y = Output::<u16>::new(rows * channels);
        let (t, c) = (table.argument(), int(channels));
        run(
            "group_norm_moments",
            [channels.div_ceil(64), chunks, clips.len()],
            256,
            0,
            &[moments.argument(), dx.argument(), t, c, int(chunks)],
        );
        run(
            "unite_moments",
            [channels.div_ceil(128), clips.len(), 1],
            128,
            0,
            &[united.argument(), moments.argument(), t, c, int(chunks), int(256), float(1e-5)],
        );
        run(
            "group_norm_apply",
            [(longest.div_ceil(4) * channels / 8).div_ceil(256), clips.len(), 1],
            256,
            0,
            &[
                y.argument(),
                dx.argument(),
                united.argument(),
                if affine { dw.argument() } else { NULL },
                if affine { db.argument() } else { NULL },
                t,
                c,
                int(Activation::Gelu as usize),
            ],
        );
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
        let t = table.argument();
        run(
            "sample_moments",
            [chunks, clips.len(), 1],
            256,
            0,
            &[moments.argument(), dx.argument(), t, int(chunks)],
        );
        run(
            "unite_moments",
            [1, clips.len(), 1],
            128,
            0,
            &[united.argument(), moments.argument(), t, int(1), int(chunks), int(4096), float(1e-7)],
        );
        run(
            "normalize_samples",
            [5000usize.div_ceil(256), clips.len(), 1],
            256,
            0,
            &[y.argument(), dx.argument(), united.argument(), t],
        );
        assert_close(&y.values(), &want, 1e-5, order);
    });
}
