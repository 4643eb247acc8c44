//! The operations on the CPU: this file checks shapes, the other files compute.

use std::sync::Arc;

use super::{
    Codes, Cpu, Tensor, Weight, attention::Attention, codes, conv, front_end, norm, pool, product, rows,
    skin, spectrum,
};
use crate::Result;
use crate::tensor::shapes;
use crate::tensor::{
    Activation, AttentionBias, Clips, CodeOps, Context, Conv1d, ConvTranspose1d, DiffusionOps, Dtype,
    EmbeddingOps, Engine, FrontLayer, Lease, Linear, MeshOps, Neighbors, Norm, Role, RowOps, SampleCodes,
    SkinTables, SpeechOps, Stored,
};

impl Engine for Cpu {
    type Context = Cpu;

    /// Returns at once: the CPU has no state of its own.
    fn lease(&self) -> Result<Lease<Cpu>> {
        Ok(Lease::unpooled(*self))
    }
}

impl Context for Cpu {
    type Tensor = Tensor;
    type Weight = Weight;
    type Codes = Codes;

    fn load(&self, stored: Stored, _: Role) -> Result<Weight> {
        Ok(Weight { stored, products: self.products, widened: Arc::default(), panels: Arc::default() })
    }

    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn upload(&self, clips: &Clips, channels: usize, values: &[f32]) -> Result<Tensor> {
        shapes::upload(clips, channels, values.len())?;
        Ok(Tensor { clips: clips.clone(), channels, data: values.to_vec().into() })
    }

    fn upload_f32(&self, clips: &Clips, channels: usize, values: &[f32]) -> Result<Tensor> {
        self.upload(clips, channels, values)
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
}

impl RowOps for Cpu {
    fn linear(&self, x: &Tensor, linear: &Linear<Weight>, activation: Activation) -> Result<Tensor> {
        let out = shapes::linear(x, linear)?;
        Ok(product::linear(x, linear, activation, out))
    }

    fn conv1d(&self, x: &Tensor, conv: &Conv1d<Weight>, activation: Activation) -> Result<Tensor> {
        let (clips, out) = shapes::conv1d(x, conv)?;
        Ok(conv::conv1d(x, conv, activation, Tensor::unwritten(clips, out)))
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

    fn layer_norm(&self, x: &Tensor, norm: &Norm<Weight>, activation: Activation) -> Result<Tensor> {
        shapes::norm("layer_norm", x, norm)?;
        Ok(norm::layer_norm(x, None, norm, activation))
    }

    fn group_norm(&self, x: &Tensor, norm: &Norm<Weight>, activation: Activation) -> Result<Tensor> {
        shapes::norm("group_norm", x, norm)?;
        Ok(norm::group_norm(x, norm, activation))
    }

    fn self_attention(&self, qkv: &Tensor, heads: usize, bias: &AttentionBias) -> Result<Tensor> {
        let width = shapes::self_attention(qkv, heads, bias)?;
        Ok(Attention { heads, width, bias, format: self.products }.of_itself(qkv))
    }

    fn attention(&self, q: &Tensor, kv: &Tensor, heads: usize, bias: &AttentionBias) -> Result<Tensor> {
        let width = shapes::attention(q, kv, heads, bias)?;
        Ok(Attention { heads, width, bias, format: self.products }.of_others(q, kv))
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

    fn unstack_frames(&self, x: &Tensor, n: usize) -> Result<Tensor> {
        let clips = shapes::unstack_frames(x, n)?;
        Ok(Tensor { clips, channels: x.channels / n, data: x.data.clone() })
    }

    fn join_rows(&self, x: &Tensor, y: &Tensor) -> Result<Tensor> {
        Ok(rows::join_rows(x, y, shapes::join_rows(x, y)?))
    }

    fn elu(&self, x: &Tensor) -> Result<Tensor> {
        Ok(rows::elu(x))
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

    fn add_layer_norm(&self, x: &Tensor, y: &Tensor, norm: &Norm<Weight>) -> Result<Tensor> {
        shapes::same("add", x, y)?;
        shapes::norm("layer_norm", x, norm)?;
        Ok(norm::layer_norm(x, Some(y), norm, Activation::None))
    }
}

impl CodeOps for Cpu {
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
}

impl SpeechOps for Cpu {
    fn front_end(&self, x: &Tensor, layers: &[FrontLayer<Weight>]) -> Result<Tensor> {
        let (clips, out) = shapes::front_end(x, layers)?;
        Ok(front_end::front_end(x, layers, Tensor::unwritten(clips, out)))
    }

    fn log_bands(&self, spectrum: &Tensor, bands: &Weight, floor: f32) -> Result<Tensor> {
        let count = shapes::log_bands(spectrum, bands)?;
        Ok(spectrum::log_bands(spectrum, bands, count, floor))
    }
}

impl EmbeddingOps for Cpu {
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
}

impl MeshOps for Cpu {
    fn skin(&self, parameters: &Tensor, skin: &SkinTables<Weight>) -> Result<Tensor> {
        let sizes = shapes::skin(parameters, skin)?;
        let y = Tensor::unwritten(parameters.clips.clone(), 3 * sizes.vertices);
        Ok(skin::skin(parameters, skin, y))
    }

    fn gather(&self, x: &Tensor, neighbors: &Neighbors) -> Result<Tensor> {
        let clips = shapes::gather(x, neighbors)?;
        let (channels, data) = (neighbors.length * x.channels, neighbors.gather(&x.data, x.channels));
        Ok(Tensor { clips, channels, data: data.into() })
    }
}

impl DiffusionOps for Cpu {
    fn combine(&self, terms: &[(f32, &Tensor)]) -> Result<Tensor> {
        Ok(rows::combine(terms, shapes::combine(terms)?))
    }

    fn activations(&self, x: &Tensor) -> Result<Tensor> {
        Ok(x.clone())
    }
}
