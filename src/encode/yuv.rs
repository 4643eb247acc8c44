//! RGB to luma and chroma planes: BT.709, limited range, 4:2:0.

use crate::render::Image;

/// A picture with even sides in three planes: luma, and two planes of chroma at half the width and height.
#[derive(Default)]
pub(super) struct Planes {
    pub luma: Vec<u8>,
    pub cb: Vec<u8>,
    pub cr: Vec<u8>,
}

/// Fixed-point numbers have this many bits after the point.
const BITS: u32 = 16;

/// `219 / 255` (luma) or `224 / 255` (chroma) times the weights of BT.709.
const LUMA: [i32; 3] = weights(219.0 / 255.0, [0.2126, 0.7152, 0.0722], 1.0);
const CB: [i32; 3] = weights(224.0 / 255.0, [-0.2126, -0.7152, 0.9278], 1.8556);
const CR: [i32; 3] = weights(224.0 / 255.0, [0.7874, -0.7152, -0.0722], 1.5748);

const fn weights(range: f64, [r, g, b]: [f64; 3], divisor: f64) -> [i32; 3] {
    let one = (1 << BITS) as f64 * range / divisor;
    [(r * one) as i32, (g * one) as i32, (b * one) as i32]
}

impl Planes {
    /// Converts a picture; a chroma sample is the mean of its four pixels.
    pub fn fill(&mut self, image: &Image) {
        let (width, height) = (image.width as usize, image.height as usize);
        self.luma.resize(width * height, 0);
        self.cb.resize(width * height / 4, 0);
        self.cr.resize(width * height / 4, 0);
        let pairs = image.pixels.chunks_exact(width * 8).zip(self.luma.chunks_exact_mut(width * 2));
        let colors = self.cb.chunks_exact_mut(width / 2).zip(self.cr.chunks_exact_mut(width / 2));
        for ((pixels, luma), (cb, cr)) in pairs.zip(colors) {
            for (pixel, out) in pixels.as_chunks::<4>().0.iter().zip(luma) {
                *out = (16 + (dot(LUMA, pixel.map(i32::from)) >> BITS)) as u8;
            }
            let (upper, lower) = pixels.split_at(width * 4);
            let squares = upper.as_chunks::<8>().0.iter().zip(lower.as_chunks::<8>().0);
            for ((upper, lower), (cb, cr)) in squares.zip(cb.iter_mut().zip(cr)) {
                let sum: [i32; 4] = std::array::from_fn(|k| {
                    i32::from(upper[k])
                        + i32::from(upper[k + 4])
                        + i32::from(lower[k])
                        + i32::from(lower[k + 4])
                });
                *cb = (128 + (dot4(CB, sum) >> (BITS + 2))) as u8;
                *cr = (128 + (dot4(CR, sum) >> (BITS + 2))) as u8;
            }
        }
    }
}

/// The weighted sum after a shift by [`BITS`], rounded to the nearest.
#[inline(always)]
fn dot(weights: [i32; 3], pixel: [i32; 4]) -> i32 {
    weights[0] * pixel[0] + weights[1] * pixel[1] + weights[2] * pixel[2] + (1 << (BITS - 1))
}

/// As [`dot`], for a sum of four pixels and a shift by two more bits.
#[inline(always)]
fn dot4(weights: [i32; 3], sum: [i32; 4]) -> i32 {
    weights[0] * sum[0] + weights[1] * sum[1] + weights[2] * sum[2] + (1 << (BITS + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_colours_of_the_standard_fall_on_the_codes_of_the_standard() {
        // ITU-R BT.709-6, 8 bits: luma, Cb, Cr.
        for (color, expected) in [
            ([0, 0, 0], [16, 128, 128]),
            ([255, 255, 255], [235, 128, 128]),
            ([255, 0, 0], [63, 102, 240]),
            ([0, 255, 0], [173, 42, 26]),
            ([0, 0, 255], [32, 240, 118]),
            ([128, 128, 128], [126, 128, 128]),
        ] {
            let mut image = Image::new(6, 4);
            for pixel in image.pixels.chunks_exact_mut(4) {
                pixel[..3].copy_from_slice(&color);
            }
            let mut planes = Planes::default();
            planes.fill(&image);
            assert_eq!((planes.luma.len(), planes.cb.len(), planes.cr.len()), (24, 6, 6));
            let near = |plane: &[u8], code: u8| plane.iter().all(|&c| c.abs_diff(code) <= 1);
            let [y, u, v] = expected;
            assert!(near(&planes.luma, y), "{color:?}: {:?}", planes.luma);
            assert!(near(&planes.cb, u) && near(&planes.cr, v), "{color:?}: {:?} {:?}", planes.cb, planes.cr);
        }
    }

    #[test]
    fn a_colour_sample_is_the_mean_of_its_square() {
        let mut image = Image::new(4, 2);
        for (x, pixel) in image.pixels.chunks_exact_mut(4).enumerate() {
            pixel[2] = if x % 4 < 2 { 255 } else { 0 };
        }
        let mut planes = Planes::default();
        planes.fill(&image);
        assert_eq!((planes.cb[0], planes.cb[1]), (240, 128));
        assert_eq!(planes.luma, [32, 32, 16, 16, 32, 32, 16, 16]);
    }
}
