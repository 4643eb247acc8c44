//! Left and right made more alike.

use super::{Filter, Sound};

/// Moves each pair of channels `...Left` and `...Right` towards its mean, and the jaw's turns to the side
/// towards 0. A gaze is no pair and stays. Latency: 0 frames.
#[derive(Debug, Clone)]
pub struct Symmetry {
    share: f32,
    pairs: Vec<(usize, usize)>,
    sides: Vec<usize>,
}

impl Symmetry {
    /// `share` of the way: 0 nothing, 1 wholly alike.
    pub fn new(share: f32, columns: &[String]) -> Self {
        let right = |name: &String| {
            let beginning = name.strip_suffix("Left").filter(|_| !name.starts_with("eyeLook"))?;
            columns.iter().position(|other| *other == format!("{beginning}Right"))
        };
        let pairs = columns.iter().enumerate().filter_map(|(left, name)| Some((left, right(name)?)));
        let is_side =
            |name: &String| name == super::super::JAW_NAMES[1] || name == super::super::JAW_NAMES[2];
        let sides = (0..columns.len()).filter(|index| is_side(&columns[*index]));
        Self { share, pairs: pairs.collect(), sides: sides.collect() }
    }
}

impl Filter for Symmetry {
    fn push(&mut self, _: usize, _: &dyn Sound, row: &mut [f32]) -> bool {
        for (left, right) in &self.pairs {
            let half = self.share * (row[*right] - row[*left]) / 2.0;
            row[*left] += half;
            row[*right] -= half;
        }
        self.sides.iter().for_each(|side| row[*side] *= 1.0 - self.share);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_meet_in_the_middle_and_the_gaze_stays() {
        let names = ["browDownLeft", "jaw_x", "browDownRight", "jaw_z", "eyeLookInLeft", "eyeLookInRight"]
            .map(String::from);
        for (share, expected) in
            [(0.0, [1.0, 0.5, 0.0, 0.2, 1.0, 0.0]), (1.0, [0.5, 0.5, 0.5, 0.0, 1.0, 0.0])]
        {
            let mut row = [1.0, 0.5, 0.0, 0.2, 1.0, 0.0];
            Symmetry::new(share, &names).push(0, &|_: usize| true, &mut row);
            assert_eq!(row, expected);
        }
    }
}
