//! The vocabulary of tensor operations, and the devices that speak it.
//!
//! The network is written once, over [`Ops`]. A tensor is a packed batch ([`Clips`]) of rows with some
//! channels, row-major. Every operation has a name that the field knows; bigger ones (a transformer
//! layer) are methods with a default body made of the smaller ones, which a device may override with a
//! fused kernel: the default body is then that kernel's oracle.
//!
//! Shapes are checked once, in [`shapes`], by every device alike.

mod clips;
pub mod cpu;
pub mod cuda;
pub mod noise;
mod params;
pub mod shapes;
mod stored;

pub use clips::Clips;
pub use params::{
    Activation, Affine, AttentionBias, Conv1d, ConvTranspose1d, FrontLayer, FrontNorm, Linear, Padding, Role,
    SampleCodes, Skin, TransformerLayer,
};
pub use stored::{Dtype, Stored};

use crate::Result;

/// The epsilon of every layer norm of the network.
pub const LAYER_NORM_EPS: f32 = 1e-5;

/// The epsilon of the norm over time after a front end's first convolution.
pub const GROUP_NORM_EPS: f32 = 1e-5;

/// What is added to an energy before its logarithm is taken.
pub const ENERGY_FLOOR: f32 = 1e-3;

/// What every tensor can tell about itself.
pub trait Packed {
    /// Which rows belong to which clip.
    fn clips(&self) -> &Clips;
    /// The width of a row.
    fn channels(&self) -> usize;
}

/// What a part of the network gives.
#[derive(Debug)]
pub struct Outputs<T, C> {
    /// Its tensors.
    pub tensors: Vec<T>,
    /// Its codes.
    pub codes: Vec<C>,
}

/// The operations of the network.
///
/// Shapes are written `(rows, channels)`; `rows` counts the rows of all clips. Operations on rows
/// (`linear`, `layer_norm`, `add`, ...) do not see clips; convolutions, `group_norm`, `attention`, pooling and
/// resampling keep to one clip at a time, so that a clip's result does not depend on its neighbours.
///
/// All operations return [`crate::Error::Shape`] for operands that do not fit.
pub trait Ops {
    /// `(rows, channels)` of packed clips.
    type Tensor: Packed;
    /// A tensor of the model, in whatever form the device's kernels want it.
    type Weight: shapes::Shaped;
    /// One code index a row, of packed clips.
    type Codes: Packed;

    /// Takes a tensor of the model file; it can be used as what it was taken for, and as nothing else.
    fn load(&self, stored: Stored, role: Role) -> Result<Self::Weight>;

    /// Takes all tensors of a model, which a device may bring over in one go.
    fn load_all(&self, tensors: Vec<(Stored, Role)>) -> Result<Vec<Self::Weight>> {
        tensors.into_iter().map(|(stored, role)| self.load(stored, role)).collect()
    }

    /// Host to device; `values` is row-major `(clips.rows(), channels)`.
    fn upload(&self, clips: &Clips, channels: usize, values: &[f32]) -> Result<Self::Tensor>;

    /// Device to host, row-major.
    fn download(&self, x: &Self::Tensor) -> Result<Vec<f32>>;

    /// Host to device, one code a row.
    fn upload_codes(&self, clips: &Clips, codes: &[i32]) -> Result<Self::Codes>;

    /// Device to host.
    fn download_codes(&self, codes: &Self::Codes) -> Result<Vec<i32>>;

    /// Runs two parts of the network that do not depend on each other; a device may overlap them.
    fn branches<A, B>(
        &self,
        first: impl FnOnce() -> Result<A>,
        second: impl FnOnce() -> Result<B>,
    ) -> Result<(A, B)> {
        Ok((first()?, second()?))
    }

    /// Runs a part of the network that does the same whenever its name and the clips and channels of its inputs are the same: what
    /// else it depends on are weights and what it uploads itself, which must follow from the clips. A device may record it,
    /// more than once if it has to, and replay it.
    fn recorded(
        &self,
        _part: &'static str,
        inputs: &[&Self::Tensor],
        body: impl Fn(&[&Self::Tensor]) -> Result<Outputs<Self::Tensor, Self::Codes>>,
    ) -> Result<Outputs<Self::Tensor, Self::Codes>> {
        body(inputs)
    }

    /// `activation(x W^T + b)`: (rows, in) -> (rows, out).
    fn linear(
        &self,
        x: &Self::Tensor,
        linear: &Linear<Self::Weight>,
        activation: Activation,
    ) -> Result<Self::Tensor>;

    /// A convolution over the rows of each clip, then the activation:
    /// (rows, in) -> (`(rows + padding - kernel) / stride + 1`, out), clip by clip.
    fn conv1d(
        &self,
        x: &Self::Tensor,
        conv: &Conv1d<Self::Weight>,
        activation: Activation,
    ) -> Result<Self::Tensor>;

