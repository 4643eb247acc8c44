"""Pitch for voices that cannot control it: analysis and resynthesis by the WORLD vocoder (pyworld, MIT)."""

import warnings

import numpy as np

from .speech import SAMPLE_RATE, Speech

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # pyworld needs pkg_resources, which warns that it is deprecated
    import pyworld

_FRAME_MS = 5.0


def repitched(speech, delivery, formants=1.0):
    """The speech with the delivery's pitch, range and final glide, and resonances scaled by `formants`; the
    phones keep their times."""
    samples = speech.samples.astype(np.float64)
    pitch, times = pyworld.dio(samples, SAMPLE_RATE, frame_period=_FRAME_MS)
    pitch = pyworld.stonemask(samples, pitch, times, SAMPLE_RATE)
    envelope = pyworld.cheaptrick(samples, pitch, times, SAMPLE_RATE)
    aperiodicity = pyworld.d4c(samples, pitch, times, SAMPLE_RATE)
    if formants != 1:
        bins = np.arange(envelope.shape[1])
        at = np.minimum(bins / formants, bins[-1])
        low = np.minimum(at.astype(int), bins[-1] - 1)
        share = at - low
        envelope = np.ascontiguousarray(envelope[:, low] * (1 - share) + envelope[:, low + 1] * share)
    voiced = pitch > 0
    if voiced.any():
        mean = np.exp(np.log(pitch[voiced]).mean())
        moved = mean * (pitch[voiced] / mean) ** delivery.range * delivery.pitch
        last = times[voiced][-1]
        moved *= 2 ** (delivery.final_semitones / 12 * np.clip(1 - (last - times[voiced]) / delivery.final_seconds, 0, 1))
        pitch[voiced] = np.clip(moved, 50, 600)
    out = pyworld.synthesize(pitch, envelope, aperiodicity, SAMPLE_RATE, _FRAME_MS)[: len(samples)]
    out = np.pad(out, (0, len(samples) - len(out))).astype(np.float32)
    return Speech(out, speech.phones)
