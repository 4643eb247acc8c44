//! Rasterizer: triangles to samples with a z-buffer, one tile of the picture at a time.
//!
//! Edge functions are evaluated in an order that depends only on the edge, not on the triangle. So two
//! neighbours agree to the last bit on which side of their common edge a sample lies, and there are no holes.
//! Larger depth values are nearer.

use super::vector::Vec3;

/// Pixels along the side of a tile: the samples of a tile stay in the first-level cache.
pub(super) const TILE: usize = 32;
/// Samples that are tested at the same time: those of a block, which is four pixels wide.
const LANES: usize = 16;
const WIDE: usize = 4;
/// Blocks in a row of a tile.
const BLOCKS: usize = TILE / WIDE;
/// Pixels along the side of the squares of a tile that are tested for hidden triangles.
const SQUARE: usize = 8;
const SQUARES: usize = TILE / SQUARE;
/// The index that stands for no triangle.
pub(super) const NOTHING: u32 = u32::MAX;

/// Position of each sample in its pixel: the middle, or a rotated grid, which smooths near-vertical and
/// near-horizontal edges better than a straight grid.
pub(super) const fn offsets<const SAMPLES: usize>() -> [[f32; 2]; SAMPLES] {
    const ROTATED: [[f32; 2]; 4] = [[0.375, 0.125], [0.875, 0.375], [0.125, 0.625], [0.625, 0.875]];
    let mut offsets = [[0.5; 2]; SAMPLES];
    let mut sample = 0;
    while SAMPLES == 4 && sample < SAMPLES {
        offsets[sample] = ROTATED[sample];
        sample += 1;
    }
    offsets
}

/// Rows of pixels in a block: more rows if a pixel has fewer samples.
const fn rows<const SAMPLES: usize>() -> usize {
    LANES / (WIDE * SAMPLES)
}

/// Columns and rows of a block's samples from the block's corner; the samples of a pixel are adjacent.
const fn lanes<const SAMPLES: usize>() -> [[f32; LANES]; 2] {
    let offsets = offsets::<SAMPLES>();
    let mut lanes = [[0.0; LANES]; 2];
    let mut lane = 0;
    while lane < LANES {
        let (pixel, sample) = (lane / SAMPLES, lane % SAMPLES);
        lanes[0][lane] = (pixel % WIDE) as f32 + offsets[sample][0];
        lanes[1][lane] = (pixel / WIDE) as f32 + offsets[sample][1];
        lane += 1;
    }
    lanes
}

/// The samples of one tile, block by block: the nearest triangle and its depth.
pub(super) struct TileBuffer<const SAMPLES: usize> {
    depth: Vec<[f32; LANES]>,
    triangle: Vec<[u32; LANES]>,
}

impl<const SAMPLES: usize> TileBuffer<SAMPLES> {
    pub fn new() -> Self {
        let blocks = TILE * TILE * SAMPLES / LANES;
        Self { depth: vec![[0.0; LANES]; blocks], triangle: vec![[NOTHING; LANES]; blocks] }
    }

    /// The triangles and depths of the samples of a pixel.
    #[inline(always)]
    pub fn pixel(&self, x: usize, y: usize) -> ([u32; SAMPLES], [f32; SAMPLES]) {
        let rows = const { rows::<SAMPLES>() };
        let block = y / rows * BLOCKS + x / WIDE;
        let lane = (y % rows * WIDE + x % WIDE) * SAMPLES;
        let (triangle, depth) = (&self.triangle[block], &self.depth[block]);
        (std::array::from_fn(|s| triangle[lane + s]), std::array::from_fn(|s| depth[lane + s]))
    }

    /// Clears the tile and draws the listed fronts and backs into it; the tile's corner lies at pixel
    /// `corner`.
    #[inline(always)]
    pub fn draw(
        &mut self,
        corner: [usize; 2],
        [fronts, backs]: [&[u32]; 2],
        triangles: &[[u32; 3]],
        screen: &[Vec3],
    ) {
        self.depth.fill([0.0; LANES]);
        self.triangle.fill([NOTHING; LANES]);
        let origin = [corner[0] as f32, corner[1] as f32];
        for &index in fronts {
            if let Some(setup) = Setup::new(triangles[index as usize], screen, origin, |_, _| false) {
                self.fill(index, &setup);
            }
        }
        if backs.is_empty() {
            return;
        }
        // Most backs lie behind a front: a test of squares of the tile saves their test of each sample.
        let farthest = self.farthest();
        let hidden = |rectangle: [usize; 4], near: f32| {
            let [x0, x1, y0, y1] = rectangle.map(|at| at / SQUARE);
            (y0..=y1).all(|y| (x0..=x1).all(|x| farthest[y][x] > near))
        };
        for &index in backs {
            if let Some(setup) = Setup::new(triangles[index as usize], screen, origin, hidden) {
                self.fill(index, &setup);
            }
        }
    }

