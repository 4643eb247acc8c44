//! The operations of the network on a GPU; each calls its launcher.

use half::f16;
use half::slice::HalfFloatSliceExt;

use super::{Codes, Cuda, Tensor, Weight};
use super::{attention, codes, conv, norm, pack, product, recording, rows, skin, spectrum, stack, weights};
use crate::tensor::{
    Activation, AttentionBias, Clips, CodeOps, Context, Conv1d, ConvTranspose1d, DiffusionOps, Dtype,
    EmbeddingOps, Linear, MeshOps, Norm, Outputs, Part, Role, RowOps, SampleCodes, SkinTables, SpeechOps,
    Stored, TransformerLayer, shapes,
};
use crate::{Error, Result};

/// Requires fp16, which the kernels of most operations read.
fn halves(op: &'static str, x: &Tensor) -> Result<()> {
    shapes::dtype(op, x, Dtype::F16)
}

impl Context for Cuda {
    type Tensor = Tensor;
    type Weight = Weight;
    type Codes = Codes;

    fn load(&self, stored: Stored, role: Role) -> Result<Weight> {
        let mut loaded = self.load_all(vec![(stored, role)])?;
        loaded.pop().ok_or_else(|| Error::DeviceFailed("the GPU loaded nothing".into()))
    }

    fn load_all(&self, tensors: Vec<(Stored, Role)>) -> Result<Vec<Weight>> {
        weights::load_all(self, tensors)
    }

    fn dtype(&self) -> Dtype {
        Dtype::F16
    }

    fn upload(&self, clips: &Clips, channels: usize, values: &[f32]) -> Result<Tensor> {
        shapes::upload(clips, channels, values.len())?;
        let lane = self.lane();
        let buffer = self.upload_values(&lane, &pack::rows(values, channels))?;
        Ok(Tensor { clips: clips.clone(), channels, dtype: Dtype::F16, buffer, lane })
    }

    fn upload_f32(&self, clips: &Clips, channels: usize, values: &[f32]) -> Result<Tensor> {
        shapes::upload(clips, channels, values.len())?;
        let lane = self.lane();
        let buffer = self.upload_values(&lane, values)?;
        Ok(Tensor { clips: clips.clone(), channels, dtype: Dtype::F32, buffer, lane })
    }

    fn download(&self, x: &Tensor) -> Result<Vec<f32>> {
        let lane = self.enter(&[&x.lane])?;
        let rows = x.clips.rows();
        if x.is_f32() {
            // SAFETY: such a tensor holds `channels` floats for every row.
            return unsafe { lane.download(x.address(), rows * x.channels) };
        }
        // SAFETY: a tensor holds `stride` halves for every row.
        let halves: Vec<f16> = unsafe { lane.download(x.address(), rows * x.stride()) }?;
        let mut values = vec![0.0; rows * x.channels];
        for (row, target) in halves.chunks_exact(x.stride()).zip(values.chunks_exact_mut(x.channels)) {
            row[..x.channels].convert_to_f32_slice(target);
        }
        Ok(values)
    }

    fn upload_codes(&self, clips: &Clips, codes: &[i32]) -> Result<Codes> {
        shapes::upload(clips, 1, codes.len())?;
        let lane = self.lane();
        let bound = codes.iter().map(|&code| usize::try_from(code).map_or(usize::MAX, |code| code + 1));
        let bound = bound.max().unwrap_or(0);
        Ok(Codes { clips: clips.clone(), buffer: self.upload_values(&lane, codes)?, lane, bound })
    }

    fn download_codes(&self, codes: &Codes) -> Result<Vec<i32>> {
        let lane = self.enter(&[&codes.lane])?;
        // SAFETY: there is a code for every row.
        unsafe { lane.download(codes.buffer.address(), codes.clips.rows()) }
    }

    fn branches<A, B>(
        &self,
        first: impl FnOnce() -> Result<A>,
        second: impl FnOnce() -> Result<B>,
    ) -> Result<(A, B)> {
        self.on_two_lanes(first, second)
    }

    fn recorded(
        &self,
        part: Part,
        inputs: &[&Tensor],
        body: impl Fn(&[&Tensor]) -> Result<Outputs<Tensor, Codes>>,
    ) -> Result<Outputs<Tensor, Codes>> {
        recording::recorded(self, part, inputs, body)
    }
}

impl RowOps for Cuda {
    fn linear(&self, x: &Tensor, linear: &Linear<Weight>, activation: Activation) -> Result<Tensor> {
        halves("linear", x)?;
        product::linear(self, x, linear, activation)
    }

    fn conv1d(&self, x: &Tensor, conv: &Conv1d<Weight>, activation: Activation) -> Result<Tensor> {
        conv::conv1d(self, x, conv, activation)
    }

    fn conv_transpose1d(
        &self,
        x: &Tensor,
        conv: &ConvTranspose1d<Weight>,
        activation: Activation,
    ) -> Result<Tensor> {
        halves("conv_transpose1d", x)?;
        conv::conv_transpose1d(self, x, conv, activation)
    }

    fn layer_norm(&self, x: &Tensor, norm: &Norm<Weight>, activation: Activation) -> Result<Tensor> {
        halves("layer_norm", x)?;
        norm::layer_norm(self, x, None, norm, activation)
    }

    fn group_norm(&self, x: &Tensor, norm: &Norm<Weight>, activation: Activation) -> Result<Tensor> {
        norm::group_norm(self, x, norm, activation)
    }

    fn self_attention(&self, qkv: &Tensor, heads: usize, bias: &AttentionBias) -> Result<Tensor> {
        halves("self_attention", qkv)?;
        attention::self_attention(self, qkv, heads, bias)
    }

