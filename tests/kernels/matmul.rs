//! `matmul.cu` and `matmul_sm90.cu`: linear layers, and convolutions over packed clips.

use crate::support::*;
use cuda_emulator::{Argument, Memory, TensorMap, set_shared_limit};

#[derive(Clone, Copy, PartialEq)]
pub enum Activation {
    None,
    Gelu,
    Relu,
    LeakyRelu,
}

impl Activation {
    pub fn apply(self, v: f64) -> f64 {
        match self {
            Self::None => v,
            Self::Gelu => 0.5 * v * (1.0 + erf(v / 2f64.sqrt())),
            Self::Relu => v.max(0.0),
            Self::LeakyRelu => {
                if v < 0.0 {
                    0.2 * v
                } else {
                    v
                }
            }
        }
    }
}

/// The error function to 1e-12: its series, which converges for every size that matters here.
pub fn erf(x: f64) -> f64 {
    if x.abs() > 5.0 {
        return x.signum();
    }
    let (mut term, mut sum) = (x, x);
    for n in 1..120 {
        term *= -x * x / f64::from(n);
        sum += term / f64::from(2 * n + 1);
    }
    sum * 2.0 / std::f64::consts::PI.sqrt()
}

struct Case {
    kernel: &'static str,
    tile: usize,
    /// Input rows of each clip.
    clips: Vec<usize>,
    channels: usize,
    taps: usize,
    step: usize,
    padding: usize,
    replicate: bool,
    columns: usize,
    activation: Activation,
    bias: bool,
    residual: bool,
    /// Extra columns between the rows of y; those of x are rounded up to vectors.
    gap: usize,
    f32_out: bool,
    packed: bool,
}

impl Case {
    fn linear(kernel: &'static str, rows: usize, columns: usize, channels: usize) -> Self {
        let tile = if kernel.ends_with("128") { 128 } else { 64 };
        Self {
            kernel,
            tile,
            clips: vec![rows],
            channels,
            taps: 1,
            step: 1,
            padding: 0,
            replicate: false,
            columns,
            activation: Activation::None,
            bias: true,
            residual: false,
            gap: 0,
            f32_out: false,
            packed: false,
        }
    }

    fn out_rows(&self, rows: usize) -> usize {
        (rows + 2 * self.padding).checked_sub(self.taps).map_or(0, |room| room / self.step + 1)
    }

    fn check(&self, seed: u64) {
        let mut random = Random::new(seed);
        let k = self.taps * self.channels;
        let x_stride = self.channels + self.gap.next_multiple_of(8);
        let y_stride = self.columns + self.gap;
        let outs: Vec<usize> = self.clips.iter().map(|&rows| self.out_rows(rows)).collect();
        let rows: usize = outs.iter().sum();
        let x = random.halves(self.clips.iter().sum::<usize>() * x_stride, 1.0);
        let w = random.halves(self.columns * k, 1.0 / (k as f32).sqrt());
        let bias = random.halves(self.columns, 1.0);
        let residual = random.halves(rows * y_stride, 1.0);

        let mut want = Vec::new();
        let (mut first_in, mut first_out) = (0, 0);
        for (&rows_in, &rows_out) in self.clips.iter().zip(&outs) {
            for t in 0..rows_out {
                for n in 0..self.columns {
                    let mut sum = if self.bias { f64::from(bias.values[n]) } else { 0.0 };
                    for tap in 0..self.taps {
                        let row = (t * self.step + tap) as isize - self.padding as isize;
                        let row = if self.replicate { row.clamp(0, rows_in as isize - 1) } else { row };
                        if row < 0 || row >= rows_in as isize {
                            continue;
                        }
                        let at = (first_in + row as usize) * x_stride;
                        for c in 0..self.channels {
                            sum += f64::from(x.values[at + c])
                                * f64::from(w.values[n * k + tap * self.channels + c]);
                        }
                    }
                    let add = if self.residual {
                        f64::from(residual.values[(first_out + t) * y_stride + n])
                    } else {
                        0.0
                    };
                    want.push(self.activation.apply(sum) + add);
                }
            }
            first_in += rows_in;
            first_out += rows_out;
        }

        let (dx, dw, db) = (x.upload(), w.upload(), bias.upload());
        let x_offsets = Memory::from_slice(&offsets(&self.clips));
        let y_offsets = Memory::from_slice(&offsets(&outs));
        let warps = if self.tile == 128 { 8 } else { 4 };
        let grid = [
            outs.iter().max().unwrap().div_ceil(self.tile),
            self.columns.div_ceil(self.tile),
            self.clips.len(),
        ];
        in_every_order(|order| {
            let half_out = if self.residual {
                Output::holding(&residual.bits)
            } else {
                Output::<u16>::new(rows * y_stride)
            };
            let f32_out = Output::<f32>::new(rows * y_stride);
            let y = if self.f32_out { f32_out.argument() } else { half_out.argument() };
            let or_null = |is_there, argument| if is_there { argument } else { NULL };
            let bias = or_null(self.bias, db.argument());
            let residual = or_null(self.residual, half_out.argument());
            let (xo, yo) =
                (or_null(self.packed, x_offsets.argument()), or_null(self.packed, y_offsets.argument()));
            let (rows_in, activation) = (self.clips.iter().sum(), int(self.activation as usize));
            let (columns, channels, step, pitch) =
                (int(self.columns), int(self.channels), int(self.step), int(y_stride));
            if self.kernel.starts_with("matmul_sm90") {
                set_shared_limit(227 << 10);
                let box_rows = (self.tile * self.step) as u32;
                let x = TensorMap::new(
                    dx.argument(),
                    self.channels,
                    rows_in,
                    x_stride,
                    box_rows,
                    self.step as u32,
                );
                let w = TensorMap::new(dw.argument(), k, self.columns, k, self.tile as u32, 1);
                #[rustfmt::skip]
                let arguments = [
                    y, Argument::TensorMap(x), Argument::TensorMap(w), bias, residual, xo, yo, int(rows), columns, int(k), channels, step,
                    pitch, pitch, activation, float(0.2), int(self.f32_out.into()),
                ];
                let (threads, stages) = if self.tile == 128 { (288, 5) } else { (160, 6) };
                run(self.kernel, grid, threads, stages * 2 * self.tile * 128, &arguments);
            } else {
                #[rustfmt::skip]
                let arguments = [
                    y, dx.argument(), dw.argument(), bias, residual, xo, yo, int(rows), columns, int(k), int(rows_in), channels, step,
                    int(self.padding), int(self.replicate.into()), int(x_stride), pitch, pitch, activation, float(0.2),
                    int(self.f32_out.into()),
                ];
                run(self.kernel, grid, warps * 32, 3 * 2 * self.tile * 128, &arguments);
            }
            let all = if self.f32_out { f32_out.values() } else { to_f32(&half_out.values()) };
            for row in all.chunks(y_stride).filter(|_| self.gap > 0 && !self.residual) {
                assert!(
                    row[self.columns..].iter().all(|v| v.is_nan()),
                    "{}: wrote between the rows",
                    self.kernel
                );
            }
            let got: Vec<f32> =
                all.chunks(y_stride).flat_map(|row| row[..self.columns].iter().copied()).collect();
            let what = format!("{}, {order}", self.kernel);
            if self.f32_out {
                assert_close(&got, &want, 2e-6, &what)
            } else {
                assert_rounded(&got, &want, &what)
            }
        });
    }
}

