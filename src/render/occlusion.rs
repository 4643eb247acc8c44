//! Occlusion at half the resolution of the picture: ambient occlusion of corners, and the shadow of the key
//! light.
//!
//! Both are smooth, so a quarter of the pixels is enough. The shading reads the map with weights that exclude
//! texels of a surface at another distance (joint bilateral upsampling, Kopf et al. 2007).

use super::bins::Bins;
use super::blur::blur;
use super::camera::Projection;
use super::geometry::Geometry;
use super::raster::{DrawSamples, NOTHING, TILE, TileBuffer};
use super::vector::{Vec3, add, cross, dot, scale, sub, unit};
use rayon::prelude::*;

/// Direction of the key light in camera space; only this light casts shadows.
pub(super) const KEY: Vec3 = [-0.55, 0.62, 0.75];
/// Texels along the side of the shadow map: a whole number of tiles.
const SHADOW_SIZE: usize = 20 * TILE;
/// Added to depths in the shadow map, metres, because depth 0 means an empty texel.
const SHADOW_DEPTH: f32 = 8.0;
/// Positions at which the shadow map is read round a point, in texels: two rings. If the first four of the
/// outer ring agree, the others are not read.
const OUTER: [[f32; 2]; 8] =
    [[5.2, 0.0], [0.0, 5.2], [-5.2, 0.0], [0.0, -5.2], [3.7, 3.7], [-3.7, 3.7], [-3.7, -3.7], [3.7, -3.7]];
const INNER: [[f32; 2]; 8] =
    [[2.4, 0.9], [0.9, 2.4], [-0.9, 2.4], [-2.4, 0.9], [-2.4, -0.9], [-0.9, -2.4], [0.9, -2.4], [2.4, -0.9]];
/// Texels at the border of the shadow map in which no point is shaded.
const RIM: usize = 6;
/// The share of the key light that remains in its shadow, as light that the room reflects.
const DARKEST: f32 = 0.2;
/// The largest depth of a corner, metres: a pixel counts as at most this far behind its surroundings.
const DEEPEST: f32 = 0.016;
const BACKDROP: f32 = 0.025;
/// Scales of ambient occlusion: standard deviation of the blur in metres, and strength per metre of depth.
const SCALES: [[f32; 2]; 2] = [[0.0026, 20.0], [0.0075, 13.0]];

/// Texels that are projected into the shadow map at the same time.
const LANES: usize = 16;
/// A texel of the half-size map: inverse distance (1/m; 0 if empty), remaining ambient light, remaining key
/// light, 1.
type Texel = [f32; 4];
const INVERSE: usize = 0;
const AMBIENT: usize = 1;
const SHADOW: usize = 2;

/// The half-size map and the buffers that make it.
#[derive(Default)]
pub(super) struct Occlusion {
    width: usize,
    height: usize,
    texels: Vec<Texel>,
    /// True if a texel, its right neighbour and the two below lie on one surface.
    smooth: Vec<bool>,
    owners: Vec<u32>,
    screen: Vec<Vec3>,
    bins: Bins,
    shadow_map: Vec<f32>,
    shadow_screen: Vec<Vec3>,
    shadow_bins: Bins,
    planes: [Vec<f32>; 4],
}

