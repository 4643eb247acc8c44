//! `conv.cu`: the first convolution of a front end, and the grouped positional convolutions.

use crate::support::*;
use cuda_emulator::Memory;
use deeptalk_rt::tensor::cuda::launch::{FirstConv, GroupedConv, SampleWindows};

#[test]
fn the_first_convolution_matches() {
    for (channels, clips, bias) in [(512usize, vec![10usize, 177], false), (24, vec![645, 14], true)] {
        let mut random = Random::new(channels as u64);
        let outs: Vec<usize> = clips.iter().map(|n| (n - 10) / 5 + 1).collect();
        let x: Vec<f32> = (0..clips.iter().sum::<usize>()).map(|_| random.next() * 3.0).collect();
        let (w, b) = (random.halves(channels * 10, 0.5), random.halves(channels, 1.0));
        let mut want = Vec::new();
        let mut first = 0;
        for (&length, &rows) in clips.iter().zip(&outs) {
            for t in 0..rows {
                for c in 0..channels {
                    let taps =
                        (0..10).map(|k| f64::from(x[first + t * 5 + k]) * f64::from(w.values[c * 10 + k]));
                    want.push(taps.sum::<f64>() + if bias { f64::from(b.values[c]) } else { 0.0 });
                }
            }
            first += length;
        }
        let (dx, dw, db) = (Memory::from_slice(&x), w.upload(), b.upload());
        let (x_offsets, y_offsets) =
            (Memory::from_slice(&offsets(&clips)), Memory::from_slice(&offsets(&outs)));
        in_every_order(|order| {
            let y = Output::<u16>::new(want.len());
            run(&FirstConv {
                y: y.address(),
                x: dx.address(),
                w: dw.address(),
                bias: if bias { db.address() } else { NULL },
                x_offsets: x_offsets.address(),
                y_offsets: y_offsets.address(),
                channels,
                step: 5,
                clips: clips.len(),
                longest: *outs.iter().max().unwrap(),
            });
            assert_rounded(&to_f32(&y.values()), &want, &format!("{channels} channels, {order}"));
        });
    }
}

#[test]
fn windows_of_samples_keep_to_their_clip_and_most_of_the_digits() {
    for (taps, step, clips) in [(320usize, 160usize, vec![321usize, 320, 1000]), (13, 5, vec![13, 27])] {
        let width = taps.next_multiple_of(8);
        let mut random = Random::new(taps as u64);
        let outs: Vec<usize> = clips.iter().map(|n| (n - taps) / step + 1).collect();
        let x: Vec<f32> = (0..clips.iter().sum::<usize>()).map(|_| random.next() * 20.0).collect();
        let mut want = Vec::new();
        let mut first = 0;
        for (&length, &rows) in clips.iter().zip(&outs) {
            for t in 0..rows {
                want.extend((0..width).map(|k| if k < taps { x[first + t * step + k] } else { 0.0 }));
            }
            first += length;
        }
        let dx = Memory::from_slice(&x);
        let (x_offsets, y_offsets) =
            (Memory::from_slice(&offsets(&clips)), Memory::from_slice(&offsets(&outs)));
        in_every_order(|order| {
            let y = Output::<u16>::new(2 * want.len());
            run(&SampleWindows {
                y: y.address(),
                x: dx.address(),
                x_offsets: x_offsets.address(),
                y_offsets: y_offsets.address(),
                taps,
                step,
                clips: clips.len(),
                longest: *outs.iter().max().unwrap(),
            });
            let y = to_f32(&y.values());
            for (row, (got, want)) in y.chunks_exact(2 * width).zip(want.chunks_exact(width)).enumerate() {
                for ((half, rest), want) in got[..width].iter().zip(&got[width..]).zip(want) {
                    assert_eq!(*half, half::f16::from_f32(*want).to_f32(), "{taps} taps, row {row}, {order}");
                    assert!((half + rest - want).abs() <= want.abs() * 2f32.powi(-21), "row {row}, {order}");
                }
            }
        });
    }
}

fn check_grouped(
    width: usize,
    groups: usize,
    taps: usize,
    clips: &[usize],
    activation: Activation,
    residual: bool,
) {
    let mut random = Random::new((width + taps) as u64);
    let channels = width * groups;
    // An even kernel with half of it as padding makes one row more than its input has; this row is not
    // computed.
    let padding = taps / 2;
    let rows: usize = clips.iter().sum();
    let x = random.halves(rows * channels, 1.0);
    let w = random.halves(groups * taps * width * width, 1.0 / ((taps * width) as f32).sqrt());
    let b = random.halves(channels, 1.0);
    let r = random.halves(rows * channels, 1.0);
    let mut want = Vec::new();
    let mut first = 0;
    for &length in clips {
        for t in 0..length {
            for c in 0..channels {
                let (group, n) = (c / width, c % width);
                let mut sum = f64::from(b.values[c]);
                for tap in 0..taps {
                    let Some(row) = (t + tap).checked_sub(padding).filter(|&row| row < length) else {
                        continue;
                    };
                    for m in 0..width {
                        sum += f64::from(x.values[(first + row) * channels + group * width + m])
                            * f64::from(w.values[((group * taps + tap) * width + n) * width + m]);
                    }
                }
                let add = if residual { f64::from(r.values[(first + t) * channels + c]) } else { 0.0 };
                want.push(activated(activation, sum) + add);
            }
        }
        first += length;
    }
    let (dx, dw, db, dr) = (x.upload(), w.upload(), b.upload(), r.upload());
    let table = Memory::from_slice(&offsets(clips));
    in_every_order(|order| {
        let y = Output::<u16>::new(rows * channels);
        run(&GroupedConv {
            y: y.address(),
            x: dx.address(),
            w: dw.address(),
            bias: db.address(),
            residual: if residual { dr.address() } else { NULL },
            x_offsets: table.address(),
            y_offsets: table.address(),
            groups,
            width,
            taps,
            padding,
            activation,
            clips: clips.len(),
            longest: *clips.iter().max().unwrap(),
        });
        assert_rounded(&to_f32(&y.values()), &want, &format!("groups of {width}, {taps} taps, {order}"));
    });
}

#[test]
fn grouped_convolutions_match_at_every_group_width() {
    check_grouped(16, 4, 16, &[19, 1, 70], Activation::Gelu, false);
    check_grouped(32, 1, 7, &[65], Activation::None, false);
    check_grouped(48, 2, 19, &[30, 9], Activation::None, true);
    check_grouped(64, 1, 5, &[67], Activation::Gelu, true);
}

#[test]
fn the_long_positional_convolution_matches() {
    check_grouped(48, 1, 128, &[66, 19], Activation::Gelu, true);
}
