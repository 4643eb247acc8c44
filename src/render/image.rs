//! The picture that the renderer writes.

/// An 8-bit sRGB picture with straight (not premultiplied) alpha, rows from the top.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Image {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// `height` rows of `width` pixels of red, green, blue, alpha.
    pub pixels: Vec<u8>,
}

impl Image {
    /// A black, fully transparent picture.
    pub fn new(width: u32, height: u32) -> Self {
        Self { width, height, pixels: vec![0; width as usize * height as usize * 4] }
    }

    /// Gives the picture this size; the pixels are unspecified afterwards.
    pub fn resize(&mut self, width: u32, height: u32) {
        (self.width, self.height) = (width, height);
        self.pixels.resize(width as usize * height as usize * 4, 0);
    }

    /// The pixel in column `x` of row `y`.
    ///
    /// # Panics
    /// If the pixel lies outside the picture.
    pub fn pixel(&self, x: u32, y: u32) -> [u8; 4] {
        assert!(x < self.width && y < self.height, "pixel ({x}, {y}) lies outside the picture");
        let at = (y as usize * self.width as usize + x as usize) * 4;
        [self.pixels[at], self.pixels[at + 1], self.pixels[at + 2], self.pixels[at + 3]]
    }
}