impl Occlusion {
    /// Fills the map for a picture of `width` x `height`. `reach`: half the side of the square, in metres
    /// round the camera's target, in which shadows are cast.
    pub fn compute(
        &mut self,
        geometry: &Geometry,
        triangles: &[[u32; 3]],
        closed: &[bool],
        projection: &Projection,
        reach: f32,
        [width, height]: [u32; 2],
    ) {
        (self.width, self.height) = ((width as usize).div_ceil(2), (height as usize).div_ceil(2));
        let light = Light::new(projection.distance, reach);
        let (half_width, half_height) = (self.width, self.height);
        let Self { texels, owners, screen, bins, shadow_map, shadow_screen, shadow_bins, .. } = self;
        let draw_shadow_map = || {
            shadow_screen.clear();
            shadow_screen.extend(geometry.view.iter().map(|&p| light.project(p)));
            shadow_map.resize(SHADOW_SIZE * SHADOW_SIZE, 0.0);
            shadow_bins.fill(triangles, shadow_screen, closed, SHADOW_SIZE, SHADOW_SIZE);
            let bands = shadow_map.par_chunks_mut(TILE * SHADOW_SIZE).enumerate();
            bands.for_each_init(TileBuffer::<1>::new, |tile, (row, band)| {
                let store = |at: usize, _, depth| band[at] = depth;
                draw_band(tile, shadow_bins, row, triangles, shadow_screen, [SHADOW_SIZE; 2], store);
            });
        };
        let draw_depths = || {
            screen.clear();
            screen.extend(geometry.screen.iter().map(|&[x, y, z]| [x * 0.5, y * 0.5, z]));
            texels.resize(half_width * half_height, [0.0, 1.0, 1.0, 1.0]);
            owners.resize(half_width * half_height, NOTHING);
            bins.fill(triangles, screen, closed, half_width, half_height);
            let length = TILE * half_width;
            let bands = texels.par_chunks_mut(length).zip(owners.par_chunks_mut(length)).enumerate();
            bands.for_each_init(TileBuffer::<1>::new, |tile, (row, (texels, owners))| {
                let store = |at: usize, owner, depth| {
                    texels[at][INVERSE] = depth;
                    owners[at] = owner;
                };
                draw_band(tile, bins, row, triangles, screen, [half_width, half_height], store);
            });
        };
        rayon::join(draw_shadow_map, draw_depths);
        self.cast_shadows(geometry, projection, &light);
        self.darken_corners(projection);
        self.find_smooth();
    }

    fn find_smooth(&mut self) {
        let width = self.width;
        self.smooth.clear();
        self.smooth.resize(self.texels.len(), false);
        let rows = self.texels.chunks_exact(width).zip(self.texels[width..].chunks_exact(width));
        for ((upper, lower), smooth) in rows.zip(self.smooth.chunks_exact_mut(width)) {
            for ((upper, lower), smooth) in upper.windows(2).zip(lower.windows(2)).zip(smooth) {
                let inverse = upper[0][INVERSE];
                let near = |tap: &Texel| (tap[INVERSE] - inverse).abs() < 0.01 * inverse;
                *smooth = near(&upper[1]) & near(&lower[0]) & near(&lower[1]);
            }
        }
    }

    fn cast_shadows(&mut self, geometry: &Geometry, projection: &Projection, light: &Light) {
        let (width, map) = (self.width, &self.shadow_map);
        let rows = self.texels.par_chunks_mut(width).zip(self.owners.par_chunks(width)).enumerate();
        let arch = pulp::Arch::new();
        rows.for_each(|(y, (texels, owners))| {
            arch.dispatch(CastShadows { y, texels, owners, geometry, projection, light, map });
        });
    }

    /// Darkens corners: pixels whose blurred surroundings lie nearer than the pixel itself.
    fn darken_corners(&mut self, projection: &Projection) {
        let (width, height) = (self.width, self.height);
        let backdrop = -(projection.distance + 0.3);
        let [depth, floor, blurred, scratch] = &mut self.planes;
        for plane in [&mut *depth, &mut *floor, &mut *blurred, &mut *scratch] {
            plane.resize(width * height, 0.0);
        }
        for (depth, texel) in depth.iter_mut().zip(&mut self.texels) {
            *depth = if texel[INVERSE] > 0.0 { -1.0 / texel[INVERSE] } else { backdrop };
            texel[AMBIENT] = 1.0;
        }
        let pixels_per_metre = 0.5 * projection.focal / projection.distance;
        for [deviation, strength] in SCALES {
            // Two passes of a box of radius r have the variance (2 r (r + 1)) / 3.
            let variance = (deviation * pixels_per_metre).powi(2).max(0.3);
            let radius = ((1.5 * variance + 0.25).sqrt() - 0.5).round().clamp(1.0, 64.0) as usize;
            blur(depth, blurred, scratch, width, radius);
            for ((floor, &depth), &mean) in floor.iter_mut().zip(&*depth).zip(&*blurred) {
                *floor = depth.max(mean - BACKDROP);
            }
            blur(floor, blurred, scratch, width, radius);
            for ((texel, &depth), &mean) in self.texels.iter_mut().zip(&*depth).zip(&*blurred) {
                texel[AMBIENT] -= strength * (mean - depth).clamp(0.0, DEEPEST);
            }
        }
        for texel in &mut self.texels {
            texel[AMBIENT] = texel[AMBIENT].max(0.32);
        }
    }

