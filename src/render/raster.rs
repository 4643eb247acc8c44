//! Triangles to samples: the z-buffer, one tile of the picture at a time.
//!
//! Edge functions are evaluated in an order that depends on the edge alone, not on the triangle, so two neighbours
//! agree to the last bit on which side of their edge a sample lies: no holes. Larger depth values are nearer.

use super::vector::Vec3;

/// Pixels along the side of a tile.
pub(super) const TILE: usize = 64;
/// Pixels that are tested at once.
const LANES: usize = 8;
const LANE: [f32; LANES] = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0];
const CHUNKS: usize = TILE / LANES;
/// The index of no triangle.
pub(super) const NOTHING: u32 = u32::MAX;

/// Where in its pixel each sample lies: the middle, or a rotated grid, which smooths near-vertical and near-horizontal
/// edges better than a straight one.
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

/// Which triangles touch which tile, in the triangles' order.
#[derive(Default)]
pub(super) struct Bins {
    pub columns: usize,
    pub rows: usize,
    starts: Vec<u32>,
    list: Vec<u32>,
    rectangles: Vec<[u16; 4]>,
}

impl Bins {
    /// Sorts the triangles whose corners are at `screen` (column, row, depth; depth 0: not visible) into tiles, but for
    /// those that belong to a `closed` part and show their back.
    pub fn fill(
        &mut self,
        triangles: &[[u32; 3]],
        screen: &[Vec3],
        closed: &[bool],
        width: usize,
        height: usize,
    ) {
        self.columns = width.div_ceil(TILE);
        self.rows = height.div_ceil(TILE);
        self.starts.clear();
        self.starts.resize(self.columns * self.rows + 1, 0);
        self.rectangles.clear();
        let (right, bottom) = (width as f32, height as f32);
        for (triangle, &closed) in triangles.iter().zip(closed) {
            let [a, b, c] = triangle.map(|v| screen[v as usize]);
            let (x0, x1) = (a[0].min(b[0]).min(c[0]), a[0].max(b[0]).max(c[0]));
            let (y0, y1) = (a[1].min(b[1]).min(c[1]), a[1].max(b[1]).max(c[1]));
            // Rows count downwards, so a front runs clockwise here.
            let back = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]) > 0.0;
            let seen = a[2] > 0.0 && b[2] > 0.0 && c[2] > 0.0 && !(closed && back);
            let touches = seen && x1 >= 0.0 && y1 >= 0.0 && x0 < right && y0 < bottom;
            let tile = |at: f32, limit: f32| at.clamp(0.0, limit - 1.0) as u16 / TILE as u16;
            let rectangle = if touches {
                [tile(x0, right), tile(x1, right) + 1, tile(y0, bottom), tile(y1, bottom) + 1]
            } else {
                [0; 4]
            };
            self.rectangles.push(rectangle);
            for_tiles(rectangle, self.columns, |tile| self.starts[tile + 1] += 1);
        }
        for tile in 0..self.columns * self.rows {
            self.starts[tile + 1] += self.starts[tile];
        }
        self.list.clear();
        self.list.resize(self.starts[self.columns * self.rows] as usize, 0);
        // From here on `starts[t]` runs ahead to the start of tile t + 1; the shift below takes it back.
        for (index, &rectangle) in self.rectangles.iter().enumerate() {
            for_tiles(rectangle, self.columns, |tile| {
                self.list[self.starts[tile] as usize] = index as u32;
                self.starts[tile] += 1;
            });
        }
        self.starts.pop();
        self.starts.insert(0, 0);
    }

    /// The triangles of one tile.
    pub fn tile(&self, column: usize, row: usize) -> &[u32] {
        let tile = row * self.columns + column;
        &self.list[self.starts[tile] as usize..self.starts[tile + 1] as usize]
    }
}

#[inline(always)]
fn for_tiles([x0, x1, y0, y1]: [u16; 4], columns: usize, mut action: impl FnMut(usize)) {
    for y in y0..y1 {
        for x in x0..x1 {
            action(y as usize * columns + x as usize);
        }
    }
}

/// The samples of one tile: the nearest triangle and its depth.
pub(super) struct TileBuffer<const SAMPLES: usize> {
    depth: Vec<[[f32; LANES]; SAMPLES]>,
    triangle: Vec<[[u32; LANES]; SAMPLES]>,
}

impl<const SAMPLES: usize> TileBuffer<SAMPLES> {
    pub fn new() -> Self {
        Self {
            depth: vec![[[0.0; LANES]; SAMPLES]; CHUNKS * TILE],
            triangle: vec![[[NOTHING; LANES]; SAMPLES]; CHUNKS * TILE],
        }
    }

    /// The triangles and depths under the samples of a pixel.
    #[inline(always)]
    pub fn pixel(&self, x: usize, y: usize) -> ([u32; SAMPLES], [f32; SAMPLES]) {
        let (chunk, lane) = (y * CHUNKS + x / LANES, x % LANES);
        let (triangle, depth) = (&self.triangle[chunk], &self.depth[chunk]);
        (std::array::from_fn(|s| triangle[s][lane]), std::array::from_fn(|s| depth[s][lane]))
    }

