//! Buffers with guard zones, seeded values, and the comparison that all kernel tests use.

use crate::gpu;
use cuda_emulator::{Memory, Order, Plain, set_order};
pub use deeptalk_rt::tensor::Activation;
use deeptalk_rt::tensor::cuda::launch::Argument;
pub use deeptalk_rt::tensor::cuda::launch::{Kernel, Launch};
use half::f16;

/// The orders of threads in which each kernel is run.
pub const ORDERS: [Order; 4] = [Order::Forward, Order::Reverse, Order::Random(1), Order::Random(2)];

/// Values on both sides of an output that must not change.
const GUARD: usize = 64;

/// An output: poisoned with NaN, a guard zone on both sides.
pub struct Output<T: Plain> {
    memory: Memory<T>,
    length: usize,
}

impl<T: Plain + PartialEq + std::fmt::Debug> Output<T> {
    pub fn new(length: usize) -> Self {
        Self { memory: Memory::poisoned(length + 2 * GUARD), length }
    }

    /// An output that is also an input.
    pub fn holding(values: &[T]) -> Self {
        let guard = Memory::<T>::poisoned(GUARD).to_vec();
        Self { memory: Memory::from_slice(&[&guard, values, &guard].concat()), length: values.len() }
    }

    pub fn address(&self) -> u64 {
        self.memory.address() + (GUARD * size_of::<T>()) as u64
    }

    /// The values, after a check of the guard zones.
    pub fn values(&self) -> Vec<T> {
        let all = self.memory.to_vec();
        let poison = Memory::<T>::poisoned(1).to_vec()[0];
        let bytes = |v: &T| -> Vec<u8> {
            // Compared as bits: the poison is a NaN.
            let p = std::ptr::from_ref(v).cast::<u8>();
            // SAFETY: `Plain` types have no padding.
            unsafe { std::slice::from_raw_parts(p, size_of::<T>()) }.to_vec()
        };
        let (before, rest) = all.split_at(GUARD);
        let (values, after) = rest.split_at(self.length);
        for (side, zone) in [("before", before), ("after", after)] {
            assert!(zone.iter().all(|v| bytes(v) == bytes(&poison)), "the kernel wrote {side} its output");
        }
        values.to_vec()
    }
}

/// A fast seeded generator: the same values in every run.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Uniform in [-1, 1).
    pub fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    /// `n` values in [-scale, scale), rounded to fp16.
    pub fn halves(&mut self, n: usize, scale: f32) -> Halves {
        Halves::from_f32((0..n).map(|_| self.next() * scale))
    }
}

/// fp16 values: their bits for the device, and their values in f32 for the reference.
pub struct Halves {
    pub bits: Vec<u16>,
    pub values: Vec<f32>,
}

impl Halves {
    pub fn from_f32(values: impl IntoIterator<Item = f32>) -> Self {
        let halves: Vec<f16> = values.into_iter().map(f16::from_f32).collect();
        Self {
            bits: halves.iter().map(|h| h.to_bits()).collect(),
            values: halves.iter().map(|h| h.to_f32()).collect(),
        }
    }

    pub fn upload(&self) -> Memory<u16> {
        Memory::from_slice(&self.bits)
    }
}

pub fn to_f32(bits: &[u16]) -> Vec<f32> {
    bits.iter().map(|&b| f16::from_bits(b).to_f32()).collect()
}

/// Fails unless `got`, which the kernel rounded to fp16, is `want` up to the rounding: each value within one
/// step of fp16 (and 1e-4 of the typical size, for sums that cancel), and the total error at most twice that
/// of rounding alone.
pub fn assert_rounded(got: &[f32], want: &[f64], what: &str) {
    assert_eq!(got.len(), want.len(), "{what}: length");
    assert!(!want.is_empty(), "{what}: nothing to compare");
    let rms = |sum: f64| (sum / want.len() as f64).sqrt();
    let size = rms(want.iter().map(|w| w * w).sum());
    let (mut error, mut rounding) = (0.0, 0.0);
    for (i, (&g, &w)) in got.iter().zip(want).enumerate() {
        let difference = (f64::from(g) - w).abs();
        let step = w.abs().max(6.2e-5) / 1024.0;
        assert!(difference <= step + 1e-4 * size, "{what}: value {i}: got {g}, want {w}");
        error += difference * difference;
        rounding += (f64::from(f16::from_f64(w).to_f32()) - w).powi(2);
    }
    assert!(
        rms(error) <= 2.0 * rms(rounding) + 1e-5 * size,
        "{what}: error {:e}, rounding alone {:e}",
        rms(error),
        rms(rounding)
    );
}

/// Fails unless every value is within `relative` of the typical size.
pub fn assert_close(got: &[f32], want: &[f64], relative: f64, what: &str) {
    assert_eq!(got.len(), want.len(), "{what}: length");
    assert!(!want.is_empty(), "{what}: nothing to compare");
    let size = (want.iter().map(|w| w * w).sum::<f64>() / want.len() as f64).sqrt();
    for (i, (&g, &w)) in got.iter().zip(want).enumerate() {
        assert!((f64::from(g) - w).abs() <= relative * size, "{what}: value {i}: got {g}, want {w}");
    }
}

/// Runs a kernel, on the emulator or on a GPU (`gpu.rs`), and fails with the report.
pub fn run(kernel: &impl Kernel) {
    let launch = kernel.launch();
    let ran = if gpu::is_wanted() { gpu::launch(&launch) } else { emulate(&launch) };
    ran.unwrap_or_else(|e| panic!("{e}"));
}

/// Runs a launch on the emulator; the error is its report.
pub fn emulate(launch: &Launch) -> Result<(), String> {
    let emulated = |argument: &Argument| match argument {
        Argument::Address(v) => cuda_emulator::Argument::Pointer(*v),
        Argument::Int(v) => cuda_emulator::Argument::I32(*v),
        Argument::Float(v) => cuda_emulator::Argument::F32(*v),
        Argument::Map(map) => cuda_emulator::Argument::TensorMap(cuda_emulator::TensorMap::new(
            map.address,
            map.columns,
            map.rows,
            map.stride,
            map.box_rows as u32,
            map.row_step as u32,
        )),
    };
    let arguments: Vec<_> = launch.arguments.iter().map(emulated).collect();
    let grid = launch.grid.map(|n| n as u32);
    cuda_emulator::launch(&launch.kernel, grid, [launch.threads as u32, 1, 1], launch.shared, &arguments)
}

/// An activation in f64.
pub fn activated(activation: Activation, v: f64) -> f64 {
    match activation {
        Activation::None => v,
        Activation::Gelu => 0.5 * v * (1.0 + erf(v / 2f64.sqrt())),
        Activation::Relu => v.max(0.0),
        Activation::LeakyRelu(slope) => {
            if v < 0.0 {
                f64::from(slope) * v
            } else {
                v
            }
        }
    }
}

/// The error function within 1e-12: its series, which converges for all values used here.
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

/// Calls `test` once in every order.
pub fn in_every_order(mut test: impl FnMut(&str)) {
    for order in ORDERS {
        set_order(order);
        test(&format!("{order:?}"));
    }
}

/// The offsets table of clips of these lengths.
pub fn offsets(lengths: &[usize]) -> Vec<i32> {
    let mut table = vec![0];
    for length in lengths {
        table.push(table[table.len() - 1] + *length as i32);
    }
    table
}

/// The address of an absent operand.
pub const NULL: u64 = 0;
