//! Codes of diffusion steps, computed on the host once a plan, and the sinusoids that they and positions are
//! made of: `docs/networks/glditalker.md` section 3.

use rayon::prelude::*;

use crate::Result;
use crate::layers::{Scope, Source};

/// `E_d[n] = W2 silu(W1 sinusoid(n) + b1) + b2`.
#[derive(Debug)]
pub(super) struct StepEncoder {
    first: HostLinear,
    second: HostLinear,
}

/// A square linear layer on the host.
#[derive(Debug)]
struct HostLinear {
    /// (width, width).
    weight: Vec<f32>,
    bias: Vec<f32>,
}

impl HostLinear {
    fn load<S: Source>(at: &mut Scope<'_, S>, width: usize) -> Result<Self> {
        Ok(Self { weight: at.host("weight", &[width, width])?, bias: at.host("bias", &[width])? })
    }

    fn apply(&self, x: &[f64]) -> Vec<f64> {
        let rows = self.weight.chunks_exact(x.len().max(1));
        let dot = |row: &[f32]| row.iter().zip(x).map(|(w, x)| f64::from(*w) * x).sum::<f64>();
        rows.zip(&self.bias).map(|(row, bias)| dot(row) + f64::from(*bias)).collect()
    }
}

impl StepEncoder {
    pub fn load<S: Source>(at: &mut Scope<'_, S>, width: usize) -> Result<Self> {
        let (first, second) = (HostLinear::load(&mut at.at("step1"), width)?, &mut at.at("step2"));
        Ok(Self { first, second: HostLinear::load(second, width)? })
    }

    /// (steps, width), row-major.
    pub fn codes(&self, steps: impl IntoIterator<Item = usize>) -> Vec<f32> {
        let width = self.first.bias.len();
        let code = |step: usize| -> Vec<f32> {
            let place: Vec<f64> = sinusoid(step, width).collect();
            let hidden: Vec<f64> = self.first.apply(&place).iter().map(|x| x / (1.0 + (-x).exp())).collect();
            self.second.apply(&hidden).iter().map(|x| *x as f32).collect()
        };
        let steps: Vec<usize> = steps.into_iter().collect();
        steps.into_par_iter().flat_map_iter(code).collect()
    }
}

/// `sin(t r_i)` in the even and `cos(t r_i)` in the odd columns 2i and 2i + 1, `r_i = 10000^(-2i / width)`,
/// in double precision.
fn sinusoid(place: usize, width: usize) -> impl Iterator<Item = f64> {
    (0..width).map(move |column| {
        let rate = (-(10_000f64.ln()) / width as f64 * (column / 2 * 2) as f64).exp();
        let angle = place as f64 * rate;
        if column % 2 == 0 { angle.sin() } else { angle.cos() }
    })
}

/// The sinusoids of some places: (places, width), row-major.
pub(super) fn sinusoids(places: impl IntoIterator<Item = usize>, width: usize) -> Vec<f32> {
    places.into_iter().flat_map(|place| sinusoid(place, width)).map(|x| x as f32).collect()
}
