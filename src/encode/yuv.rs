//! RGB to the brightness and colour planes of video: BT.709, limited range, 4:2:0.

use crate::render::Image;

/// A picture of even sides in three planes; the two of colour have half its width and height.
#[derive(Default)]
pub(super) struct Planes {
    pub brightness: Vec<u8>,
    pub blue: Vec<u8>,
    pub red: Vec<u8>,
}

/// Fixed-point numbers have this many bits after the point.
const BITS: u32 = 16;

/// `219 / 255` (brightness) or `224 / 255` (colour) times the weights of BT.709.
const BRIGHTNESS: [i32; 3] = weights(219.0 / 255.0, [0.2126, 0.7152, 0.0722], 1.0);
const BLUE: [i32; 3] = weights(224.0 / 255.0, [-0.2126, -0.7152, 0.9278], 1.8556);
const RED: [i32; 3] = weights(224.0 / 255.0, [0.7874, -0.7152, -0.0722], 1.5748);

const fn weights(range: f64, [r, g, b]: [f64; 3], divisor: f64) -> [i32; 3] {
    let one = (1 << BITS) as f64 * range / divisor;
    [(r * one) as i32, (g * one) as i32, (b * one) as i32]
}

impl Planes {
    /// Converts a picture; a colour sample is the mean of its four pixels.
    pub fn fill(&mut self, image: &Image) {
        let (width, height) = (image.width as usize, image.height as usize);
        self.brightness.resize(width * height, 0);
        self.blue.resize(width * height / 4, 0);
        self.red.resize(width * height / 4, 0);
        let pairs = image.pixels.chunks_exact(width * 8).zip(self.brightness.chunks_exact_mut(width * 2));
        let colors = self.blue.chunks_exact_mut(width / 2).zip(self.red.chunks_exact_mut(width / 2));
        for ((pixels, brightness), (blue, red)) in pairs.zip(colors) {
            for (pixel, out) in pixels.as_chunks::<4>().0.iter().zip(brightness) {
                *out = (16 + (dot(BRIGHTNESS, pixel.map(i32::from)) >> BITS)) as u8;
            }
            let (upper, lower) = pixels.split_at(width * 4);
            let squares = upper.as_chunks::<8>().0.iter().zip(lower.as_chunks::<8>().0);
            for ((upper, lower), (blue, red)) in squares.zip(blue.iter_mut().zip(red)) {
                let sum: [i32; 4] = std::array::from_fn(|k| {
                    i32::from(upper[k])
                        + i32::from(upper[k + 4])
                        + i32::from(lower[k])
                        + i32::from(lower[k + 4])
                });
                *blue = (128 + (dot4(BLUE, sum) >> (BITS + 2))) as u8;
                *red = (128 + (dot4(RED, sum) >> (BITS + 2))) as u8;
            }
        }
    }
}

/// Rounded to the nearest after a shift by [`BITS`].
#[inline(always)]
fn dot(weights: [i32; 3], pixel: [i32; 4]) -> i32 {
    weights[0] * pixel[0] + weights[1] * pixel[1] + weights[2] * pixel[2] + (1 << (BITS - 1))
}

/// The same for a sum of four pixels and a shift by two bits more.
#[inline(always)]
fn dot4(weights: [i32; 3], sum: [i32; 4]) -> i32 {
    weights[0] * sum[0] + weights[1] * sum[1] + weights[2] * sum[2] + (1 << (BITS + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_colours_of_the_standard_fall_on_the_codes_of_the_standard() {
        // ITU-R BT.709-6, 8 bits: brightness, blue difference, red difference.
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
            assert_eq!((planes.brightness.len(), planes.blue.len(), planes.red.len()), (24, 6, 6));
            let near = |plane: &[u8], code: u8| plane.iter().all(|&c| c.abs_diff(code) <= 1);
            let [y, u, v] = expected;
            assert!(near(&planes.brightness, y), "{color:?}: {:?}", planes.brightness);
            assert!(
                near(&planes.blue, u) && near(&planes.red, v),
                "{color:?}: {:?} {:?}",
                planes.blue,
                planes.red
            );
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
        assert_eq!((planes.blue[0], planes.blue[1]), (240, 128));
        assert_eq!(planes.brightness, [32, 32, 16, 16, 32, 32, 16, 16]);
    }
}
