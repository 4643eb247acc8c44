//! Arrays beside an animation: what a network computed besides the track, such as codes or the statistics of
//! an emotion.

use crate::{Error, Result};

/// Named arrays in a fixed order.
///
/// A dot in a name groups: `emotion.mu` and `emotion.logvar` are two keys of one object `emotion` in JSON,
/// and `emotion_mu` and `emotion_logvar` in NumPy files.
///
/// ```
/// use deeptalk_rt::animation::Extras;
///
/// let extras = Extras::new().with("codes", [3], vec![7, 7, 1]).with("emotion.mu", [1, 2], vec![0.5, -0.5]);
/// assert_eq!(extras.i32("codes"), Some(&[7, 7, 1][..]));
/// assert_eq!(extras.f32("emotion.mu"), Some(&[0.5, -0.5][..]));
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Extras(Vec<Extra>);

/// One named array.
#[derive(Debug, Clone, PartialEq)]
pub struct Extra {
    /// Its name, unique among the extras of an animation.
    pub name: String,
    /// The sizes of its axes.
    pub shape: Vec<usize>,
    /// Its elements, row-major.
    pub elements: Elements,
}

/// The elements of an array.
#[derive(Debug, Clone, PartialEq)]
pub enum Elements {
    /// 32-bit floats.
    F32(Vec<f32>),
    /// 32-bit integers.
    I32(Vec<i32>),
}

impl From<Vec<f32>> for Elements {
    fn from(values: Vec<f32>) -> Self {
        Self::F32(values)
    }
}

impl From<Vec<i32>> for Elements {
    fn from(values: Vec<i32>) -> Self {
        Self::I32(values)
    }
}

impl Elements {
    /// The number of elements.
    pub fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::I32(values) => values.len(),
        }
    }

    /// True if there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Extras {
    /// No arrays.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same arrays and one more at the end. An array of this name is replaced in its place.
    pub fn with(
        mut self,
        name: impl Into<String>,
        shape: impl Into<Vec<usize>>,
        elements: impl Into<Elements>,
    ) -> Self {
        let extra = Extra { name: name.into(), shape: shape.into(), elements: elements.into() };
        match self.0.iter_mut().find(|old| old.name == extra.name) {
            Some(old) => *old = extra,
            None => self.0.push(extra),
        }
        self
    }

    /// The array of this name.
    pub fn get(&self, name: &str) -> Option<&Extra> {
        self.0.iter().find(|extra| extra.name == name)
    }

    /// The elements of the array of this name, if it holds floats.
    pub fn f32(&self, name: &str) -> Option<&[f32]> {
        match &self.get(name)?.elements {
            Elements::F32(values) => Some(values),
            Elements::I32(_) => None,
        }
    }

    /// The elements of the array of this name, if it holds integers.
    pub fn i32(&self, name: &str) -> Option<&[i32]> {
        match &self.get(name)?.elements {
            Elements::I32(values) => Some(values),
            Elements::F32(_) => None,
        }
    }

    /// All arrays, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Extra> {
        self.0.iter()
    }

    /// Refuses an array that its shape contradicts, or that holds a float that is not finite.
    ///
    /// # Errors
    /// [`Error::Shape`], naming the array and the element.
    pub(super) fn check(&self) -> Result<()> {
        for Extra { name, shape, elements } in &self.0 {
            let wrong = |expected: String, found: String| Error::Shape {
                op: "animation",
                what: format!("the extra `{name}`"),
                expected,
                found,
            };
            let count = shape.iter().try_fold(1usize, |count, &axis| count.checked_mul(axis));
            if count != Some(elements.len()) {
                return Err(wrong(
                    format!("as many as {shape:?} has"),
                    format!("{} elements", elements.len()),
                ));
            }
            if let Elements::F32(values) = elements
                && let Some(at) = values.iter().position(|value| !value.is_finite())
            {
                let width = shape.last().copied().unwrap_or(1).max(1);
                let found = format!("{} in row {}, column {}", values[at], at / width, at % width);
                return Err(wrong("finite numbers".into(), found));
            }
        }
        Ok(())
    }
}
