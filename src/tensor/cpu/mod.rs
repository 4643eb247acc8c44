//! The CPU back end: plain Rust in f32, the numeric reference of every other device.
//!
//! One file a family of operations. Work is split over rayon's current thread pool in pieces whose size does not
//! depend on the number of threads, so that a result has the same bytes on any number of them.

mod attention;
mod bf16;
mod buffer;
mod codes;
mod conv;
mod front_end;
pub mod math;
mod norm;
mod panels;
mod pool;
mod product;
mod rows;
pub(crate) mod skin;
mod spectrum;
mod tile;

use std::sync::{Arc, OnceLock};

use self::buffer::Buffer;
use self::panels::{Format, Panels};
use super::shapes::{self, Shaped};
use super::{
    Activation, Affine, AttentionBias, Clips, Conv1d, ConvTranspose1d, FrontLayer, LAYER_NORM_EPS, Linear,
    Ops, Packed, Role, SampleCodes, Skin, Stored,
};
use crate::{Error, Result};

/// The CPU. Work runs in rayon's current thread pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cpu {
    /// Of all products but those with samples. All else is f32.
    products: Format,
}

impl Cpu {
    /// f32 in everything: the reference.
    pub const F32: Self = Self { products: Format::F32 };

    /// Products in bf16 (but those with samples), with sums in f32, and half the memory for the weights: for processors that have such
    /// products (AVX512_BF16).
    ///
    /// # Errors
    /// [`Error::Device`] for a processor without.
    pub fn bf16() -> Result<Self> {
        if bf16::is_available() {
            return Ok(Self { products: Format::Bf16 });
        }
        Err(Error::Device(
            "cpu:bf16 needs a processor with bf16 products (AVX512_BF16), and this one has none: take cpu"
                .into(),
        ))
    }
}

/// Packed rows of f32.
#[derive(Debug, Clone)]
pub struct Tensor {
    clips: Clips,
    channels: usize,
    data: Buffer,
}

/// One code a row.
#[derive(Debug, Clone)]
pub struct Codes {
    clips: Clips,
    data: Vec<i32>,
}

/// A tensor of the model, in the forms in which it was used: f32 where the file lies in memory if it can be, else a copy; panels
/// for matrix products.
#[derive(Debug, Clone)]
pub struct Weight {
    stored: Stored,
    products: Format,
    widened: Arc<OnceLock<Vec<f32>>>,
    panels: Arc<OnceLock<Vec<Panels>>>,
}

/// Numbers that one thread has worked through before another one is awake.
const SERIAL: usize = 128 * 1024;

impl Tensor {
    /// Whoever takes it writes every number.
    fn unwritten(clips: Clips, channels: usize) -> Self {
        let data = Buffer::unwritten(clips.rows() * channels);
        Self { clips, channels, data }
    }

    /// The numbers of one clip, row-major.
    fn clip(&self, clip: usize) -> &[f32] {
        let range = self.clips.range(clip);
        &self.data[range.start * self.channels..range.end * self.channels]
    }

    fn row(&self, row: usize) -> &[f32] {
        &self.data[row * self.channels..(row + 1) * self.channels]
    }

    /// The numbers of every clip, one after the other, to write.
    fn clips_mut(&mut self) -> impl Iterator<Item = &mut [f32]> {
        let Self { clips, channels, data } = self;
        let mut rest: &mut [f32] = data;
        clips.lengths().map(move |rows| rest.split_off_mut(..rows * *channels).unwrap_or_default())
    }
}

impl Packed for Tensor {
    fn clips(&self) -> &Clips {
        &self.clips
    }
    fn channels(&self) -> usize {
        self.channels
    }
}

impl Packed for Codes {
    fn clips(&self) -> &Clips {
        &self.clips
    }
    fn channels(&self) -> usize {
        1
    }
}

impl Weight {
    fn values(&self) -> &[f32] {
        self.stored.as_f32().unwrap_or_else(|| self.widened.get_or_init(|| self.stored.to_f32()))
    }

