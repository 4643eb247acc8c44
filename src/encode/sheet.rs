//! `.png`: a contact sheet. A row of frames, each above its time; below them the waveform and the curves of
//! jaw, lips and brows.

use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};

use png::{BitDepth, ColorType, Encoder};

use super::scene::{Scene, Sink};
use super::{apng, typeface};
use crate::Result;
use crate::audio::SAMPLE_RATE;
use crate::files::{AtomicFile, Written};
use crate::render::Image;
use crate::rig::curves::{Curve, Curves};

/// The layout, in pixels: width of the sheet, margins, columns, rows.
const WIDTH: usize = 1680;
const MARGIN: usize = 20;
const LABELS: usize = 150;
const SPEECH_HEIGHT: usize = 96;
const CURVE_HEIGHT: usize = 84;
const GAP: usize = 12;
const AXIS_HEIGHT: usize = 34;
/// Pixels of a dot of the typeface.
const DOT: usize = 2;
/// Approximate width of a square frame in the sheet, in pixels.
const THUMBNAIL: f32 = 200.0;

type Color = [u8; 3];
const PAPER: Color = [250, 250, 248];
const STRIP: Color = [240, 241, 242];
const LINE: Color = [214, 217, 221];
const INK: Color = [52, 58, 66];
const FAINT: Color = [128, 134, 142];
const SPEECH: Color = [92, 104, 120];
const CURVES: [Color; 4] = [[206, 84, 60], [44, 122, 170], [120, 92, 176], [46, 140, 96]];

/// A contact sheet being drawn.
pub(super) struct Sheet {
    path: PathBuf,
    file: AtomicFile,
    /// Indices of the frames in the sheet, in order.
    shown: Vec<usize>,
    thumbnails: Vec<Canvas>,
    /// Pixels of a thumbnail.
    size: [usize; 2],
    curves: Vec<Curve>,
    speech: Vec<f32>,
    seconds: f64,
}

impl Sheet {
    pub fn create(scene: &Scene, path: &Path) -> Result<Self> {
        let options = scene.options();
        let aspect = options.width as f32 / options.height as f32;
        let plot = plot();
        let count = (plot.len() as f32 / (THUMBNAIL * aspect.sqrt())).round().clamp(3.0, 16.0) as usize;
        let count = count.min(scene.frames());
        let across = (plot.len() / count)
            .saturating_sub(6)
            .min((2.0 * THUMBNAIL) as usize)
            .min(options.width as usize);
        let down = ((across as f32 / aspect) as usize).clamp(1, 4 * THUMBNAIL as usize);
        Ok(Self {
            path: path.into(),
            file: AtomicFile::create(path)?,
            shown: (0..count).map(|k| (2 * k + 1) * scene.frames() / (2 * count)).collect(),
            thumbnails: vec![],
            size: [across, down],
            curves: Curves::measure(scene.motion, scene.face)?.list,
            speech: scene.speech.to_vec(),
            seconds: scene.motion.seconds(),
        })
    }

    /// The whole sheet.
    fn draw(&self) -> Canvas {
        let plot = plot();
        let speech = if self.speech.is_empty() { 0 } else { SPEECH_HEIGHT + GAP };
        let height = 2 * MARGIN
            + self.size[1]
            + 2 * GAP
            + speech
            + self.curves.len() * (CURVE_HEIGHT + GAP)
            + AXIS_HEIGHT;
        let mut canvas = Canvas::new(WIDTH, height, PAPER);
        let strips = MARGIN + self.size[1] + 2 * GAP;
        let heights = [SPEECH_HEIGHT]
            .into_iter()
            .filter(|_| speech > 0)
            .chain(self.curves.iter().map(|_| CURVE_HEIGHT));
        let mut rows: Vec<Range<usize>> = Vec::new();
        for height in heights {
            let top = rows.last().map_or(strips, |row| row.end + GAP);
            canvas.fill(plot.clone(), top..top + height, STRIP);
            rows.push(top..top + height);
        }
        let all = strips..rows.last().map_or(strips, |row| row.end);
        self.draw_axis(&mut canvas, &plot, all.clone());
        self.draw_frames(&mut canvas, &plot, all);
        let mut rows = rows.into_iter();
        if speech > 0 {
            rows.next().into_iter().for_each(|row| self.draw_speech(&mut canvas, &plot, row));
        }
        for ((curve, row), color) in self.curves.iter().zip(rows).zip(CURVES.into_iter().cycle()) {
            draw_curve(&mut canvas, &plot, row, curve, color);
        }
        canvas
    }

