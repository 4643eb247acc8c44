//! An animation and its track: what moves, frame by frame.

use std::borrow::Cow;

use super::{Extras, Rate, Vertices};
use crate::{Error, Result};

/// The jaw's axis-angle in radians: the last three parameters of a face whose jaw is a joint.
pub const JAW_NAMES: [&str; 3] = ["jaw_x", "jaw_y", "jaw_z"];

/// Face motion over time.
///
/// ```
/// use deeptalk_rt::animation::{Animation, Rate};
///
/// let names = ["mouthSmileLeft", "jaw_x", "jaw_y", "jaw_z"].map(String::from);
/// let values = vec![0.0, 0.0, 0.0, 0.0, 0.5, 0.1, 0.0, 0.0]; // two frames
/// let talk = Animation::from_parameters(Rate::whole(25), names, values);
/// assert_eq!(talk.frames(), 2);
/// assert_eq!(talk.frame(1)[0], 0.5);
/// assert_eq!(talk.parameters()?.names[1], "jaw_x");
/// # Ok::<(), deeptalk_rt::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Animation {
    /// Frames a second.
    pub rate: Rate,
    /// The values over time: parameters or vertices.
    pub track: Track,
    /// Arrays that the network computed beside the track: codes, emotion statistics.
    pub extras: Extras,
    /// The filters that changed the track, with their settings, in order; empty for a network's own output.
    pub filters: Vec<String>,
}

/// What moves: parameters of a face, or its vertices.
#[derive(Debug, Clone, PartialEq)]
pub enum Track {
    /// Parameters of a face: expression weights, rotations.
    Parameters(Parameters),
    /// Vertices of a mesh.
    Vertices(Vertices),
}

/// Rows of named parameters, one a frame.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Parameters {
    /// A name for every column. Of a face whose jaw is a joint: expression channels first, then
    /// [`JAW_NAMES`].
    pub names: Vec<String>,
    /// The parameters, row-major (frames, names).
    pub values: Vec<f32>,
}

impl Animation {
    /// An animation of parameters, without extras; `values` are row-major (frames, names).
    pub fn from_parameters(rate: Rate, names: impl Into<Vec<String>>, values: Vec<f32>) -> Self {
        let track = Track::Parameters(Parameters { names: names.into(), values });
        Self { rate, track, extras: Extras::new(), filters: Vec::new() }
    }

    /// An animation of vertices, without extras.
    pub fn from_vertices(rate: Rate, vertices: Vertices) -> Self {
        Self { rate, track: Track::Vertices(vertices), extras: Extras::new(), filters: Vec::new() }
    }

    /// The same animation with these extras.
    pub fn with_extras(self, extras: Extras) -> Self {
        Self { extras, ..self }
    }

    /// Adds the columns that `names` has behind the animation's own; they are 0.
    ///
    /// # Errors
    /// [`Error::Usage`] for an animation of vertices.
    pub fn widen(&mut self, names: &[String]) -> Result<()> {
        let parameters = self.parameters_mut()?;
        let width = parameters.names.len();
        if names.len() > width {
            let mut values = Vec::with_capacity(parameters.values.len() / width.max(1) * names.len());
            for row in parameters.values.chunks_exact(width.max(1)) {
                values.extend_from_slice(row);
                values.resize(values.len() + names.len() - width, 0.0);
            }
            *parameters = Parameters { names: names.to_vec(), values };
        }
        Ok(())
    }

    /// The number of frames.
    pub fn frames(&self) -> usize {
        self.values().len() / self.columns().max(1)
    }

    /// Its length in seconds.
    pub fn seconds(&self) -> f64 {
        self.rate.seconds(self.frames())
    }

    /// Values of a frame: parameters, or three for each vertex.
    pub fn width(&self) -> usize {
        match &self.track {
            Track::Parameters(parameters) => parameters.names.len(),
            Track::Vertices(vertices) => 3 * vertices.count(),
        }
    }