    /// Empties the tile and draws the listed triangles into it; the tile's corner lies at pixel `corner`.
    #[inline(always)]
    pub fn draw(&mut self, corner: [usize; 2], list: &[u32], triangles: &[[u32; 3]], screen: &[Vec3]) {
        self.depth.fill([[0.0; LANES]; SAMPLES]);
        self.triangle.fill([[NOTHING; LANES]; SAMPLES]);
        let origin = [corner[0] as f32, corner[1] as f32];
        for &index in list {
            if let Some(setup) = Setup::new(triangles[index as usize], screen, origin, Side::Front) {
                self.fill(index, &setup);
            }
        }
        // Most backs lie behind a front: a look at blocks of the tile spares them the sample by sample test.
        let farthest = self.farthest();
        for &index in list {
            if let Some(setup) = Setup::new(triangles[index as usize], screen, origin, Side::Back) {
                let [x0, x1, y0, y1] = setup.rectangle.map(|at| at / LANES);
                let hidden = (y0..=y1).all(|y| (x0..=x1).all(|x| farthest[y][x] > setup.near));
                if !hidden {
                    self.fill(index, &setup);
                }
            }
        }
    }

    /// The farthest depth in every block of [`LANES`] x [`LANES`] pixels.
    #[inline(always)]
    fn farthest(&self) -> [[f32; CHUNKS]; CHUNKS] {
        let mut farthest = [[f32::INFINITY; CHUNKS]; CHUNKS];
        for (row, blocks) in self.depth.chunks_exact(CHUNKS * LANES).zip(&mut farthest) {
            for (chunk, depths) in row.iter().enumerate() {
                let block = &mut blocks[chunk % CHUNKS];
                for &depth in depths.as_flattened() {
                    *block = if depth < *block { depth } else { *block };
                }
            }
        }
        farthest
    }

    #[inline(always)]
    fn fill(&mut self, index: u32, setup: &Setup) {
        let offsets = const { offsets::<SAMPLES>() };
        let Setup { edges, plane, rectangle: [x0, x1, y0, y1], near, far } = *setup;
        for y in y0..=y1 {
            let rows: [[f32; 4]; SAMPLES] = std::array::from_fn(|s| {
                let sy = y as f32 + offsets[s][1];
                [
                    edges[0][1] * sy + edges[0][2],
                    edges[1][1] * sy + edges[1][2],
                    edges[2][1] * sy + edges[2][2],
                    plane[1] * sy + plane[2],
                ]
            });
            for chunk in x0 / LANES..=x1 / LANES {
                let depths = &mut self.depth[y * CHUNKS + chunk];
                let owners = &mut self.triangle[y * CHUNKS + chunk];
                for s in 0..SAMPLES {
                    let (mut depth, mut owner, row) = (depths[s], owners[s], rows[s]);
                    let left = (chunk * LANES) as f32 + offsets[s][0];
                    // Copies and no branches, so that it becomes one vector: a set sign bit means outside or behind.
                    for lane in 0..LANES {
                        let sx = left + LANE[lane];
                        let e0 = edges[0][0] * sx + row[0];
                        let e1 = edges[1][0] * sx + row[1];
                        let e2 = edges[2][0] * sx + row[2];
                        let z = plane[0] * sx + row[3];
                        let z = if z > near { near } else { z };
                        let z = if z < far { far } else { z };
                        let nearer = (depth[lane] - z).to_bits();
                        let lost = e0.to_bits() | e1.to_bits() | e2.to_bits() | !nearer;
                        let keep = ((lost as i32) >> 31) as u32;
                        depth[lane] = f32::from_bits(depth[lane].to_bits() & keep | z.to_bits() & !keep);
                        owner[lane] = owner[lane] & keep | index & !keep;
                    }
                    (depths[s], owners[s]) = (depth, owner);
                }
            }
        }
    }
}

/// [`TileBuffer::draw`] compiled for the widest vectors that the processor has.
pub(super) struct DrawSamples<'a, const SAMPLES: usize> {
    pub tile: &'a mut TileBuffer<SAMPLES>,
    pub corner: [usize; 2],
    pub list: &'a [u32],
    pub triangles: &'a [[u32; 3]],
    pub screen: &'a [Vec3],
}

impl<const SAMPLES: usize> pulp::WithSimd for DrawSamples<'_, SAMPLES> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) {
        self.tile.draw(self.corner, self.list, self.triangles, self.screen);
    }
}

/// The side of a triangle that is seen.
#[derive(Clone, Copy, PartialEq)]
enum Side {
    Front,
    Back,
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
    #[inline(always)]
    fn new(triangle: [u32; 3], screen: &[Vec3], origin: [f32; 2], wanted: Side) -> Option<Self> {
        let corners = triangle.map(|v| {
            let [x, y, z] = screen[v as usize];
            [x - origin[0], y - origin[1], z]
        });
        let [a, b, c] = corners;
        let area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
        // Written so that a NaN, too, is turned away.
        if !(area.abs() > 1e-7 && area.is_finite()) {
            return None;
        }
        // Rows count downwards, so a front runs clockwise here.
        let seen = if area > 0.0 { Side::Back } else { Side::Front };
        if seen != wanted {
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
        let last = (TILE - 1) as f32;
        let span = |u: f32, v: f32, w: f32| {
            let (low, high) = (u.min(v).min(w), u.max(v).max(w));
            (high >= 0.0 && low <= last + 1.0)
                .then(|| (low.max(0.0).min(last) as usize, high.min(last) as usize))
        };
        let (x0, x1) = span(a[0], b[0], c[0])?;
        let (y0, y1) = span(a[1], b[1], c[1])?;
        Some(Self {
            edges,
            plane,
            rectangle: [x0, x1, y0, y1],
            near: a[2].max(b[2]).max(c[2]),
            far: a[2].min(b[2]).min(c[2]),
        })
    }
}

#[cfg(test)]
mod tests {
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
            tile.draw([0, 0], &[0, 1], &triangles, &screen);
            assert_eq!(tile.pixel(5, 5).0, [winner; 4]);
        }
    }
}
