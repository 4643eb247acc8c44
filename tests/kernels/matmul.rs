//! `matmul.cu` and `matmul_sm90.cu`: linear layers, and convolutions over packed clips.

use crate::gpu;
use crate::support::*;
use cuda_emulator::{Memory, set_shared_limit};
use deeptalk_rt::tensor::cuda::launch::{LayerNorm, LayerNormOfParts, Matmul, Product};

/// The kernel with this name.
pub fn matmul(kernel: &str, product: Product) -> Matmul {
    let (rows, columns) = kernel.rsplit('_').next().and_then(|size| size.split_once('x')).unwrap();
    let tile = (rows.parse().unwrap(), columns.parse().unwrap());
    let matmul = Matmul { product, tile, hopper: kernel.contains("_sm90_"), in_parts: false };
    assert_eq!(matmul.launch().kernel, kernel);
    matmul
}

struct Case {
    kernel: &'static str,
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
    /// Extra columns between the rows of y; the rows of x are padded to a multiple of eight.
    gap: usize,
    /// True if the product is left in parts; it has one part.
    in_parts: bool,
    packed: bool,
}

impl Case {
    fn linear(kernel: &'static str, rows: usize, columns: usize, channels: usize) -> Self {
        Self {
            kernel,
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
            in_parts: false,
            packed: false,
        }
    }

    fn out_rows(&self, rows: usize) -> usize {
        (rows + 2 * self.padding).checked_sub(self.taps).map_or(0, |room| room / self.step + 1)
    }

    fn check(&self, seed: u64) {
        if !gpu::runs(self.kernel, 0) {
            return;
        }
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
                    want.push(activated(self.activation, sum) + add);
                }
            }
            first_in += rows_in;
            first_out += rows_out;
        }

        let (dx, dw, db) = (x.upload(), w.upload(), bias.upload());
        let x_offsets = Memory::from_slice(&offsets(&self.clips));
        let y_offsets = Memory::from_slice(&offsets(&outs));
        in_every_order(|order| {
            let half_out = if self.residual {
                Output::holding(&residual.bits)
            } else {
                Output::<u16>::new(rows * y_stride)
            };
            let f32_out = Output::<f32>::new(rows * y_stride);
            let or_null = |is_there, address| if is_there { address } else { NULL };
            let product = Product {
                y: if self.in_parts { f32_out.address() } else { half_out.address() },
                x: dx.address(),
                w: dw.address(),
                bias: or_null(self.bias, db.address()),
                residual: or_null(self.residual, half_out.address()),
                x_offsets: or_null(self.packed, x_offsets.address()),
                y_offsets: or_null(self.packed, y_offsets.address()),
                rows: *outs.iter().max().unwrap(),
                clips: self.clips.len(),
                columns: self.columns,
                x_rows: self.clips.iter().sum(),
                channels: self.channels,
                taps: self.taps,
                step: self.step,
                padding: self.padding,
                replicate: self.replicate,
                x_stride,
                y_stride,
                activation: self.activation,
            };
            set_shared_limit(if self.kernel.contains("_sm90_") { 227 << 10 } else { 99 << 10 });
            run(&Matmul { in_parts: self.in_parts, ..matmul(self.kernel, product) });
            let all = if self.in_parts { f32_out.values() } else { to_f32(&half_out.values()) };
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
            if self.in_parts {
                assert_close(&got, &want, 2e-6, &what)
            } else {
                assert_rounded(&got, &want, &what)
            }
        });
    }
}

#[test]
fn linear_layers_of_awkward_sizes_match() {
    Case { activation: Activation::LeakyRelu(0.2), ..Case::linear("matmul_64x64", 19, 53, 104) }.check(1);
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
    Case::linear("matmul_128x128", 129, 53, 72).check(7);
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
        in_parts: true,
        activation: Activation::LeakyRelu(0.2),
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
    Case { activation: Activation::Relu, ..Case::linear("matmul_sm90_128x256", 70, 264, 392) }.check(20);
    // More than one segment of k, the last one incomplete.
    Case::linear("matmul_sm90_64x64", 19, 40, 12 * 64 + 72).check(17);
    Case { activation: Activation::Gelu, ..Case::linear("matmul_sm90_128x128", 9, 24, 2 * 12 * 64) }
        .check(18);
}

