//! A scene: a face, its animation, the sound and the renderer; and the trait of the outputs that take its
//! frames.

use std::borrow::Cow;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::sound::SoundCodec;
use crate::animation::Animation;
use crate::audio::{Playback, SAMPLE_RATE};
use crate::files::Written;
use crate::render::{Image, Mesh, Options, Renderer};
use crate::rig::{Face, Rig};
use crate::{Error, Result};

/// A face, its animation, the sound, and the options of the renderer.
pub struct Scene<'a> {
    pub(super) face: &'a Face,
    pub(super) motion: &'a Animation,
    pub(super) speech: &'a [f32],
    pub(super) codec: SoundCodec,
    playback: Option<&'a Playback>,
    rig: Rig<'a>,
    renderer: Renderer,
}

impl<'a> Scene<'a> {
    /// `speech`: mono at 16 kHz, full scale 1; may be empty.
    ///
    /// # Errors
    /// [`Error::BadInput`] if the animation was not made for this face, [`Error::Usage`] for a size or camera
    /// out of range, [`Error::Shape`] for an animation without frames.
    pub fn new(face: &'a Face, motion: &'a Animation, speech: &'a [f32], options: &Options) -> Result<Self> {
        let rig = Rig::for_columns(face, &motion.parameters()?.names, "the model")?;
        if motion.frames() == 0 || motion.rate.per_second() > 1000.0 {
            return Err(Error::Shape {
                op: "render",
                what: "the motion".into(),
                expected: "one or more frames, at 1000 a second at most".into(),
                found: format!("{} frames at {} a second", motion.frames(), motion.rate),
            });
        }
        let focus = focus(face);
        let mesh = Mesh {
            vertices: face.template.as_chunks().0,
            triangles: &face.faces,
            colors: face.colors.as_deref(),
            gloss: face.gloss.as_deref(),
            focus: Some(&focus),
        };
        let (codec, playback) = (SoundCodec::default(), None);
        Ok(Self { face, motion, speech, codec, playback, rig, renderer: Renderer::new(&mesh, options)? })
    }

    /// The codec of a video's sound, and the recording for ears instead of the speech that the network heard.
    pub fn sound(self, codec: SoundCodec, playback: Option<&'a Playback>) -> Self {
        Self { codec, playback, ..self }
    }

    /// The sound of a video.
    pub(super) fn playback(&self) -> Result<Cow<'a, Playback>> {
        match self.playback {
            Some(playback) => Ok(Cow::Borrowed(playback)),
            None => Playback::of_speech(self.speech, self.codec.rate(SAMPLE_RATE)).map(Cow::Owned),
        }
    }

    /// The number of frames.
    pub fn frames(&self) -> usize {
        self.motion.frames()
    }

    /// The options of the renderer.
    pub fn options(&self) -> &Options {
        self.renderer.options()
    }

    /// Draws one frame.
    ///
    /// # Errors
    /// [`Error::Shape`] if a vertex's position is not finite.
    pub fn render(&self, frame: usize, image: &mut Image) -> Result<()> {
        let mut vertices = vec![0.0; self.face.template.len()];
        self.rig.pose(self.motion.frame(frame), &mut vertices);
        self.renderer.render(vertices.as_chunks().0, image)
    }

    /// As [`render`](Self::render); adds the time of skinning and of drawing to `times`.
    pub(super) fn render_timed(&self, frame: usize, image: &mut Image, times: &Clocks) -> Result<()> {
        let mut vertices = vec![0.0; self.face.template.len()];
        let start = Instant::now();
        self.rig.pose(self.motion.frame(frame), &mut vertices);
        let moved = Instant::now();
        self.renderer.render(vertices.as_chunks().0, image)?;
        times.add(&times.skinning, moved - start);
        times.add(&times.rendering, moved.elapsed());
        Ok(())
    }
}

/// The vertices of the head without the shoulders, if the face has masks of forehead and jaw; else none,
/// which means all vertices.
fn focus(face: &Face) -> Vec<u32> {
    let points: &[[f32; 3]] = face.template.as_chunks().0;
    let extent = |mask: &str, axis: usize| {
        let values = face.masks.get(mask)?.iter().map(|&v| points[v as usize][axis]);
        values.fold(None, |range: Option<[f32; 2]>, x| {
            let [low, high] = range.unwrap_or([x, x]);
            Some([low.min(x), high.max(x)])
        })
    };
    let (Some([_, top]), Some([bottom, _]), Some([left, right])) =
        (extent("forehead", 1), extent("jaw", 1), extent("forehead", 0))
    else {
        return vec![];
    };
    let (floor, middle, reach) = (bottom - 0.12 * (top - bottom), 0.5 * (left + right), 0.9 * (right - left));
    let seen = |&(_, p): &(u32, &[f32; 3])| p[1] >= floor && (p[0] - middle).abs() <= reach;
    (0..).zip(points).filter(seen).map(|(v, _)| v).collect()
}

/// A file or folder being written.
pub(super) trait Sink: Send {
    /// True if the output needs this frame.
    fn wants(&self, _frame: usize) -> bool {
        true
    }
    /// Takes a frame that the output needs; frames come in order.
    fn frame(&mut self, frame: usize, image: &Image) -> Result<()>;
    /// Moves the output into place.
    fn finish(self: Box<Self>) -> Result<Written>;
}

/// The time of each part of the work, in nanoseconds.
#[derive(Default)]
pub(super) struct Clocks {
    pub skinning: AtomicU64,
    pub rendering: AtomicU64,
    pub encoding: AtomicU64,
}

impl Clocks {
    pub fn add(&self, clock: &AtomicU64, time: Duration) {
        clock.fetch_add(time.as_nanos() as u64, Ordering::Relaxed);
    }
}

/// Refuses a transparent background for a format that has none.
pub(super) fn refuse_transparent(scene: &Scene, path: &Path) -> Result<()> {
    if scene.options().background == crate::render::Background::Transparent {
        return Err(Error::Usage(format!(
            "{}: this format cannot be transparent: choose a colour for the background, or write .apng or a folder of frames",
            path.display()
        )));
    }
    Ok(())
}
