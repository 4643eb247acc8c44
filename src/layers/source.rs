//! Sources of the tensors of a network, and the names of the tensors.

use std::fmt::Display;

use crate::Result;
use crate::tensor::Role;

/// A supplier of tensors by name.
///
/// Loading returns device weights, the check of a file collects names and shapes, import and synthesis
/// compute values: each of them is a source, and all of them get the same requests in the same order.
pub trait Source {
    /// The form of a tensor that the device keeps.
    type Weight;

    /// A tensor for the device, for use in the given role.
    ///
    /// # Errors
    /// A tensor that is missing or has another shape.
    fn tensor(&mut self, name: &str, shape: &[usize], role: Role) -> Result<Self::Weight>;

    /// A small tensor for the host.
    ///
    /// # Errors
    /// As [`tensor`](Self::tensor).
    fn host(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>>;

    /// A table of indices below `bound`.
    ///
    /// # Errors
    /// As [`tensor`](Self::tensor); an index that is not below `bound`.
    fn table(&mut self, name: &str, shape: &[usize], bound: usize) -> Result<Vec<u32>>;
}

/// A place in the tree of tensor names: `content.layers.0`.
pub struct Scope<'a, S> {
    source: &'a mut S,
    name: String,
}

impl<'a, S: Source> Scope<'a, S> {
    /// The root of the names of a source.
    pub fn root(source: &'a mut S) -> Self {
        Self { source, name: String::new() }
    }

    /// The place `part` below this one.
    pub fn at(&mut self, part: impl Display) -> Scope<'_, S> {
        let name = self.full(part);
        Scope { source: self.source, name }
    }

    /// The tensor `part` of this place, for the device.
    ///
    /// # Errors
    /// As [`Source::tensor`].
    pub fn tensor(&mut self, part: impl Display, shape: &[usize], role: Role) -> Result<S::Weight> {
        self.source.tensor(&self.full(part), shape, role)
    }

    /// The tensor `part` of this place, for the host.
    ///
    /// # Errors
    /// As [`Source::host`].
    pub fn host(&mut self, part: impl Display, shape: &[usize]) -> Result<Vec<f32>> {
        self.source.host(&self.full(part), shape)
    }

    /// The table `part` of this place.
    ///
    /// # Errors
    /// As [`Source::table`].
    pub fn table(&mut self, part: impl Display, shape: &[usize], bound: usize) -> Result<Vec<u32>> {
        self.source.table(&self.full(part), shape, bound)
    }

    fn full(&self, part: impl Display) -> String {
        if self.name.is_empty() { part.to_string() } else { format!("{}.{part}", self.name) }
    }
}
