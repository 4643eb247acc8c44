"""The test clips, equal to those of `deeptalk-rt bench` (`src/bench/mod.rs`)."""

import torch
from torch import Tensor

SAMPLE_RATE = 16_000


def clips(seconds: float, count: int) -> Tensor:
    """Modulated tones with the rhythm of speech, a different pitch for each clip: (count, samples)."""
    t = torch.arange(max(round(seconds * SAMPLE_RATE), 1), dtype=torch.float32) / SAMPLE_RATE
    pitch = 700.0 + 37.0 * (torch.arange(count, dtype=torch.float32) % 16)
    return 0.3 * (t * 25).sin() * (t * pitch[:, None] + (t * 5).sin() * 20).sin()