    fn attention(&self, q: &Tensor, kv: &Tensor, heads: usize, bias: &AttentionBias) -> Result<Tensor> {
        halves("attention", q)?;
        halves("attention", kv)?;
        attention::attention(self, q, kv, heads, bias)
    }

    fn add(&self, x: &Tensor, y: &Tensor) -> Result<Tensor> {
        halves("add", x)?;
        halves("add", y)?;
        rows::add(self, x, y)
    }

    fn add_table(&self, x: &Tensor, table: &Weight) -> Result<Tensor> {
        halves("add_table", x)?;
        rows::add_table(self, x, table)
    }

    fn resample_linear(&self, x: &Tensor, clips: &Clips) -> Result<Tensor> {
        halves("resample_linear", x)?;
        rows::resample_linear(self, x, clips)
    }

    fn stack_frames(&self, x: &Tensor, n: usize) -> Result<Tensor> {
        halves("stack_frames", x)?;
        rows::stack_frames(self, x, n)
    }

    fn concat(&self, parts: &[&Tensor]) -> Result<Tensor> {
        parts.iter().try_for_each(|part| halves("concat", part))?;
        rows::concat(self, parts)
    }

    fn slice_rows(&self, x: &Tensor, start: usize, max_rows: usize) -> Result<Tensor> {
        halves("slice_rows", x)?;
        rows::slice_rows(self, x, start, max_rows)
    }

    fn prepend_rows(&self, x: &Tensor, rows: &Weight) -> Result<Tensor> {
        halves("prepend_rows", x)?;
        rows::prepend_rows(self, x, rows)
    }

    fn broadcast_rows(&self, x: &Tensor, clips: &Clips) -> Result<Tensor> {
        halves("broadcast_rows", x)?;
        rows::broadcast_rows(self, x, clips)
    }

    fn add_layer_norm(&self, x: &Tensor, y: &Tensor, norm: &Norm<Weight>) -> Result<Tensor> {
        halves("add_layer_norm", x)?;
        halves("add_layer_norm", y)?;
        norm::layer_norm(self, x, Some(y), norm, Activation::None)
    }

    fn linear_add_layer_norm(
        &self,
        x: &Tensor,
        linear: &Linear<Weight>,
        residual: &Tensor,
        norm: &Norm<Weight>,
    ) -> Result<Tensor> {
        halves("linear_add_layer_norm", x)?;
        halves("linear_add_layer_norm", residual)?;
        if let Some(parts) = product::linear_in_parts(self, x, linear)? {
            return norm::layer_norm_of_parts(self, &parts, residual, norm);
        }
        self.add_layer_norm(residual, &self.linear(x, linear, Activation::None)?, norm)
    }

    fn transformer_stack(
        &self,
        x: Tensor,
        layers: &[TransformerLayer<Weight>],
        bias: &AttentionBias,
    ) -> Result<Tensor> {
        halves("transformer_stack", &x)?;
        stack::transformer_stack(self, x, layers, bias)
    }
}

impl CodeOps for Cuda {
    fn lookup(&self, codes: &Codes, codebook: &Weight) -> Result<Tensor> {
        codes::lookup(self, codes, codebook)
    }

    fn nearest_code(&self, x: &Tensor, codebook: &Weight) -> Result<Codes> {
        halves("nearest_code", x)?;
        codes::nearest_code(self, x, codebook)
    }

    fn choose_code(&self, logits: &Tensor, sample: Option<&SampleCodes>) -> Result<Codes> {
        halves("choose_code", logits)?;
        codes::choose_code(self, logits, sample)
    }

    fn replace_codes(&self, codes: &Codes, given: &Tensor) -> Result<Codes> {
        codes::replace_codes(self, codes, given)
    }
}

impl SpeechOps for Cuda {
    fn log_bands(&self, spectrum: &Tensor, bands: &Weight, floor: f32) -> Result<Tensor> {
        halves("log_bands", spectrum)?;
        spectrum::log_bands(self, spectrum, bands, floor)
    }
}

impl EmbeddingOps for Cuda {
    fn sorted_pool(&self, x: &Tensor, weights: &Tensor) -> Result<Tensor> {
        halves("sorted_pool", x)?;
        norm::sorted_pool(self, x, weights)
    }

    fn l2_normalize(&self, x: &Tensor) -> Result<Tensor> {
        halves("l2_normalize", x)?;
        rows::l2_normalize(self, x)
    }

    fn sample_gaussian(
        &self,
        mu: &Tensor,
        log_variance: &Tensor,
        noise: &Tensor,
        control: f32,
    ) -> Result<Tensor> {
        [mu, log_variance, noise].iter().try_for_each(|x| halves("sample_gaussian", x))?;
        rows::sample_gaussian(self, mu, log_variance, noise, control)
    }

    fn slerp(&self, a: &Tensor, b: &Tensor, weight: f32) -> Result<Tensor> {
        halves("slerp", a)?;
        halves("slerp", b)?;
        rows::interpolate(self, "slerp", a, b, weight, true)
    }

    fn lerp(&self, a: &Tensor, b: &Tensor, weight: f32) -> Result<Tensor> {
        halves("lerp", a)?;
        halves("lerp", b)?;
        rows::interpolate(self, "lerp", a, b, weight, false)
    }
}

impl MeshOps for Cuda {
    fn skin(&self, parameters: &Tensor, skin: &SkinTables<Weight>) -> Result<Tensor> {
        skin::skin(self, parameters, skin)
    }
}

/// By the default bodies, through the host.
impl DiffusionOps for Cuda {}
