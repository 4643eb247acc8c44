"""Other vocal tracts: the log-mel spectrum of a clip as of a longer or shorter speaker (vocal tract length
perturbation, Jaitly and Hinton 2013), with some bands removed (SpecAugment, Park et al. 2019). An unknown
voice differs mostly in its vocal tract."""

import math

import torch

from twin.log_mel import mel, mel_corners

LONGEST, SHORTEST = 0.82, 1.22
WARPED = 0.85  # share of the clips
MASKED = 0.6
WIDEST = 10  # bands


def warped_bands(factors, bands):
    """(clips, bands): the position on the band axis to which a vocal tract of that factor moves each band."""
    corners = mel_corners(bands)
    low, step = mel(corners[0]), mel(corners[1]) - mel(corners[0])
    at = (mel(corners[1:-1] * factors[:, None].double()) - low) / step - 1
    return at.clamp(0, bands - 1).to(factors)


def other_throats(log_mel, _, spectrum):
    """A forward hook of `LogMel`: (clips, windows, bands) to the same shape. Draws from torch's generator;
    active only in training."""
    if not log_mel.training:
        return spectrum
    clips, _, bands = spectrum.shape
    factors = torch.exp(torch.empty(clips).uniform_(math.log(LONGEST), math.log(SHORTEST)))
    factors = torch.where(torch.rand(clips) < WARPED, factors, torch.ones(clips))
    at = warped_bands(factors, bands)
    below = at.floor().long().clamp(max=bands - 2)
    share = (at - below).to(spectrum)[:, None]
    below = below.to(spectrum.device)[:, None].expand(-1, spectrum.shape[1], -1)
    spectrum = torch.lerp(spectrum.gather(2, below), spectrum.gather(2, below + 1), share)
    width = torch.randint(1, WIDEST + 1, (clips, 1)) * (torch.rand(clips, 1) < MASKED)
    first = torch.randint(0, bands - WIDEST, (clips, 1))
    band = torch.arange(bands)[None]
    masked = ((band >= first) & (band < first + width)).to(spectrum.device)[:, None]
    return torch.where(masked, spectrum.mean((1, 2), keepdim=True), spectrum)
