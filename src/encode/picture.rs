//! Pictures and video of a moving face: [`render_outputs`] draws a [`Scene`] and writes all files in one
//! pass.
//!
//! Each frame is drawn once for all files, and each file has its own thread, which encodes while the next
//! frames are drawn. Only a few frames are in memory at a time. Files appear when all of them are complete,
//! or not at all.
//!
//! ```
//! use deeptalk_rt::encode::picture::{Hooks, Picture, Scene, render_outputs};
//! use deeptalk_rt::{rig::Face, render::Options};
//!
//! # let folder = tempfile::tempdir().unwrap();
//! let face = Face::builtin()?;
//! let names = face.parameter_names();
//! let values = vec![0.0; 2 * names.len()];
//! # use deeptalk_rt::animation::{Animation, Rate};
//! # let motion = Animation::from_parameters(Rate::whole(25), names, values);
//! let speech = [0.0; 1280]; // mono, 16 kHz
//! let scene = Scene::new(&face, &motion, &speech, &Options { width: 64, height: 64, ..Options::default() })?;
//! let (video, frames) = (folder.path().join("talk.mp4"), folder.path().join("frames"));
//! let outputs = [(Picture::Mp4, &*video), (Picture::Frames, &*frames)];
//! let drawn = render_outputs(&scene, &outputs, &Hooks::default())?;
//! assert!(drawn.written.iter().all(|written| written.bytes > 0));
//! # Ok::<(), deeptalk_rt::Error>(())
//! ```

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use rayon::prelude::*;

pub use super::scene::Scene;
use super::scene::{Clocks, Sink};
use super::{apng, frames, gif, sheet, video};
use crate::files::Written;
use crate::render::Image;
use crate::{Error, Result};

/// A format of pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Picture {
    /// Video with sound.
    Mp4,
    /// GIF: a moving picture of 255 colours.
    Gif,
    /// APNG: a moving picture of all colours, with transparency if the background has it.
    Apng,
    /// PNG: a contact sheet of some frames over the sound and the curves.
    Sheet,
    /// A folder with one PNG for every frame.
    Frames,
}

/// Callbacks of a drawing: progress and cancellation.
#[derive(Clone, Copy)]
pub struct Hooks<'a> {
    /// Called after each frame with the number of finished frames and the number of all frames.
    pub progress: &'a (dyn Fn(usize, usize) + Sync),
    /// Checked before each frame: if it is true, the work ends with [`Error::Cancelled`] and leaves no file.
    pub cancelled: &'a AtomicBool,
}

impl Default for Hooks<'_> {
    fn default() -> Self {
        static NEVER: AtomicBool = AtomicBool::new(false);
        Self { progress: &|_, _| {}, cancelled: &NEVER }
    }
}

/// The files of one drawing, and the time that each part of the work took, summed over all threads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drawn {
    /// Size and hash of every output, in the order of the outputs; of a folder: of all its frames, one after
    /// another.
    pub written: Vec<Written>,
    /// Frames that were drawn.
    pub frames: usize,
    /// Time of skinning: parameters to vertices.
    pub skinning: Duration,
    /// Time of drawing.
    pub rendering: Duration,
    /// Time of encoding and writing.
    pub encoding: Duration,
}

/// Draws the scene into all outputs: a file, or a folder, for each.
///
/// # Errors
/// [`Error::Usage`] for a format that cannot hold the scene, [`Error::Io`] where the
/// system refuses, [`Error::Cancelled`] on request, and the errors of [`Scene::render`].
pub fn render_outputs(scene: &Scene, outputs: &[(Picture, &Path)], hooks: &Hooks) -> Result<Drawn> {
    let sinks =
        outputs.iter().map(|(picture, path)| open(scene, *picture, path)).collect::<Result<Vec<_>>>()?;
    let clocks = Clocks::default();
    let (sinks, frames) = stream(scene, sinks, hooks, &clocks)?;
    let start = Instant::now();
    let written = sinks.into_iter().map(Sink::finish).collect::<Result<_>>()?;
    clocks.add(&clocks.encoding, start.elapsed());
    let time = |clock: AtomicU64| Duration::from_nanos(clock.into_inner());
    Ok(Drawn {
        written,
        frames,
        skinning: time(clocks.skinning),
        rendering: time(clocks.rendering),
        encoding: time(clocks.encoding),
    })
}