    /// The weight of a product, (columns, ...) with equal parts of its columns for each group; always the same columns and groups for
    /// one weight, since it has one use.
    fn panels(&self, columns: usize, groups: usize) -> &[Panels] {
        self.panels.get_or_init(|| {
            let copy;
            let values = match self.stored.as_f32() {
                Some(values) => values,
                None => {
                    copy = self.stored.to_f32();
                    &copy
                }
            };
            let (depth, columns) = (values.len() / columns.max(1), columns / groups);
            // Samples keep their digits: the logarithm of a spectrogram shows what is lost of them wherever it is quiet.
            let format = if let [_, _, 1] = self.shape() { Format::F32 } else { self.products };
            let group = |group| {
                let values = &values[group * columns * depth..];
                Panels::from_transposed(values, depth, columns, depth, format)
            };
            (0..groups).map(group).collect()
        })
    }
}

impl Shaped for Weight {
    fn name(&self) -> &str {
        &self.stored.name
    }
    fn shape(&self) -> &[usize] {
        &self.stored.shape
    }
}

impl Ops for Cpu {
    type Tensor = Tensor;
    type Weight = Weight;
    type Codes = Codes;

    fn load(&self, stored: Stored, _: Role) -> Result<Weight> {
        Ok(Weight { stored, products: self.products, widened: Arc::default(), panels: Arc::default() })
    }

    fn upload(&self, clips: &Clips, channels: usize, values: &[f32]) -> Result<Tensor> {
        shapes::upload(clips, channels, values.len())?;
        Ok(Tensor { clips: clips.clone(), channels, data: values.to_vec().into() })
    }

    fn download(&self, x: &Tensor) -> Result<Vec<f32>> {
        Ok(x.data.to_vec())
    }

    fn upload_codes(&self, clips: &Clips, codes: &[i32]) -> Result<Codes> {
        shapes::upload(clips, 1, codes.len())?;
        Ok(Codes { clips: clips.clone(), data: codes.to_vec() })
    }

    fn download_codes(&self, codes: &Codes) -> Result<Vec<i32>> {
        Ok(codes.data.clone())
    }

    fn linear(&self, x: &Tensor, linear: &Linear<Weight>, activation: Activation) -> Result<Tensor> {
        let out = shapes::linear(x, linear)?;
        Ok(product::linear(x, linear, activation, out))
    }

    fn conv1d(&self, x: &Tensor, conv: &Conv1d<Weight>, activation: Activation) -> Result<Tensor> {
        let (clips, out) = shapes::conv1d(x, conv)?;
        Ok(conv::conv1d(x, conv, activation, Tensor::unwritten(clips, out)))
    }

    fn front_end(&self, x: &Tensor, layers: &[FrontLayer<Weight>]) -> Result<Tensor> {
        let (clips, out) = shapes::front_end(x, layers)?;
        Ok(front_end::front_end(x, layers, Tensor::unwritten(clips, out)))
    }

    fn conv_transpose1d(
        &self,
        x: &Tensor,
        conv: &ConvTranspose1d<Weight>,
        activation: Activation,
    ) -> Result<Tensor> {
        let (clips, out) = shapes::conv_transpose1d(x, conv)?;
        Ok(conv::conv_transpose1d(x, conv, activation, Tensor::unwritten(clips, out)))
    }

    fn log_bands(&self, spectrum: &Tensor, bands: &Weight) -> Result<Tensor> {
        let count = shapes::log_bands(spectrum, bands)?;
        Ok(spectrum::log_bands(spectrum, bands, count))
    }

    fn layer_norm(
        &self,
        x: &Tensor,
        affine: Option<&Affine<Weight>>,
        activation: Activation,
    ) -> Result<Tensor> {
        shapes::affine("layer_norm", x, affine)?;
        Ok(norm::layer_norm(x, None, affine, LAYER_NORM_EPS, activation))
    }

    fn group_norm(
        &self,
        x: &Tensor,
        affine: Option<&Affine<Weight>>,
        eps: f32,
        activation: Activation,
    ) -> Result<Tensor> {
        shapes::affine("group_norm", x, affine)?;
        Ok(norm::group_norm(x, affine, eps, activation))
    }

    fn attention(&self, qkv: &Tensor, heads: usize, bias: &AttentionBias) -> Result<Tensor> {
        let width = shapes::attention(qkv, heads, bias)?;
        Ok(attention::attention(qkv, heads, width, bias, self.products))
    }

