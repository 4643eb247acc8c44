//! `rows.cu`: resampling, copies of rows, sums, and the operations on emotion vectors.

use crate::support::*;
use cuda_emulator::Memory;
use deeptalk_rt::tensor::cuda::launch::{
    AddRows, CopyRows, Interpolate, L2Normalize, ResampleLinear, RowSource, SampleGaussian,
};

#[test]
fn resampling_keeps_the_first_and_the_last_row() {
    let stride = 24;
    let (from, to) = ([37usize, 1, 2, 7], [19usize, 3, 5, 1]);
    let x = Random::new(1).halves(from.iter().sum::<usize>() * stride, 1.0);
    let mut want = Vec::new();
    let mut first = 0;
    for (&n, &m) in from.iter().zip(&to) {
        for t in 0..m {
            let position = t as f64 * (n - 1) as f64 / (m - 1).max(1) as f64;
            let low = position as usize;
            let high = (low + 1).min(n - 1);
            for c in 0..stride {
                let at = |row: usize| f64::from(x.values[(first + row) * stride + c]);
                want.push(at(low) + (at(high) - at(low)) * (position - low as f64));
            }
        }
        first += n;
    }
    let (dx, x_offsets, y_offsets) =
        (x.upload(), Memory::from_slice(&offsets(&from)), Memory::from_slice(&offsets(&to)));
    in_every_order(|order| {
        let y = Output::<u16>::new(want.len());
        run(&ResampleLinear {
            y: y.address(),
            x: dx.address(),
            x_offsets: x_offsets.address(),
            y_offsets: y_offsets.address(),
            stride,
            clips: to.len(),
            longest: *to.iter().max().unwrap(),
        });
        assert_rounded(&to_f32(&y.values()), &want, order);
    });
}

/// One call of `copy_rows`, and its reference in loops.
struct Copy {
    x_clips: Vec<usize>,
    y_clips: Vec<usize>,
    channels: usize,
    y_width: usize,
    x_stride: usize,
    y_stride: usize,
    y_column: usize,
    x_first: usize,
    y_first: usize,
    from: usize,
    table_rows: usize,
}

impl Copy {
    fn check(&self) {
        let x_rows = [self.x_clips.iter().sum(), self.table_rows, self.y_clips.len()][self.from];
        let x = Random::new(9).halves(x_rows * self.x_stride, 1.0);
        let (x_offsets, y_offsets) = (offsets(&self.x_clips), offsets(&self.y_clips));
        let rows: usize = self.y_clips.iter().sum();
        let mut want = vec![0xffff; rows * self.y_stride];
        for clip in 0..self.y_clips.len() {
            let room = self.y_clips[clip].saturating_sub(self.y_first);
            let there =
                [self.x_clips.get(clip).map_or(0, |n| n.saturating_sub(self.x_first)), self.table_rows, room]
                    [self.from];
            for t in 0..room.min(there) {
                let row = match self.from {
                    0 => x_offsets[clip] as usize + self.x_first + t,
                    1 => t,
                    _ => clip,
                };
                let target = (y_offsets[clip] as usize + self.y_first + t) * self.y_stride + self.y_column;
                for c in 0..self.y_width {
                    want[target + c] = if c < self.channels { x.bits[row * self.x_stride + c] } else { 0 };
                }
            }
        }
        let (dx, dxo, dyo) = (x.upload(), Memory::from_slice(&x_offsets), Memory::from_slice(&y_offsets));
        in_every_order(|order| {
            let y = Output::<u16>::new(want.len());
            let source = match self.from {
                0 => RowSource::Clips { offsets: dxo.address() },
                1 => RowSource::Table { rows: self.table_rows },
                _ => RowSource::Repeated,
            };
            run(&CopyRows {
                y: y.address(),
                x: dx.address(),
                source,
                y_offsets: dyo.address(),
                channels: self.channels,
                width: self.y_width,
                x_stride: self.x_stride,
                y_stride: self.y_stride,
                y_column: self.y_column,
                x_first: self.x_first,
                y_first: self.y_first,
                clips: self.y_clips.len(),
                longest: *self.y_clips.iter().max().unwrap(),
            });
            assert_eq!(y.values(), want, "{order}");
        });
    }
}

#[test]
fn rows_are_sliced_prepended_repeated_and_set_side_by_side() {
    let plain = || Copy {
        x_clips: vec![19, 0, 70],
        y_clips: vec![19, 0, 70],
        channels: 16,
        y_width: 16,
        x_stride: 16,
        y_stride: 16,
        y_column: 0,
        x_first: 0,
        y_first: 0,
        from: 0,
        table_rows: 0,
    };
    Copy { x_first: 3, y_clips: vec![16, 0, 50], ..plain() }.check();
    Copy { y_first: 3, y_clips: vec![22, 3, 73], ..plain() }.check();
    Copy { from: 1, table_rows: 3, y_clips: vec![22, 3, 73], ..plain() }.check();
    Copy { from: 2, ..plain() }.check();
    // A concatenation of 35 and 3 columns, rows 40 halves apart: the last part writes the zeros.
    Copy { channels: 35, y_width: 35, x_stride: 40, y_stride: 40, ..plain() }.check();
    Copy { channels: 3, y_width: 5, x_stride: 8, y_stride: 40, y_column: 35, ..plain() }.check();
}

