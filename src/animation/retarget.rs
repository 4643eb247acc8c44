//! Retargeting: the channels of one rig to those of another.

use super::resample::resample;
use super::{Animation, Parameters, Rate, Track, Vertices};
use crate::Result;

/// A map from rows of some channels to rows of others, frame by frame.
pub trait Retarget: Send + Sync {
    /// Names of the channels that come out, in order.
    fn names(&self) -> &[String];

    /// Maps one frame: `row` holds the channels that the map was made for, `out` as many values as there are
    /// [`names`](Self::names).
    fn apply(&self, row: &[f32], out: &mut [f32]);
}

impl Animation {
    /// The animation in the channels of `map`, without extras.
    ///
    /// # Errors
    /// [`Error::Usage`](crate::Error::Usage) for an animation of vertices.
    pub fn retargeted(&self, map: &dyn Retarget) -> Result<Self> {
        let parameters = self.parameters()?;
        let names = map.names().to_vec();
        let mut values = vec![0.0; self.frames() * names.len()];
        let rows = parameters.values.chunks_exact(parameters.names.len().max(1));
        for (row, out) in rows.zip(values.chunks_exact_mut(names.len().max(1))) {
            map.apply(row, out);
        }
        Ok(Self { filters: self.filters.clone(), ..Self::from_parameters(self.rate, names, values) })
    }

    /// The same animation at another rate, interpolated by [`resample`], without extras: theirs are rows of
    /// the old rate.
    pub fn resampled(&self, rate: Rate) -> Self {
        if rate == self.rate {
            return self.clone();
        }
        let (values, columns) = (self.values(), self.columns());
        let values = if columns == 0 { vec![] } else { resample(values, columns, self.rate, rate) };
        let track = match &self.track {
            Track::Parameters(parameters) => {
                Track::Parameters(Parameters { names: parameters.names.clone(), values })
            }
            Track::Vertices(vertices) => Track::Vertices(Vertices {
                basis: vertices.basis.clone(),
                rest: vertices.rest.clone(),
                weights: values,
            }),
        };
        Self { rate, track, extras: Default::default(), filters: self.filters.clone() }
    }
}
