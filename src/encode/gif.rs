//! `.gif`: one palette for all frames, computed from a few of them; only pixels that changed are written.

use std::path::{Path, PathBuf};

use ::gif::{DisposalMethod, Encoder, Frame, Repeat};
use color_quant::NeuQuant;

use super::changes::changed;
use super::scene::{Scene, Sink, refuse_transparent};
use crate::animation::Rate;
use crate::files::{AtomicFile, Written};
use crate::render::Image;
use crate::{Error, Result};

/// Colours of the palette; the next index is transparent and keeps the pixel of the previous frame.
const COLORS: usize = 255;
/// Frames from which the palette is computed, besides the frame with the widest open mouth.
const LESSONS: usize = 5;
/// Bits for each channel in the table that finds the nearest colour.
const TABLE_BITS: u32 = 6;
/// The amplitude of dithering, in colour codes.
const SPREAD: i32 = 10;
/// The pattern of ordered dithering, which does not move in still parts of the picture.
const PATTERN: [[i32; 4]; 4] = [[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]];

/// A GIF being written.
pub(super) struct Gif {
    path: PathBuf,
    encoder: Encoder<AtomicFile>,
    /// Index of the nearest colour of the palette, for every colour in [`TABLE_BITS`] a channel.
    nearest: Vec<u8>,
    rate: Rate,
    shown: Vec<u8>,
    indices: Vec<u8>,
}

impl Gif {
    pub fn create(scene: &Scene, path: &Path) -> Result<Self> {
        refuse_transparent(scene, path)?;
        if scene.motion.rate.per_second() > 100.0 {
            return Err(Error::Usage(format!(
                "{}: a gif cannot show more than 100 frames a second",
                path.display()
            )));
        }
        let file = AtomicFile::create(path)?;
        let palette = learn(scene)?;
        let mut encoder =
            Encoder::new(file, scene.options().width as u16, scene.options().height as u16, &palette)
                .map_err(|error| failure(path, error))?;
        encoder.set_repeat(Repeat::Infinite).map_err(|error| failure(path, error))?;
        Ok(Self {
            path: path.into(),
            encoder,
            nearest: nearest(&palette),
            rate: scene.motion.rate,
            shown: vec![],
            indices: vec![],
        })
    }

    fn quantize(&mut self, image: &Image) {
        self.indices.clear();
        let rows = image.pixels.chunks_exact(image.width as usize * 4);
        for (row, pattern) in rows.zip(PATTERN.iter().cycle()) {
            let pixels = row.as_chunks::<4>().0.iter().zip(pattern.iter().cycle());
            self.indices.extend(pixels.map(|(&[r, g, b, _], &level)| {
                let shift = (level * SPREAD) / 16 - SPREAD / 2;
                let code = |c: u8| (i32::from(c) + shift).clamp(0, 255) as usize >> (8 - TABLE_BITS);
                self.nearest[(code(r) << TABLE_BITS | code(g)) << TABLE_BITS | code(b)]
            }));
        }
    }
}

impl Sink for Gif {
    fn frame(&mut self, frame: usize, image: &Image) -> Result<()> {
        self.quantize(image);
        let (width, height) = (image.width as usize, image.height as usize);
        let [left, top, right, bottom] = changed(&self.shown, &self.indices, width, height, 1);
        let mut buffer = Vec::with_capacity((right - left) * (bottom - top));
        for y in top..bottom {
            for at in y * width + left..y * width + right {
                let index = self.indices[at];
                let same = self.shown.get(at) == Some(&index);
                buffer.push(if same { COLORS as u8 } else { index });
            }
        }
        std::mem::swap(&mut self.shown, &mut self.indices);
        // Hundredths of a second. The times are rounded, not the durations, so that rounding errors do not
        // add up.
        let time = |frame: usize| hundredths(self.rate, frame);
        let frame = Frame {
            delay: (time(frame + 1) - time(frame)).min(u64::from(u16::MAX)) as u16,
            dispose: DisposalMethod::Keep,
            transparent: (frame > 0).then_some(COLORS as u8),
            left: left as u16,
            top: top as u16,
            width: (right - left) as u16,
            height: (bottom - top) as u16,
            buffer: buffer.into(),
            ..Frame::default()
        };
        self.encoder.write_frame(&frame).map_err(|error| failure(&self.path, error))
    }

