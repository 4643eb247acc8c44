//! Speech: the layers between samples and features.

use super::RowOps;
use crate::Result;
use crate::tensor::{Activation, Conv1d, Norm, shapes};

/// Operations at the beginning of a speech encoder.
pub trait SpeechOps: RowOps {
    /// The logarithm of the energy in each band of a spectrum:
    /// `ln(floor + sum_f bands[m][f] (re_f^2 + im_f^2))`: (rows, 2 * bins), a row's real parts before its
    /// imaginary ones, and (bands, bins) -> (rows, bands).
    fn log_bands(&self, spectrum: &Self::Tensor, bands: &Self::Weight, floor: f32) -> Result<Self::Tensor>;

    /// One layer of a front end.
    fn front_layer(&self, x: &Self::Tensor, layer: &FrontLayer<Self::Weight>) -> Result<Self::Tensor> {
        let FrontLayer { conv, norm } = layer;
        match norm {
            FrontNorm::None => self.conv1d(x, conv, Activation::Gelu),
            FrontNorm::OverTime(norm) => {
                let x = self.conv1d(x, conv, Activation::None)?;
                self.group_norm(&x, norm, Activation::Gelu)
            }
            FrontNorm::OverChannels(norm) => {
                let x = self.conv1d(x, conv, Activation::None)?;
                self.layer_norm(&x, norm, Activation::Gelu)
            }
        }
    }

    /// An encoder's convolutional front end, at least one layer: samples or log-mel rows (rows, in) to
    /// features.
    fn front_end(&self, x: &Self::Tensor, layers: &[FrontLayer<Self::Weight>]) -> Result<Self::Tensor> {
        shapes::front_end(x, layers)?;
        let first = self.front_layer(x, &layers[0])?;
        layers[1..].iter().try_fold(first, |x, layer| self.front_layer(&x, layer))
    }
}

/// One layer of an encoder's convolutional front end: a convolution (no padding, one group), a norm, GELU.
#[derive(Debug, Clone)]
pub struct FrontLayer<W> {
    /// The convolution.
    pub conv: Conv1d<W>,
    /// The norm after the convolution.
    pub norm: FrontNorm<W>,
}

/// The norm of a front end's layer.
#[derive(Debug, Clone)]
pub enum FrontNorm<W> {
    /// No norm.
    None,
    /// Each channel over the rows of a clip; only in a first layer.
    OverTime(Norm<W>),
    /// Each row over its channels.
    OverChannels(Norm<W>),
}
