//! `transformer_stack.cu`: the stacks of the predictor and of the motion prior at the sizes of every model
//! that fits, against plain loops; packed clips of awkward lengths.

use crate::gpu;
use crate::support::*;
use cuda_emulator::{Memory, set_shared_limit};
use deeptalk_rt::tensor::cuda::launch::{StackSize, TransformerStack};
use half::f16;

/// A stack and its weights.
#[derive(Debug, Clone, Copy)]
pub struct Stack(pub StackSize);

impl std::ops::Deref for Stack {
    type Target = StackSize;
    fn deref(&self) -> &StackSize {
        &self.0
    }
}

const EPS: f32 = 1e-5;

/// Weight (out, in) and bias of a product, or of a norm.
struct Pair {
    weight: Halves,
    bias: Option<Halves>,
}

/// The weights of a stack: qkv, out, norm1, up, down and norm2 of each layer, and the table of their
/// addresses.
pub struct Weights {
    layers: Vec<[Pair; 6]>,
    table: Memory<u32>,
    _on_device: Vec<Memory<u16>>,
}

impl Stack {
    pub fn weights(&self, random: &mut Random, biases: bool) -> Weights {
        let product = |random: &mut Random, out: usize, input: usize| Pair {
            // The results have about the size of the input rows.
            weight: random.halves(out * input, (3.0 / input as f32).sqrt()),
            bias: biases.then(|| random.halves(out, 0.5)),
        };
        let norm = |random: &mut Random, width: usize| Pair {
            weight: Halves::from_f32(random.halves(width, 0.3).values.iter().map(|v| 1.0 + v)),
            bias: Some(random.halves(width, 0.3)),
        };
        let (w, f) = (self.width, self.feed_forward);
        let layer = |_| {
            let [qkv, out] = [3 * w, w].map(|columns| product(random, columns, w));
            let (norm1, up, down) = (norm(random, w), product(random, f, w), product(random, w, f));
            [qkv, out, norm1, up, down, norm(random, w)]
        };
        let layers: Vec<_> = (0..self.layers).map(layer).collect();
        let (mut on_device, mut table) = (Vec::new(), Vec::new());
        for values in layers.iter().flatten().flat_map(|pair| [Some(&pair.weight), pair.bias.as_ref()]) {
            let memory = values.map(Halves::upload);
            let address = memory.as_ref().map_or(NULL, Memory::address);
            table.extend([address as u32, (address >> 32) as u32]);
            on_device.extend(memory);
        }
        Weights { layers, table: Memory::from_slice(&table), _on_device: on_device }
    }

    /// The launch of packed clips of these lengths.
    pub fn of_clips(
        &self,
        [y, x, offsets]: [u64; 3],
        weights: &Weights,
        activation: Activation,
        clips: &[usize],
    ) -> TransformerStack {
        TransformerStack {
            y,
            x,
            layers: weights.table.address(),
            offsets,
            size: self.0,
            activation,
            eps: EPS,
            clips: clips.len(),
            longest: *clips.iter().max().unwrap(),
        }
    }

    /// A clip through all layers, rounded to fp16 where the kernel's comment says that rows are halves.
    fn reference(&self, x: &[f32], layers: &[[Pair; 6]], activation: Activation) -> Vec<f64> {
        let w = self.width;
        let mut x: Vec<f64> = x.iter().map(|v| f64::from(*v)).collect();
        for [qkv, out, norm1, up, down, norm2] in layers {
            let qkv = rounded(product(&x, w, qkv));
            let mixed = product(&rounded(self.attention(&qkv)), w, out);
            x = rounded(add_norm(&x, &mixed, norm1));
            let hidden = product(&x, w, up).into_iter().map(|v| activated(activation, v)).collect();
            let hidden = product(&rounded(hidden), self.feed_forward, down);
            x = rounded(add_norm(&x, &hidden, norm2));
        }
        x
    }

    fn attention(&self, qkv: &[f64]) -> Vec<f64> {
        let (w, width) = (self.width, self.width / self.heads);
        let rows = qkv.len() / (3 * w);
        let mut mixed = vec![0.0; rows * w];
        for (i, head) in (0..rows).flat_map(|i| (0..self.heads).map(move |head| (i, head))) {
            let at = |part: usize, row: usize, c: usize| qkv[(row * 3 + part) * w + head * width + c];
            let seen = (i + 1).saturating_sub(self.window)..(i + self.window).min(rows);
            let weight = |j: usize| -> f64 {
                let dot: f64 = (0..width).map(|c| at(0, i, c) * at(1, j, c)).sum();
                (dot / (width as f64).sqrt()).exp()
            };
            let weights: Vec<f64> = seen.clone().map(weight).collect();
            let total: f64 = weights.iter().sum();
            for c in 0..width {
                let sum: f64 = seen.clone().zip(&weights).map(|(j, weight)| weight * at(2, j, c)).sum();
                mixed[i * w + head * width + c] = sum / total;
            }
        }
        mixed
    }
}

fn rounded(mut values: Vec<f64>) -> Vec<f64> {
    values.iter_mut().for_each(|v| *v = f16::from_f64(*v).to_f64());
    values
}

