//! A take's animation to its files.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use deeptalk_rt::animation::filter::{FilterSettings, LoudFrames};
use deeptalk_rt::animation::{Animation, Rate, Track};
use deeptalk_rt::audio::{Playback, SAMPLE_RATE};
use deeptalk_rt::encode::SoundCodec;
use deeptalk_rt::encode::picture::{Drawn, Hooks, Scene};
use deeptalk_rt::export::{self, Format, VertexSource};
use deeptalk_rt::files::Written;
use deeptalk_rt::render::Options;
use deeptalk_rt::rig::{Face, Morphed};
use deeptalk_rt::runtime::StreamOptions;
use deeptalk_rt::{Advice, Error, Result};

use super::progress::{Output, Reporter};
use super::stop;

/// A take to be written to files.
pub struct Finished<'a> {
    pub input: &'a Path,
    pub motion: &'a Animation,
    pub samples: &'a [f32],
    /// The recording for ears, if a video is written.
    pub playback: Option<&'a Playback>,
    pub face: Option<&'a Face>,
    /// The time that the network took for it.
    pub network: Duration,
}

/// Parameters of some frames to their vertices, on the device that runs the network.
pub type Skinning<'a> = dyn Fn(&[f32]) -> Result<Vec<f32>> + 'a;

/// Pictures of a take that are drawn in one pass.
pub struct Pictures<'a, 'b> {
    pub paths: &'b [&'a PathBuf],
    pub look: &'b Options,
    pub sound: SoundCodec,
}

impl<'a> Finished<'a> {
    /// One file of data: `motion` is the take's, or what a format with channels of its own holds of it. With
    /// vertices if `skin` makes them of rows of parameters.
    ///
    /// # Errors
    /// Errors of the format and the device; [`Error::Cancelled`].
    pub fn write(
        &self,
        path: &'a Path,
        format: &Format,
        motion: &Animation,
        skin: Option<&Skinning<'_>>,
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
        let options = export::Options {
            layout: format.layout,
            vertices,
            face: self.face,
            speech: self.samples,
            title: "",
        };
        let written = export::write(path, motion, &options)?;
        Ok(self.output(path, begun.elapsed(), written, None))
    }

    /// Draws all pictures in one pass.
    ///
    /// # Errors
    /// Errors of the renderer and the formats; [`Error::Cancelled`].
    pub fn draw(&self, pictures: &Pictures<'a, '_>, reporter: &Reporter) -> Result<Vec<Output<'a>>> {
        let begun = Instant::now();
        let Pictures { paths, look, sound } = pictures;
        let face = self.face.ok_or_else(|| {
            Error::Usage(format!("pictures show a face, and none was given; {}", Advice::GiveFace.text()))
        })?;
        let morphed = match &self.motion.track {
            Track::Parameters(_) => None,
            Track::Vertices(vertices) => {
                Some(Morphed::of(face, vertices, self.motion.rate, Path::new("the motion"))?)
            }
        };
        let (face, motion) = match &morphed {
            Some(morphed) => (&morphed.face, &morphed.animation),
            None => (face, self.motion),
        };
        let scene = Scene::new(face, motion, self.samples, look)?.sound(*sound, self.playback);
        let progress = |done, total| reporter.advance(self.input, done, total);
        let drawn = export::draw(&scene, paths, &Hooks { progress: &progress, cancelled: stop::asked() })?;
        let took = begun.elapsed();
        let outputs = paths.iter().zip(&drawn.written).map(|(path, written)| {
            self.output(path, took, written.clone(), Some((self.network, drawn.clone())))
        });
        Ok(outputs.collect())
    }

    fn output(
        &self,
        path: &'a Path,
        took: Duration,
        written: Written,
        drawn: Option<(Duration, Drawn)>,
    ) -> Output<'a> {
        let (frames, seconds) = (self.motion.frames(), self.motion.seconds());
        Output { input: self.input, path, frames, seconds, took: self.network + took, written, drawn }
    }
}

/// Takes a motion of vertices to the neutral vertices of another face of the same mesh.
pub fn on_face(motion: &mut Animation, face: &Face) {
    if let Track::Vertices(vertices) = &mut motion.track {
        vertices.rest = face.template.as_slice().into();
    }
}

/// Filters the motion, with the seed of its life, and keeps the parameters of the network's own beside it as the extra `network`.
///
/// # Errors
/// Names that the motion does not have.
pub fn filter(motion: &mut Animation, samples: &[f32], settings: &FilterSettings, seed: u64) -> Result<()> {
    if settings.is_empty() {
        return Ok(());
    }
    let StreamOptions { floor, look_ahead, .. } = StreamOptions::default();
    let look_ahead = (f64::from(look_ahead) * motion.rate.per_second()).round() as usize;
    let names = match &motion.track {
        Track::Parameters(parameters) => &parameters.names[..],
        Track::Vertices(_) => &[],
    };
    let columns = settings.columns(names);
    let pipeline = settings.pipeline(names, motion.rate, look_ahead, seed)?;
    if !names.is_empty() {
        let own = (motion.values().to_vec(), [motion.frames(), names.len()]);
        let extras = std::mem::take(&mut motion.extras);
        motion.extras = extras.with("network", own.1, own.0);
        motion.widen(&columns)?;
    }
    pipeline.apply(motion, &LoudFrames::of(samples, SAMPLE_RATE, motion.rate, floor.into()));
    motion.filters = settings.names();
    Ok(())
}

/// The motion in the channels of a format that has its own, and at `rate`, if one is given.
///
/// # Errors
/// A motion that cannot be mapped to those channels.
pub fn retargeted(motion: &Animation, format: &Format, rate: Option<Rate>) -> Result<Option<Animation>> {
    let Some(map_of) = format.holds.retargeted else { return Ok(None) };
    let map = map_of(&motion.parameters()?.names)?;
    let motion = motion.retargeted(&*map)?;
    Ok(Some(match rate {
        Some(rate) => motion.resampled(rate),
        None => motion,
    }))
}
