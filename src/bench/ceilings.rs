//! The best rates of a device with the operations that it has: a large matrix product, and a sum that only
//! moves memory.

use std::time::{Duration, Instant};

use super::{Ceilings, Traits};
use crate::Result;
use crate::tensor::{Activation, Clips, Engine, Linear, OnDevice, OpenDevice, Ops, Packed, Role, Stored};

/// The smallest and the largest product: square matrices.
const SIZES: [usize; 2] = [1024, 8192];
/// A product that takes this time is large enough.
const LONG: Duration = Duration::from_millis(20);
/// Repetitions, of which the fastest counts: a ceiling is the best that can be reached.
const RUNS: usize = 7;

/// Measures both rates on a device.
///
/// # Errors
/// Errors of the device.
pub fn ceilings(device: &OpenDevice, traits: &Traits) -> Result<Ceilings> {
    device.run(Measure(traits))
}

struct Measure<'a>(&'a Traits);

impl OnDevice for Measure<'_> {
    type Output = Result<Ceilings>;

    fn on<E: Engine<Context: Ops>>(self, engine: E) -> Self::Output {
        measure(&*engine.lease()?, self.0)
    }
}

fn measure<B: Ops>(ops: &B, traits: &Traits) -> Result<Ceilings> {
    let mut size = SIZES[0];
    let product_flops_a_second = loop {
        let took = product(ops, size)?;
        if took >= LONG || size >= SIZES[1] {
            break 2.0 * (size as f64).powi(3) / took.as_secs_f64();
        }
        size *= 2;
    };
    let took = sum(ops, traits.sum_elements)?;
    let bytes = 3 * traits.sum_elements as u64 * traits.element_bytes;
    Ok(Ceilings {
        product_size: size,
        product_flops_a_second,
        sum_bytes: bytes,
        sum_bytes_a_second: bytes as f64 / took.as_secs_f64(),
    })
}

fn product<B: Ops>(ops: &B, size: usize) -> Result<Duration> {
    let values: Vec<f32> = (0..size * size).map(|i| (i * 37 % 101) as f32 * 0.02 - 1.0).collect();
    let weight = Stored::from_f32("product", &[size, size], values.iter().map(|v| v * 0.01).collect());
    let linear = Linear { weight: ops.load(weight, Role::Linear)?, bias: None };
    let x = ops.upload(&Clips::one(size), size, &values)?;
    fastest(ops, || ops.linear(&x, &linear, Activation::None))
}

/// The time of a sum: it reads two tensors and writes one.
fn sum<B: Ops>(ops: &B, elements: usize) -> Result<Duration> {
    const CHANNELS: usize = 1024;
    let values = vec![0.5; elements / CHANNELS * CHANNELS];
    let clips = Clips::one(elements / CHANNELS);
    let [x, y] = [ops.upload(&clips, CHANNELS, &values)?, ops.upload(&clips, CHANNELS, &values)?];
    drop(values);
    fastest(ops, || ops.add(&x, &y))
}

fn fastest<B: Ops>(ops: &B, run: impl Fn() -> Result<B::Tensor>) -> Result<Duration> {
    let mut best = Duration::MAX;
    for _ in 0..RUNS {
        let begun = Instant::now();
        let result = run()?;
        // The device has finished when a few rows of the result have arrived on the host.
        let last = ops.slice_rows(&result, result.clips().rows() - 1, 1)?;
        ops.download(&last)?;
        best = best.min(begun.elapsed());
    }
    Ok(best)
}