    /// A transposed convolution over the rows of each clip, then the activation:
    /// (rows, in) -> (`(rows - 1) * stride - 2 * padding + kernel + output_padding`, out), clip by clip.
    fn conv_transpose1d(
        &self,
        x: &Self::Tensor,
        conv: &ConvTranspose1d<Self::Weight>,
        activation: Activation,
    ) -> Result<Self::Tensor>;

    /// The logarithm of how much energy each band of a spectrum has: `ln(1e-3 + sum_f bands[m][f] (re_f^2 + im_f^2))`:
    /// (rows, 2 * bins), a row's real parts before its imaginary ones, and (bands, bins) -> (rows, bands). 1e-3
    /// ([`ENERGY_FLOOR`]) is far below what is heard in a window of samples of variance 1.
    fn log_bands(&self, spectrum: &Self::Tensor, bands: &Self::Weight) -> Result<Self::Tensor>;

    /// Each row to mean 0 and variance 1 over its channels ([`LAYER_NORM_EPS`]), times weight plus bias, then the
    /// activation.
    fn layer_norm(
        &self,
        x: &Self::Tensor,
        affine: Option<&Affine<Self::Weight>>,
        activation: Activation,
    ) -> Result<Self::Tensor>;

    /// Each channel to mean 0 and (population) variance 1 over the rows of its clip, times weight plus bias, then
    /// the activation. As many groups as channels: PyTorch's `GroupNorm(channels, channels)`.
    fn group_norm(
        &self,
        x: &Self::Tensor,
        affine: Option<&Affine<Self::Weight>>,
        eps: f32,
        activation: Activation,
    ) -> Result<Self::Tensor>;

    /// `softmax(q k^T / sqrt(width) + bias) v` for every head and clip: (rows, 3 * width * heads) -> (rows, width * heads).
    /// A row holds q of all heads, then k, then v.
    fn attention(&self, qkv: &Self::Tensor, heads: usize, bias: &AttentionBias) -> Result<Self::Tensor>;

    /// `x + y`, equal shapes.
    fn add(&self, x: &Self::Tensor, y: &Self::Tensor) -> Result<Self::Tensor>;

    /// Adds row `t` of a table (max rows, channels) to row `t` of every clip.
    fn add_table(&self, x: &Self::Tensor, table: &Self::Weight) -> Result<Self::Tensor>;

    /// Linear interpolation over the rows of each clip to the lengths of `clips`; first and last rows stay
    /// (PyTorch's `align_corners=True`).
    fn resample_linear(&self, x: &Self::Tensor, clips: &Clips) -> Result<Self::Tensor>;

    /// `n` consecutive rows become one: (rows, channels) -> (rows / n, n * channels).
    fn stack_frames(&self, x: &Self::Tensor, n: usize) -> Result<Self::Tensor>;

    /// Side by side: equal rows, channels add up.
    fn concat(&self, parts: &[&Self::Tensor]) -> Result<Self::Tensor>;

    /// At most `max_rows` rows of each clip, from its row `start` on.
    fn slice_rows(&self, x: &Self::Tensor, start: usize, max_rows: usize) -> Result<Self::Tensor>;

    /// The rows of a table (n, channels) in front of every clip.
    fn prepend_rows(&self, x: &Self::Tensor, rows: &Self::Weight) -> Result<Self::Tensor>;

    /// The one row of each clip, once for every row of `clips`.
    fn broadcast_rows(&self, x: &Self::Tensor, clips: &Clips) -> Result<Self::Tensor>;

    /// The rows of a codebook (codes, channels) that the codes name.
    fn lookup(&self, codes: &Self::Codes, codebook: &Self::Weight) -> Result<Self::Tensor>;

    /// The nearest row of a codebook by squared distance; the lowest index of equals.
    fn nearest_code(&self, x: &Self::Tensor, codebook: &Self::Weight) -> Result<Self::Codes>;

    /// One code a row: `argmax(logits)`, or `argmax(logits / temperature + Gumbel noise)`, a draw from
    /// `softmax(logits / temperature)`; the lowest index of equals.
    fn choose_code(&self, logits: &Self::Tensor, sample: Option<&SampleCodes>) -> Result<Self::Codes>;

    /// Every channel of a clip sorted in descending order over its rows, then summed with `weights`
    /// (same rows, 1 channel): (rows, channels) -> (clips, channels), one row a clip.
    fn sorted_pool(&self, x: &Self::Tensor, weights: &Self::Tensor) -> Result<Self::Tensor>;

    /// Each row divided by its Euclidean length (plus 1e-8).
    fn l2_normalize(&self, x: &Self::Tensor) -> Result<Self::Tensor>;

