//! The style, and the codes: `docs/networks/deeptalk.md` sections 5 and 6.

use super::bias::{WITHIN_A_SECOND, near};
use super::config::{FRAMES_PER_BOTTOM_CODE, FRAMES_PER_TOP_CODE};
use super::motion_prior::expand;
use super::stages::Observer;
use super::weights::{CodeHead, MotionPrior, Predictor, Style};
use crate::Result;
use crate::tensor::{Activation, Ops, Packed, SampleCodes};

/// The codes of a motion.
pub struct MotionCodes<C> {
    /// One for four frames.
    pub top: C,
    /// One for two frames.
    pub bottom: C,
}

/// Emotion vectors and one-hot actors (clips, ...) to styles (clips, style).
pub fn style<B: Ops>(
    ops: &B,
    style: &Style<B::Weight>,
    emotion: &B::Tensor,
    actors: &B::Tensor,
    observer: &dyn Observer<B>,
) -> Result<B::Tensor> {
    let emotion = ops.linear(emotion, &style.emotion, Activation::None)?;
    observer.stage("emotion_condition", &emotion)?;
    let x = ops.linear(&ops.concat(&[&emotion, actors])?, &style.condition, Activation::None)?;
    observer.stage("style", &x)?;
    Ok(x)
}

/// Content (frames, width) and styles (clips, style) to codes; `sample` draws them (top, bottom), else the likeliest are
/// taken.
pub fn predict<B: Ops>(
    ops: &B,
    predictor: &Predictor<B::Weight>,
    prior: &MotionPrior<B::Weight>,
    content: &B::Tensor,
    style: &B::Tensor,
    sample: [Option<&SampleCodes>; 2],
    observer: &dyn Observer<B>,
) -> Result<MotionCodes<B::Codes>> {
    let x = ops.concat(&[content, &ops.broadcast_rows(style, content.clips())?])?;
    let x = ops.transformer_stack(x, &predictor.encoder, &WITHIN_A_SECOND)?;
    observer.stage("predictor.encoder", &x)?;
    let features = ops.linear(&x, &predictor.features, Activation::None)?;
    observer.stage("predictor.features", &features)?;

    let logits = logits(ops, &predictor.top, &ops.stack_frames(&features, FRAMES_PER_TOP_CODE)?)?;
    observer.stage("predictor.logits_t", &logits)?;
    let top = observer.codes("codes_t", ops.choose_code(&logits, sample[0])?)?;

    let decoded = expand(ops, &prior.decoder_t, &ops.lookup(&top, &prior.codebook_t)?)?;
    observer.stage("vq.decoder_t", &decoded)?;
    let stacked = ops.stack_frames(&features, FRAMES_PER_BOTTOM_CODE)?;
    let logits = self::logits(ops, &predictor.bottom, &ops.concat(&[&stacked, &decoded])?)?;
    observer.stage("predictor.logits_b", &logits)?;
    let bottom = observer.codes("codes_b", ops.choose_code(&logits, sample[1])?)?;
    Ok(MotionCodes { top, bottom })
}

fn logits<B: Ops>(ops: &B, head: &CodeHead<B::Weight>, x: &B::Tensor) -> Result<B::Tensor> {
    let x = ops.linear(x, &head.input, Activation::None)?;
    let x = ops.transformer_stack(x, &head.layers, &near(head.attention_rows))?;
    ops.linear(&x, &head.output, Activation::None)
}
