//! The visible points of a picture that are shaded.

use super::camera::Projection;
use super::geometry::{Attributes, Geometry};
use super::occlusion::Occlusion;
use super::vector::Vec3;

/// Points of a batch.
pub(super) const BATCH: usize = 256;

/// The surface of a frame: its triangles, projected, and its occlusion map.
pub(super) struct Surface<'a> {
    pub triangles: &'a [[u32; 3]],
    pub geometry: &'a Geometry,
    pub projection: &'a Projection,
    pub occlusion: &'a Occlusion,
}

/// Visible points, one array for each quantity, so that each step is a loop over vectors.
pub(super) struct Batch {
    pub length: usize,
    /// The pixel in the tile, and the share of the pixel that the point covers.
    pub pixel: [u16; BATCH],
    pub weight: [f32; BATCH],
    /// Triangle, column and row.
    pub owner: [u32; BATCH],
    pub at: [[f32; BATCH]; 2],
    /// Column, row, inverse distance of the triangle's corners.
    corners: [[[f32; BATCH]; 3]; 3],
    /// The weight of each corner, and the visible side of the triangle: 1 front, -1 back.
    shares: [[f32; BATCH]; 3],
    side: [f32; BATCH],
    /// Metres in front of the camera.
    distance: [f32; BATCH],
    attributes: [Attributes; BATCH],
    /// Smooth normal in camera space on the visible side, not of unit length.
    pub normal: [[f32; BATCH]; 3],
    /// Position in camera space, metres; the direction to the eye is opposite to it.
    pub position: [[f32; BATCH]; 3],
    /// Linear colour of the surface; after shading, the light that it sends to the eye.
    pub color: [[f32; BATCH]; 3],
    pub gloss: [f32; BATCH],
    /// The remaining shares of the ambient light (in corners) and of the key light (in shadows).
    pub ambient: [f32; BATCH],
    pub shadow: [f32; BATCH],
}

impl Batch {
    pub fn new() -> Box<Self> {
        let (zero, three) = ([0.0; BATCH], [[0.0; BATCH]; 3]);
        Box::new(Self {
            length: 0,
            pixel: [0; BATCH],
            weight: zero,
            owner: [0; BATCH],
            at: [zero; 2],
            corners: [three; 3],
            shares: three,
            side: zero,
            distance: zero,
            attributes: [[0.0; 8]; BATCH],
            normal: three,
            position: three,
            color: three,
            gloss: zero,
            ambient: zero,
            shadow: zero,
        })
    }

    /// Computes surface, position and occlusion of every point.
    #[inline(always)]
    pub fn locate(&mut self, surface: &Surface) {
        let length = self.length.min(BATCH);
        let geometry = surface.geometry;
        for i in 0..length {
            let triangle = surface.triangles[self.owner[i] as usize];
            for (corner, vertex) in self.corners.iter_mut().zip(triangle) {
                let [x, y, inverse] = geometry.screen[vertex as usize];
                corner[0][i] = x;
                corner[1][i] = y;
                corner[2][i] = inverse;
            }
        }
        self.weigh();
        for i in 0..length {
            let [a, b, c] =
                surface.triangles[self.owner[i] as usize].map(|v| &geometry.attributes[v as usize]);
            let [wa, wb, wc] = [self.shares[0][i], self.shares[1][i], self.shares[2][i]];
            self.attributes[i] = std::array::from_fn(|k| a[k] * wa + b[k] * wb + c[k] * wc);
        }
        for i in 0..BATCH {
            let [x, y, z, gloss, r, g, b, _] = self.attributes[i];
            let side = self.side[i];
            (self.normal[0][i], self.normal[1][i], self.normal[2][i]) = (x * side, y * side, z * side);
            (self.color[0][i], self.color[1][i], self.color[2][i]) = (r, g, b);
            self.gloss[i] = gloss;
            let [x, y, z] = surface.projection.unproject(self.at[0][i], self.at[1][i], self.distance[i]);
            (self.position[0][i], self.position[1][i], self.position[2][i]) = (x, y, z);
        }
        for i in 0..length {
            let [ambient, shadow] = surface.occlusion.at(self.at[0][i], self.at[1][i], self.distance[i]);
            (self.ambient[i], self.shadow[i]) = (ambient, shadow);
        }
    }

    /// Computes the weights of the corners, distance and side from corners and positions.
    #[inline(always)]
    fn weigh(&mut self) {
        let [a, b, c] = &self.corners;
        for i in 0..BATCH {
            let corner = |from: &[[f32; BATCH]; 3]| [from[0][i], from[1][i], from[2][i]];
            let (shares, distance, side) =
                barycentric([corner(a), corner(b), corner(c)], self.at[0][i], self.at[1][i]);
            (self.shares[0][i], self.shares[1][i], self.shares[2][i]) = (shares[0], shares[1], shares[2]);
            self.distance[i] = distance;
            self.side[i] = side;
        }
    }
}

/// Barycentric coordinates (perspective-correct and clamped to the triangle) of a position on the screen, the
/// distance of the point there, and the visible side of the triangle.
#[inline(always)]
fn barycentric([a, b, c]: [Vec3; 3], x: f32, y: f32) -> (Vec3, f32, f32) {
    let (ax, ay, bx, by, cx, cy) = (a[0] - x, a[1] - y, b[0] - x, b[1] - y, c[0] - x, c[1] - y);
    let (ea, eb, ec) = (bx * cy - by * cx, cx * ay - cy * ax, ax * by - ay * bx);
    // Rows count downwards, so the corners of a front run clockwise here.
    let turn = if ea + eb + ec > 0.0 { 1.0 } else { -1.0 };
    let inside = |e: f32| if e * turn > 0.0 { e * turn } else { 0.0 };
    let (ea, eb, ec) = (inside(ea), inside(eb), inside(ec));
    let (wa, wb, wc) = (ea * a[2], eb * b[2], ec * c[2]);
    let sum = wa + wb + wc;
    let scale = 1.0 / sum;
    let thick = sum > 1e-20;
    let or = |value: f32, flat: f32| if thick { value } else { flat };
    (
        [or(wa * scale, 1.0), or(wb * scale, 0.0), or(wc * scale, 0.0)],
        or((ea + eb + ec) * scale, 1.0 / a[2]),
        -turn,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn barycentric_coordinates_stay_inside_even_for_a_needle() {
        let needle = [[0.0, 0.0, 1.0], [10.0, 1e-6, 2.0], [5.0, 0.0, 1.5]];
        for (x, y) in [(3.0, 0.0), (5.0, 4.0), (-2.0, 1.0)] {
            let (weights, distance, _) = barycentric(needle, x, y);
            assert!((0.499..=1.001).contains(&distance), "{distance}");
            assert!(weights.iter().all(|w| (0.0..=1.0).contains(w)), "{weights:?}");
            assert!((weights.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        }
        let flat = [[1.0, 1.0, 1.0]; 3];
        assert_eq!(barycentric(flat, 1.0, 1.0), ([1.0, 0.0, 0.0], 1.0, 1.0));
    }
}