    /// `l2_normalize(mu + exp(0.5 * control * log_variance) * noise)`, equal shapes.
    fn sample_gaussian(
        &self,
        mu: &Self::Tensor,
        log_variance: &Self::Tensor,
        noise: &Self::Tensor,
        control: f32,
    ) -> Result<Self::Tensor>;

    /// Row by row along the great circle from `a` (weight 0) to `b` (weight 1), both of unit length.
    fn slerp(&self, a: &Self::Tensor, b: &Self::Tensor, weight: f32) -> Result<Self::Tensor>;

    /// Row by row straight from `a` (weight 0) to `b` (weight 1).
    fn lerp(&self, a: &Self::Tensor, b: &Self::Tensor, weight: f32) -> Result<Self::Tensor>;

    /// Vertices of a face: blend shapes, then linear blend skinning as in `smplx.lbs`, in f32 on every device.
    ///
    /// Of clips of `frames * (C + 3 J)` rows of 1 channel to `frames * V * 3` rows: a frame's channels `e`, then the rotation of each joint
    /// (axis times angle, radians).
    ///
    /// ```text
    /// R[j]   = Rodrigues(rotation j)
    /// p[v]   = template[v] + sum_c e[c] shapes[c][v] + sum_j sum_i (R[j] - I)[i] correctives[j][i][v]
    /// q[j]   = pivots[0][j] + sum_c e[c] pivots[1 + c][j]
    /// G[j] x = G[parent of j] (R[j] (x - q[j]) + q[j])         (G of no parent: the identity)
    /// y[v]   = weights[0][v] p[v] + sum_j weights[1 + j][v] G[j] p[v]
    /// ```
    fn skin(&self, parameters: &Self::Tensor, skin: &Skin<Self::Weight>) -> Result<Self::Tensor>;

    /// One layer of a front end.
    fn front_layer(&self, x: &Self::Tensor, layer: &FrontLayer<Self::Weight>) -> Result<Self::Tensor> {
        let FrontLayer { conv, norm } = layer;
        match norm {
            FrontNorm::None => self.conv1d(x, conv, Activation::Gelu),
            FrontNorm::OverTime(affine) => {
                let x = self.conv1d(x, conv, Activation::None)?;
                self.group_norm(&x, Some(affine), GROUP_NORM_EPS, Activation::Gelu)
            }
            FrontNorm::OverChannels(affine) => {
                let x = self.conv1d(x, conv, Activation::None)?;
                self.layer_norm(&x, Some(affine), Activation::Gelu)
            }
        }
    }

    /// An encoder's convolutional front end, at least one layer: samples or log-mel rows (rows, in) to features.
    fn front_end(&self, x: &Self::Tensor, layers: &[FrontLayer<Self::Weight>]) -> Result<Self::Tensor> {
        shapes::front_end(x, layers)?;
        let first = self.front_layer(x, &layers[0])?;
        layers[1..].iter().try_fold(first, |x, layer| self.front_layer(&x, layer))
    }

    /// `layer_norm(x + y)`.
    fn add_layer_norm(
        &self,
        x: &Self::Tensor,
        y: &Self::Tensor,
        affine: &Affine<Self::Weight>,
    ) -> Result<Self::Tensor> {
        self.layer_norm(&self.add(x, y)?, Some(affine), Activation::None)
    }

    /// `layer_norm(residual + linear(x))`.
    fn linear_add_layer_norm(
        &self,
        x: &Self::Tensor,
        linear: &Linear<Self::Weight>,
        residual: &Self::Tensor,
        affine: &Affine<Self::Weight>,
    ) -> Result<Self::Tensor> {
        self.add_layer_norm(residual, &self.linear(x, linear, Activation::None)?, affine)
    }

    /// A post-norm transformer layer: `x = norm1(x + attention(x)); norm2(x + feed_forward(x))`.
    fn transformer_layer(
        &self,
        x: &Self::Tensor,
        layer: &TransformerLayer<Self::Weight>,
        bias: &AttentionBias,
    ) -> Result<Self::Tensor> {
        let qkv = self.linear(x, &layer.qkv, Activation::None)?;
        let mixed = self.attention(&qkv, layer.heads, bias)?;
        let x = self.linear_add_layer_norm(&mixed, &layer.out, x, &layer.norm1)?;
        let hidden = self.linear(&x, &layer.up, layer.activation)?;
        self.linear_add_layer_norm(&hidden, &layer.down, &x, &layer.norm2)
    }

    /// Several transformer layers with one attention bias.
    fn transformer_stack(
        &self,
        x: Self::Tensor,
        layers: &[TransformerLayer<Self::Weight>],
        bias: &AttentionBias,
    ) -> Result<Self::Tensor> {
        layers.iter().try_fold(x, |x, layer| self.transformer_layer(&x, layer, bias))
    }
}