    /// The farthest depth in every square of the tile.
    #[inline(always)]
    fn farthest(&self) -> [[f32; SQUARES]; SQUARES] {
        let mut lanes = [[[f32::INFINITY; LANES]; SQUARES]; SQUARES];
        for (row, blocks) in self.depth.chunks_exact(BLOCKS).enumerate() {
            let squares = &mut lanes[row * const { rows::<SAMPLES>() } / SQUARE];
            for (column, depths) in blocks.iter().enumerate() {
                let square = &mut squares[column * WIDE / SQUARE];
                for (farthest, &depth) in square.iter_mut().zip(depths) {
                    *farthest = if depth < *farthest { depth } else { *farthest };
                }
            }
        }
        lanes.map(|row| row.map(|square| square.into_iter().fold(f32::INFINITY, f32::min)))
    }

    #[inline(always)]
    fn fill(&mut self, index: u32, setup: &Setup) {
        let [across, down] = const { lanes::<SAMPLES>() };
        let rows = const { rows::<SAMPLES>() };
        let Setup { edges, plane, rectangle: [x0, x1, y0, y1], near, far } = *setup;
        let lanes = |[a, b, _]: [f32; 3]| -> [f32; LANES] {
            std::array::from_fn(|lane| a * across[lane] + b * down[lane])
        };
        let (in0, in1, in2, inz) = (lanes(edges[0]), lanes(edges[1]), lanes(edges[2]), lanes(plane));
        for row in y0 / rows..=y1 / rows {
            for column in x0 / WIDE..=x1 / WIDE {
                let (x, y) = ((column * WIDE) as f32, (row * rows) as f32);
                let corner = |[a, b, c]: [f32; 3]| a * x + (b * y + c);
                let (at0, at1, at2, atz) =
                    (corner(edges[0]), corner(edges[1]), corner(edges[2]), corner(plane));
                let depths = &mut self.depth[row * BLOCKS + column];
                let owners = &mut self.triangle[row * BLOCKS + column];
                let (mut depth, mut owner) = (*depths, *owners);
                // Copies and no branches, so that the compiler makes one vector: a set sign bit means outside
                // or behind.
                for lane in 0..LANES {
                    let (e0, e1, e2) = (at0 + in0[lane], at1 + in1[lane], at2 + in2[lane]);
                    let z = atz + inz[lane];
                    let z = if z > near { near } else { z };
                    let z = if z < far { far } else { z };
                    let nearer = (depth[lane] - z).to_bits();
                    let lost = e0.to_bits() | e1.to_bits() | e2.to_bits() | !nearer;
                    let keep = ((lost as i32) >> 31) as u32;
                    depth[lane] = f32::from_bits(depth[lane].to_bits() & keep | z.to_bits() & !keep);
                    owner[lane] = owner[lane] & keep | index & !keep;
                }
                (*depths, *owners) = (depth, owner);
            }
        }
    }
}

/// [`TileBuffer::draw`] compiled for the widest vectors that the processor has.
pub(super) struct DrawSamples<'a, const SAMPLES: usize> {
    pub tile: &'a mut TileBuffer<SAMPLES>,
    pub corner: [usize; 2],
    pub lists: [&'a [u32]; 2],
    pub triangles: &'a [[u32; 3]],
    pub screen: &'a [Vec3],
}

impl<const SAMPLES: usize> pulp::WithSimd for DrawSamples<'_, SAMPLES> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) {
        self.tile.draw(self.corner, self.lists, self.triangles, self.screen);
    }
}

/// A triangle in the coordinates of a tile.
struct Setup {
    /// a x + b y + c >= 0 inside.
    edges: [[f32; 3]; 3],
    /// Depth as a x + b y + c.
    plane: [f32; 3],
    /// First and last column, first and last row.
    rectangle: [usize; 4],
    near: f32,
    far: f32,
}

