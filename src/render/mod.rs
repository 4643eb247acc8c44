//! Software renderer for a talking head: vertices to pixels.
//!
//! ```
//! use deeptalk_rt::render::{Image, Mesh, Options, Renderer};
//!
//! # fn main() -> deeptalk_rt::Result<()> {
//! let corners = [[-0.1, 0.0, 0.0], [0.1, 0.0, 0.0], [0.0, 0.2, 0.0]]; // metres: x the subject's left, y up, z forward
//! let mesh = Mesh { vertices: &corners, triangles: &[[0, 1, 2]], colors: None, gloss: None, focus: None };
//! let renderer = Renderer::new(&mesh, &Options { width: 64, height: 48, ..Options::default() })?;
//! let mut image = Image::default();
//! renderer.render(&corners, &mut image)?;
//! assert_ne!(image.pixel(32, 24), image.pixel(2, 2));
//! # Ok(())
//! # }
//! ```
//!
//! A frame passes through four steps. `geometry` projects the vertices and computes smooth normals.
//! `occlusion` makes a half-size depth map and a shadow map, for the points that light does not reach. Then,
//! for each tile of the picture, `raster` finds the nearest triangle of four samples a pixel, `points`
//! computes position and surface of one point for each surface in a pixel, `lights` shades it, and `tile`
//! averages in linear light. The bytes depend neither on the number of threads nor on the processor.

mod background;
mod bins;
mod blur;
mod camera;
mod color;
mod geometry;
mod image;
mod lights;
mod occlusion;
mod points;
mod raster;
mod tile;
mod vector;

pub use background::Background;
pub use camera::{Camera, View};
pub use image::Image;

use crate::error::{Error, Result};
use bins::Bins;
use camera::Projection;
use color::Transfer;
use geometry::Geometry;
use lights::Lights;
use occlusion::Occlusion;
use points::Surface;
use raster::TILE;
use rayon::prelude::*;
use std::sync::Mutex;
use tile::{DrawTile, Frame, Workspace};
use vector::{bounds, sub};

/// The allowed sides of a picture, in pixels.
pub const SIZES: std::ops::RangeInclusive<u32> = 16..=8192;

/// A mesh at rest and the look of its surface.
#[derive(Debug, Clone, Copy)]
pub struct Mesh<'a> {
    /// Vertices at rest in metres: x the subject's left, y up, z forward.
    pub vertices: &'a [[f32; 3]],
    /// Triangles, counter-clockwise seen from outside.
    pub triangles: &'a [[u32; 3]],
    /// An sRGB colour for each vertex; without it the colour of clay.
    pub colors: Option<&'a [[u8; 3]]>,
    /// 0 (matt) to 255 (wet) for each vertex; without it that of skin.
    pub gloss: Option<&'a [u8]>,
    /// The vertices that the camera frames; without it all vertices.
    pub focus: Option<&'a [u32]>,
}

/// Size, camera and background of a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// Pixels in a row, within [`SIZES`].
    pub width: u32,
    /// Rows, within [`SIZES`].
    pub height: u32,
    /// The camera.
    pub camera: Camera,
    /// The background behind the head.
    pub background: Background,
}

impl Default for Options {
    fn default() -> Self {
        Self { width: 800, height: 800, camera: Camera::default(), background: Background::default() }
    }
}

impl Options {
    /// Checks that a picture can be drawn with these options.
    ///
    /// # Errors
    /// [`Error::Usage`] for a size or a camera that is out of range.
    pub fn check(&self) -> Result<()> {
        for (side, pixels) in [("width", self.width), ("height", self.height)] {
            if !SIZES.contains(&pixels) {
                return Err(Error::Usage(format!(
                    "a picture cannot have a {side} of {pixels} pixels: choose {} to {}",
                    SIZES.start(),
                    SIZES.end()
                )));
            }
        }
        self.camera.check()
    }
}

/// Renderer of one mesh, for any number of frames. It can be shared between threads; each frame uses all of
/// rayon's threads.
pub struct Renderer {
    options: Options,
    triangles: Vec<[u32; 3]>,
    parts: Vec<u32>,
    /// True for each triangle of a closed part, whose back is never visible.
    closed: Vec<bool>,
    /// Gloss and linear colour of every vertex.
    materials: Vec<[f32; 4]>,
    projection: Projection,
    shadow_reach: f32,
    lights: Lights,
    transfer: Transfer,
    backdrop: Image,
    idle: Mutex<Vec<Scratch>>,
}

/// The buffers of a frame that is being drawn.
#[derive(Default)]
struct Scratch {
    geometry: Geometry,
    bins: Bins,
    occlusion: Occlusion,
}

