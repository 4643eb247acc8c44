//! Every tensor of a model: its field, its name in the file, its shape. No arithmetic.
//!
//! [`Weights::build`] asks a [`Source`] for each tensor in turn. A source may give device weights (loading), collect
//! names and shapes (checking a file, counting parameters), or make the numbers (import, synthesis).

use super::config::{
    Config, ContentConfig, ConvConfig, EmotionConfig, HeadConfig, LogMelConfig, MotionEmotionConfig,
    MotionPriorConfig, PredictorConfig, TransformerConfig,
};
use crate::Result;
use crate::tensor::{
    Activation, Affine, Conv1d, ConvTranspose1d, FrontLayer, FrontNorm, Linear, Padding, Role,
    TransformerLayer,
};

/// Where the tensors come from.
pub trait Source<W> {
    /// A tensor for the device, which is used as `role` says.
    fn tensor(&mut self, name: &str, shape: &[usize], role: Role) -> Result<W>;
    /// A small tensor that the host needs.
    fn host(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>>;
}

/// All tensors of a model.
#[derive(Debug, Clone)]
pub struct Weights<W> {
    /// `docs/networks/deeptalk.md` section 2.
    pub content: Content<W>,
    /// `docs/networks/deeptalk.md` section 3.
    pub emotion: Emotion<W>,
    /// `docs/networks/deeptalk.md` section 4.
    pub emotion_head: Head<W>,
    /// `docs/networks/deeptalk.md` section 5.
    pub style: Style<W>,
    /// `docs/networks/deeptalk.md` section 6.
    pub predictor: Predictor<W>,
    /// `docs/networks/deeptalk.md` section 7.
    pub motion_prior: MotionPrior<W>,
    /// `docs/networks/deeptalk.md` section 8.
    pub motion_emotion: Option<MotionEmotion<W>>,
}

/// A log-mel spectrogram.
#[derive(Debug, Clone)]
pub struct LogMel<W> {
    /// (2 * bins, window, 1): a window's cosines, then its sines.
    pub basis: Conv1d<W>,
    /// (bands, bins).
    pub bands: W,
}

/// The content encoder.
#[derive(Debug, Clone)]
pub struct Content<W> {
    /// What the convolutions hear instead of samples.
    pub log_mel: Option<LogMel<W>>,
    /// The convolutions; a norm over time follows the first.
    pub front: Vec<FrontLayer<W>>,
    /// Before the projection.
    pub projection_norm: Affine<W>,
    /// To the transformer's width.
    pub projection: Linear<W>,
    /// The positional convolution.
    pub positional: Conv1d<W>,
    /// Before the layers.
    pub norm: Affine<W>,
    /// The transformer.
    pub layers: Vec<TransformerLayer<W>>,
    /// To the content's width.
    pub output: Linear<W>,
}

/// The emotion encoder.
#[derive(Debug, Clone)]
pub struct Emotion<W> {
    /// What the convolutions hear instead of samples.
    pub log_mel: Option<LogMel<W>>,
    /// The convolutions; a layer norm follows each.
    pub front: Vec<FrontLayer<W>>,
    /// Before the projection.
    pub projection_norm: Affine<W>,
    /// To the transformer's width.
    pub projection: Linear<W>,
    /// The positional convolutions.
    pub positional: Vec<Conv1d<W>>,
    /// (tokens, width): in front of the frames.
    pub extra_tokens: W,
    /// One a head: what the distance's slope is multiplied with.
    pub alibi_scale: Vec<f32>,
    /// Before the layers.
    pub norm: Affine<W>,
    /// The transformer.
    pub layers: Vec<TransformerLayer<W>>,
}

/// From features to an emotion's mean and log variance.
#[derive(Debug, Clone)]
pub struct Head<W> {
    /// (max frames, width): added to the features.
    pub position_table: W,
    /// Before the branches.
    pub layers: Vec<TransformerLayer<W>>,
    /// To the mean.
    pub mean: Branch<W>,
    /// To the log variance.
    pub logvar: Branch<W>,
}

/// One branch of a head.
#[derive(Debug, Clone)]
pub struct Branch<W> {
    /// Its layer.
    pub layers: Vec<TransformerLayer<W>>,
    /// To the emotion's width.
    pub projection: Linear<W>,
    /// The generalised pooling operator.
    pub pool: Pool,
}

/// What gives the pooling's weights for a length; small, and used on the host once a length.
#[derive(Debug, Clone)]
pub struct Pool {
    /// From the first row on.
    pub forward: Gru,
    /// From the last row on.
    pub backward: Gru,
    /// (width): a row's score.
    pub score: Vec<f32>,
}

/// A gated recurrent unit as wide as its input: reset, update and new gate one after another, as in PyTorch.
#[derive(Debug, Clone)]
pub struct Gru {
    /// (3 * width, width).
    pub input: Vec<f32>,
    /// (3 * width, width).
    pub hidden: Vec<f32>,
    /// (3 * width).
    pub input_bias: Vec<f32>,
    /// (3 * width).
    pub hidden_bias: Vec<f32>,
}

/// From emotion and actor to the style.
#[derive(Debug, Clone)]
pub struct Style<W> {
    /// Of the emotion vector.
    pub emotion: Linear<W>,
    /// Of that and the actor's one-hot vector.
    pub condition: Linear<W>,
}

/// The code predictor.
#[derive(Debug, Clone)]
pub struct Predictor<W> {
    /// Over content and style.
    pub encoder: Vec<TransformerLayer<W>>,
    /// To the features of a frame.
    pub features: Linear<W>,
    /// Logits of the top codes.
    pub top: CodeHead<W>,
    /// Logits of the bottom codes.
    pub bottom: CodeHead<W>,
}

/// A transformer that chooses codes.
#[derive(Debug, Clone)]
pub struct CodeHead<W> {
    /// From the stacked features.
    pub input: Linear<W>,
    /// The transformer.
    pub layers: Vec<TransformerLayer<W>>,
    /// How far its rows see.
    pub attention_rows: usize,
    /// To the logits.
    pub output: Linear<W>,
}

/// TH-VQVAE.
#[derive(Debug, Clone)]
pub struct MotionPrior<W> {
    /// (codes, width).
    pub codebook_t: W,
    /// (codes, width).
    pub codebook_b: W,
    /// Motion to bottom rows.
    pub encoder_b: Squasher<W>,
    /// Bottom rows to top rows.
    pub encoder_t: Squasher<W>,
    /// Top codes to bottom rows, for choosing bottom codes.
    pub decoder_t: Expander<W>,
    /// Top codes to bottom rows, for decoding.
    pub upsample_t: ConvTranspose1d<W>,
    /// Both codes to frames.
    pub decoder_b: Expander<W>,
    /// Frames to motion.
    pub smooth: Conv1d<W>,
}

/// Halves the frames.
#[derive(Debug, Clone)]
pub struct Squasher<W> {
    /// With stride 2.
    pub conv: Conv1d<W>,
    /// The batch norm before it is folded into it.
    pub linear: Linear<W>,
    /// The transformer.
    pub layers: Vec<TransformerLayer<W>>,
    /// How far its rows see.
    pub attention_rows: usize,
}

/// Doubles the frames.
#[derive(Debug, Clone)]
pub struct Expander<W> {
    /// With stride 2.
    pub conv: ConvTranspose1d<W>,
    /// The batch norm before it is folded into it.
    pub linear: Linear<W>,
    /// The transformer.
    pub layers: Vec<TransformerLayer<W>>,
    /// How far its rows see.
    pub attention_rows: usize,
}

/// The emotion of a motion.
#[derive(Debug, Clone)]
pub struct MotionEmotion<W> {
    /// The expression network.
    pub features: Vec<Linear<W>>,
    /// To the transformer's width.
    pub input: Linear<W>,
    /// The rest.
    pub head: Head<W>,
    /// The added constant of a match's logit.
    pub match_shift: f32,
    /// What a distance is multiplied with in it, before the minus sign.
    pub match_negative_scale: f32,
}

impl<W> Weights<W> {
    /// Asks `source` for every tensor that a model of these sizes has, always in the same order.
    pub fn build(config: &Config, source: &mut impl Source<W>) -> Result<Self> {
        let mut b = Builder { source };
        Ok(Self {
            content: b.content(&config.content)?,
            emotion: b.emotion(&config.emotion)?,
            emotion_head: b.head(
                "emotion_head",
                &config.emotion_head,
                config.emotion.hidden,
                Activation::Relu,
            )?,
            style: b.style(config)?,
            predictor: b.predictor(&config.predictor, config)?,
            motion_prior: b.motion_prior(&config.motion_prior, config.parameters())?,
            motion_emotion: match &config.motion_emotion {
                Some(motion) => Some(b.motion_emotion(motion, config.parameters())?),
                None => None,
            },
        })
    }
}

struct Builder<'a, S> {
    source: &'a mut S,
}

