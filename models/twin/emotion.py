"""The emotion encoder, the head that computes a distribution from its features, and the same for a motion:
the twin of `src/networks/deeptalk/emotion.rs` and `pool.rs`."""

import dataclasses
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import EmotionConfig, HeadConfig, MotionEmotionConfig
from .layers import (
    LAYER_NORM_EPS,
    Conv,
    Positional,
    Transformer,
    distance_mask,
    l2_normalize,
    normalize_samples,
    sinusoidal_table,
    slopes,
)
from .log_mel import LogMel

SAMPLES_EPS = 1e-5
TEMPERATURE = 0.1


class Distribution(NamedTuple):
    """The distribution of an emotion, (batch, width) both; `mu` is of unit length."""

    mu: Tensor
    logvar: Tensor


class EmotionConvs(nn.ModuleList):
    """The convolutions, each followed by its norm over channels."""

    def __init__(self, config: EmotionConfig):
        super().__init__()
        inputs = config.log_mel.bands if config.log_mel else 1
        for layer in config.conv:
            conv = Conv(inputs, layer.out, layer.kernel, layer.stride, bias=False)
            conv.norm = nn.LayerNorm(layer.out, LAYER_NORM_EPS)
            self.append(conv)
            inputs = layer.out

    def forward(self, x: Tensor) -> Tensor:
        for conv in self:
            x = F.gelu(conv.norm(conv(x)))
        return x


class EmotionPositional(nn.ModuleList):
    """Positional convolutions one after another, each with a norm without parameters."""

    def __init__(self, config: EmotionConfig):
        size = (config.hidden, config.positional_kernel, config.positional_groups)
        super().__init__(Positional(*size) for _ in range(config.positional_layers))

    def forward(self, x: Tensor) -> Tensor:
        for conv in self:
            x = F.gelu(F.layer_norm(conv(x), x.shape[2:], eps=LAYER_NORM_EPS))
        return x


class Emotion(nn.Module):
    """(batch, samples) to features at 50 frames a second: (batch, rows, hidden), without the rows of the
    learned tokens."""

    def __init__(self, config: EmotionConfig, dropout: float):
        super().__init__()
        inputs, width = config.conv[-1].out, config.hidden
        self.log_mel = LogMel(config.log_mel) if config.log_mel else None
        self.conv = EmotionConvs(config)
        self.projection_norm = nn.LayerNorm(inputs, LAYER_NORM_EPS)
        self.projection = nn.Linear(inputs, width)
        self.positional = EmotionPositional(config)
        self.extra_tokens = nn.Parameter(0.02 * torch.randn(config.extra_tokens, width))
        # Not trained: ALiBi's slopes are a fixed choice, and attention with a fixed bias is faster.
        self.register_buffer("alibi_scale", torch.ones(config.transformer.heads))
        self.register_buffer("slopes", torch.tensor(slopes(config.transformer.heads)), persistent=False)
        self.norm = nn.LayerNorm(width, LAYER_NORM_EPS)
        self.layers = Transformer(width, config.transformer, F.gelu, dropout)

    def forward(self, samples: Tensor) -> Tensor:
        x = normalize_samples(samples, SAMPLES_EPS)
        x = self.conv(self.log_mel(x) if self.log_mel is not None else x[:, :, None])
        x = self.projection(self.projection_norm(x))
        x = x + self.positional(x)
        tokens = self.extra_tokens.shape[0]
        x = torch.cat([self.extra_tokens.to(x.dtype).expand(len(x), -1, -1), x], dim=1)
        mask = distance_mask(self.slopes * self.alibi_scale.clamp(min=0), tokens, x.shape[1])
        return self.layers(self.norm(x), mask)[:, tokens:]


class Head(nn.Module):
    """Features (batch, rows, width) to the distribution of an emotion, from at most `max_frames` rows."""

    def __init__(self, config: HeadConfig, width: int, dropout: float):
        super().__init__()
        self.register_buffer("position_table", sinusoidal_table(config.max_frames, width))
        self.layers = Transformer(width, config.transformer, F.relu, dropout)
        self.mean = Branch(config, width, dropout)
        self.logvar = Branch(config, width, dropout)

    def forward(self, features: Tensor) -> Distribution:
        x = features[:, : len(self.position_table)]
        x = self.layers(x + self.position_table[: x.shape[1]])
        return Distribution(l2_normalize(self.mean(x)), self.logvar(x))