#[test]
fn linear_layers_of_awkward_sizes_match() {
    Case { f32_out: true, activation: Activation::LeakyRelu, ..Case::linear("matmul_64x64", 19, 53, 104) }
        .check(1);
    Case { activation: Activation::Gelu, gap: 8, ..Case::linear("matmul_64x64", 99, 72, 200) }.check(2);
    Case { bias: false, activation: Activation::Relu, ..Case::linear("matmul_64x64", 1, 8, 8) }.check(3);
}

#[test]
fn the_residual_may_be_the_output() {
    Case { residual: true, activation: Activation::Gelu, ..Case::linear("matmul_64x64", 70, 64, 64) }
        .check(4);
    Case { residual: true, gap: 3, bias: false, ..Case::linear("matmul_64x64", 19, 30, 64) }.check(5);
}

#[test]
fn the_large_tile_matches() {
    Case { activation: Activation::Gelu, ..Case::linear("matmul_128x128", 150, 136, 264) }.check(6);
    Case { f32_out: true, ..Case::linear("matmul_128x128", 129, 53, 72) }.check(7);
}

#[test]
fn convolutions_of_packed_clips_see_their_own_clip_alone() {
    let conv = |kernel| Case { clips: vec![19, 1, 5, 140], packed: true, ..Case::linear(kernel, 0, 40, 24) };
    Case { taps: 3, step: 2, padding: 2, ..conv("matmul_64x64") }.check(8);
    Case { taps: 5, step: 2, padding: 2, replicate: true, gap: 8, ..conv("matmul_64x64") }.check(9);
    Case { clips: vec![19, 99, 2], taps: 2, step: 2, activation: Activation::Gelu, ..conv("matmul_64x64") }
        .check(10);
    Case { taps: 3, padding: 1, ..conv("matmul_128x128") }.check(11);
}

#[test]
fn products_on_hopper_match() {
    Case {
        f32_out: true,
        activation: Activation::LeakyRelu,
        ..Case::linear("matmul_sm90_64x64", 19, 53, 104)
    }
    .check(12);
    Case {
        residual: true,
        activation: Activation::Gelu,
        gap: 8,
        ..Case::linear("matmul_sm90_64x64", 70, 72, 512)
    }
    .check(13);
    Case { activation: Activation::Gelu, ..Case::linear("matmul_sm90_128x128", 130, 136, 456) }.check(14);
}

#[test]
fn convolutions_on_hopper_match() {
    let conv =
        |kernel| Case { clips: vec![19, 5, 150], packed: true, step: 2, ..Case::linear(kernel, 0, 72, 64) };
    Case { taps: 3, activation: Activation::Gelu, ..conv("matmul_sm90_64x64") }.check(15);
    Case { taps: 2, bias: false, ..conv("matmul_sm90_128x128") }.check(16);
}