    /// The time axis: a line for each tick, with seconds below.
    fn draw_axis(&self, canvas: &mut Canvas, plot: &Range<usize>, rows: Range<usize>) {
        let step = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0, 120.0, 300.0, 600.0]
            .into_iter()
            .find(|step| self.seconds / step <= 12.0)
            .unwrap_or(3600.0);
        let digits = if step < 1.0 { 1 } else { 0 };
        for tick in 0..=(self.seconds / step + 1e-6) as usize {
            let seconds = tick as f64 * step;
            let x = plot.start + (seconds / self.seconds * (plot.len() - 1) as f64) as usize;
            canvas.fill(x..x + 1, rows.start..rows.end + 6, LINE);
            let text = format!("{seconds:.digits$} s");
            let left = x
                .saturating_sub(typeface::width(&text) * DOT / 2)
                .min(WIDTH - MARGIN - typeface::width(&text) * DOT);
            canvas.write(left, rows.end + 12, &text, FAINT);
        }
    }

    /// Draws the frames, each above its time, with a line down to the axis.
    fn draw_frames(&self, canvas: &mut Canvas, plot: &Range<usize>, rows: Range<usize>) {
        let slot = plot.len() as f64 / self.shown.len() as f64;
        for (index, thumbnail) in self.thumbnails.iter().enumerate() {
            let middle = plot.start + ((index as f64 + 0.5) * slot) as usize;
            canvas.paste(middle.saturating_sub(thumbnail.width / 2), MARGIN, thumbnail);
            canvas.fill(middle..middle + 1, MARGIN + self.size[1]..rows.start, FAINT);
            for y in rows.clone().filter(|y| y % 6 < 3) {
                canvas.fill(middle..middle + 1, y..y + 1, FAINT);
            }
        }
    }

    fn draw_speech(&self, canvas: &mut Canvas, plot: &Range<usize>, row: Range<usize>) {
        canvas.write(MARGIN, (row.start + row.end) / 2 - typeface::HEIGHT, "Speech", INK);
        let peak = self.speech.iter().fold(1e-3f32, |peak, x| peak.max(x.abs()));
        let samples = self.seconds * f64::from(SAMPLE_RATE);
        let at = |x: usize| (x as f64 / plot.len() as f64 * samples) as usize;
        let middle = (row.start + row.end) as f32 / 2.0;
        let half = row.len() as f32 / 2.0 - 4.0;
        for x in 0..plot.len() {
            let Some(part) = self.speech.get(at(x)..at(x + 1).max(at(x) + 1).min(self.speech.len())) else {
                break;
            };
            let (low, high) = part.iter().fold((0.0f32, 0.0f32), |(low, high), &v| (low.min(v), high.max(v)));
            let y = |value: f32| middle - value / peak * half;
            canvas.column(plot.start + x, y(high) - 0.5, y(low) + 0.5, SPEECH);
        }
    }
}

impl Sink for Sheet {
    fn wants(&self, frame: usize) -> bool {
        self.shown.binary_search(&frame).is_ok()
    }

    fn frame(&mut self, _: usize, image: &Image) -> Result<()> {
        self.thumbnails.push(Canvas::shrink(image, self.size));
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<Written> {
        let canvas = self.draw();
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, canvas.width as u32, canvas.height as u32);
        encoder.set_color(ColorType::Rgb);
        encoder.set_depth(BitDepth::Eight);
        let written = encoder.write_header().and_then(|mut writer| {
            writer.write_image_data(canvas.pixels.as_flattened())?;
            writer.finish()
        });
        written.map_err(|error| apng::failure(&self.path, error))?;
        self.file.write_all(&bytes).map_err(|error| self.file.refused(error))?;
        self.file.finish()
    }
}

/// The columns of the time axis.
fn plot() -> Range<usize> {
    MARGIN + LABELS..WIDTH - MARGIN
}