impl Renderer {
    /// Prepares a mesh. The camera is framed once, on the mesh at rest, and does not follow the motion.
    ///
    /// # Errors
    /// [`Error::Usage`] for a size or a camera out of range; [`Error::Shape`] for a mesh whose tables do not
    /// fit each other.
    pub fn new(mesh: &Mesh, options: &Options) -> Result<Self> {
        options.check()?;
        check(mesh)?;
        let transfer = Transfer::srgb();
        let focus: Vec<[f32; 3]> = match mesh.focus {
            Some(focus) if !focus.is_empty() => focus.iter().map(|&v| mesh.vertices[v as usize]).collect(),
            _ => mesh.vertices.to_vec(),
        };
        let projection = Projection::frame(&options.camera, &focus, options.width, options.height);
        let (low, high) = bounds(focus).unwrap_or_default();
        let size = sub(high, low);
        let lights = Lights::new(projection.turn([0.0, 1.0, 0.0]));
        let materials = (0..mesh.vertices.len()).map(|v| {
            let gloss = mesh.gloss.map_or(0.25, |gloss| f32::from(gloss[v]) / 255.0);
            let color = mesh.colors.map_or([196, 164, 146], |colors| colors[v]);
            let [r, g, b] = color.map(|code| transfer.decode(code));
            [gloss, r, g, b]
        });
        let parts = geometry::parts(mesh.vertices.len(), mesh.triangles);
        Ok(Self {
            options: *options,
            triangles: mesh.triangles.to_vec(),
            closed: geometry::closed(mesh.triangles, &parts),
            parts,
            materials: materials.collect(),
            projection,
            shadow_reach: vector::dot(size, size).sqrt() * 0.6,
            lights,
            backdrop: options.background.paint(options.width, options.height, &transfer),
            transfer,
            idle: Mutex::default(),
        })
    }

    /// The options of this renderer.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Draws the mesh with its vertices at these positions; the image gets the renderer's size. Triangles
    /// that reach behind the camera are left out.
    ///
    /// # Errors
    /// [`Error::Shape`] when the number of vertices is not the mesh's, or one of them is not finite.
    pub fn render(&self, vertices: &[[f32; 3]], image: &mut Image) -> Result<()> {
        if vertices.len() != self.materials.len() {
            return Err(Error::Shape {
                op: "render",
                what: "vertices".into(),
                expected: self.materials.len().to_string(),
                found: vertices.len().to_string(),
            });
        }
        let mut scratch = self.idle.lock().ok().and_then(|mut idle| idle.pop()).unwrap_or_default();
        let done = self.render_with(&mut scratch, vertices, image);
        if let Ok(mut idle) = self.idle.lock() {
            idle.push(scratch);
        }
        done
    }

    fn render_with(&self, scratch: &mut Scratch, vertices: &[[f32; 3]], image: &mut Image) -> Result<()> {
        let Scratch { geometry, bins, occlusion } = scratch;
        let (width, height) = (self.options.width, self.options.height);
        geometry.place(vertices, &self.triangles, &self.materials, &self.projection)?;
        let geometry = &*geometry;
        let size = [width, height];
        rayon::join(
            || bins.fill(&self.triangles, &geometry.screen, &self.closed, width as usize, height as usize),
            || {
                let (triangles, closed) = (&self.triangles, &self.closed);
                occlusion.compute(geometry, triangles, closed, &self.projection, self.shadow_reach, size);
            },
        );
        image.resize(width, height);
        let frame = Frame {
            surface: Surface {
                triangles: &self.triangles,
                geometry,
                projection: &self.projection,
                occlusion,
            },
            parts: &self.parts,
            bins,
            lights: &self.lights,
            transfer: &self.transfer,
            background: self.options.background,
        };
        let arch = pulp::Arch::new();
        let length = TILE * width as usize * 4;
        let bands = image.pixels.par_chunks_mut(length).zip(self.backdrop.pixels.par_chunks(length));
        bands.enumerate().for_each_init(Workspace::new, |workspace, (row, (band, backdrop))| {
            band.copy_from_slice(backdrop);
            for column in 0..frame.bins.columns {
                let band = &mut *band;
                arch.dispatch(DrawTile {
                    workspace,
                    frame: &frame,
                    column,
                    row,
                    band,
                    width: width as usize,
                });
            }
        });
        Ok(())
    }
}

fn check(mesh: &Mesh) -> Result<()> {
    let shape = |what: &str, expected: String, found: String| {
        Err(Error::Shape { op: "render", what: what.into(), expected, found })
    };
    let vertices = mesh.vertices.len();
    if vertices == 0 || vertices > u32::MAX as usize / 2 {
        return shape("vertices", "at least one".into(), vertices.to_string());
    }
    if let Some(bad) = mesh.vertices.iter().find(|v| !v.iter().all(|x| x.is_finite())) {
        return shape("vertices at rest", "finite coordinates".into(), format!("{bad:?}"));
    }
    let tables = [("colours", mesh.colors.map(<[_]>::len)), ("gloss", mesh.gloss.map(<[_]>::len))];
    for (what, length) in tables {
        if let Some(length) = length.filter(|&length| length != vertices) {
            return shape(what, vertices.to_string(), length.to_string());
        }
    }
    let indices = mesh.triangles.as_flattened().iter().chain(mesh.focus.unwrap_or_default());
    if let Some(bad) = indices.into_iter().find(|&&index| index as usize >= vertices) {
        return shape("a vertex's index", format!("less than {vertices}"), bad.to_string());
    }
    let (low, high) = bounds(mesh.vertices.iter().copied()).unwrap_or_default();
    let size = sub(high, low);
    if vector::dot(size, size) > 1e6 {
        return shape("the mesh", "at most 1000 m across".into(), format!("{size:?} m"));
    }
    Ok(())
}
