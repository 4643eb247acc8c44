//! Lists of the triangles that touch each tile of the picture.

use super::raster::TILE;
use super::vector::Vec3;

/// For each tile the triangles that touch it: those that show their front and those that show their back,
/// each in the order of the mesh.
#[derive(Default)]
pub(super) struct Bins {
    pub columns: usize,
    pub rows: usize,
    starts: Vec<u32>,
    list: Vec<u32>,
    /// For each triangle: first and last + 1 column and row of tiles, and 1 if it shows its back.
    rectangles: Vec<[u16; 5]>,
}

impl Bins {
    /// Sorts the triangles, whose corners are at `screen` (column, row, depth; depth 0: not visible), into
    /// tiles. A triangle of a `closed` part that shows its back is left out.
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
        let lists = 2 * self.columns * self.rows;
        self.starts.clear();
        self.starts.resize(lists + 1, 0);
        self.rectangles.clear();
        let (right, bottom) = (width as f32, height as f32);
        for (triangle, &closed) in triangles.iter().zip(closed) {
            let [a, b, c] = triangle.map(|v| screen[v as usize]);
            let (x0, x1) = (a[0].min(b[0]).min(c[0]), a[0].max(b[0]).max(c[0]));
            let (y0, y1) = (a[1].min(b[1]).min(c[1]), a[1].max(b[1]).max(c[1]));
            // Rows count downwards, so the corners of a front run clockwise here.
            let back = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]) > 0.0;
            let seen = a[2] > 0.0 && b[2] > 0.0 && c[2] > 0.0 && !(closed && back);
            let touches = seen && x1 >= 0.0 && y1 >= 0.0 && x0 < right && y0 < bottom;
            let tile = |at: f32, limit: f32| at.clamp(0.0, limit - 1.0) as u16 / TILE as u16;
            let rectangle = if touches {
                [
                    tile(x0, right),
                    tile(x1, right) + 1,
                    tile(y0, bottom),
                    tile(y1, bottom) + 1,
                    u16::from(back),
                ]
            } else {
                [0; 5]
            };
            self.rectangles.push(rectangle);
            for_lists(rectangle, self.columns, |list| self.starts[list + 1] += 1);
        }
        for list in 0..lists {
            self.starts[list + 1] += self.starts[list];
        }
        self.list.clear();
        self.list.resize(self.starts[lists] as usize, 0);
        // The loop moves `starts[t]` forward to the start of list t + 1; the shift below moves it back.
        for (index, &rectangle) in self.rectangles.iter().enumerate() {
            for_lists(rectangle, self.columns, |list| {
                self.list[self.starts[list] as usize] = index as u32;
                self.starts[list] += 1;
            });
        }
        self.starts.pop();
        self.starts.insert(0, 0);
    }

    /// The triangles of one tile: fronts and backs.
    pub fn tile(&self, column: usize, row: usize) -> [&[u32]; 2] {
        let tile = row * self.columns + column;
        [2 * tile, 2 * tile + 1]
            .map(|list| &self.list[self.starts[list] as usize..self.starts[list + 1] as usize])
    }
}

#[inline(always)]
fn for_lists([x0, x1, y0, y1, back]: [u16; 5], columns: usize, mut action: impl FnMut(usize)) {
    for y in y0..y1 {
        for x in x0..x1 {
            action(2 * (y as usize * columns + x as usize) + back as usize);
        }
    }
}
