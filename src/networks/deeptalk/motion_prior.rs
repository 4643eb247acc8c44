//! The motion prior (TH-VQVAE), codes to motion and back: `docs/networks/deeptalk.md` section 7.

use super::bias::near;
use super::predictor::MotionCodes;
use super::stages::Observer;
use super::weights::{Expander, MotionPrior, Squasher};
use crate::Result;
use crate::tensor::{Activation, Ops};

/// The slope of the leaky units.
const SLOPE: f32 = 0.2;

/// Codes to motion: (frames, parameters).
pub fn decode<B: Ops>(
    ops: &B,
    prior: &MotionPrior<B::Weight>,
    codes: &MotionCodes<B::Codes>,
    observer: &dyn Observer<B>,
) -> Result<B::Tensor> {
    let top = ops.lookup(&codes.top, &prior.codebook_t)?;
    let top = ops.conv_transpose1d(&top, &prior.upsample_t, Activation::None)?;
    observer.stage("vq.upsample_t", &top)?;
    let bottom = ops.lookup(&codes.bottom, &prior.codebook_b)?;
    let x = expand(ops, &prior.decoder_b, &ops.concat(&[&top, &bottom])?)?;
    let motion = ops.conv1d(&x, &prior.smooth, Activation::None)?;
    observer.stage("motion", &motion)?;
    Ok(motion)
}

/// Motion (frames, parameters; frames a multiple of 4) to codes.
pub fn encode<B: Ops>(
    ops: &B,
    prior: &MotionPrior<B::Weight>,
    motion: &B::Tensor,
) -> Result<MotionCodes<B::Codes>> {
    let bottom = squash(ops, &prior.encoder_b, motion)?;
    let top = ops.nearest_code(&squash(ops, &prior.encoder_t, &bottom)?, &prior.codebook_t)?;
    let decoded = expand(ops, &prior.decoder_t, &ops.lookup(&top, &prior.codebook_t)?)?;
    let bottom = ops.nearest_code(&ops.concat(&[&decoded, &bottom])?, &prior.codebook_b)?;
    Ok(MotionCodes { top, bottom })
}

/// Twice the rows.
pub(super) fn expand<B: Ops>(ops: &B, expander: &Expander<B::Weight>, x: &B::Tensor) -> Result<B::Tensor> {
    let x = ops.conv_transpose1d(x, &expander.conv, Activation::LeakyRelu(SLOPE))?;
    let x = ops.linear(&x, &expander.linear, Activation::None)?;
    ops.transformer_stack(x, &expander.layers, &near(expander.attention_rows))
}

/// Half the rows.
fn squash<B: Ops>(ops: &B, squasher: &Squasher<B::Weight>, x: &B::Tensor) -> Result<B::Tensor> {
    let x = ops.conv1d(x, &squasher.conv, Activation::LeakyRelu(SLOPE))?;
    let x = ops.linear(&x, &squasher.linear, Activation::None)?;
    ops.transformer_stack(x, &squasher.layers, &near(squasher.attention_rows))
}