    /// All values of the track, row-major (frames, [`width`](Self::width)): parameters, or positions, which
    /// are computed.
    ///
    /// # Errors
    /// Errors of the device that computes positions.
    pub fn rows(&self) -> Result<Cow<'_, [f32]>> {
        match &self.track {
            Track::Parameters(parameters) => Ok(Cow::Borrowed(&parameters.values)),
            Track::Vertices(vertices) => vertices.positions(0..self.frames()).map(Cow::Owned),
        }
    }

    /// Numbers of a frame as the track holds them: parameters, or a weight for each shape.
    pub fn columns(&self) -> usize {
        match &self.track {
            Track::Parameters(parameters) => parameters.names.len(),
            Track::Vertices(vertices) => vertices.basis.shapes(),
        }
    }

    /// All numbers as the track holds them, row-major (frames, [`columns`](Self::columns)).
    pub fn values(&self) -> &[f32] {
        match &self.track {
            Track::Parameters(parameters) => &parameters.values,
            Track::Vertices(vertices) => &vertices.weights,
        }
    }

    /// The same for changes.
    pub(super) fn values_mut(&mut self) -> &mut Vec<f32> {
        match &mut self.track {
            Track::Parameters(parameters) => &mut parameters.values,
            Track::Vertices(vertices) => &mut vertices.weights,
        }
    }

    /// The numbers of one frame as the track holds them.
    ///
    /// # Panics
    /// If there is no such frame.
    pub fn frame(&self, index: usize) -> &[f32] {
        let width = self.columns();
        &self.values()[index * width..(index + 1) * width]
    }

    /// The track, if it is one of parameters.
    ///
    /// # Errors
    /// [`Error::Usage`], saying what the track is.
    pub fn parameters(&self) -> Result<&Parameters> {
        match &self.track {
            Track::Parameters(parameters) => Ok(parameters),
            Track::Vertices(vertices) => Err(Error::Usage(format!(
                "an animation of parameters is needed, and this one has {} vertices of the mesh `{}` a frame: use a model that gives \
                 parameters, or an output that takes vertices",
                vertices.count(),
                vertices.topology()
            ))),
        }
    }

    /// The track for changes, if it is one of parameters.
    ///
    /// # Errors
    /// As [`parameters`](Self::parameters).
    pub fn parameters_mut(&mut self) -> Result<&mut Parameters> {
        self.parameters()?;
        match &mut self.track {
            Track::Parameters(parameters) => Ok(parameters),
            Track::Vertices(_) => unreachable!("checked by `parameters`"),
        }
    }

    /// The track, if it is one of vertices.
    ///
    /// # Errors
    /// [`Error::Usage`], saying what the track is.
    pub fn vertices(&self) -> Result<&Vertices> {
        match &self.track {
            Track::Vertices(vertices) => Ok(vertices),
            Track::Parameters(parameters) => Err(Error::Usage(format!(
                "an animation of vertices is needed, and this one has {} parameters a frame: pose a face with them first",
                parameters.names.len()
            ))),
        }
    }

    /// Refuses an animation whose arrays contradict each other, that has no frames, or that holds a float
    /// that is not finite.
    ///
    /// # Errors
    /// [`Error::Shape`], naming the array, the frame and the column.
    pub fn check(&self) -> Result<()> {
        let (what, width) = match &self.track {
            Track::Parameters(_) => ("the parameters", self.columns()),
            Track::Vertices(_) => ("the weights of the shapes", self.columns()),
        };
        let wrong = |what: &str, expected: String, found: String| Error::Shape {
            op: "animation",
            what: what.into(),
            expected,
            found,
        };
        if width == 0 {
            let columns =
                if let Track::Parameters(_) = self.track { "the names" } else { "the shapes of the mesh" };
            return Err(wrong(columns, "one or more".into(), "none".into()));
        }
        let values = self.values();
        if values.is_empty() || !values.len().is_multiple_of(width) {
            let expected = format!("one or more rows of {width}");
            return Err(wrong(what, expected, format!("{} numbers", values.len())));
        }
        self.extras.check()?;
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            let (frame, column) = (at / width, at % width);
            let column = match &self.track {
                Track::Parameters(parameters) => format!("`{}`", parameters.names[column]),
                Track::Vertices(_) => format!("shape {column}"),
            };
            return Err(wrong(
                what,
                "finite numbers".into(),
                format!("{} in frame {frame}, {column}", values[at]),
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::ShapeTable;
    use super::*;

    /// Seven vertices and two shapes.
    fn seven(weights: Vec<f32>) -> Vertices {
        let basis = ShapeTable { topology: "FLAME".into(), rest: vec![0.0; 21], table: vec![1.0; 42] };
        Vertices::new(Arc::new(basis), weights)
    }

    #[test]
    fn a_track_of_the_other_kind_is_refused_by_what_it_is() {
        let mesh = Animation::from_vertices(Rate::whole(30), seven(vec![0.5; 4]));
        assert_eq!((mesh.frames(), mesh.width(), mesh.frame(1).len()), (2, 21, 2));
        assert_eq!(mesh.rows().unwrap().len(), 42);
        mesh.check().unwrap();
        let text = mesh.parameters().unwrap_err().to_string();
        assert!(text.contains("7 vertices of the mesh `FLAME`"), "{text}");
        let talk = Animation::from_parameters(Rate::whole(30), ["a".into(), "b".into()], vec![0.0; 6]);
        assert_eq!((talk.frames(), talk.seconds()), (3, 0.1));
        let text = talk.vertices().unwrap_err().to_string();
        assert!(text.contains("2 parameters a frame"), "{text}");
    }

    #[test]
    fn arrays_that_do_not_fit_and_numbers_that_are_none_are_refused() {
        let talk =
            |values: Vec<f32>| Animation::from_parameters(Rate::whole(25), ["a".into(), "b".into()], values);
        let bad = [
            (talk(vec![]), "one or more rows of 2, found 0 numbers"),
            (talk(vec![0.0; 3]), "found 3 numbers"),
            (talk(vec![0.0, 0.0, 0.0, f32::NAN]), "NaN in frame 1, `b`"),
            (talk(vec![0.0; 4]).with_extras(Extras::new().with("x", [2, 2], vec![0])), "the extra `x`"),
            (
                talk(vec![0.0; 4]).with_extras(Extras::new().with("x", [2, 1], vec![0.0, f32::INFINITY])),
                "inf in row 1, column 0",
            ),
            (Animation::from_parameters(Rate::whole(25), [], vec![]), "the names"),
            (
                Animation::from_vertices(Rate::whole(25), seven(vec![0.0, 0.0, 0.0, f32::NAN])),
                "NaN in frame 1, shape 1",
            ),
        ];
        for (animation, words) in bad {
            let text = animation.check().unwrap_err().to_string();
            assert!(text.contains(words), "{text}");
        }
    }
}