impl Setup {
    /// `None` for a triangle without an area, outside the tile, or whose rectangle is `hidden` at its nearest
    /// depth.
    #[inline(always)]
    fn new(
        triangle: [u32; 3],
        screen: &[Vec3],
        origin: [f32; 2],
        hidden: impl Fn([usize; 4], f32) -> bool,
    ) -> Option<Self> {
        let corners = triangle.map(|v| {
            let [x, y, z] = screen[v as usize];
            [x - origin[0], y - origin[1], z]
        });
        let [a, b, c] = corners;
        let area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
        // Written so that a NaN is rejected too.
        if !(area.abs() > 1e-7 && area.is_finite()) {
            return None;
        }
        let last = (TILE - 1) as f32;
        let span = |u: f32, v: f32, w: f32| {
            let (low, high) = (u.min(v).min(w), u.max(v).max(w));
            (high >= 0.0 && low <= last + 1.0)
                .then(|| (low.max(0.0).min(last) as usize, high.min(last) as usize))
        };
        let (x0, x1) = span(a[0], b[0], c[0])?;
        let (y0, y1) = span(a[1], b[1], c[1])?;
        let (rectangle, near) = ([x0, x1, y0, y1], a[2].max(b[2]).max(c[2]));
        if hidden(rectangle, near) {
            return None;
        }
        let side = area.signum();
        let edges: [[f32; 3]; 3] = std::array::from_fn(|k| {
            let (from, to) = ((k + 1) % 3, (k + 2) % 3);
            let forward = triangle[from] < triangle[to];
            let (p, q) = if forward { (corners[from], corners[to]) } else { (corners[to], corners[from]) };
            let sign = if forward { side } else { -side };
            [(p[1] - q[1]) * sign, (q[0] - p[0]) * sign, (p[0] * q[1] - p[1] * q[0]) * sign]
        });
        let per_area = 1.0 / area.abs();
        let plane = std::array::from_fn(|k| {
            (edges[0][k] * a[2] + edges[1][k] * b[2] + edges[2][k] * c[2]) * per_area
        });
        Some(Self { edges, plane, rectangle, near, far: a[2].min(b[2]).min(c[2]) })
    }
}

#[cfg(test)]
mod tests {
    use super::super::bins::Bins;
    use super::*;

    fn random(state: &mut u64) -> f32 {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*state >> 40) as f32 / (1u64 << 24) as f32
    }

    #[test]
    fn a_shaken_grid_of_triangles_covers_every_sample_of_every_tile() {
        let mut state = 7;
        let cells = 41;
        let size = 131.0;
        let mut screen = Vec::new();
        for y in 0..=cells {
            for x in 0..=cells {
                let inside = x > 0 && y > 0 && x < cells && y < cells;
                let mut at = |k: i32| {
                    let shake = if inside { random(&mut state) * 0.9 - 0.45 } else { 0.0 };
                    (k as f32 + shake) * (size + 2.0) / cells as f32 - 1.0
                };
                screen.push([at(x), at(y), 1.0]);
            }
        }
        let mut triangles = Vec::new();
        for y in 0..cells as u32 {
            for x in 0..cells as u32 {
                let a = y * (cells as u32 + 1) + x;
                let (b, c, d) = (a + 1, a + cells as u32 + 1, a + cells as u32 + 2);
                triangles.extend([[a, b, c], [b, c, d]]);
            }
        }
        let mut bins = Bins::default();
        bins.fill(&triangles, &screen, &vec![false; triangles.len()], 131, 131);
        let mut tile = TileBuffer::<4>::new();
        for row in 0..bins.rows {
            for column in 0..bins.columns {
                tile.draw([column * TILE, row * TILE], bins.tile(column, row), &triangles, &screen);
                for y in 0..TILE.min(131 - row * TILE) {
                    for x in 0..TILE.min(131 - column * TILE) {
                        let (owners, depths) = tile.pixel(x, y);
                        assert!(
                            owners.iter().all(|&t| t != NOTHING),
                            "hole at {x} {y} of tile {column} {row}"
                        );
                        assert!(depths.iter().all(|&z| z == 1.0));
                    }
                }
            }
        }
    }

    #[test]
    fn degenerate_and_endless_triangles_draw_nothing_and_harm_nothing() {
        let screen = [
            [3.0, 3.0, 1.0],
            [9.0, 9.0, 1.0],
            [6.0, 6.0, 1.0],
            [f32::INFINITY, 0.0, 1.0],
            [1e38, -1e38, 1.0],
            [5.0, 60.0, 0.0],
        ];
        let triangles = [[0, 1, 2], [0, 0, 1], [0, 1, 3], [0, 3, 4], [0, 1, 5]];
        let mut bins = Bins::default();
        bins.fill(&triangles, &screen, &[false; 5], 100, 70);
        let mut tile = TileBuffer::<1>::new();
        tile.draw([0, 0], bins.tile(0, 0), &triangles, &screen);
        assert!((0..TILE).all(|y| (0..TILE).all(|x| tile.pixel(x, y).0 == [NOTHING])));
    }

    #[test]
    fn the_nearer_triangle_wins_whatever_the_order() {
        let screen = [
            [0.0, 0.0, 1.0],
            [70.0, 0.0, 1.0],
            [0.0, 70.0, 1.0],
            [0.0, 0.0, 2.0],
            [70.0, 0.0, 2.0],
            [0.0, 70.0, 2.0],
        ];
        for (triangles, winner) in [([[0, 1, 2], [3, 4, 5]], 1), ([[3, 5, 4], [0, 1, 2]], 0)] {
            let mut tile = TileBuffer::<4>::new();
            tile.draw([0, 0], [&[0, 1], &[]], &triangles, &screen);
            assert_eq!(tile.pixel(5, 5).0, [winner; 4]);
        }
    }
}
