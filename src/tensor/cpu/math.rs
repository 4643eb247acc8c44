//! Element functions that the compiler turns into vector code, and the dispatch to the machine's widest
//! vectors.

use crate::tensor::Activation;

/// Runs a loop compiled for the widest vectors of this machine (SSE2, AVX2 or AVX-512; NEON on Arm).
#[inline(always)]
pub fn vectorised<R>(body: impl FnOnce() -> R) -> R {
    struct Body<F>(F);
    impl<R, F: FnOnce() -> R> pulp::WithSimd for Body<F> {
        type Output = R;
        #[inline(always)]
        fn with_simd<S: pulp::Simd>(self, _: S) -> R {
            (self.0)()
        }
    }
    pulp::Arch::new().dispatch(Body(body))
}

/// `e^x` within 2 units in the last place; 0 below -87.
///
/// `x = n ln 2 + r`: `n` goes into the exponent bits, and `e^r` is computed by its Taylor series (|r| <=
/// 0.35).
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    const ROUND: f32 = 12_582_912.0; // 1.5 * 2^23: adding it rounds to an integer
    const LN2_HIGH: f32 = 355.0 / 512.0; // so few bits that n * LN2_HIGH is exact
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let clamped = x.clamp(-87.0, 88.0);
    let n = (clamped * std::f32::consts::LOG2_E + ROUND) - ROUND;
    let r = clamped - n * LN2_HIGH - n * LN2_LOW;
    let series = 1.0
        + r * (1.0 + r * (1.0 / 2.0 + r * (1.0 / 6.0 + r * (1.0 / 24.0 + r * (1.0 / 120.0 + r / 720.0)))));
    let power = f32::from_bits(((n as i32 + 127) << 23) as u32);
    if x < -87.0 { 0.0 } else { series * power }
}

/// The error function within 5e-7.
///
/// `erf(x) / x` is a ratio of polynomials in `x^2`, fitted on `|x| <= 4` (relative error 2.5e-8 before
/// rounding; beyond 4 the function differs from 1 by less than 2e-8).
#[inline(always)]
pub fn erf(x: f32) -> f32 {
    const P: [f32; 6] = [
        std::f32::consts::FRAC_2_SQRT_PI,
        0.193_545_49,
        0.053_101_808,
        0.003_883_364_4,
        0.000_284_566_75,
        1.986_784e-6,
    ];
    const Q: [f32; 6] = [1.0, 0.504_857_8, 0.115_350_18, 0.015_207_291, 0.001_185_577, 3.742_023_5e-5];
    let x = x.clamp(-4.0, 4.0);
    let t = x * x;
    let p = P[0] + t * (P[1] + t * (P[2] + t * (P[3] + t * (P[4] + t * P[5]))));
    let q = Q[0] + t * (Q[1] + t * (Q[2] + t * (Q[3] + t * (Q[4] + t * Q[5]))));
    x * p / q
}

#[inline(always)]
fn gelu(x: f32) -> f32 {
    0.5 * x * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2))
}

/// Applies an activation in place. Call it inside [`vectorised`].
#[inline(always)]
pub fn activate(values: &mut [f32], activation: Activation) {
    match activation {
        Activation::None => {}
        Activation::Gelu => values.iter_mut().for_each(|v| *v = gelu(*v)),
        Activation::Relu => values.iter_mut().for_each(|v| *v = v.max(0.0)),
        Activation::LeakyRelu(slope) => {
            values.iter_mut().for_each(|v| *v = if *v > 0.0 { *v } else { slope * *v })
        }
    }
}

/// The sum of `f(value)`, in 16 lanes of f32: accurate enough for rows of a few thousand numbers, and the
/// same for every vector width. Call it inside [`vectorised`].
#[inline(always)]
pub fn sum(values: &[f32], f: impl Fn(f32) -> f32) -> f32 {
    let mut lanes = [0f32; 16];
    let (blocks, rest) = values.as_chunks::<16>();
    for block in blocks {
        for (lane, &value) in lanes.iter_mut().zip(block) {
            *lane += f(value);
        }
    }
    lanes.iter().sum::<f32>() + rest.iter().map(|&value| f(value)).sum::<f32>()
}

/// Replaces each value by `f(value)` and returns their sum as [`sum`] does. Call it inside [`vectorised`].
#[inline(always)]
pub fn sum_of(values: &mut [f32], f: impl Fn(f32) -> f32) -> f32 {
    let mut lanes = [0f32; 16];
    let (blocks, rest) = values.as_chunks_mut::<16>();
    for block in blocks {
        for (lane, value) in lanes.iter_mut().zip(block) {
            *value = f(*value);
            *lane += *value;
        }
    }
    rest.iter_mut().for_each(|value| *value = f(*value));
    lanes.iter().sum::<f32>() + rest.iter().sum::<f32>()
}

/// The largest number, in 16 lanes; NaNs may be ignored. Call it inside [`vectorised`].
#[inline(always)]
pub fn largest(values: &[f32]) -> f32 {
    let greater = |a: f32, b: f32| if b > a { b } else { a };
    let mut lanes = [f32::NEG_INFINITY; 16];
    let (blocks, rest) = values.as_chunks::<16>();
    for block in blocks {
        for (lane, &value) in lanes.iter_mut().zip(block) {
            *lane = greater(*lane, value);
        }
    }
    lanes.iter().chain(rest).copied().fold(f32::NEG_INFINITY, greater)
}

#[cfg(test)]
mod tests {
    use approx::{assert_abs_diff_eq, assert_relative_eq};

    use super::*;

    /// The Maclaurin series in f64, exact enough up to 4.
    fn erf_series(x: f64) -> f64 {
        let (mut term, mut total) = (x, x);
        for n in 1..120 {
            term *= -x * x / f64::from(n);
            total += term / f64::from(2 * n + 1);
        }
        total * std::f64::consts::FRAC_2_SQRT_PI
    }

    #[test]
    fn erf_is_right_to_5e_7_and_saturates() {
        for i in -4000..=4000 {
            let x = i as f32 * 1e-3;
            assert_abs_diff_eq!(f64::from(erf(x)), erf_series(f64::from(x)), epsilon = 5e-7);
        }
        assert!((erf(30.0) - 1.0).abs() < 5e-7 && (erf(-1e30) + 1.0).abs() < 5e-7);
    }

    #[test]
    fn exp_is_right_to_2_ulp_and_underflows_to_0() {
        for i in -8700..=8800 {
            let x = i as f32 * 1e-2;
            let want = f64::from(x).exp();
            assert_relative_eq!(f64::from(exp(x)), want, max_relative = 2.5e-7);
        }
        assert_eq!(exp(-1e30), 0.0);
        assert_eq!(exp(f32::NEG_INFINITY), 0.0);
    }
}