#[test]
fn sums_and_tables_match() {
    let (stride, clips) = (24, [19usize, 1, 70]);
    let mut random = Random::new(2);
    let (x, z) = (random.halves(90 * stride, 1.0), random.halves(90 * stride, 1.0));
    let (dz, table) = (z.upload(), Memory::from_slice(&offsets(&clips)));
    let row_in_clip: Vec<usize> = clips.iter().flat_map(|&n| 0..n).collect();
    for tabled in [false, true] {
        let want: Vec<f64> = (0..90 * stride)
            .map(|i| {
                let other = if tabled { row_in_clip[i / stride] * stride + i % stride } else { i };
                f64::from(x.values[i]) + f64::from(z.values[other])
            })
            .collect();
        in_every_order(|order| {
            let y = Output::holding(&x.bits);
            let (offsets, clips, longest) = if tabled { (table.address(), 3, 70) } else { (NULL, 1, 90) };
            run(&AddRows {
                y: y.address(),
                x: y.address(),
                z: dz.address(),
                offsets,
                stride,
                clips,
                longest,
            });
            assert_rounded(&to_f32(&y.values()), &want, order);
        });
    }
}

fn unit(values: &[f64]) -> Vec<f64> {
    let length = values.iter().map(|v| v * v).sum::<f64>().sqrt() + 1e-8;
    values.iter().map(|v| v / length).collect()
}

#[test]
fn emotion_vectors_are_normalized_sampled_and_mixed() {
    let (channels, stride, rows) = (99usize, 104usize, 3usize);
    let mut random = Random::new(6);
    let all: Vec<Halves> = (0..3).map(|_| random.halves(rows * stride, 1.0)).collect();
    let vector = |which: usize, row: usize| -> Vec<f64> {
        all[which].values[row * stride..][..channels].iter().map(|&v| f64::from(v)).collect()
    };
    let d: Vec<_> = all.iter().map(Halves::upload).collect();
    fn compare<K: Kernel>(
        [rows, stride]: [usize; 2],
        kernel: &dyn Fn(u64) -> K,
        want: &dyn Fn(usize) -> Vec<f64>,
    ) {
        let want: Vec<f64> = (0..rows)
            .flat_map(|row| {
                let mut v = want(row);
                v.resize(stride, 0.0);
                v
            })
            .collect();
        in_every_order(|order| {
            let y = Output::<u16>::new(rows * stride);
            let kernel = kernel(y.address());
            run(&kernel);
            assert_rounded(&to_f32(&y.values()), &want, &format!("{}, {order}", kernel.launch().kernel));
        });
    }
    let sizes = [rows, stride];
    let [a, b, noise] = [d[0].address(), d[1].address(), d[2].address()];
    compare(sizes, &|y| L2Normalize { y, x: a, channels, stride, rows }, &|row| unit(&vector(0, row)));
    for control in [1.0f32, -2.0] {
        let sample = |y| SampleGaussian { y, mu: a, log_variance: b, noise, channels, stride, control, rows };
        compare(sizes, &sample, &|row| {
            let draws = vector(1, row).into_iter().zip(vector(2, row));
            let z: Vec<f64> = vector(0, row)
                .into_iter()
                .zip(draws)
                .map(|(mu, (v, e))| mu + (0.5 * f64::from(control) * v).exp() * e)
                .collect();
            unit(&z)
        });
    }
    let between = |y| Interpolate { y, a, b, channels, stride, weight: 0.25, on_sphere: false, rows };
    compare(sizes, &between, &|row| {
        vector(0, row).into_iter().zip(vector(1, row)).map(|(a, b)| 0.75 * a + 0.25 * b).collect()
    });
}

#[test]
fn slerp_stays_on_the_sphere_and_survives_parallel_vectors() {
    let channels = 64usize;
    let mut random = Random::new(7);
    let direction = |random: &mut Random| {
        let v: Vec<f64> = (0..channels).map(|_| f64::from(random.next())).collect();
        unit(&v)
    };
    let (a, b) = (direction(&mut random), direction(&mut random));
    let halves = |rows: [&Vec<f64>; 2]| Halves::from_f32(rows.into_iter().flatten().map(|&v| v as f32));
    // The second row's vectors are the same.
    let (x, y) = (halves([&a, &a]), halves([&b, &a]));
    let (dx, dy) = (x.upload(), y.upload());
    let angle = a.iter().zip(&b).map(|(a, b)| a * b).sum::<f64>().acos();
    let part = |share: f64| (share * angle).sin() / angle.sin();
    let mixed: Vec<f64> = a.iter().zip(&b).map(|(a, b)| part(0.7) * a + part(0.3) * b).collect();
    let want = [unit(&mixed), a.clone()].concat();
    in_every_order(|order| {
        let out = Output::<u16>::new(2 * channels);
        run(&Interpolate {
            y: out.address(),
            a: dx.address(),
            b: dy.address(),
            channels,
            stride: channels,
            weight: 0.3,
            on_sphere: true,
            rows: 2,
        });
        assert_close(&to_f32(&out.values()), &want, 2e-3, order);
    });
}
