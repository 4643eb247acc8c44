//! Blur of a plane of numbers by two box filters.

use rayon::prelude::*;

/// Rows that are blurred at the same time.
const CHAINS: usize = 8;

/// Blurs by two boxes of `radius` in each direction; pixels beyond the border count as the border's.
pub(super) fn blur(source: &[f32], target: &mut [f32], scratch: &mut [f32], width: usize, radius: usize) {
    let window = 1.0 / (2 * radius + 1) as f32;
    scratch.par_chunks_mut(CHAINS * width).zip(source.par_chunks(CHAINS * width)).for_each_init(
        || vec![[0.0; CHAINS]; 2 * width],
        |between, (out, rows)| {
            let (first, second) = between.split_at_mut(width);
            for (y, row) in rows.chunks_exact(width).enumerate() {
                first.iter_mut().zip(row).for_each(|(column, &value)| column[y] = value);
            }
            box_rows(first, second, radius, window);
            box_rows(second, first, radius, window);
            for (y, row) in out.chunks_exact_mut(width).enumerate() {
                row.iter_mut().zip(&*first).for_each(|(value, column)| *value = column[y]);
            }
        },
    );
    // Columns, in strips that fit the cache: the running sums of a strip are one vector.
    let height = source.len() / width;
    box_columns(scratch, target, width, height, radius, window);
    scratch.copy_from_slice(target);
    box_columns(scratch, target, width, height, radius, window);
}

/// Blurs several rows at the same time: each step of a running sum depends on the step before, so several
/// sums are interleaved.
fn box_rows(rows: &[[f32; CHAINS]], out: &mut [[f32; CHAINS]], radius: usize, window: f32) {
    let last = rows.len() - 1;
    let mut sums = [0.0f32; CHAINS];
    for offset in -(radius as isize)..=radius as isize {
        let column = rows[offset.clamp(0, last as isize) as usize];
        sums.iter_mut().zip(column).for_each(|(sum, value)| *sum += value);
    }
    for (x, out) in out.iter_mut().enumerate() {
        let (enters, leaves) = (rows[(x + radius + 1).min(last)], rows[x.saturating_sub(radius)]);
        for chain in 0..CHAINS {
            out[chain] = sums[chain] * window;
            sums[chain] += enters[chain] - leaves[chain];
        }
    }
}

fn box_columns(source: &[f32], target: &mut [f32], width: usize, height: usize, radius: usize, window: f32) {
    let row = |y: usize| &source[y * width..(y + 1) * width];
    let mut sums = vec![0.0f32; width];
    for offset in -(radius as isize)..=radius as isize {
        let y = offset.clamp(0, height as isize - 1) as usize;
        for (sum, value) in sums.iter_mut().zip(row(y)) {
            *sum += value;
        }
    }
    for (y, out) in target.chunks_exact_mut(width).enumerate() {
        let (enters, leaves) = (row((y + radius + 1).min(height - 1)), row(y.saturating_sub(radius)));
        for (((out, sum), enters), leaves) in out.iter_mut().zip(&mut sums).zip(enters).zip(leaves) {
            *out = *sum * window;
            *sum += enters - leaves;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_blur_is_two_boxes_each_way_even_when_the_box_is_wider_than_the_picture() {
        for (width, height, radius) in [(1, 1, 3), (7, 5, 1), (13, 4, 6), (3, 19, 2)] {
            let source: Vec<f32> = (0..width * height).map(|k| ((k * 37) % 11) as f32).collect();
            let (mut fast, mut scratch) = (vec![0.0; source.len()], vec![0.0; source.len()]);
            blur(&source, &mut fast, &mut scratch, width, radius);
            let mut slow = source;
            for pass in 0..4 {
                let (dx, dy) = if pass < 2 { (1, 0) } else { (0, 1) };
                let old = slow.clone();
                for (at, value) in slow.iter_mut().enumerate() {
                    let (x, y) = ((at % width) as isize, (at / width) as isize);
                    let r = radius as isize;
                    let near = (-r..=r).map(|k| {
                        let x = (x + dx * k).clamp(0, width as isize - 1) as usize;
                        let y = (y + dy * k).clamp(0, height as isize - 1) as usize;
                        old[y * width + x]
                    });
                    *value = near.sum::<f32>() / (2 * radius + 1) as f32;
                }
            }
            for (fast, slow) in fast.iter().zip(&slow) {
                assert!((fast - slow).abs() < 1e-4, "{width} x {height}, radius {radius}: {fast} for {slow}");
            }
        }
    }
}