    fn finish(self: Box<Self>) -> Result<Written> {
        let file = self.encoder.into_inner().map_err(|error| failure(&self.path, error))?;
        file.finish()
    }
}

/// The time at which a frame begins, in hundredths of a second, rounded.
fn hundredths(rate: Rate, frame: usize) -> u64 {
    let (seconds, denominator) = rate.time(frame);
    ((200 * seconds + denominator) / (2 * denominator)) as u64
}

/// Computes the palette: red, green and blue of each colour, and one entry more for unchanged pixels.
fn learn(scene: &Scene) -> Result<Vec<u8>> {
    // The jaw's opening is the third column from the end; in the frame where it is widest, tongue and teeth
    // are visible.
    let jaw = |frame: usize| scene.motion.frame(frame)[scene.motion.width() - 3];
    let widest = (0..scene.frames()).max_by(|&one, &two| jaw(one).total_cmp(&jaw(two))).unwrap_or(0);
    let mut image = Image::default();
    let mut lessons = Vec::new();
    for frame in (0..LESSONS).map(|lesson| lesson * scene.frames() / LESSONS).chain([widest]) {
        scene.render(frame, &mut image)?;
        lessons.extend_from_slice(&image.pixels);
    }
    let mut palette = NeuQuant::new(10, COLORS, &lessons).color_map_rgb();
    palette.resize(COLORS * 3 + 3, 0);
    Ok(palette)
}

fn nearest(palette: &[u8]) -> Vec<u8> {
    let colors: Vec<[i32; 3]> =
        palette.as_chunks::<3>().0[..COLORS].iter().map(|color| color.map(i32::from)).collect();
    let code =
        |step: usize| ((step & ((1 << TABLE_BITS) - 1)) << (8 - TABLE_BITS)) as i32 + (1 << (7 - TABLE_BITS));
    (0..1usize << (3 * TABLE_BITS))
        .map(|at| {
            let [r, g, b] = [code(at >> (2 * TABLE_BITS)), code(at >> TABLE_BITS), code(at)];
            let far = |&[x, y, z]: &[i32; 3]| (x - r).pow(2) * 2 + (y - g).pow(2) * 4 + (z - b).pow(2);
            let best = colors.iter().enumerate().min_by_key(|(_, color)| far(color));
            best.map_or(0, |(index, _)| index as u8)
        })
        .collect()
}

fn failure(path: &Path, error: ::gif::EncodingError) -> Error {
    let source = match error {
        ::gif::EncodingError::Io(source) => source,
        other => std::io::Error::other(other),
    };
    Error::Io { path: path.into(), action: "write the file", source, next: "check the folder and try again" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_changed_box_holds_every_difference_and_no_more() {
        let before = vec![0u8; 7 * 5 * 2];
        let mut now = before.clone();
        assert_eq!(changed(&before, &now, 7, 5, 2), [0, 0, 1, 1]);
        assert_eq!(changed(&[], &now, 7, 5, 2), [0, 0, 7, 5]);
        now[(3 * 7 + 4) * 2 + 1] = 1;
        assert_eq!(changed(&before, &now, 7, 5, 2), [4, 3, 5, 4]);
        now[(7 + 6) * 2] = 1;
        assert_eq!(changed(&before, &now, 7, 5, 2), [4, 1, 7, 4]);
    }

    #[test]
    fn the_table_finds_the_nearest_colour() {
        let mut palette = vec![0u8; COLORS * 3 + 3];
        palette[30..33].copy_from_slice(&[255, 0, 0]);
        palette[60..63].copy_from_slice(&[255, 255, 255]);
        let table = nearest(&palette);
        let at = |r: usize, g: usize, b: usize| table[((r >> 2) << 6 | (g >> 2)) << 6 | (b >> 2)];
        assert_eq!((at(250, 3, 9), at(240, 250, 255), at(3, 2, 1)), (10, 20, 0));
    }
}