class Branch(nn.Module):
    """A layer, a projection to the emotion's width, and pooling of many rows to one."""

    def __init__(self, config: HeadConfig, width: int, dropout: float):
        super().__init__()
        self.layers = Transformer(width, dataclasses.replace(config.transformer, layers=1), F.relu, dropout)
        self.projection = nn.Linear(width, config.width)
        self.pool = Pool(config.pool_width)

    def forward(self, x: Tensor) -> Tensor:
        return self.pool(self.projection(self.layers(x)))


class Gru(nn.Module):
    """The weights of a gated recurrent unit as wide as its input, in PyTorch's order."""

    def __init__(self, width: int):
        super().__init__()
        like = nn.GRU(width, width)
        self.input, self.hidden = like.weight_ih_l0, like.weight_hh_l0
        self.input_bias, self.hidden_bias = like.bias_ih_l0, like.bias_hh_l0

    def weights(self) -> list[Tensor]:
        return [self.input, self.hidden, self.input_bias, self.hidden_bias]


class Pool(nn.Module):
    """The generalised pooling operator: every channel sorted in descending order over the rows, then summed
    with weights that depend only on the number of rows.

    The weights are kept while they are not trained. Training them runs a GRU along the rows, which costs a
    third of a step: `train_pools` switches it on for some steps only.
    """

    def __init__(self, width: int):
        super().__init__()
        # In the file these are `forward` and `backward`, names that the children of a module cannot have.
        self.forward_gru, self.backward_gru = Gru(width), Gru(width)
        # Equal weights at first: the mean.
        self.score = nn.Parameter(torch.zeros(width))
        self._kept = {}

    def forward(self, x: Tensor) -> Tensor:
        return sorted_sum(x, self.weights(x.shape[1]))

    @torch.compiler.disable
    def weights(self, rows: int) -> Tensor:
        """`softmax(score(mean of both directions over a sinusoidal table) / 0.1)`: (rows,), in double
        precision."""
        parameters = list(self.parameters())
        trained = torch.is_grad_enabled() and any(p.requires_grad for p in parameters)
        key = (rows, *((id(p), p._version, p.device) for p in parameters))
        if trained:
            return self._weights(rows)
        if key not in self._kept:
            if self._kept and next(iter(self._kept))[1:] != key[1:]:
                self._kept.clear()
            # The kept weights must not be inference tensors: training may use them later.
            with torch.inference_mode(False), torch.no_grad():
                self._kept[key] = self._weights(rows)
        return self._kept[key]

    def _weights(self, rows: int) -> Tensor:
        width = len(self.score)
        table = sinusoidal_table(rows, width).to(self.score.device, torch.float64)[None]
        state = table.new_zeros(2, 1, width)
        flat = [p.double() for p in self.forward_gru.weights() + self.backward_gru.weights()]
        with torch.autocast(table.device.type, enabled=False):
            both, _ = torch.gru(table, state, flat, True, 1, 0.0, self.training, True, True)
            mean = (both[0, :, :width] + both[0, :, width:]) / 2
            return (mean @ self.score.double() / TEMPERATURE).softmax(0).float()


def sorted_sum(x: Tensor, weights: Tensor) -> Tensor:
    """Every channel of (batch, rows, channels) in descending order, times the weights of the rows, summed:
    (batch, channels)."""
    return (x.float().sort(dim=1, descending=True).values * weights[:, None]).sum(1)


def train_pools(model: nn.Module, trained: bool) -> None:
    """Switches the training of a model's poolings on or off for the next steps."""
    for module in model.modules():
        if isinstance(module, Pool):
            module.requires_grad_(trained)


class MotionEmotion(nn.Module):
    """The emotion that a motion (batch, frames, parameters) shows."""

    def __init__(self, config: MotionEmotionConfig, parameters: int, dropout: float):
        super().__init__()
        widths = [parameters, *config.features]
        self.features = ExpressionNetwork(nn.Linear(*pair) for pair in zip(widths, widths[1:], strict=False))
        self.input = nn.Linear(widths[-1], config.hidden)
        self.head = Head(config.head, config.hidden, dropout)
        # a and b of the match probability: `sigmoid(shift - scale * distance)`.
        self.match_shift = nn.Parameter(torch.full((1,), 5.0))
        self.match_negative_scale = nn.Parameter(torch.full((1,), 5.0))

    def forward(self, motion: Tensor) -> Distribution:
        return self.head(self.input(self.features(motion)))


class ExpressionNetwork(nn.ModuleList):
    """Dense layers with leaky units between them."""

    def forward(self, x: Tensor) -> Tensor:
        for linear in self[:-1]:
            x = F.leaky_relu(linear(x), 0.01)
        return self[-1](x)
