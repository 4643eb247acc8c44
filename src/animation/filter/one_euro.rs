//! Smoothing by the One Euro filter (Casiez, Roussel and Vogel, CHI 2012).

use super::{Filter, Sound};

/// The cutoff of the speed, in Hz, as its authors give it.
const SPEED_CUTOFF: f32 = 1.0;

/// A low-pass filter whose cutoff rises with the speed of a column: slow motion is smoothed, fast motion
/// follows.
///
/// `cutoff = least + beta * |speed|` in Hz, with the speed in values a second, itself smoothed at 1 Hz.
/// Latency: 0 frames are held back; slow motion is shown about `1 / (2 pi least)` seconds late.
#[derive(Debug, Clone)]
pub struct OneEuro {
    rate: f32,
    columns: Vec<Column>,
}

/// The smoothing of one column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Smoothing {
    /// The cutoff at rest, in Hz; above 0.
    pub least: f32,
    /// How much the cutoff rises with the speed; 0 never.
    pub beta: f32,
}

#[derive(Debug, Clone)]
struct Column {
    index: usize,
    smoothing: Smoothing,
    /// Value and speed of the frame before.
    before: Option<(f32, f32)>,
}

impl OneEuro {
    /// Of columns by their indices, at `rate` frames a second.
    pub fn new(rate: f64, columns: impl IntoIterator<Item = (usize, Smoothing)>) -> Self {
        let columns = columns.into_iter().map(|(index, smoothing)| Column { index, smoothing, before: None });
        Self { rate: rate as f32, columns: columns.collect() }
    }

    /// The weight of a new value at a cutoff in Hz.
    fn weight(&self, cutoff: f32) -> f32 {
        let turns = std::f32::consts::TAU * cutoff / self.rate;
        turns / (turns + 1.0)
    }
}

impl Filter for OneEuro {
    fn push(&mut self, _: usize, _: &dyn Sound, row: &mut [f32]) -> bool {
        for index in 0..self.columns.len() {
            let Column { index: column, smoothing, before } = self.columns[index];
            let value = row[column];
            let (value, speed) = match before {
                None => (value, 0.0),
                Some((old, old_speed)) => {
                    let speed =
                        old_speed + self.weight(SPEED_CUTOFF) * ((value - old) * self.rate - old_speed);
                    let weight = self.weight(smoothing.least + smoothing.beta * speed.abs());
                    (old + weight * (value - old), speed)
                }
            };
            row[column] = value;
            self.columns[index].before = Some((value, speed));
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn smoothed(values: &[f32], smoothing: Smoothing) -> Vec<f32> {
        let mut filter = OneEuro::new(30.0, [(1, smoothing)]);
        let rows = values.iter().enumerate().map(|(frame, value)| {
            let mut row = [9.0, *value];
            filter.push(frame, &|_: usize| true, &mut row);
            assert_eq!(row[0], 9.0);
            row[1]
        });
        rows.collect()
    }

    #[test]
    fn trembling_is_smoothed_and_a_fast_move_follows_sooner_with_beta() {
        let trembling: Vec<f32> = (0..100).map(|frame| if frame % 2 == 0 { 0.01 } else { -0.01 }).collect();
        let out = smoothed(&trembling, Smoothing { least: 1.0, beta: 0.0 });
        assert!(out[50..].iter().all(|value| value.abs() < 0.003));
        let step: Vec<f32> = (0..40).map(|frame| if frame < 10 { 0.0 } else { 1.0 }).collect();
        let slow = smoothed(&step, Smoothing { least: 1.0, beta: 0.0 });
        let fast = smoothed(&step, Smoothing { least: 1.0, beta: 2.0 });
        assert!(fast[13] > slow[13] && fast[13] > 0.8, "{} {}", fast[13], slow[13]);
        assert!(slow[39] > 0.95 && slow.iter().all(|value| (0.0..=1.0).contains(value)));
    }
}