    /// The remaining shares of the ambient and of the key light at a position of the picture, `distance`
    /// metres away.
    #[inline(always)]
    pub fn at(&self, x: f32, y: f32, distance: f32) -> [f32; 2] {
        let inside = |at: f32, size: usize| {
            let last = (size - 1) as f32 - 1e-3;
            let at = at * 0.5 - 0.5;
            let at = if at > 0.0 { at } else { 0.0 };
            if at < last { at } else { last }
        };
        let (x, y) = (inside(x, self.width), inside(y, self.height));
        let (left, top) = (x as u32, y as u32);
        let (u, v) = (x - left as f32, y - top as f32);
        let at = top as usize * self.width + left as usize;
        let (upper, lower) =
            (self.texels.get(at..at + 2), self.texels.get(at + self.width..at + self.width + 2));
        let (Some(upper), Some(lower)) = (upper, lower) else {
            return [1.0; 2];
        };
        if self.smooth[at] && (upper[0][INVERSE] * distance - 1.0).abs() < 0.02 {
            let mix = |one: Texel, two: Texel, share: f32| -> Texel {
                std::array::from_fn(|k| one[k] + (two[k] - one[k]) * share)
            };
            let mixed = mix(mix(upper[0], lower[0], v), mix(upper[1], lower[1], v), u);
            return [mixed[AMBIENT], mixed[SHADOW]];
        }
        let taps = [upper[0], upper[1], lower[0], lower[1]];
        let weights = [(1.0 - u) * (1.0 - v), u * (1.0 - v), (1.0 - u) * v, u * v];
        let mut sum: Texel = [0.0; 4];
        for (tap, weight) in taps.iter().zip(weights) {
            // The weight of a tap that is 2 % nearer or farther is almost 0.
            let near = 1.0 - 50.0 * (tap[INVERSE] * distance - 1.0).abs();
            let weight = (weight + 1e-3) * if near > 1e-4 { near } else { 1e-4 };
            for k in 0..4 {
                sum[k] += tap[k] * weight;
            }
        }
        let scale = 1.0 / sum[3];
        [sum[AMBIENT] * scale, sum[SHADOW] * scale]
    }
}

/// Draws a row of tiles and calls `store` with the position in the band, the triangle and the depth of each
/// pixel.
fn draw_band(
    tile: &mut TileBuffer<1>,
    bins: &Bins,
    row: usize,
    triangles: &[[u32; 3]],
    screen: &[Vec3],
    [width, height]: [usize; 2],
    mut store: impl FnMut(usize, u32, f32),
) {
    for column in 0..bins.columns {
        let corner = [column * TILE, row * TILE];
        let lists = bins.tile(column, row);
        pulp::Arch::new().dispatch(DrawSamples { tile, corner, lists, triangles, screen });
        for y in 0..TILE.min(height - corner[1]) {
            for x in 0..TILE.min(width - corner[0]) {
                let ([owner], [depth]) = tile.pixel(x, y);
                store(y * width + corner[0] + x, owner, depth);
            }
        }
    }
}

/// The shadow test of a row of texels.
struct CastShadows<'a> {
    y: usize,
    texels: &'a mut [Texel],
    owners: &'a [u32],
    geometry: &'a Geometry,
    projection: &'a Projection,
    light: &'a Light,
    map: &'a [f32],
}

