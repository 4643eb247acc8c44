//! The style, and the codes: `docs/networks/deeptalk.md` sections 5 and 6.

use super::config::{Config, FPS, FRAMES_PER_BOTTOM_CODE, FRAMES_PER_TOP_CODE, PredictorConfig};
use super::motion_prior::{MotionCodes, MotionPrior};
use crate::Result;
use crate::layers::attention_bias::near;
use crate::layers::{Observer, Scope, Source};
use crate::tensor::{Activation, AttentionBias, Linear, Ops, Packed, SampleCodes, TransformerLayer};

/// The encoder's bias: rows less than a second apart see each other.
///
/// The paper's bias is `-slope * floor(|i - j| / 25)`; the published code passes it where a mask of forbidden
/// pairs is expected, and everything that is not 0 forbids. The published weights were trained so.
const WITHIN_A_SECOND: AttentionBias = AttentionBias::Window { rows: FPS };

/// How codes are chosen, top book first.
pub struct Choice<'a, T> {
    /// Draws codes; none takes the likeliest.
    pub sample: [Option<&'a SampleCodes>; 2],
    /// Codes that take the place of chosen ones: those that a stream gave out already, or those of a
    /// reference. (rows of codes, 1) in f32, with -1 where the chosen code stays.
    pub given: [Option<&'a T>; 2],
}

impl<T> Default for Choice<'_, T> {
    fn default() -> Self {
        Self { sample: [None; 2], given: [None; 2] }
    }
}

/// The tensors from emotion and actor to the style.
#[derive(Debug, Clone)]
pub struct Style<W> {
    /// Of the emotion vector.
    emotion: Linear<W>,
    /// Of the result and the actor's one-hot vector.
    condition: Linear<W>,
}

impl<W> Style<W> {
    pub(super) fn load<S: Source<Weight = W>>(at: &mut Scope<'_, S>, config: &Config) -> Result<Self> {
        let style = config.predictor.style;
        Ok(Self {
            emotion: Linear::load(&mut at.at("emotion"), style, config.emotion_head.width)?,
            condition: Linear::load(&mut at.at("condition"), style, style + config.actors.len())?,
        })
    }

    /// Emotion vectors and one-hot actors (rows, actors) to styles (rows, style): a row for each clip or for
    /// each frame.
    pub(super) fn forward<B: Ops<Weight = W>>(
        &self,
        ops: &B,
        emotion: &B::Tensor,
        actors: &B::Tensor,
        observer: &dyn Observer<B>,
    ) -> Result<B::Tensor> {
        let emotion = ops.linear(emotion, &self.emotion, Activation::None)?;
        observer.stage("emotion_condition", &emotion)?;
        let x = ops.linear(&ops.concat(&[&emotion, actors])?, &self.condition, Activation::None)?;
        observer.stage("style", &x)?;
        Ok(x)
    }
}

/// The tensors of the code predictor.
#[derive(Debug, Clone)]
pub struct Predictor<W> {
    /// Over content and style.
    encoder: Vec<TransformerLayer<W>>,
    /// To the features of a frame.
    features: Linear<W>,
    top: CodeHead<W>,
    bottom: CodeHead<W>,
}

impl<W> Predictor<W> {
    pub(super) fn load<S: Source<Weight = W>>(at: &mut Scope<'_, S>, all: &Config) -> Result<Self> {
        let config = &all.predictor;
        let width = all.content.output + config.style;
        let prior = &all.motion_prior;
        let (stacked_t, stacked_b) = (4 * config.features, 2 * config.features + prior.width_t);
        let activation = Activation::Gelu;
        Ok(Self {
            encoder: TransformerLayer::load_stack(&mut at.at("encoder"), width, config.encoder, activation)?,
            features: Linear::load(&mut at.at("features"), config.features, width)?,
            top: CodeHead::load(&mut at.at("top"), config, stacked_t, prior.codes_t)?,
            bottom: CodeHead::load(&mut at.at("bottom"), config, stacked_b, prior.codes_b)?,
        })
    }

    /// Content (frames, width) and styles, (clips, style) or (frames, style), to codes.
    pub(super) fn forward<B: Ops<Weight = W>>(
        &self,
        ops: &B,
        prior: &MotionPrior<W>,
        content: &B::Tensor,
        style: &B::Tensor,
        choice: &Choice<'_, B::Tensor>,
        observer: &dyn Observer<B>,
    ) -> Result<MotionCodes<B::Codes>> {
        let choose = |book: usize, name: &'static str, logits: &B::Tensor| {
            let chosen = ops.choose_code(logits, choice.sample[book])?;
            observer.codes(name, &chosen)?;
            match choice.given[book] {
                Some(given) => ops.replace_codes(&chosen, given),
                None => Ok(chosen),
            }
        };
        let spread;
        let style = if style.clips() == content.clips() {
            style
        } else {
            spread = ops.broadcast_rows(style, content.clips())?;
            &spread
        };
        let x = ops.concat(&[content, style])?;
        let x = ops.transformer_stack(x, &self.encoder, &WITHIN_A_SECOND)?;
        observer.stage("predictor.encoder", &x)?;
        let features = ops.linear(&x, &self.features, Activation::None)?;
        observer.stage("predictor.features", &features)?;

        let logits = self.top.forward(ops, &ops.stack_frames(&features, FRAMES_PER_TOP_CODE)?)?;
        observer.stage("predictor.logits_t", &logits)?;
        let top = choose(0, "codes_t", &logits)?;

        let decoded = prior.expand_top(ops, &top)?;
        observer.stage("vq.decoder_t", &decoded)?;
        let stacked = ops.stack_frames(&features, FRAMES_PER_BOTTOM_CODE)?;
        let logits = self.bottom.forward(ops, &ops.concat(&[&stacked, &decoded])?)?;
        observer.stage("predictor.logits_b", &logits)?;
        let bottom = choose(1, "codes_b", &logits)?;
        Ok(MotionCodes { top, bottom })
    }
}

/// The tensors of a transformer that gives the logits of one book.
#[derive(Debug, Clone)]
struct CodeHead<W> {
    /// From the stacked features.
    input: Linear<W>,
    layers: Vec<TransformerLayer<W>>,
    /// Rows `i` and `j` see each other where `|i - j|` is below this. The published model has 1, a row sees
    /// itself alone, for the reason that [`WITHIN_A_SECOND`] gives; the paper's bias is `-slope * |i - j|`.
    attention_rows: usize,
    /// To the logits.
    output: Linear<W>,
}

impl<W> CodeHead<W> {
    fn load<S: Source<Weight = W>>(
        at: &mut Scope<'_, S>,
        config: &PredictorConfig,
        input: usize,
        codes: usize,
    ) -> Result<Self> {
        let width = config.hidden;
        let (transformer, activation) = (config.transformer, Activation::Gelu);
        Ok(Self {
            input: Linear::load(&mut at.at("input"), width, input)?,
            layers: TransformerLayer::load_stack(&mut at.at("layers"), width, transformer, activation)?,
            attention_rows: config.code_attention_rows,
            output: Linear::load(&mut at.at("output"), codes, width)?,
        })
    }

    fn forward<B: Ops<Weight = W>>(&self, ops: &B, x: &B::Tensor) -> Result<B::Tensor> {
        let x = ops.linear(x, &self.input, Activation::None)?;
        let x = ops.transformer_stack(x, &self.layers, &near(self.attention_rows))?;
        ops.linear(&x, &self.output, Activation::None)
    }
}