fn draw_curve(canvas: &mut Canvas, plot: &Range<usize>, row: Range<usize>, curve: &Curve, color: Color) {
    let [low, high] = curve.values.iter().fold(curve.span, |[low, high], &v| [low.min(v), high.max(v)]);
    let y = |value: f32| {
        row.end as f32 - 6.0 - (value - low) / (high - low).max(1e-9) * (row.len() as f32 - 12.0)
    };
    let zero = y(0.0f32.clamp(low, high)) as usize;
    canvas.fill(plot.clone(), zero..zero + 1, LINE);
    canvas.write(MARGIN, (row.start + row.end) / 2 - typeface::HEIGHT, curve.name, color);
    for (value, top) in [(high, row.start), (low, row.end - typeface::HEIGHT * DOT)] {
        // Rounded to a whole number; adding 0 turns -0 into 0.
        let text = format!("{:.0} {}", value.round() + 0.0, curve.unit);
        let left = plot.start - 8 - typeface::width(&text) * DOT;
        canvas.write(left, top, &text, FAINT);
    }
    let frames = curve.values.len();
    let at = |x: f32| {
        // A frame's value is drawn at the middle of its time.
        let frame = (x / plot.len() as f32 * frames as f32 - 0.5).clamp(0.0, (frames - 1) as f32);
        let (first, share) = (frame as usize, frame.fract());
        let (one, two) = (curve.values[first], curve.values[(first + 1).min(frames - 1)]);
        y(one + (two - one) * share)
    };
    for x in 0..plot.len() {
        let (left, right) = (at(x as f32 - 0.5), at(x as f32 + 0.5));
        canvas.column(plot.start + x, left.min(right) - 1.0, left.max(right) + 1.0, color);
    }
}

/// A picture of opaque pixels to draw on.
struct Canvas {
    width: usize,
    height: usize,
    pixels: Vec<Color>,
}

impl Canvas {
    fn new(width: usize, height: usize, color: Color) -> Self {
        Self { width, height, pixels: vec![color; width * height] }
    }

    /// A reduced copy, blended over the paper where the image is transparent: each pixel is the mean of the
    /// pixels that it covers.
    fn shrink(image: &Image, [width, height]: [usize; 2]) -> Self {
        let mut small = Self::new(width, height, PAPER);
        let span = |at: usize, of: usize, from: u32| {
            let start = at * from as usize / of;
            start..((at + 1) * from as usize / of).max(start + 1)
        };
        for y in 0..height {
            for x in 0..width {
                let mut sum = [0.0f32; 3];
                let (rows, columns) = (span(y, height, image.height), span(x, width, image.width));
                let count = (rows.len() * columns.len()) as f32;
                for row in rows {
                    for column in columns.clone() {
                        let [r, g, b, a] = image.pixel(column as u32, row as u32);
                        let alpha = f32::from(a) / 255.0;
                        for (channel, code) in [r, g, b].into_iter().enumerate() {
                            sum[channel] +=
                                f32::from(code) * alpha + f32::from(PAPER[channel]) * (1.0 - alpha);
                        }
                    }
                }
                small.pixels[y * width + x] = sum.map(|s| (s / count).round() as u8);
            }
        }
        small
    }

    fn fill(&mut self, columns: Range<usize>, rows: Range<usize>, color: Color) {
        for y in rows.start..rows.end.min(self.height) {
            for x in columns.start..columns.end.min(self.width) {
                self.pixels[y * self.width + x] = color;
            }
        }
    }

    /// A line of one column from `top` to `bottom`, smooth at its ends.
    fn column(&mut self, x: usize, top: f32, bottom: f32, color: Color) {
        for y in top.max(0.0) as usize..(bottom.max(0.0).ceil() as usize).min(self.height) {
            let cover = (bottom.min(y as f32 + 1.0) - top.max(y as f32)).clamp(0.0, 1.0);
            if let Some(pixel) = self.pixels.get_mut(y * self.width + x) {
                for (old, new) in pixel.iter_mut().zip(color) {
                    *old = (f32::from(*old) + (f32::from(new) - f32::from(*old)) * cover).round() as u8;
                }
            }
        }
    }

    fn paste(&mut self, left: usize, top: usize, other: &Self) {
        for y in 0..other.height.min(self.height.saturating_sub(top)) {
            for x in 0..other.width.min(self.width.saturating_sub(left)) {
                self.pixels[(top + y) * self.width + left + x] = other.pixels[y * other.width + x];
            }
        }
    }

    fn write(&mut self, left: usize, top: usize, text: &str, color: Color) {
        for (index, letter) in text.chars().enumerate() {
            for (y, row) in typeface::glyph(letter).into_iter().enumerate() {
                for x in (0..5).filter(|x| row >> (4 - x) & 1 == 1) {
                    let (x, y) = (left + (index * typeface::ADVANCE + x) * DOT, top + y * DOT);
                    self.fill(x..x + DOT, y..y + DOT, color);
                }
            }
        }
    }
}