impl pulp::WithSimd for CastShadows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) {
        let Self { y, texels, owners, geometry, projection, light, map } = self;
        // The middle of the four pixels.
        let sy = 2.0 * y as f32 + 1.0;
        let blocks = texels.chunks_mut(LANES).zip(owners.chunks(LANES));
        for (block, (texels, owners)) in blocks.enumerate() {
            if owners.iter().all(|&owner| owner == NOTHING) {
                texels.iter_mut().for_each(|texel| texel[SHADOW] = 1.0);
                continue;
            }
            let (mut normals, mut inverse) = ([[0.0; LANES]; 3], [1.0; LANES]);
            for (lane, (texel, &owner)) in texels.iter().zip(owners).enumerate() {
                if owner != NOTHING {
                    let normal = geometry.faces[owner as usize];
                    (0..3).for_each(|axis| normals[axis][lane] = normal[axis]);
                    inverse[lane] = texel[INVERSE];
                }
            }
            let (mut places, mut turned_away) = ([[0.0; LANES]; 3], [false; LANES]);
            for lane in 0..LANES {
                let sx = 2.0 * (block * LANES) as f32 + 1.0 + 2.0 * lane as f32;
                let point = projection.unproject(sx, sy, 1.0 / inverse[lane]);
                let normal = [normals[0][lane], normals[1][lane], normals[2][lane]];
                let side = if dot(normal, point) > 0.0 { -1.0 } else { 1.0 };
                // A surface turned away from the light gets no key light, in shadow or not.
                turned_away[lane] = side * dot(normal, light.toward) < -0.5;
                let place = light.project(add(point, scale(normal, side * 0.0018)));
                (0..3).for_each(|axis| places[axis][lane] = place[axis]);
            }
            for (lane, (texel, &owner)) in texels.iter_mut().zip(owners).enumerate() {
                texel[SHADOW] = if owner == NOTHING {
                    1.0
                } else if turned_away[lane] {
                    DARKEST
                } else {
                    light.reaches(map, [places[0][lane], places[1][lane], places[2][lane]])
                };
            }
        }
    }
}

/// The key light as an orthographic camera.
struct Light {
    right: Vec3,
    up: Vec3,
    toward: Vec3,
    /// The target of the camera, in camera space.
    target: Vec3,
    texels_per_metre: f32,
}

impl Light {
    fn new(distance: f32, reach: f32) -> Self {
        let toward = unit(KEY);
        let right = unit(cross([0.0, 1.0, 0.0], toward));
        let up = cross(toward, right);
        let texels_per_metre = SHADOW_SIZE as f32 * 0.5 / reach;
        Self { right, up, toward, target: [0.0, 0.0, -distance], texels_per_metre }
    }

    #[inline(always)]
    fn project(&self, point: Vec3) -> Vec3 {
        let p = sub(point, self.target);
        let middle = SHADOW_SIZE as f32 * 0.5;
        let depth = dot(p, self.toward) + SHADOW_DEPTH;
        [
            middle + dot(p, self.right) * self.texels_per_metre,
            middle - dot(p, self.up) * self.texels_per_metre,
            if depth > 1e-3 { depth } else { 1e-3 },
        ]
    }

    /// The share of the light that reaches a projected point.
    #[inline(always)]
    fn reaches(&self, map: &[f32], [u, v, depth]: Vec3) -> f32 {
        let limits = RIM as f32..(SHADOW_SIZE - RIM) as f32;
        if !limits.contains(&u) || !limits.contains(&v) {
            return 1.0;
        }
        // Farther from the point, the surface itself may rise towards the light, hence the bias.
        let lit = |taps: &[[f32; 2]], bias: f32| {
            let free = |&&[du, dv]: &&[f32; 2]| {
                let (x, y) = ((u + du) as i32, (v + dv) as i32);
                map[(y * SHADOW_SIZE as i32 + x) as usize] < depth + bias
            };
            taps.iter().filter(free).count()
        };
        let (square, rest) = OUTER.split_at(4);
        let first = lit(square, 0.0036);
        if first == 0 {
            return DARKEST;
        } else if first == square.len() {
            return 1.0;
        }
        let lit = first + lit(rest, 0.0036) + lit(&INNER, 0.0022);
        DARKEST + (1.0 - DARKEST) * lit as f32 / (OUTER.len() + INNER.len()) as f32
    }
}