impl<S> Builder<'_, S> {
    fn linear<W>(&mut self, name: &str, out: usize, input: usize) -> Result<Linear<W>>
    where
        S: Source<W>,
    {
        let weight = self.source.tensor(&format!("{name}.weight"), &[out, input], Role::Linear)?;
        Ok(Linear { weight, bias: Some(self.source.tensor(&format!("{name}.bias"), &[out], Role::Vector)?) })
    }

    fn affine<W>(&mut self, name: &str, width: usize) -> Result<Affine<W>>
    where
        S: Source<W>,
    {
        let weight = self.source.tensor(&format!("{name}.weight"), &[width], Role::Vector)?;
        Ok(Affine { weight, bias: self.source.tensor(&format!("{name}.bias"), &[width], Role::Vector)? })
    }

    fn conv<W>(
        &mut self,
        name: &str,
        shape: [usize; 3],
        [stride, groups]: [usize; 2],
        padding: Padding,
    ) -> Result<Conv1d<W>>
    where
        S: Source<W>,
    {
        let weight = self.source.tensor(&format!("{name}.weight"), &shape, Role::Conv { groups })?;
        let bias = Some(self.source.tensor(&format!("{name}.bias"), &shape[..1], Role::Vector)?);
        Ok(Conv1d { weight, bias, stride, groups, padding })
    }

    /// A front end's convolution: no bias, no padding.
    fn front_conv<W>(&mut self, name: &str, layer: &ConvConfig, input: usize) -> Result<Conv1d<W>>
    where
        S: Source<W>,
    {
        let weight = self.source.tensor(
            &format!("{name}.weight"),
            &[layer.out, layer.kernel, input],
            Role::Conv { groups: 1 },
        )?;
        Ok(Conv1d { weight, bias: None, stride: layer.stride, groups: 1, padding: Padding::NONE })
    }

    /// The tensors of a log-mel spectrogram, and the channels that the first convolution hears.
    fn log_mel<W>(&mut self, name: &str, config: Option<LogMelConfig>) -> Result<(Option<LogMel<W>>, usize)>
    where
        S: Source<W>,
    {
        let Some(config) = config else { return Ok((None, 1)) };
        let basis = self.source.tensor(
            &format!("{name}.log_mel.basis"),
            &[2 * config.bins(), config.window, 1],
            Role::Conv { groups: 1 },
        )?;
        let bands = self.source.tensor(
            &format!("{name}.log_mel.bands"),
            &[config.bands, config.bins()],
            Role::Rows,
        )?;
        let basis =
            Conv1d { weight: basis, bias: None, stride: config.hop, groups: 1, padding: Padding::NONE };
        Ok((Some(LogMel { basis, bands }), config.bands))
    }

    fn positional<W>(&mut self, name: &str, width: usize, kernel: usize, groups: usize) -> Result<Conv1d<W>>
    where
        S: Source<W>,
    {
        // An even kernel with padding on both sides gives one row too many; the published code drops the last.
        let padding = Padding::Zero(kernel / 2, (kernel - 1) / 2);
        self.conv(name, [width, kernel, width / groups], [1, groups], padding)
    }

    fn layers<W>(
        &mut self,
        name: &str,
        width: usize,
        config: TransformerConfig,
        activation: Activation,
    ) -> Result<Vec<TransformerLayer<W>>>
    where
        S: Source<W>,
    {
        (0..config.layers)
            .map(|index| {
                let name = format!("{name}.{index}");
                Ok(TransformerLayer {
                    qkv: self.linear(&format!("{name}.qkv"), 3 * width, width)?,
                    out: self.linear(&format!("{name}.out"), width, width)?,
                    norm1: self.affine(&format!("{name}.norm1"), width)?,
                    up: self.linear(&format!("{name}.up"), config.feed_forward, width)?,
                    down: self.linear(&format!("{name}.down"), width, config.feed_forward)?,
                    norm2: self.affine(&format!("{name}.norm2"), width)?,
                    heads: config.heads,
                    activation,
                })
            })
            .collect()
    }

    fn content<W>(&mut self, config: &ContentConfig) -> Result<Content<W>>
    where
        S: Source<W>,
    {
        let (log_mel, mut input) = self.log_mel("content", config.log_mel)?;
        let mut front = Vec::new();
        for (index, layer) in config.conv.iter().enumerate() {
            let name = format!("content.conv.{index}");
            let conv = self.front_conv(&name, layer, input)?;
            let norm = match index {
                0 => FrontNorm::OverTime(self.affine(&format!("{name}.norm"), layer.out)?),
                _ => FrontNorm::None,
            };
            front.push(FrontLayer { conv, norm });
            input = layer.out;
        }
        let width = config.hidden;
        Ok(Content {
            log_mel,
            front,
            projection_norm: self.affine("content.projection_norm", input)?,
            projection: self.linear("content.projection", width, input)?,
            positional: self.positional(
                "content.positional",
                width,
                config.positional_kernel,
                config.positional_groups,
            )?,
            norm: self.affine("content.norm", width)?,
            layers: self.layers("content.layers", width, config.transformer, Activation::Gelu)?,
            output: self.linear("content.output", config.output, width)?,
        })
    }

    fn emotion<W>(&mut self, config: &EmotionConfig) -> Result<Emotion<W>>
    where
        S: Source<W>,
    {
        let (log_mel, mut input) = self.log_mel("emotion", config.log_mel)?;
        let mut front = Vec::new();
        for (index, layer) in config.conv.iter().enumerate() {
            let name = format!("emotion.conv.{index}");
            let conv = self.front_conv(&name, layer, input)?;
            let norm = FrontNorm::OverChannels(self.affine(&format!("{name}.norm"), layer.out)?);
            front.push(FrontLayer { conv, norm });
            input = layer.out;
        }
        let width = config.hidden;
        Ok(Emotion {
            log_mel,
            front,
            projection_norm: self.affine("emotion.projection_norm", input)?,
            projection: self.linear("emotion.projection", width, input)?,
            positional: (0..config.positional_layers)
                .map(|index| {
                    let name = format!("emotion.positional.{index}");
                    self.positional(&name, width, config.positional_kernel, config.positional_groups)
                })
                .collect::<Result<_>>()?,
            extra_tokens: self.source.tensor(
                "emotion.extra_tokens",
                &[config.extra_tokens, width],
                Role::Rows,
            )?,
            alibi_scale: self.source.host("emotion.alibi_scale", &[config.transformer.heads])?,
            norm: self.affine("emotion.norm", width)?,
            layers: self.layers("emotion.layers", width, config.transformer, Activation::Gelu)?,
        })
    }

    fn head<W>(
        &mut self,
        name: &str,
        config: &HeadConfig,
        width: usize,
        activation: Activation,
    ) -> Result<Head<W>>
    where
        S: Source<W>,
    {
        Ok(Head {
            position_table: self.source.tensor(
                &format!("{name}.position_table"),
                &[config.max_frames, width],
                Role::Rows,
            )?,
            layers: self.layers(&format!("{name}.layers"), width, config.transformer, activation)?,
            mean: self.branch(&format!("{name}.mean"), config, width, activation)?,
            logvar: self.branch(&format!("{name}.logvar"), config, width, activation)?,
        })
    }

    fn branch<W>(
        &mut self,
        name: &str,
        config: &HeadConfig,
        width: usize,
        activation: Activation,
    ) -> Result<Branch<W>>
    where
        S: Source<W>,
    {
        let one = TransformerConfig { layers: 1, ..config.transformer };
        Ok(Branch {
            layers: self.layers(&format!("{name}.layers"), width, one, activation)?,
            projection: self.linear(&format!("{name}.projection"), config.width, width)?,
            pool: Pool {
                forward: self.gru(&format!("{name}.pool.forward"), config.pool_width)?,
                backward: self.gru(&format!("{name}.pool.backward"), config.pool_width)?,
                score: self.source.host(&format!("{name}.pool.score"), &[config.pool_width])?,
            },
        })
    }

    fn gru<W>(&mut self, name: &str, width: usize) -> Result<Gru>
    where
        S: Source<W>,
    {
        Ok(Gru {
            input: self.source.host(&format!("{name}.input"), &[3 * width, width])?,
            hidden: self.source.host(&format!("{name}.hidden"), &[3 * width, width])?,
            input_bias: self.source.host(&format!("{name}.input_bias"), &[3 * width])?,
            hidden_bias: self.source.host(&format!("{name}.hidden_bias"), &[3 * width])?,
        })
    }

    fn style<W>(&mut self, config: &Config) -> Result<Style<W>>
    where
        S: Source<W>,
    {
        let style = config.predictor.style;
        Ok(Style {
            emotion: self.linear("style.emotion", style, config.emotion_head.width)?,
            condition: self.linear("style.condition", style, style + config.actors.len())?,
        })
    }

    fn predictor<W>(&mut self, config: &PredictorConfig, all: &Config) -> Result<Predictor<W>>
    where
        S: Source<W>,
    {
        let width = all.content.output + config.style;
        let prior = &all.motion_prior;
        let (stacked_t, stacked_b) = (4 * config.features, 2 * config.features + prior.width_t);
        Ok(Predictor {
            encoder: self.layers("predictor.encoder", width, config.encoder, Activation::Gelu)?,
            features: self.linear("predictor.features", config.features, width)?,
            top: self.code_head("predictor.top", config, stacked_t, prior.codes_t)?,
            bottom: self.code_head("predictor.bottom", config, stacked_b, prior.codes_b)?,
        })
    }

    fn code_head<W>(
        &mut self,
        name: &str,
        config: &PredictorConfig,
        input: usize,
        codes: usize,
    ) -> Result<CodeHead<W>>
    where
        S: Source<W>,
    {
        let width = config.hidden;
        Ok(CodeHead {
            input: self.linear(&format!("{name}.input"), width, input)?,
            layers: self.layers(&format!("{name}.layers"), width, config.transformer, Activation::Gelu)?,
            attention_rows: config.code_attention_rows,
            output: self.linear(&format!("{name}.output"), codes, width)?,
        })
    }

    fn motion_prior<W>(&mut self, config: &MotionPriorConfig, parameters: usize) -> Result<MotionPrior<W>>
    where
        S: Source<W>,
    {
        let (t, b) = (config.width_t, config.width_b);
        let half = (config.kernel - 1) / 2;
        Ok(MotionPrior {
            codebook_t: self.source.tensor("motion_prior.codebook_t", &[config.codes_t, t], Role::Rows)?,
            codebook_b: self.source.tensor("motion_prior.codebook_b", &[config.codes_b, b], Role::Rows)?,
            encoder_b: self.squasher("motion_prior.encoder_b", config, parameters)?,
            encoder_t: self.squasher("motion_prior.encoder_t", config, t)?,
            decoder_t: self.expander("motion_prior.decoder_t", config, t, config.transformer_t)?,
            upsample_t: ConvTranspose1d {
                weight: self.source.tensor(
                    "motion_prior.upsample_t.weight",
                    &[4, t, t],
                    Role::ConvTranspose { stride: 2, padding: 1 },
                )?,
                bias: self.source.tensor(
                    "motion_prior.upsample_t.bias",
                    &[t],
                    Role::ConvTransposeBias { stride: 2 },
                )?,
                stride: 2,
                padding: 1,
                output_padding: 0,
            },
            decoder_b: self.expander("motion_prior.decoder_b", config, t + b, config.transformer_b)?,
            smooth: self.conv(
                "motion_prior.smooth",
                [parameters, config.kernel, t + b],
                [1, 1],
                Padding::Zero(half, half),
            )?,
        })
    }

    fn squasher<W>(&mut self, name: &str, config: &MotionPriorConfig, input: usize) -> Result<Squasher<W>>
    where
        S: Source<W>,
    {
        let (width, half) = (config.width_t, (config.kernel - 1) / 2);
        let padding = Padding::Replicate(half, half);
        Ok(Squasher {
            conv: self.conv(&format!("{name}.conv"), [width, config.kernel, input], [2, 1], padding)?,
            linear: self.linear(&format!("{name}.linear"), width, width)?,
            layers: self.layers(&format!("{name}.layers"), width, config.transformer_t, Activation::Gelu)?,
            attention_rows: config.attention_rows,
        })
    }

    fn expander<W>(
        &mut self,
        name: &str,
        config: &MotionPriorConfig,
        width: usize,
        transformer: TransformerConfig,
    ) -> Result<Expander<W>>
    where
        S: Source<W>,
    {
        let kernel = config.kernel;
        Ok(Expander {
            conv: ConvTranspose1d {
                weight: self.source.tensor(
                    &format!("{name}.conv.weight"),
                    &[kernel, width, width],
                    Role::ConvTranspose { stride: 2, padding: (kernel - 1) / 2 },
                )?,
                bias: self.source.tensor(
                    &format!("{name}.conv.bias"),
                    &[width],
                    Role::ConvTransposeBias { stride: 2 },
                )?,
                stride: 2,
                padding: (kernel - 1) / 2,
                output_padding: 1,
            },
            linear: self.linear(&format!("{name}.linear"), width, width)?,
            layers: self.layers(&format!("{name}.layers"), width, transformer, Activation::Gelu)?,
            attention_rows: config.attention_rows,
        })
    }

    fn motion_emotion<W>(
        &mut self,
        config: &MotionEmotionConfig,
        parameters: usize,
    ) -> Result<MotionEmotion<W>>
    where
        S: Source<W>,
    {
        let mut input = parameters;
        let mut features = Vec::new();
        for (index, &width) in config.features.iter().enumerate() {
            features.push(self.linear(&format!("motion_emotion.features.{index}"), width, input)?);
            input = width;
        }
        Ok(MotionEmotion {
            features,
            input: self.linear("motion_emotion.input", config.hidden, input)?,
            head: self.head("motion_emotion.head", &config.head, config.hidden, Activation::Relu)?,
            match_shift: self.source.host("motion_emotion.match_shift", &[1])?[0],
            match_negative_scale: self.source.host("motion_emotion.match_negative_scale", &[1])?[0],
        })
    }
}
