"""The motion prior (TH-VQVAE), codes to motion and back: the twin of `src/networks/deeptalk/motion_prior.rs`."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import MotionPriorConfig
from .layers import Conv, ConvTranspose, Transformer, window_mask

SLOPE = 0.2


class Codes(NamedTuple):
    """(batch, frames / 4) and (batch, frames / 2), int64."""

    top: Tensor
    bottom: Tensor


class Encoded(NamedTuple):
    """The results of an encoding for training: rows before their quantisation, and the codes."""

    rows_top: Tensor
    rows_bottom: Tensor
    codes: Codes


class RowsBatchNorm(nn.BatchNorm1d):
    """Batch norm over batch and rows; folded into the linear layer after it when a model is saved."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.transpose(1, 2)).transpose(1, 2)


class Resizer(nn.Module):
    """A convolution that halves or doubles the rows, leaky units, batch norm, linear layer, transformer."""

    def __init__(self, conv, width: int, config, reach: int, dropout: float):
        super().__init__()
        self.conv = conv
        self.batch_norm = RowsBatchNorm(width)
        self.linear = nn.Linear(width, width)
        self.layers = Transformer(width, config, F.gelu, dropout)
        self.reach = reach

    def forward(self, x: Tensor) -> Tensor:
        x = self.linear(self.batch_norm(F.leaky_relu(self.conv(x), SLOPE)))
        return self.layers(x, window_mask(self.reach, x.shape[1], x.device))


class MotionPrior(nn.Module):
    """Motion (batch, frames, parameters; frames a multiple of 4) to codes and back."""

    def __init__(self, config: MotionPriorConfig, parameters: int, dropout: float):
        super().__init__()
        t, b, kernel = config.width_t, config.width_b, config.kernel
        half = (kernel - 1) // 2
        # The codebooks are trained by moving averages (quantize.py), not by gradients.
        self.register_buffer("codebook_t", torch.randn(config.codes_t, t))
        self.register_buffer("codebook_b", torch.randn(config.codes_b, b))

        def squasher(inputs):
            conv = Conv(inputs, t, kernel, stride=2, padding=(half, half), mode="replicate")
            return Resizer(conv, t, config.transformer_t, config.attention_rows, dropout)

        def expander(width, transformer):
            conv = ConvTranspose(width, width, kernel, padding=half, output_padding=1)
            return Resizer(conv, width, transformer, config.attention_rows, dropout)

        self.encoder_b = squasher(parameters)
        self.encoder_t = squasher(t)
        self.decoder_t = expander(t, config.transformer_t)
        self.upsample_t = ConvTranspose(t, t, 4, padding=1, output_padding=0)
        self.decoder_b = expander(t + b, config.transformer_b)
        self.smooth = Conv(t + b, parameters, kernel, padding=(half, half))

    def forward(self, motion: Tensor, quantize_top=None, quantize_bottom=None) -> tuple[Tensor, Encoded]:
        """The motion decoded from its codes, and the encoding. The quantisers of quantize.py pass gradients
        through."""
        encoded, top, bottom = self.encode_vectors(motion, quantize_top, quantize_bottom)
        return self.decode_vectors(top, bottom), encoded

    def reconstruct(self, motion: Tensor) -> tuple[Tensor, Codes]:
        """The motion decoded from its codes, and the codes."""
        again, encoded = self(motion)
        return again, encoded.codes

    def encode(self, motion: Tensor) -> Codes:
        return self.encode_vectors(motion)[0].codes

    def encode_vectors(self, motion: Tensor, quantize_top=None, quantize_bottom=None):
        """The encoding, and the top and bottom code vectors."""
        rows_bottom = self.encoder_b(motion)
        rows_top = self.encoder_t(rows_bottom)
        top, codes_top = (quantize_top or quantizer(self.codebook_t))(rows_top)
        rows_bottom = torch.cat([self.decoder_t(top), rows_bottom], dim=-1)
        bottom, codes_bottom = (quantize_bottom or quantizer(self.codebook_b))(rows_bottom)
        return Encoded(rows_top, rows_bottom, Codes(codes_top, codes_bottom)), top, bottom

    def decode(self, codes: Codes) -> Tensor:
        return self.decode_vectors(self.codebook_t[codes.top], self.codebook_b[codes.bottom])

    def decode_vectors(self, top: Tensor, bottom: Tensor) -> Tensor:
        """(batch, frames / 4, width_t) and (batch, frames / 2, width_b) to motion."""
        return self.smooth(self.decoder_b(torch.cat([self.upsample_t(top), bottom], dim=-1)))


def nearest_code(x: Tensor, codebook: Tensor) -> Tensor:
    """The nearest row of the codebook by squared distance."""
    with torch.no_grad(), torch.autocast(x.device.type, enabled=False):
        distance = codebook.float().square().sum(-1) - 2 * x.float() @ codebook.float().T
        return distance.argmin(-1)


def quantizer(codebook: Tensor):
    """Rows to their nearest code vectors; gradients pass unchanged."""

    def quantize(rows: Tensor) -> tuple[Tensor, Tensor]:
        codes = nearest_code(rows, codebook)
        return rows + (codebook[codes] - rows).detach(), codes

    return quantize
