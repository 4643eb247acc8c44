//! `rows.cu`: resampling, copies of rows, sums, and the operations on emotion vectors.

use crate::support::*;
use cuda_emulator::Memory;

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
        let arguments =
            [y.argument(), dx.argument(), x_offsets.argument(), y_offsets.argument(), int(stride)];
        run("resample_linear", [(19usize * stride / 8).div_ceil(256), 4, 1], 256, 0, &arguments);
        assert_rounded(&to_f32(&y.values()), &want, order);
    });
}

/// One call of `copy_rows`, and the same with loops.
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
            let vectors = self.y_clips.iter().max().unwrap() * self.y_width.div_ceil(8);
            run(
                "copy_rows",
                [vectors.div_ceil(256), self.y_clips.len(), 1],
                256,
                0,
                &[
                    y.argument(),
                    dx.argument(),
                    dxo.argument(),
                    dyo.argument(),
                    int(self.channels),
                    int(self.y_width),
                    int(self.x_stride),
                    int(self.y_stride),
                    int(self.y_column),
                    int(self.x_first),
                    int(self.y_first),
                    int(self.from),
                    int(self.table_rows),
                ],
            );
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
            let (offsets, count) = if tabled { (table.argument(), 3) } else { (NULL, 1) };
            let arguments = [y.argument(), y.argument(), dz.argument(), offsets, int(90), int(stride)];
            run("add_rows", [(90usize * stride / 8).div_ceil(256), count, 1], 256, 0, &arguments);
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
    let compare = |kernel: &str, more: &[cuda_emulator::Argument], want: &dyn Fn(usize) -> Vec<f64>| {
        let want: Vec<f64> = (0..rows)
            .flat_map(|row| {
                let mut v = want(row);
                v.resize(stride, 0.0);
                v
            })
            .collect();
        in_every_order(|order| {
            let y = Output::<u16>::new(rows * stride);
            run(kernel, [rows, 1, 1], 32, 0, &[&[y.argument()], more].concat());
            assert_rounded(&to_f32(&y.values()), &want, &format!("{kernel}, {order}"));
        });
    };
    let (c, s) = (int(channels), int(stride));
    let [a, b, e] = [d[0].argument(), d[1].argument(), d[2].argument()];
    compare("l2_normalize", &[a, c, s], &|row| unit(&vector(0, row)));
    for control in [1.0f32, -2.0] {
        compare("sample_gaussian", &[a, b, e, c, s, float(control)], &|row| {
            let draws = vector(1, row).into_iter().zip(vector(2, row));
            let z: Vec<f64> = vector(0, row)
                .into_iter()
                .zip(draws)
                .map(|(mu, (v, e))| mu + (0.5 * f64::from(control) * v).exp() * e)
                .collect();
            unit(&z)
        });
    }
    compare("interpolate", &[a, b, c, s, float(0.25), int(0)], &|row| {
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
        let arguments =
            [out.argument(), dx.argument(), dy.argument(), int(channels), int(channels), float(0.3), int(1)];
        run("interpolate", [2, 1, 1], 32, 0, &arguments);
        assert_close(&to_f32(&out.values()), &want, 2e-3, order);
    });
}
