//! Rows: products, convolutions, norms, attention and rearrangements, and transformer layers made of them.

use super::{Context, Packed};
use crate::Result;
use crate::tensor::{
    Activation, AttentionBias, Clips, Conv1d, ConvTranspose1d, Linear, Norm, TransformerLayer, shapes,
};

/// Operations on packed rows.
pub trait RowOps: Context {
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

    /// Each row to mean 0 and variance 1 over its channels, times weight plus bias, then the activation.
    fn layer_norm(
        &self,
        x: &Self::Tensor,
        norm: &Norm<Self::Weight>,
        activation: Activation,
    ) -> Result<Self::Tensor>;

    /// Each channel to mean 0 and (population) variance 1 over the rows of its clip, times weight plus bias,
    /// then the activation. As many groups as channels: PyTorch's `GroupNorm(channels, channels)`.
    fn group_norm(
        &self,
        x: &Self::Tensor,
        norm: &Norm<Self::Weight>,
        activation: Activation,
    ) -> Result<Self::Tensor>;

    /// `softmax(q k^T / sqrt(width) + bias) v` for every head and clip: (rows, 3 * width * heads) -> (rows,
    /// width * heads). A row holds q of all heads, then k, then v.
    fn self_attention(&self, qkv: &Self::Tensor, heads: usize, bias: &AttentionBias) -> Result<Self::Tensor>;

    /// As [`self_attention`](Self::self_attention), but of queries (rows, width * heads) over keys and values
    /// (other rows, 2 * width * heads; a row holds k of all heads, then v) of the same clip: (rows, width *
    /// heads).
    ///
    /// A bias depends on positions: the queries of a clip stand at its last keys, query `i` in row
    /// `i + keys - queries`. So new rows of a clip can attend to the kept keys and values of earlier rows.
    /// Without a bias, the number of keys is free.
    fn attention(
        &self,
        q: &Self::Tensor,
        kv: &Self::Tensor,
        heads: usize,
        bias: &AttentionBias,
    ) -> Result<Self::Tensor>;

    /// `x + y`, equal shapes.
    fn add(&self, x: &Self::Tensor, y: &Self::Tensor) -> Result<Self::Tensor>;

    /// Adds row `t` of a table (max rows, channels) to row `t` of every clip.
    fn add_table(&self, x: &Self::Tensor, table: &Self::Weight) -> Result<Self::Tensor>;

    /// Linear interpolation over the rows of each clip to the lengths of `clips`; first and last rows stay
    /// (PyTorch's `align_corners=True`).
    fn resample_linear(&self, x: &Self::Tensor, clips: &Clips) -> Result<Self::Tensor>;

    /// `n` consecutive rows become one: (rows, channels) -> (rows / n, n * channels).
    fn stack_frames(&self, x: &Self::Tensor, n: usize) -> Result<Self::Tensor>;

    /// Tensors side by side: equal rows, the channels add up.
    fn concat(&self, parts: &[&Self::Tensor]) -> Result<Self::Tensor>;

    /// At most `max_rows` rows of each clip, from its row `start` on.
    fn slice_rows(&self, x: &Self::Tensor, start: usize, max_rows: usize) -> Result<Self::Tensor>;

    /// One row becomes `n`, the inverse of [`stack_frames`](Self::stack_frames): (rows, n * channels) ->
    /// (rows * n, channels).
    fn unstack_frames(&self, x: &Self::Tensor, n: usize) -> Result<Self::Tensor> {
        let clips = shapes::unstack_frames(x, n)?;
        self.upload(&clips, x.channels() / n, &self.download(x)?)
    }

    /// The rows of `y` behind those of `x`, clip by clip: equal channels.
    fn join_rows(&self, x: &Self::Tensor, y: &Self::Tensor) -> Result<Self::Tensor> {
        let (clips, channels) = (shapes::join_rows(x, y)?, x.channels());
        let (first, second) = (self.download(x)?, self.download(y)?);
        let mut joined = Vec::with_capacity(first.len() + second.len());
        for (a, b) in x.clips().ranges().zip(y.clips().ranges()) {
            joined.extend_from_slice(&first[a.start * channels..a.end * channels]);
            joined.extend_from_slice(&second[b.start * channels..b.end * channels]);
        }
        self.upload(&clips, channels, &joined)
    }

    /// `x` above 0, else `exp(x) - 1`, element by element.
    fn elu(&self, x: &Self::Tensor) -> Result<Self::Tensor> {
        let values: Vec<f32> =
            self.download(x)?.into_iter().map(|x| if x > 0.0 { x } else { x.exp_m1() }).collect();
        self.upload(x.clips(), x.channels(), &values)
    }

    /// The rows of a table (n, channels) in front of every clip.
    fn prepend_rows(&self, x: &Self::Tensor, rows: &Self::Weight) -> Result<Self::Tensor>;

    /// The one row of each clip, repeated for every row of `clips`.
    fn broadcast_rows(&self, x: &Self::Tensor, clips: &Clips) -> Result<Self::Tensor>;

    /// `layer_norm(x + y)`.
    fn add_layer_norm(
        &self,
        x: &Self::Tensor,
        y: &Self::Tensor,
        norm: &Norm<Self::Weight>,
    ) -> Result<Self::Tensor> {
        self.layer_norm(&self.add(x, y)?, norm, Activation::None)
    }

    /// `layer_norm(residual + linear(x))`.
    fn linear_add_layer_norm(
        &self,
        x: &Self::Tensor,
        linear: &Linear<Self::Weight>,
        residual: &Self::Tensor,
        norm: &Norm<Self::Weight>,
    ) -> Result<Self::Tensor> {
        self.add_layer_norm(residual, &self.linear(x, linear, Activation::None)?, norm)
    }

    /// A post-norm transformer layer: `x = norm1(x + attention(x)); norm2(x + feed_forward(x))`.
    fn transformer_layer(
        &self,
        x: &Self::Tensor,
        layer: &TransformerLayer<Self::Weight>,
        bias: &AttentionBias,
    ) -> Result<Self::Tensor> {
        let qkv = self.linear(x, &layer.qkv, Activation::None)?;
        let mixed = self.self_attention(&qkv, layer.heads, bias)?;
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
