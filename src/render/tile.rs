//! A tile of the picture: samples to visible points, points to light, light to pixels.

use super::background::Background;
use super::bins::Bins;
use super::color::Transfer;
use super::lights::Lights;
use super::points::{BATCH, Batch, Surface};
use super::raster::{NOTHING, TILE, TileBuffer, offsets};
use super::vector::dot;

/// Samples in a pixel.
const SAMPLES: usize = 4;

/// Data that all tiles of a frame share.
pub(super) struct Frame<'a> {
    pub surface: Surface<'a>,
    /// The connected part of every triangle.
    pub parts: &'a [u32],
    pub bins: &'a Bins,
    pub lights: &'a Lights,
    pub transfer: &'a Transfer,
    pub background: Background,
}

/// Buffers of one worker.
pub(super) struct Workspace {
    samples: TileBuffer<SAMPLES>,
    batch: Box<Batch>,
    /// Linear light and coverage of every pixel of the tile.
    light: Vec<[f32; 4]>,
}

impl Workspace {
    pub fn new() -> Self {
        Self { samples: TileBuffer::new(), batch: Batch::new(), light: vec![[0.0; 4]; TILE * TILE] }
    }

    /// Draws a tile into `band`, the rows of the picture that the tile's row of tiles covers, which hold the
    /// background.
    #[inline(always)]
    pub fn draw(&mut self, frame: &Frame, column: usize, row: usize, band: &mut [u8], width: usize) {
        let lists = frame.bins.tile(column, row);
        if lists.iter().all(|list| list.is_empty()) {
            return;
        }
        let corner = [column * TILE, row * TILE];
        self.samples.draw(corner, lists, frame.surface.triangles, &frame.surface.geometry.screen);
        self.light.fill([0.0; 4]);
        let columns = TILE.min(width - corner[0]);
        let rows = band.len() / (4 * width);
        for y in 0..rows {
            for x in 0..columns {
                let (owners, depths) = self.samples.pixel(x, y);
                if owners != [NOTHING; SAMPLES] {
                    self.collect(frame, corner, x, y, owners, depths);
                }
            }
        }
        self.flush(frame);
        for y in 0..rows {
            let start = (y * width + corner[0]) * 4;
            let pixels = band[start..start + columns * 4].chunks_exact_mut(4);
            for (pixel, &light) in pixels.zip(&self.light[y * TILE..]) {
                if light[3] > 0.0 {
                    resolve(frame, light, pixel);
                }
            }
        }
    }

    /// Groups a pixel's samples by surface: a surface gets one point, at the middle of its samples.
    #[inline(always)]
    fn collect(
        &mut self,
        frame: &Frame,
        corner: [usize; 2],
        x: usize,
        y: usize,
        owners: [u32; SAMPLES],
        depths: [f32; SAMPLES],
    ) {
        let pixel = (y * TILE + x) as u16;
        let (left, top) = ((corner[0] + x) as f32, (corner[1] + y) as f32);
        let first = owners[0];
        let one = |s: usize| same_surface(frame, [first, owners[s]], [depths[0], depths[s]]);
        if owners == [first; SAMPLES] || (first != NOTHING && (1..SAMPLES).all(one)) {
            self.push(frame, pixel, first, [left + 0.5, top + 0.5], 1.0);
            return;
        }
        let offsets = const { offsets::<SAMPLES>() };
        let mut taken = [false; SAMPLES];
        for first in 0..SAMPLES {
            if taken[first] || owners[first] == NOTHING {
                continue;
            }
            let (mut count, mut middle) = (0.0, [0.0; 2]);
            for other in first..SAMPLES {
                if !taken[other]
                    && same_surface(frame, [owners[first], owners[other]], [depths[first], depths[other]])
                {
                    taken[other] = true;
                    count += 1.0;
                    middle = [middle[0] + offsets[other][0], middle[1] + offsets[other][1]];
                }
            }
            let at = [left + middle[0] / count, top + middle[1] / count];
            self.push(frame, pixel, owners[first], at, count / SAMPLES as f32);
        }
    }

    /// Adds a point. It is located later, when there are enough points to fill vectors.
    #[inline(always)]
    fn push(&mut self, frame: &Frame, pixel: u16, owner: u32, [x, y]: [f32; 2], weight: f32) {
        let batch = &mut *self.batch;
        let at = batch.length % BATCH;
        batch.pixel[at] = pixel;
        batch.owner[at] = owner;
        batch.weight[at] = weight;
        batch.at[0][at] = x;
        batch.at[1][at] = y;
        batch.length += 1;
        if batch.length == BATCH {
            self.flush(frame);
        }
    }

    /// Shades the collected points and adds their light to their pixels.
    #[inline(always)]
    fn flush(&mut self, frame: &Frame) {
        let batch = &mut *self.batch;
        batch.locate(&frame.surface);
        frame.lights.shade(batch);
        for i in 0..batch.length.min(BATCH) {
            let weight = batch.weight[i];
            let light = &mut self.light[batch.pixel[i] as usize];
            *light = [
                light[0] + batch.color[0][i] * weight,
                light[1] + batch.color[1][i] * weight,
                light[2] + batch.color[2][i] * weight,
                light[3] + weight,
            ];
        }
        batch.length = 0;
    }
}

/// [`Workspace::draw`] compiled for the widest vectors that the processor has.
pub(super) struct DrawTile<'a> {
    pub workspace: &'a mut Workspace,
    pub frame: &'a Frame<'a>,
    pub column: usize,
    pub row: usize,
    pub band: &'a mut [u8],
    pub width: usize,
}

impl pulp::WithSimd for DrawTile<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) {
        self.workspace.draw(self.frame, self.column, self.row, self.band, self.width);
    }
}

/// True if two samples of a pixel lie on one smooth surface, so that one point can represent both.
#[inline(always)]
fn same_surface(frame: &Frame, [one, two]: [u32; 2], depths: [f32; 2]) -> bool {
    if one == two {
        return true;
    }
    if two == NOTHING || frame.parts[one as usize] != frame.parts[two as usize] {
        return false;
    }
    let faces = &frame.surface.geometry.faces;
    let bend = dot(faces[one as usize], faces[two as usize]);
    bend > 0.7 && (depths[0] - depths[1]).abs() < 0.01 * depths[0]
}

/// Blends a pixel's light over the background.
#[inline(always)]
fn resolve(frame: &Frame, [r, g, b, coverage]: [f32; 4], pixel: &mut [u8]) {
    let transfer = frame.transfer;
    let light = [r, g, b];
    if coverage > 0.999 {
        pixel[..3].copy_from_slice(&light.map(|c| transfer.encode(c)));
        pixel[3] = 255;
    } else if frame.background == Background::Transparent {
        pixel[..3].copy_from_slice(&light.map(|c| transfer.encode(c / coverage)));
        pixel[3] = (coverage * 255.0 + 0.5) as u8;
    } else {
        for (code, light) in pixel.iter_mut().zip(light) {
            *code = transfer.encode(light + transfer.decode(*code) * (1.0 - coverage));
        }
    }
}
