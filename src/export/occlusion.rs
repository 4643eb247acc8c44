//! Ambient occlusion for each vertex: the share of the sky that is visible from it.
//!
//! The mesh is drawn as a depth map from directions spread evenly over the sphere. A direction is visible
//! from a vertex if no triangle lies in front of it there. Light is weighted by the cosine to the normal, so
//! the result is the brightness of a matt surface under an even sky.

use rayon::prelude::*;

/// Directions from which the mesh is drawn. Their number sets the resolution: about half of them are on a
/// vertex's side.
const DIRECTIONS: usize = 96;
/// Pixels along each side of a depth map.
const SIDE: usize = 192;
/// The most layers of triangles over a whole map; a head has about four. A direction in which there are more
/// is left out, so that the work is bounded by the number of triangles.
const MOST_LAYERS: usize = 64;
/// How far, in pixels, something must lie in front of a vertex to hide it: the slope of a triangle inside a
/// pixel must not.
const BIAS: f32 = 2.0;

/// The open share of the sky over each vertex, (V): 0 enclosed, 1 free.
///
/// `positions` (V, 3), `normals` (V, 3) of unit length, `faces` as in [`crate::rig::Face`]. The same input
/// gives the same bytes.
pub(super) fn openness(positions: &[f32], normals: &[f32], faces: &[[u32; 3]]) -> Vec<f32> {
    let vertices = positions.as_chunks::<3>().0;
    let normals = normals.as_chunks::<3>().0;
    let (center, radius) = ball(vertices);
    let zero = || vec![[0.0f32; 2]; vertices.len()];
    let directions: Vec<[f32; 3]> = (0..DIRECTIONS).map(direction).collect();
    // Sums over fixed chunks, added in order, so that float sums do not depend on the number of threads.
    let sums: Vec<Vec<[f32; 2]>> = directions
        .par_chunks(16)
        .map(|some| {
            let mut sums = zero();
            let mut map = DepthMap::new(vertices.len());
            for &toward in some {
                if !map.draw(vertices, faces, center, radius, toward) {
                    continue;
                }
                for ((sum, normal), seen) in sums.iter_mut().zip(normals).zip(&map.projected) {
                    let cosine = dot(*normal, toward);
                    if cosine > 0.0 {
                        sum[0] += if map.sees(*seen) { cosine } else { 0.0 };
                        sum[1] += cosine;
                    }
                }
            }
            sums
        })
        .collect();
    let mut total = zero();
    for part in &sums {
        for (t, p) in total.iter_mut().zip(part) {
            *t = [t[0] + p[0], t[1] + p[1]];
        }
    }
    total.into_iter().map(|[open, all]| if all > 0.0 { open / all } else { 1.0 }).collect()
}

/// A depth map toward one direction, in pixels.
struct DepthMap {
    nearest: Vec<f32>,
    /// Each vertex as (column, row, depth).
    projected: Vec<[f32; 3]>,
}

impl DepthMap {
    fn new(vertices: usize) -> Self {
        Self { nearest: vec![f32::NEG_INFINITY; SIDE * SIDE], projected: vec![[0.0; 3]; vertices] }
    }

    /// False if too many triangles lie one over another.
    fn draw(
        &mut self,
        vertices: &[[f32; 3]],
        faces: &[[u32; 3]],
        center: [f32; 3],
        radius: f32,
        toward: [f32; 3],
    ) -> bool {
        self.nearest.fill(f32::NEG_INFINITY);
        let (across, up) = frame(toward);
        let scale = (SIDE as f32 * 0.5 - 1.0) / radius;
        let half = SIDE as f32 * 0.5;
        for (out, v) in self.projected.iter_mut().zip(vertices) {
            let d = std::array::from_fn(|k| (v[k] - center[k]) * scale);
            *out = [dot(d, across) + half, dot(d, up) + half, dot(d, toward)];
        }
        let mut room = MOST_LAYERS * SIDE * SIDE;
        faces.iter().all(|face| {
            let [a, b, c] = face.map(|i| self.projected[i as usize]);
            let pixels = self.fill(a, b, c);
            room = room.saturating_sub(pixels);
            room > 0
        })
    }

    /// Keeps the nearest depth of a triangle at every pixel centre that it covers, whichever way it faces.
    /// Returns the number of pixels that were looked at: the bounding box.
    fn fill(&mut self, a: [f32; 3], b: [f32; 3], c: [f32; 3]) -> usize {
        let area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
        if area.abs() < 1e-9 {
            return 0;
        }
        let low = |k: usize| (a[k].min(b[k]).min(c[k]) - 0.5).ceil().max(0.0) as usize;
        let high =
            |k: usize| ((a[k].max(b[k]).max(c[k]) - 0.5).floor() + 1.0).clamp(0.0, SIDE as f32) as usize;
        let (rows, columns) = (low(1)..high(1), low(0)..high(0));
        let pixels = rows.len() * columns.len();
        for row in rows {
            let y = row as f32 + 0.5;
            for column in columns.clone() {
                let x = column as f32 + 0.5;
                let wb = ((x - a[0]) * (c[1] - a[1]) - (y - a[1]) * (c[0] - a[0])) / area;
                let wc = ((b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0])) / area;
                if wb >= 0.0 && wc >= 0.0 && wb + wc <= 1.0 {
                    let depth = a[2] + wb * (b[2] - a[2]) + wc * (c[2] - a[2]);
                    let nearest = &mut self.nearest[row * SIDE + column];
                    *nearest = nearest.max(depth);
                }
            }
        }
        pixels
    }

    fn sees(&self, [column, row, depth]: [f32; 3]) -> bool {
        let pixel = |v: f32| (v.max(0.0) as usize).min(SIDE - 1);
        self.nearest[pixel(row) * SIDE + pixel(column)] <= depth + BIAS
    }
}

