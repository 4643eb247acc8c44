//! From a finished motion to its files.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use deeptalk_rt::animation::Animation;
use deeptalk_rt::encode::picture::{Control, Report, Scene, render_outputs};
use deeptalk_rt::export::{self, VertexSource};
use deeptalk_rt::files::Written;
use deeptalk_rt::render::Options;
use deeptalk_rt::rig::Face;
use deeptalk_rt::{Error, Result};

use super::progress::{Output, Reporter};
use super::stop;

/// A take, on its way to files.
pub struct Finished<'a> {
    pub input: &'a Path,
    pub motion: &'a Animation,
    pub samples: &'a [f32],
    pub face: Option<&'a Face>,
    /// What the network took for it.
    pub network: Duration,
}

/// Parameters of some frames to their vertices, on the device that runs the network.
pub type Skinning<'a> = dyn Fn(&[f32]) -> Result<Vec<f32>> + 'a;

/// Pictures of a take that are drawn in one pass.
pub struct Pictures<'a, 'b> {
    pub paths: &'b [&'a PathBuf],
    pub look: &'b Options,
}

impl<'a> Finished<'a> {
    /// One file of data; with vertices if there is something that makes them of rows of parameters.
    ///
    /// # Errors
    /// What the format and the device say, and a wish to stop.
    pub fn write(
        &self,
        path: &'a Path,
        skin: Option<&Skinning<'_>>,
        arkit_fps: Option<u32>,
    ) -> Result<Output<'a>> {
        stop::check()?;
        let begun = Instant::now();
        let wanted = self.face.zip(skin);
        let fill = |first: usize, out: &mut [f32]| {
            stop::check()?;
            if let Some((face, skin)) = wanted {
                let (width, frames) = (self.motion.width(), out.len() / (3 * face.vertex_count()));
                out.copy_from_slice(&skin(&self.motion.values()[first * width..(first + frames) * width])?);
            }
            Ok(())
        };
        let vertices = wanted.map(|(face, _)| VertexSource { vertices: face.vertex_count(), fill: &fill });
        let options =
            export::Options { vertices, face: self.face, speech: self.samples, title: "", arkit_fps };
        let written = export::write(path, self.motion, &options)?;
        Ok(self.output(path, begun.elapsed(), written, None))
    }

    /// All pictures, every frame drawn once.
    ///
    /// # Errors
    /// What the renderer and the formats say, and a wish to stop.
    pub fn draw(&self, pictures: &Pictures<'a, '_>, reporter: &Reporter) -> Result<Vec<Output<'a>>> {
        let begun = Instant::now();
        let Pictures { paths, look } = pictures;
        let face =
            self.face.ok_or_else(|| Error::Usage("pictures show a face: give one with --face".into()))?;
        let scene = Scene::new(face, self.motion, self.samples, look)?;
        let progress = |done, total| reporter.advance(self.input, done, total);
        let report =
            render_outputs(&scene, paths, &Control { progress: &progress, cancelled: stop::asked() })?;
        let took = begun.elapsed();
        let outputs = paths.iter().zip(&report.written).map(|(path, written)| {
            self.output(path, took, written.clone(), Some((self.network, report.clone())))
        });
        Ok(outputs.collect())
    }

    fn output(
        &self,
        path: &'a Path,
        took: Duration,
        written: Written,
        drawn: Option<(Duration, Report)>,
    ) -> Output<'a> {
        let (frames, seconds) = (self.motion.frames(), self.motion.seconds());
        Output { input: self.input, path, frames, seconds, took: self.network + took, written, drawn }
    }
}