    fn add(&self, x: &Tensor, y: &Tensor) -> Result<Tensor> {
        shapes::same("add", x, y)?;
        Ok(rows::add(x, y))
    }

    fn add_table(&self, x: &Tensor, table: &Weight) -> Result<Tensor> {
        shapes::add_table(x, table)?;
        Ok(rows::add_table(x, table))
    }

    fn resample_linear(&self, x: &Tensor, clips: &Clips) -> Result<Tensor> {
        shapes::resample_linear(x, clips)?;
        Ok(rows::resample_linear(x, clips))
    }

    fn stack_frames(&self, x: &Tensor, n: usize) -> Result<Tensor> {
        let clips = shapes::stack_frames(x, n)?;
        Ok(Tensor { clips, channels: x.channels * n, data: x.data.clone() })
    }

    fn concat(&self, parts: &[&Tensor]) -> Result<Tensor> {
        let channels = shapes::concat(parts)?;
        Ok(rows::concat(parts, channels))
    }

    fn slice_rows(&self, x: &Tensor, start: usize, max_rows: usize) -> Result<Tensor> {
        Ok(rows::slice_rows(x, start, shapes::slice_rows(x, start, max_rows)))
    }

    fn prepend_rows(&self, x: &Tensor, table: &Weight) -> Result<Tensor> {
        let clips = shapes::prepend_rows(x, table)?;
        Ok(rows::prepend_rows(x, table, clips))
    }

    fn broadcast_rows(&self, x: &Tensor, clips: &Clips) -> Result<Tensor> {
        shapes::broadcast_rows(x, clips)?;
        Ok(rows::broadcast_rows(x, clips))
    }

    fn lookup(&self, codes: &Codes, codebook: &Weight) -> Result<Tensor> {
        let [count, width] = shapes::codebook("lookup", codebook)?;
        codes::lookup(codes, codebook, count, width)
    }

    fn nearest_code(&self, x: &Tensor, codebook: &Weight) -> Result<Codes> {
        shapes::nearest_code(x, codebook)?;
        Ok(codes::nearest_code(x, codebook))
    }

    fn choose_code(&self, logits: &Tensor, sample: Option<&SampleCodes>) -> Result<Codes> {
        shapes::choose_code(logits, sample)?;
        codes::choose_code(logits, sample)
    }

    fn sorted_pool(&self, x: &Tensor, weights: &Tensor) -> Result<Tensor> {
        shapes::sorted_pool(x, weights)?;
        Ok(pool::sorted_pool(x, weights))
    }

    fn l2_normalize(&self, x: &Tensor) -> Result<Tensor> {
        Ok(pool::l2_normalize(x))
    }

    fn sample_gaussian(
        &self,
        mu: &Tensor,
        log_variance: &Tensor,
        noise: &Tensor,
        control: f32,
    ) -> Result<Tensor> {
        shapes::same("sample_gaussian", mu, log_variance)?;
        shapes::same("sample_gaussian", mu, noise)?;
        Ok(pool::sample_gaussian(mu, log_variance, noise, control))
    }

    fn slerp(&self, a: &Tensor, b: &Tensor, weight: f32) -> Result<Tensor> {
        shapes::same("slerp", a, b)?;
        Ok(pool::slerp(a, b, weight))
    }

    fn lerp(&self, a: &Tensor, b: &Tensor, weight: f32) -> Result<Tensor> {
        shapes::same("lerp", a, b)?;
        Ok(pool::lerp(a, b, weight))
    }

    fn add_layer_norm(&self, x: &Tensor, y: &Tensor, affine: &Affine<Weight>) -> Result<Tensor> {
        shapes::same("add", x, y)?;
        shapes::affine("layer_norm", x, Some(affine))?;
        Ok(norm::layer_norm(x, Some(y), Some(affine), LAYER_NORM_EPS, Activation::None))
    }

    fn skin(&self, parameters: &Tensor, skin: &Skin<Weight>) -> Result<Tensor> {
        let (clips, _) = shapes::skin(parameters, skin)?;
        Ok(skin::skin(parameters, skin, Tensor::unwritten(clips, 1)))
    }
}