/// `x w^T + b` of rows of `width`.
fn product(x: &[f64], width: usize, pair: &Pair) -> Vec<f64> {
    let columns = pair.weight.values.len() / width;
    let mut y = Vec::with_capacity(x.len() / width * columns);
    for row in x.chunks_exact(width) {
        for (column, weight) in pair.weight.values.chunks_exact(width).enumerate() {
            let sum: f64 = row.iter().zip(weight).map(|(x, w)| x * f64::from(*w)).sum();
            y.push(sum + pair.bias.as_ref().map_or(0.0, |bias| f64::from(bias.values[column])));
        }
    }
    y
}

fn add_norm(x: &[f64], y: &[f64], norm: &Pair) -> Vec<f64> {
    let (weight, bias) = (&norm.weight.values, &norm.bias.as_ref().unwrap().values);
    let width = weight.len();
    let mut sums: Vec<f64> = x.iter().zip(y).map(|(x, y)| x + y).collect();
    for row in sums.chunks_exact_mut(width) {
        let mean = row.iter().sum::<f64>() / width as f64;
        let variance = row.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / width as f64;
        for (v, (weight, bias)) in row.iter_mut().zip(weight.iter().zip(bias)) {
            *v = (*v - mean) / (variance + f64::from(EPS)).sqrt() * f64::from(*weight) + f64::from(*bias);
        }
    }
    sums
}

fn check(stack: Stack, clips: &[usize], activation: Activation, biases: bool) {
    // The limit of the largest devices; the launcher knows the stacks that fit smaller ones.
    set_shared_limit(227 << 10);
    let deep = Stack(StackSize { stages: 5, ..stack.0 });
    if !gpu::runs("transformer_stack", deep.shared()) {
        return;
    }
    let mut random = Random::new((stack.width + stack.window) as u64);
    let weights = stack.weights(&mut random, biases);
    let x = random.halves(clips.iter().sum::<usize>() * stack.width, 1.7);
    let mut rest = x.values.as_slice();
    let want: Vec<f64> = clips
        .iter()
        .flat_map(|rows| {
            let (clip, others) = rest.split_at(rows * stack.width);
            rest = others;
            stack.reference(clip, &weights.layers, activation)
        })
        .collect();
    let (dx, table) = (x.upload(), Memory::from_slice(&offsets(clips)));
    in_every_order(|order| {
        let forward = |stack: Stack| {
            let y = Output::<u16>::new(x.values.len());
            let operands = [y.address(), dx.address(), table.address()];
            run(&stack.of_clips(operands, &weights, activation, clips));
            y.values()
        };
        let (y, what) = (forward(stack), format!("{stack:?}, {order}"));
        assert!(forward(deep) == y, "{what}: a deeper ring changes what comes out");
        let y = to_f32(&y);
        // The sums have another order, and the weights of attention are rounded too: some values differ by a
        // step of fp16, and later roundings follow.
        assert_close(&y, &want, 5e-3, &what);
        let sum = |square: &dyn Fn(f64, f64) -> f64| -> f64 {
            y.iter().zip(&want).map(|(y, want)| square(f64::from(*y), *want)).sum()
        };
        let error = (sum(&|y, want| (y - want).powi(2)) / sum(&|_, want| want.powi(2))).sqrt();
        assert!(error < 8e-4, "{what}: {error:e}");
    });
}

const fn stack(rows: usize, sizes: [usize; 2], heads: usize, layers: usize, window: usize) -> Stack {
    let [width, feed_forward] = sizes;
    Stack(StackSize { rows, width, feed_forward, heads, layers, window, stages: 3 })
}

/// The smallest stack that uses all of the kernel.
pub const SMALL: Stack = stack(32, [32, 64], 2, 2, 3);

#[test]
fn stacks_of_the_tiny_models_match_on_packed_clips() {
    check(stack(32, [32, 64], 2, 2, 1), &[33, 1, 32], Activation::Gelu, true);
    check(SMALL, &[25, 0, 1, 49], Activation::Gelu, true);
}

#[test]
fn stacks_of_the_built_in_model_match_on_packed_clips() {
    check(stack(64, [192, 256], 4, 1, 25), &[17, 1, 40], Activation::Gelu, true);
    check(stack(64, [128, 256], 4, 2, 13), &[33, 5], Activation::Gelu, true);
    check(stack(32, [64, 256], 4, 1, 5), &[1, 50, 24], Activation::Gelu, true);
    check(stack(32, [192, 384], 4, 1, 5), &[25, 9], Activation::Gelu, true);
}

#[test]
fn stacks_of_the_published_model_match_on_packed_clips() {
    check(stack(64, [256, 256], 8, 1, 25), &[41, 1], Activation::Gelu, true);
    check(stack(32, [256, 256], 8, 6, 1), &[33], Activation::Gelu, true);
    check(stack(32, [128, 256], 8, 1, 1), &[1, 37], Activation::Gelu, true);
    check(stack(32, [384, 512], 8, 1, 1), &[5, 1], Activation::Gelu, true);
}

#[test]
fn stacks_match_without_biases_and_with_every_activation() {
    for activation in [Activation::None, Activation::Relu, Activation::LeakyRelu(0.2)] {
        check(stack(32, [96, 64], 3, 1, 6), &[23, 2], activation, false);
    }
}