fn open(scene: &Scene, picture: Picture, path: &Path) -> Result<Box<dyn Sink>> {
    Ok(match picture {
        Picture::Mp4 => Box::new(video::Mp4::create(scene, path)?),
        Picture::Gif => Box::new(gif::Gif::create(scene, path)?),
        Picture::Apng => Box::new(apng::Apng::create(scene, path)?),
        Picture::Sheet => Box::new(sheet::Sheet::create(scene, path)?),
        Picture::Frames => Box::new(frames::Frames::create(scene, path)?),
    })
}

/// Draws the frames, a few at a time, and hands them to the sinks' threads in order.
fn stream(
    scene: &Scene,
    sinks: Vec<Box<dyn Sink>>,
    hooks: &Hooks,
    clocks: &Clocks,
) -> Result<(Vec<Box<dyn Sink>>, usize)> {
    let wanted: Vec<usize> =
        (0..scene.frames()).filter(|&f| sinks.iter().any(|sink| sink.wants(f))).collect();
    let ahead = (2 * rayon::current_num_threads()).clamp(2, 32);
    let mut pool: Vec<Arc<Image>> = Vec::new();
    std::thread::scope(|scope| {
        let (senders, workers): (Vec<_>, Vec<_>) = sinks
            .into_iter()
            .map(|sink| {
                let (sender, receiver) = sync_channel::<(usize, Arc<Image>)>(ahead);
                let encoder = move || consume(sink, receiver, clocks);
                let worker = std::thread::Builder::new().spawn_scoped(scope, encoder).map_err(no_thread)?;
                Ok((sender, worker))
            })
            .collect::<Result<Vec<_>>>()?
            .into_iter()
            .unzip();
        let mut drawn = Ok(());
        'batches: for (batch, frames) in wanted.chunks(ahead).enumerate() {
            let mut images: Vec<Arc<Image>> = frames.iter().map(|_| take(&mut pool)).collect();
            drawn = frames.par_iter().zip(&mut images).try_for_each(|(&frame, image)| {
                if hooks.cancelled.load(Ordering::Relaxed) {
                    return Err(Error::Cancelled);
                }
                // An image from the pool has no other owner.
                Arc::get_mut(image).map_or(Ok(()), |image| scene.render_timed(frame, image, clocks))
            });
            if drawn.is_err() {
                break;
            }
            for (done, (&frame, image)) in frames.iter().zip(&images).enumerate() {
                // A sink whose channel is closed has failed; its thread returns the error.
                if senders.iter().any(|sender| sender.send((frame, image.clone())).is_err()) {
                    break 'batches;
                }
                (hooks.progress)(batch * ahead + done + 1, wanted.len());
            }
            pool.extend(images);
        }
        drop(senders);
        let finished: Vec<_> = workers.into_iter().map(|worker| worker.join()).collect();
        drawn?;
        let sinks = finished.into_iter().map(|sink| match sink {
            Ok(sink) => sink,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        Ok((sinks.collect::<Result<_>>()?, wanted.len()))
    })
}

fn no_thread(error: std::io::Error) -> Error {
    let next = "allow the process more threads, or write data files instead of pictures";
    Error::DeviceFailed(format!("no thread can be started for an encoder: {error}; {next}"))
}

/// An image of the pool without another owner, or a new one.
fn take(pool: &mut Vec<Arc<Image>>) -> Arc<Image> {
    match pool.iter().position(|image| Arc::strong_count(image) == 1) {
        Some(free) => pool.swap_remove(free),
        None => Arc::default(),
    }
}

fn consume(
    mut sink: Box<dyn Sink>,
    frames: Receiver<(usize, Arc<Image>)>,
    clocks: &Clocks,
) -> Result<Box<dyn Sink>> {
    for (frame, image) in frames {
        if sink.wants(frame) {
            let start = Instant::now();
            sink.frame(frame, &image)?;
            clocks.add(&clocks.encoding, start.elapsed());
        }
    }
    Ok(sink)
}
