"""A log mel spectrogram that is part of the model: a convolution with a stored DFT basis, then stored mel
bands."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import SAMPLE_RATE, LogMelConfig

FLOOR = 1e-3
LOWEST_HZ, HIGHEST_HZ = 40.0, 8000.0


class LogMel(nn.Module):
    """(batch, samples) to (batch, 1 + (samples - window) / hop, bands): `ln(1e-3 + bands * power spectrum)`.

    Training uses an FFT, which is faster; inference uses the stored basis, which half precision may have
    rounded.
    """

    def __init__(self, config: LogMelConfig):
        super().__init__()
        self.config = config
        self.register_buffer("window", torch.hann_window(config.window), persistent=False)
        self.register_buffer("basis", dft_basis(config))
        self.register_buffer("bands", mel_bands(config))

    def forward(self, samples: Tensor) -> Tensor:
        with torch.autocast(samples.device.type, enabled=False):
            frames = samples.float().unfold(1, self.config.window, self.config.hop)
            if self.training:
                spectrum = torch.fft.rfft(frames * self.window, n=self.config.fft)
                power = spectrum.real.square() + spectrum.imag.square()
            else:
                re, im = F.linear(frames, self.basis[:, :, 0]).chunk(2, dim=-1)
                power = re.square() + im.square()
            return (F.linear(power, self.bands) + FLOOR).log()


def dft_basis(config: LogMelConfig) -> Tensor:
    """(2 * bins, window, 1): all cosines, then all sines, the window folded in."""
    taps = torch.arange(config.window, dtype=torch.float64)
    bins = torch.arange(config.fft // 2 + 1, dtype=torch.float64)
    angle = 2 * math.pi / config.fft * bins[:, None] * taps
    window = torch.hann_window(config.window, dtype=torch.float64)
    return (torch.cat([angle.cos(), angle.sin()]) * window)[:, :, None].float()


def mel(hz: Tensor) -> Tensor:
    """The HTK scale."""
    return 2595 * torch.log10(1 + hz / 700)


def mel_corners(bands: int) -> Tensor:
    """(bands + 2,) in Hz, equally far apart on the HTK scale: band i rises from corner i, has its peak at i +
    1, ends at i + 2."""
    ends = mel(torch.tensor([LOWEST_HZ, HIGHEST_HZ], dtype=torch.float64))
    return 700 * (10 ** (torch.linspace(*ends.tolist(), bands + 2, dtype=torch.float64) / 2595) - 1)


def mel_bands(config: LogMelConfig) -> Tensor:
    """(bands, bins): triangles with peak 1."""
    corners = mel_corners(config.bands)
    low, centre, high = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    hz = torch.arange(config.fft // 2 + 1, dtype=torch.float64) * SAMPLE_RATE / config.fft
    return torch.minimum((hz - low) / (centre - low), (high - hz) / (high - centre)).clamp(min=0).float()
