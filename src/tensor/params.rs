//! Parameters of the operations: groups of weights and the numbers that belong to them.

/// Elementwise activation after a product.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Activation {
    /// No activation.
    None,
    /// `x Phi(x)`, the exact (erf) form.
    Gelu,
    /// `max(x, 0)`.
    Relu,
    /// `x` above 0, else `slope * x`.
    LeakyRelu(f32),
}

/// A dense layer.
#[derive(Debug, Clone)]
pub struct Linear<W> {
    /// (out, in).
    pub weight: W,
    /// (out), if there is one.
    pub bias: Option<W>,
}

/// The learned part of a norm.
#[derive(Debug, Clone)]
pub struct Affine<W> {
    /// (channels).
    pub weight: W,
    /// (channels).
    pub bias: W,
}

/// A normalisation to mean 0 and variance 1: `(x - mean) / sqrt(variance + eps)`, then `* weight + bias`.
#[derive(Debug, Clone)]
pub struct Norm<W> {
    /// The learned part, if there is one.
    pub affine: Option<Affine<W>>,
    /// Added to the variance.
    pub eps: f32,
}

impl<W> Norm<W> {
    /// A norm without a learned part (PyTorch's `elementwise_affine=False`).
    pub const fn plain(eps: f32) -> Self {
        Self { affine: None, eps }
    }
}

/// The padding of a convolution: rows before and after each clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Padding {
    /// Zero rows: the number before, the number after.
    Zero(usize, usize),
    /// Copies of the first and of the last row: the number before, the number after.
    Replicate(usize, usize),
}

impl Padding {
    /// No padding at all.
    pub const NONE: Self = Self::Zero(0, 0);

    /// Rows before and rows after.
    pub fn rows(self) -> (usize, usize) {
        match self {
            Self::Zero(before, after) | Self::Replicate(before, after) => (before, after),
        }
    }
}

/// A 1-D convolution.
#[derive(Debug, Clone)]
pub struct Conv1d<W> {
    /// (out, kernel, in / groups): taps before channels, so that the window of an ungrouped convolution over
    /// row-major rows is one contiguous vector and the convolution a plain matrix product.
    pub weight: W,
    /// (out), if there is one.
    pub bias: Option<W>,
    /// Rows from one window to the next.
    pub stride: usize,
    /// Groups of channels that do not see each other.
    pub groups: usize,
    /// The rows round a clip.
    pub padding: Padding,
}

/// A 1-D transposed convolution.
#[derive(Debug, Clone)]
pub struct ConvTranspose1d<W> {
    /// (kernel, out, in): one matrix a tap, so that all taps are one matrix product.
    pub weight: W,
    /// (out).
    pub bias: W,
    /// Rows of the output from one window to the next.
    pub stride: usize,
    /// Rows cut from both ends of the output.
    pub padding: usize,
    /// Rows added at the end of the output.
    pub output_padding: usize,
}

/// A post-norm transformer layer.
#[derive(Debug, Clone)]
pub struct TransformerLayer<W> {
    /// channels -> 3 * channels: q of all heads, then k, then v.
    pub qkv: Linear<W>,
    /// channels -> channels.
    pub out: Linear<W>,
    /// The norm after the attention.
    pub norm1: Norm<W>,
    /// channels -> feed-forward.
    pub up: Linear<W>,
    /// feed-forward -> channels.
    pub down: Linear<W>,
    /// The norm after the feed-forward.
    pub norm2: Norm<W>,
    /// Heads; a head is `channels / heads` wide.
    pub heads: usize,
    /// The activation between `up` and `down`.
    pub activation: Activation,
}

/// The bias that is added to the attention score of a query in row `i` and a key in row `j` of a clip. It is
/// computed, never stored as a table, so the length of a clip is not limited.
#[derive(Debug, Clone, PartialEq)]
pub enum AttentionBias {
    /// No bias.
    None,
    /// 0 where `|i - j| < rows`, minus infinity elsewhere: a row sees only its neighbours.
    Window {
        /// At least 1: a row always sees itself.
        rows: usize,
    },
    /// `-slopes[head] * |i - j|` (ALiBi), and 0 where `i` or `j` is one of the first `free_rows` rows.
    Distance {
        /// One slope for each head.
        slopes: Vec<f32>,
        /// Rows at the start of every clip that have no position.
        free_rows: usize,
    },
    /// `-slopes[head] * floor((i - j) / period)` (FaceFormer's periodic form of ALiBi) where
    /// `0 <= i - j < context`, minus infinity elsewhere: a row sees itself and the rows before it.
    Causal {
        /// One slope for each head.
        slopes: Vec<f32>,
        /// Rows of one step of the bias, at least 1: the frames of a second.
        period: usize,
        /// Rows that a row sees, itself included, at least 1; `usize::MAX` for all.
        context: usize,
    },
}