/// A ball around all vertices: its centre and radius (never 0).
fn ball(vertices: &[[f32; 3]]) -> ([f32; 3], f32) {
    let edge = |pick: fn(f32, f32) -> f32, start: f32| {
        vertices.iter().fold([start; 3], |m, v| std::array::from_fn(|k| pick(m[k], v[k])))
    };
    let (low, high) = (edge(f32::min, f32::INFINITY), edge(f32::max, f32::NEG_INFINITY));
    let center: [f32; 3] = std::array::from_fn(|k| 0.5 * (low[k] + high[k]));
    let radius = vertices
        .iter()
        .map(|v| (0..3).map(|k| (v[k] - center[k]).powi(2)).sum::<f32>().sqrt())
        .fold(1e-6, f32::max);
    (center, radius)
}

/// Point `index` of a Fibonacci spiral over the sphere.
fn direction(index: usize) -> [f32; 3] {
    let y = 1.0 - (2.0 * index as f32 + 1.0) / DIRECTIONS as f32;
    let turn = index as f32 * std::f32::consts::PI * (3.0 - 5f32.sqrt());
    let ring = (1.0 - y * y).max(0.0).sqrt();
    [ring * turn.cos(), y, ring * turn.sin()]
}

/// Two unit vectors that span the plane perpendicular to `d`.
fn frame(d: [f32; 3]) -> ([f32; 3], [f32; 3]) {
    let helper = if d[1].abs() < 0.9 { [0.0, 1.0, 0.0] } else { [1.0, 0.0, 0.0] };
    let across = cross(helper, d);
    let length = dot(across, across).sqrt();
    let across = across.map(|v| v / length);
    (across, cross(d, across))
}

fn dot(a: [f32; 3], b: [f32; 3]) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn cross(a: [f32; 3], b: [f32; 3]) -> [f32; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A square of 2 m in the plane `y`, facing up, divided into `n` by `n` cells.
    fn square(y: f32, n: u32, first: u32) -> (Vec<f32>, Vec<[u32; 3]>) {
        let at = |i: u32| 2.0 * i as f32 / n as f32 - 1.0;
        let vertices = (0..=n).flat_map(|i| (0..=n).flat_map(move |j| [at(i), y, at(j)])).collect();
        let corner = |i: u32, j: u32| first + i * (n + 1) + j;
        let faces = (0..n)
            .flat_map(|i| (0..n).map(move |j| (i, j)))
            .flat_map(|(i, j)| {
                [
                    [corner(i, j), corner(i, j + 1), corner(i + 1, j)],
                    [corner(i + 1, j), corner(i, j + 1), corner(i + 1, j + 1)],
                ]
            })
            .collect();
        (vertices, faces)
    }

    #[test]
    fn a_free_plane_sees_all_of_its_sky_and_one_under_a_lid_sees_little() {
        let (floor, mut faces) = square(0.0, 7, 0);
        let up: Vec<f32> = [0.0, 1.0, 0.0].repeat(64);
        let free = openness(&floor, &up, &faces);
        assert!(free.iter().all(|&o| o > 0.95), "{free:?}");

        let (lid, lid_faces) = square(0.2, 7, 64);
        faces.extend(lid_faces);
        let both = openness(&[floor, lid].concat(), &[up.clone(), up].concat(), &faces);
        let middle = both[3 * 8 + 3];
        assert!(middle < 0.1, "{middle}");
        assert!(both[0] > middle, "the border sees more than the middle");
        assert!(both[64..].iter().all(|&o| o > 0.95), "the lid's own sky is free");
    }

    #[test]
    fn twenty_thousand_equal_triangles_take_no_longer_than_a_head() {
        let positions = [-1.0, 0.0, -1.0, 1.0, 0.0, -1.0, 0.0, 0.0, 1.0];
        let up = [0.0, 1.0, 0.0].repeat(3);
        let begun = std::time::Instant::now();
        let open = openness(&positions, &up, &vec![[0, 1, 2]; 20_000]);
        assert!(open.iter().all(|open| (0.0..=1.0).contains(open)), "{open:?}");
        assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
    }

    #[test]
    fn degenerate_meshes_do_not_fail() {
        assert!(openness(&[], &[], &[]).is_empty());
        assert_eq!(openness(&[1.0, 2.0, 3.0], &[0.0, 0.0, 0.0], &[[0, 0, 0]]), [1.0]);
    }
}
