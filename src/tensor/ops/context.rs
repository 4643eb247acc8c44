//! The part of a device that every family of operations needs: tensors, weights, transfers, branches and
//! recordings.

use crate::Result;
use crate::tensor::{Clips, Dtype, Part, Stored, shapes};

/// The shape of a packed tensor.
pub trait Packed {
    /// The clips, whose lengths sum to the number of rows.
    fn clips(&self) -> &Clips;
    /// The width of a row.
    fn channels(&self) -> usize;
}

/// A packed tensor of numbers.
pub trait Typed: Packed {
    /// The number format.
    fn dtype(&self) -> Dtype;
}

/// The results of a part of a network.
#[derive(Debug)]
pub struct Outputs<T, C> {
    /// Tensors.
    pub tensors: Vec<T>,
    /// Codes.
    pub codes: Vec<C>,
}

/// A device at work: it holds tensors and runs operations on them, for one thread at a time. An
/// [`Engine`](crate::tensor::Engine) leases it.
pub trait Context {
    /// `(rows, channels)` of packed clips.
    type Tensor: Typed;
    /// A weight of a model, in the form that the device's kernels read.
    type Weight: shapes::Shaped;
    /// One code (an index into a codebook) a row, of packed clips.
    type Codes: Packed;

    /// Loads a tensor of a model file onto the device. The result can only be used in the given role.
    fn load(&self, stored: Stored, role: Role) -> Result<Self::Weight>;

    /// Loads all tensors of a model onto the device, in one transfer if the device can.
    fn load_all(&self, tensors: Vec<(Stored, Role)>) -> Result<Vec<Self::Weight>> {
        tensors.into_iter().map(|(stored, role)| self.load(stored, role)).collect()
    }

    /// The number format of activations on this device.
    fn dtype(&self) -> Dtype;

    /// Host to device, in the device's [`dtype`](Self::dtype); `values` is row-major
    /// `(clips.rows(), channels)`.
    fn upload(&self, clips: &Clips, channels: usize, values: &[f32]) -> Result<Self::Tensor>;

    /// Host to device, in f32 on every device: samples, the weights of a pooling, the parameters of a face.
    fn upload_f32(&self, clips: &Clips, channels: usize, values: &[f32]) -> Result<Self::Tensor>;

    /// Device to host, row-major.
    fn download(&self, x: &Self::Tensor) -> Result<Vec<f32>>;

    /// Host to device, one code a row.
    fn upload_codes(&self, clips: &Clips, codes: &[i32]) -> Result<Self::Codes>;

    /// Device to host, one code a row.
    fn download_codes(&self, codes: &Self::Codes) -> Result<Vec<i32>>;

    /// Runs two independent parts of a network, at the same time if the device can.
    fn branches<A, B>(
        &self,
        first: impl FnOnce() -> Result<A>,
        second: impl FnOnce() -> Result<B>,
    ) -> Result<(A, B)> {
        Ok((first()?, second()?))
    }

    /// Runs a part of a network that the device may record once and replay.
    ///
    /// The work of `body` must depend only on the part (its network and name) and on the clips and channels
    /// of its inputs. Besides these it may use the network's weights, and uploads whose values depend only on
    /// the clips. Sampling seeds are not part of that, so a part that samples must not be recorded. The
    /// device may call `body` more than once.
    fn recorded(
        &self,
        _part: Part,
        inputs: &[&Self::Tensor],
        body: impl Fn(&[&Self::Tensor]) -> Result<Outputs<Self::Tensor, Self::Codes>>,
    ) -> Result<Outputs<Self::Tensor, Self::Codes>> {
        body(inputs)
    }
}

/// The use of a weight. A device stores a weight in a form for its use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// (out, in): the weight of a dense layer.
    Linear,
    /// (channels): a bias, or the weight or bias of a norm.
    Vector,
    /// (n, channels): rows that are read one by one, as of a codebook or a table of positions.
    Rows,
    /// (out, kernel, in / groups): the weight of a convolution.
    Conv {
        /// Groups of channels that do not see each other.
        groups: usize,
    },
    /// (kernel, out, in): the weight of a transposed convolution.
    ConvTranspose {
        /// Rows of the output from one window to the next.
        stride: usize,
        /// Rows cut from both ends of the output.
        padding: usize,
    },
    /// (out): the bias of a transposed convolution.
    ConvTransposeBias {
        /// Rows of the output from one window to the next.
        stride: usize,
    },
    /// Values in f32 on every device, such as those of a face.
    Exact,
}
