"""The whole network over equal-length batches: the twin of `src/networks/deeptalk/forward.rs`."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from .config import FRAMES_PER_TOP_CODE, FPS, SAMPLE_RATE, Config
from .content import Content
from .emotion import Distribution, Emotion, Head, MotionEmotion
from .motion_prior import Codes, MotionPrior
from .predictor import Predictor, Style


class Animated(NamedTuple):
    """(batch, frames, parameters), and the codes from which it was decoded."""

    motion: Tensor
    codes: Codes


class DeepTalk(nn.Module):
    """Speech to motion. Its parameters are the tensors of a model file (files.py); it trains with `dropout`
    in its transformers."""

    def __init__(self, config: Config, dropout: float = 0.1):
        super().__init__()
        self.config = config
        self.content = Content(config.content, dropout)
        self.emotion = Emotion(config.emotion, dropout)
        self.emotion_head = Head(config.emotion_head, config.emotion.hidden, dropout)
        self.style = Style(config)
        self.predictor = Predictor(config, dropout)
        self.motion_prior = MotionPrior(config.motion_prior, config.parameters, dropout)
        motion = config.motion_emotion
        self.motion_emotion = MotionEmotion(motion, config.parameters, dropout) if motion else None

    def emotion_of(self, samples: Tensor) -> Distribution:
        """The emotion of speech (batch, samples)."""
        return self.emotion_head(self.emotion(samples))

    def forward(self, samples: Tensor, actors: Tensor, emotion: Tensor | None = None) -> Animated:
        """Speech (batch, samples), padded to whole codes (`pad`), actors (batch,) and, if not that of the
        speech, an emotion (batch, width) to motion."""
        content = self.content(samples)
        emotion = self.emotion_of(samples).mu if emotion is None else emotion
        codes = self.predictor(content, self.style(emotion, actors), self.motion_prior).codes
        return Animated(self.motion_prior.decode(codes), codes)


def pad(samples: Tensor) -> Tensor:
    """(batch, samples) with the padding of inference, to whole top codes: zeros, at least one frame, in the
    double-precision arithmetic of the published code."""
    whole = int(samples.shape[1] / SAMPLE_RATE * FPS)
    frames = whole + FRAMES_PER_TOP_CODE - whole % FRAMES_PER_TOP_CODE
    return torch.nn.functional.pad(samples, (0, int(frames / FPS * SAMPLE_RATE) - samples.shape[1]))


def match_probability(model: MotionEmotion, audio: Distribution, motion: Distribution) -> Tensor:
    """The probability that a motion matches a speech: (batch,)."""
    between = (audio.mu - motion.mu).square().sum(-1)
    spread = (audio.logvar.exp() + motion.logvar.exp()).sum(-1)
    return torch.sigmoid(model.match_shift - model.match_negative_scale * (between + spread))
