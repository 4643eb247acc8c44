//! The background behind the head.

use super::Image;
use super::color::Transfer;
use crate::error::{Error, Result};

/// The picture behind the head. As text: `studio`, `transparent` or `#rrggbb`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Background {
    /// A soft grey-blue glow.
    #[default]
    Studio,
    /// No background: the alpha channel is the share of a pixel that the head covers.
    Transparent,
    /// One sRGB colour.
    Color([u8; 3]),
}

impl std::str::FromStr for Background {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let hex = |digits: &str| -> Option<[u8; 3]> {
            let six = digits.len() == 6 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
            let value = u32::from_str_radix(digits, 16).ok().filter(|_| six)?;
            Some([(value >> 16) as u8, (value >> 8) as u8, value as u8])
        };
        match text {
            "studio" => Ok(Self::Studio),
            "transparent" => Ok(Self::Transparent),
            _ => text.strip_prefix('#').and_then(hex).map(Self::Color).ok_or_else(|| {
                Error::Usage(format!(
                    "unknown background '{text}': write studio, transparent or a colour as #20a0ff"
                ))
            }),
        }
    }
}

impl Background {
    /// Paints the whole picture.
    pub(super) fn paint(self, width: u32, height: u32, transfer: &Transfer) -> Image {
        let mut image = Image::new(width, height);
        let rows = image.pixels.chunks_exact_mut(width as usize * 4);
        for (y, row) in rows.enumerate() {
            for (x, pixel) in row.chunks_exact_mut(4).enumerate() {
                pixel.copy_from_slice(&match self {
                    Self::Transparent => [0; 4],
                    Self::Color([r, g, b]) => [r, g, b, 255],
                    Self::Studio => studio(x, y, width, height, transfer),
                });
            }
        }
        image
    }
}

/// The glow behind the head: brightest a little above the middle. Fixed noise of one 8-bit code hides the
/// steps between codes.
fn studio(x: usize, y: usize, width: u32, height: u32, transfer: &Transfer) -> [u8; 4] {
    const EDGE: [f32; 3] = [0.030, 0.036, 0.050];
    const GLOW: [f32; 3] = [0.175, 0.205, 0.250];
    let u = (x as f32 + 0.5) / width as f32 * 2.0 - 1.0;
    let v = (y as f32 + 0.5) / height as f32 - 0.40;
    let glow = (-(u * u * 0.9 + v * v * 2.8)).exp();
    let mut hash = (x as u32).wrapping_mul(0x9e37_79b1) ^ (y as u32).wrapping_mul(0x85eb_ca77);
    hash = (hash ^ (hash >> 15)).wrapping_mul(0x2c1b_3c6d);
    let noise = ((hash >> 16) as f32 / 65536.0 - 0.5) / 255.0;
    let mut pixel = [255; 4];
    for channel in 0..3 {
        let linear = EDGE[channel] + (GLOW[channel] - EDGE[channel]) * glow;
        // The derivative of the curve at this brightness is about 0.45 / linear^0.55.
        pixel[channel] = transfer.encode(linear + noise * linear.powf(0.55) / 0.45);
    }
    pixel
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backgrounds_are_read_and_nonsense_is_refused() {
        assert_eq!("#20a0ff".parse::<Background>().unwrap(), Background::Color([0x20, 0xa0, 0xff]));
        for text in ["", "#12345", "#1234567", "#+12345", "pink", "#ääa"] {
            assert_eq!(text.parse::<Background>().unwrap_err().exit_code(), 2, "{text}");
        }
    }
}
