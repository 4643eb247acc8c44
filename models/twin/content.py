"""The content encoder: the twin of `src/networks/deeptalk/content.rs`."""

import torch.nn.functional as F
from torch import Tensor, nn

from .config import SAMPLES_PER_FRAME, ContentConfig
from .layers import LAYER_NORM_EPS, Conv, Positional, TimeNorm, Transformer, normalize_samples, resample_linear
from .log_mel import LogMel

SAMPLES_EPS = 1e-7


class ContentConvs(nn.ModuleList):
    """The convolutions; a norm over time follows the first."""

    def __init__(self, config: ContentConfig):
        super().__init__()
        inputs = config.log_mel.bands if config.log_mel else 1
        for layer in config.conv:
            self.append(Conv(inputs, layer.out, layer.kernel, layer.stride, bias=False))
            inputs = layer.out
        self[0].norm = TimeNorm(config.conv[0].out)

    def forward(self, x: Tensor) -> Tensor:
        for index, conv in enumerate(self):
            x = conv(x)
            x = F.gelu(conv.norm(x) if index == 0 else x)
        return x


class Content(nn.Module):
    """(batch, samples) of 16 kHz speech to (batch, frames, output) at 25 frames a second."""

    def __init__(self, config: ContentConfig, dropout: float):
        super().__init__()
        inputs, width = config.conv[-1].out, config.hidden
        self.log_mel = LogMel(config.log_mel) if config.log_mel else None
        self.conv = ContentConvs(config)
        self.projection_norm = nn.LayerNorm(inputs, LAYER_NORM_EPS)
        self.projection = nn.Linear(inputs, width)
        self.positional = Positional(width, config.positional_kernel, config.positional_groups)
        self.norm = nn.LayerNorm(width, LAYER_NORM_EPS)
        self.layers = Transformer(width, config.transformer, F.gelu, dropout)
        self.output = nn.Linear(width, config.output)

    def forward(self, samples: Tensor) -> Tensor:
        return self.output(self.frame_features(samples))

    def frame_features(self, samples: Tensor) -> Tensor:
        """The input of `output`: (batch, frames, hidden)."""
        # The published padding may leave a clip one sample short of whole frames.
        frames = (samples.shape[1] + 1) // SAMPLES_PER_FRAME
        x = normalize_samples(samples, SAMPLES_EPS)
        x = self.conv(self.log_mel(x) if self.log_mel is not None else x[:, :, None])
        x = self.projection(self.projection_norm(resample_linear(x, frames)))
        x = self.norm(x + F.gelu(self.positional(x)))
        return self.layers(x)
