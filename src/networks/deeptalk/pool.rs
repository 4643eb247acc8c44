//! The generalised pooling operator's weights (Chen et al., CVPR 2021; `docs/networks/deeptalk.md` section
//! 4): a function of the length alone, computed on the host once a length and kept.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crate::Result;
use crate::layers::{Scope, Source, sinusoidal_table};
use crate::tensor::{Clips, Ops};

/// The softmax over time is of `score / TEMPERATURE`.
const TEMPERATURE: f64 = 0.1;

/// One pooling: a recurrent unit in both directions over a table of positions, and a score for each row.
#[derive(Debug)]
pub struct Pool {
    tensors: Tensors,
    /// The weights of the lengths that were asked for.
    lengths: Mutex<HashMap<usize, Arc<[f32]>>>,
}

#[derive(Debug)]
struct Tensors {
    /// From the first row on.
    forward: Gru,
    /// From the last row on.
    backward: Gru,
    /// (width): the score of a row.
    score: Vec<f32>,
}

/// A gated recurrent unit as wide as its input: reset, update and new gate one after another, as in PyTorch.
#[derive(Debug)]
struct Gru {
    /// (3 * width, width).
    input: Vec<f32>,
    /// (3 * width, width).
    hidden: Vec<f32>,
    /// (3 * width).
    input_bias: Vec<f32>,
    /// (3 * width).
    hidden_bias: Vec<f32>,
}

impl Gru {
    fn load<S: Source>(at: &mut Scope<'_, S>, width: usize) -> Result<Self> {
        Ok(Self {
            input: at.host("input", &[3 * width, width])?,
            hidden: at.host("hidden", &[3 * width, width])?,
            input_bias: at.host("input_bias", &[3 * width])?,
            hidden_bias: at.host("hidden_bias", &[3 * width])?,
        })
    }
}

impl Pool {
    pub(super) fn load<S: Source>(at: &mut Scope<'_, S>, width: usize) -> Result<Self> {
        let tensors = Tensors {
            forward: Gru::load(&mut at.at("forward"), width)?,
            backward: Gru::load(&mut at.at("backward"), width)?,
            score: at.host("score", &[width])?,
        };
        Ok(Self { tensors, lengths: Mutex::default() })
    }

    /// A weight for every row of every clip: (rows, 1).
    pub(super) fn weights<B: Ops>(&self, ops: &B, clips: &Clips) -> Result<B::Tensor> {
        let values: Vec<f32> = clips.lengths().flat_map(|rows| self.of_length(rows).to_vec()).collect();
        ops.upload_f32(clips, 1, &values)
    }

    fn of_length(&self, rows: usize) -> Arc<[f32]> {
        let mut lengths = self.lengths.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        lengths.entry(rows).or_insert_with(|| pool_weights(&self.tensors, rows).into()).clone()
    }
}

/// `softmax(score(mean of both directions of a GRU over a sinusoidal table) / 0.1)`: `rows` numbers that sum
/// to 1.
fn pool_weights(pool: &Tensors, rows: usize) -> Vec<f32> {
    let width = pool.score.len();
    let table = sinusoidal_table(rows, width);
    let inputs: Vec<&[f32]> = table.chunks_exact(width).collect();
    let forward = run(&pool.forward, width, inputs.iter().copied());
    let mut backward = run(&pool.backward, width, inputs.iter().rev().copied());
    backward.reverse();
    let scores: Vec<f64> = forward
        .iter()
        .zip(&backward)
        .map(|(a, b)| {
            a.iter().zip(b).zip(&pool.score).map(|((a, b), w)| 0.5 * (a + b) * f64::from(*w)).sum::<f64>()
                / TEMPERATURE
        })
        .collect();
    let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = scores.iter().map(|score| (score - largest).exp()).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| (weight / sum) as f32).collect()
}

/// The hidden state after every input.
fn run<'a>(gru: &Gru, width: usize, inputs: impl Iterator<Item = &'a [f32]>) -> Vec<Vec<f64>> {
    let mut state = vec![0f64; width];
    let gate = |weights: &[f32], bias: &[f32], row: usize, x: &mut dyn Iterator<Item = f64>| -> f64 {
        let products = weights[row * width..(row + 1) * width].iter().zip(x);
        f64::from(bias[row]) + products.map(|(w, x)| f64::from(*w) * x).sum::<f64>()
    };
    inputs
        .map(|input| {
            let next: Vec<f64> = (0..width)
                .map(|unit| {
                    let of_input = |part: usize| {
                        let mut x = input.iter().copied().map(f64::from);
                        gate(&gru.input, &gru.input_bias, part * width + unit, &mut x)
                    };
                    let of_state = |part: usize| {
                        gate(&gru.hidden, &gru.hidden_bias, part * width + unit, &mut state.iter().copied())
                    };
                    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
                    let reset = sigmoid(of_input(0) + of_state(0));
                    let update = sigmoid(of_input(1) + of_state(1));
                    let new = (of_input(2) + reset * of_state(2)).tanh();
                    (1.0 - update) * new + update * state[unit]
                })
                .collect();
            state.clone_from(&next);
            next
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_of_any_length_sum_to_1() {
        let gru = |seed: f32| Gru {
            input: (0..48).map(|i| (i as f32 * seed).sin()).collect(),
            hidden: (0..48).map(|i| (i as f32 * seed).cos()).collect(),
            input_bias: vec![0.1; 12],
            hidden_bias: vec![-0.1; 12],
        };
        let pool = Tensors { forward: gru(0.7), backward: gru(1.3), score: vec![0.5, -0.5, 0.25, 1.0] };
        for rows in [1, 2, 19, 500] {
            let weights = pool_weights(&pool, rows);
            assert_eq!(weights.len(), rows);
            assert!((weights.iter().sum::<f32>() - 1.0).abs() < 1e-5 && weights.iter().all(|w| *w >= 0.0));
        }
    }
}