#[test]
fn the_segments_of_a_product_add_up_to_the_whole_to_the_bit() {
    let (rows, columns, k) = (70, 72, 2 * 12 * 64 + 128);
    let mut random = Random::new(19);
    let x = random.halves(rows * k, 1.0).upload();
    let w = random.halves(columns * k, 0.05).upload();
    let [bias, weight, offset] = [1.0, 1.0, 0.5].map(|scale| random.halves(columns, scale).upload());
    let residual = random.halves(rows * columns, 1.0).upload();
    set_shared_limit(227 << 10);
    for kernel in ["matmul_sm90_64x64", "matmul_sm90_128x128"] {
        if !gpu::runs(kernel, 0) {
            continue;
        }
        let product = |y, bias, in_parts| {
            let product =
                Product { y, x: x.address(), w: w.address(), bias, ..Product::of_rows(rows, columns, k) };
            let matmul = Matmul { in_parts, ..matmul(kernel, product) };
            assert_eq!(matmul.parts(), if in_parts { 3 } else { 1 });
            run(&matmul);
        };
        in_every_order(|order| {
            let (whole, parts) = (Output::<u16>::new(rows * columns), Output::<f32>::new(3 * rows * columns));
            product(whole.address(), bias.address(), false);
            product(parts.address(), NULL, true);
            let (channels, eps) = (columns, 1e-5);
            let (residual, weight, offset) = (residual.address(), weight.address(), offset.address());
            let y = Output::<u16>::new(rows * columns);
            run(&LayerNorm {
                y: y.address(),
                x: whole.address(),
                residual,
                weight,
                bias: offset,
                rows,
                channels,
                eps,
                activation: Activation::None,
            });
            let of_whole = y.values();
            let y = Output::<u16>::new(rows * columns);
            run(&LayerNormOfParts {
                y: y.address(),
                parts: parts.address(),
                count: 3,
                product_bias: bias.address(),
                residual,
                weight,
                bias: offset,
                rows,
                channels,
                eps,
            });
            let of_parts = y.values();
            assert!(of_parts == of_whole, "{kernel}, {order}");
        });
    }
}

#[test]
fn convolutions_on_hopper_match() {
    let conv =
        |kernel| Case { clips: vec![19, 5, 150], packed: true, step: 2, ..Case::linear(kernel, 0, 72, 64) };
    Case { taps: 3, activation: Activation::Gelu, ..conv("matmul_sm90_64x64") }.check(15);
    Case { taps: 2, bias: false, ..conv("matmul_sm90_128x128") }.check(16);
    Case { taps: 3, activation: Activation::Gelu, ..conv("matmul_sm90_128x256") }.check(21);
}

/// Every half from -8 to 8 that is a multiple of 1 / 256, through a matrix with ones on its diagonal.
#[test]
fn gelu_is_rounded_once_down_into_its_tail() {
    let (rows, columns) = (512, 8);
    let x = Halves::from_f32((0..rows * columns).map(|i| i as f32 / 256.0 - 8.0));
    let w = Halves::from_f32((0..columns * columns).map(|i| f32::from(u8::from(i % (columns + 1) == 0))));
    let y = Output::<u16>::new(rows * columns);
    let (dx, dw) = (x.upload(), w.upload());
    let product = Product {
        y: y.address(),
        x: dx.address(),
        w: dw.address(),
        activation: Activation::Gelu,
        ..Product::of_rows(rows, columns, columns)
    };
    run(&matmul("matmul_64x64", product));
    for (got, v) in to_f32(&y.values()).into_iter().zip(&x.values) {
        // v P(n < v) computed from the tail, which keeps its digits where 1 + erf loses them.
        let v = f64::from(*v);
        let want = v.max(0.0) - v.abs() * tail(v.abs());
        let rounding = want.abs().max(6.2e-5) / 2048.0;
        assert!((f64::from(got) - want).abs() <= 1.05 * rounding, "{v}: {got}, {want}");
    }
}

/// P(n > a) of a standard normal n, a >= 0: the continued fraction of Mills' ratio from 2 on, the series of
/// erf below.
fn tail(a: f64) -> f64 {
    if a < 2.0 {
        return 0.5 - 0.5 * erf(a / 2f64.sqrt());
    }
    let ratio = (1..=120).rev().fold(a, |rest, k| a + f64::from(k) / rest);
    (-a * a / 2.0).exp() / (ratio * (2.0 * std::f64::consts::PI).sqrt())
}

/// Weights are requested before the previous launch has ended: a kernel must not have written them.
#[test]
fn weights_that_a_kernel_wrote_are_reported() {
    let n = 64;
    let (x, w) = (Random::new(21).halves(n * n, 1.0).upload(), Random::new(22).halves(n * n, 1.0).upload());
    let [y, z] = [(); 2].map(|()| Memory::<u16>::poisoned(n * n));
    set_shared_limit(227 << 10);
    let product = |to: &Memory<u16>, weights: &Memory<u16>| {
        let (y, x, w) = (to.address(), x.address(), weights.address());
        emulate(&matmul("matmul_sm90_64x64", Product { y, x, w, ..Product::of_rows(n, n, n) }).launch())
    };
    product(&y, &w).unwrap();
    let report = product(&z, &y).expect_err("these weights were a product before");
    assert!(report.contains("read as a constant of what a kernel wrote"), "{report}");
}
