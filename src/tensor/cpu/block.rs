//! The choice of the tile for a block of a product, by the number format of its panels.

use super::bf16;
use super::panels::Format;
use super::tile::Block;

impl Block<'_> {
    /// Computes the block on the calling thread.
    pub fn compute(self) {
        if self.rows == 0 || self.b.columns() == 0 {
            return;
        }
        match self.b.format() {
            Format::F32 => pulp::Arch::new().dispatch(self),
            Format::Bf16 => bf16::compute(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::operands::{Finish, Matrix};
    use super::super::panels::Panels;
    use super::*;
    use crate::tensor::Activation;

    fn values(count: usize, seed: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * 37 + seed * 11) % 101) as f32 / 50.0 - 1.0).collect()
    }

    #[test]
    fn any_size_is_the_product_that_a_plain_loop_makes() {
        for format in [Format::F32, Format::Bf16] {
            if format == Format::F32 || bf16::is_available() {
                any_size(format);
            }
        }
    }

    fn any_size(format: Format) {
        // The numbers that are multiplied: the values, or their nearest values in the format.
        let seen = |x: f32| match format {
            Format::F32 => f64::from(x),
            Format::Bf16 => f64::from(half::bf16::from_f32(x).to_f32()),
        };
        let sizes = [(1, 1, 1), (13, 33, 17), (12, 32, 16), (25, 70, 513), (5, 31, 1100), (5, 31, 2101)];
        for (rows, columns, depth) in sizes {
            let (a, b, bias) =
                (values(rows * (depth + 3), 1), values(columns * depth, 2), values(columns, 3));
            let b_rows: Vec<f32> =
                (0..depth * columns).map(|i| b[i % columns * depth + i / columns]).collect();
            let stride = columns + 2;
            for panels in [
                Panels::from_transposed(&b, depth, columns, depth, format),
                Panels::from_rows(&b_rows, columns, columns, depth, format),
            ] {
                let mut out = vec![f32::NAN; rows * stride];
                let finish = Finish { bias: Some(&bias), activation: Activation::Relu };
                let a_rows = Matrix::rows(&a, depth + 3);
                Block { a: a_rows, rows, b: &panels, out: &mut out, stride, finish }.compute();
                for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
                    let products =
                        (0..depth).map(|i| seen(a[row * (depth + 3) + i]) * seen(b[column * depth + i]));
                    let sum: f64 = products.clone().sum();
                    // The rounding error grows with the sum of the absolute products, also where they cancel.
                    let limit = 1e-6 * products.fold(1.0, |sum, product| sum + product.abs());
                    let expected = (sum + f64::from(bias[column])).max(0.0);
                    let found = f64::from(out[row * stride + column]);
                    let what = format!("{format:?} {rows} {columns} {depth}");
                    assert!((found - expected).abs() < limit, "{what}: {found} {expected}");
                }
                assert!(out.iter().skip(columns).step_by(stride).all(|beyond| beyond.is_nan()));
            }
        }
    }
}
