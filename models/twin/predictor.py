"""The style, and the codes: the twin of `src/networks/deeptalk/predictor.rs`."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import FPS, FRAMES_PER_BOTTOM_CODE, FRAMES_PER_TOP_CODE, Config, PredictorConfig
from .layers import Transformer, stack_frames, window_mask
from .motion_prior import Codes, MotionPrior


class Style(nn.Module):
    """Emotion vectors (batch, width) and actors (batch,) to styles (batch, style)."""

    def __init__(self, config: Config):
        super().__init__()
        style, self.actors = config.predictor.style, len(config.actors)
        self.emotion = nn.Linear(config.emotion_head.width, style)
        self.condition = nn.Linear(style + self.actors, style)

    def forward(self, emotion: Tensor, actors: Tensor) -> Tensor:
        emotion = self.emotion(emotion)
        actors = F.one_hot(actors, self.actors).to(emotion.dtype)
        return self.condition(torch.cat([emotion, actors], dim=-1))


class CodeHead(nn.Module):
    """A transformer that chooses codes."""

    def __init__(self, config: PredictorConfig, inputs: int, codes: int, dropout: float):
        super().__init__()
        self.input = nn.Linear(inputs, config.hidden)
        self.layers = Transformer(config.hidden, config.transformer, F.gelu, dropout)
        self.output = nn.Linear(config.hidden, codes)
        self.reach = config.code_attention_rows

    def forward(self, x: Tensor) -> Tensor:
        return self.output(self.hidden(x))

    def hidden(self, x: Tensor) -> Tensor:
        """The rows from which logits are computed."""
        return self.layers(self.input(x), window_mask(self.reach, x.shape[1], x.device))


class Predicted(NamedTuple):
    """Logits (batch, frames / 4 or 2, codes), and the codes: the given ones, or the likeliest."""

    logits_top: Tensor
    logits_bottom: Tensor
    codes: Codes


class Predictor(nn.Module):
    """Content (batch, frames, width; frames a multiple of 4) and styles (batch, style) to codes."""

    def __init__(self, config: Config, dropout: float):
        super().__init__()
        sizes, prior = config.predictor, config.motion_prior
        width = config.content.output + sizes.style
        self.encoder = Transformer(width, sizes.encoder, F.gelu, dropout)
        self.features = nn.Linear(width, sizes.features)
        stacked = FRAMES_PER_TOP_CODE * sizes.features
        self.top = CodeHead(sizes, stacked, prior.codes_t, dropout)
        stacked = FRAMES_PER_BOTTOM_CODE * sizes.features + prior.width_t
        self.bottom = CodeHead(sizes, stacked, prior.codes_b, dropout)

    def forward(self, content: Tensor, style: Tensor, prior: MotionPrior, top: Tensor | None = None) -> Predicted:
        """`top`: the codes (batch, frames / 4) for which the bottom codes are chosen; without it, the
        likeliest."""
        features = self.frame_features(content, style)
        logits_top = self.logits_top(features)
        top = logits_top.argmax(-1) if top is None else top
        logits_bottom = self.logits_bottom(features, top, prior)
        return Predicted(logits_top, logits_bottom, Codes(top, logits_bottom.argmax(-1)))

    def frame_features(self, content: Tensor, style: Tensor) -> Tensor:
        frames = content.shape[1]
        style = style[:, None].expand(-1, frames, -1).to(content.dtype)
        x = torch.cat([content, style], dim=-1)
        return self.features(self.encoder(x, window_mask(FPS, frames, x.device)))

    def logits_top(self, features: Tensor) -> Tensor:
        return self.top(stack_frames(features, FRAMES_PER_TOP_CODE))

    def logits_bottom(self, features: Tensor, top: Tensor, prior: MotionPrior) -> Tensor:
        decoded = prior.decoder_t(prior.codebook_t[top])
        stacked = stack_frames(features, FRAMES_PER_BOTTOM_CODE)
        return self.bottom(torch.cat([stacked, decoded.to(stacked.dtype)], dim=-1))
