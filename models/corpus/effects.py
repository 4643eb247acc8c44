"""Effects of a delivery on any voice, after synthesis: time warps, loudness, tremor, roughness, breath,
colour.

Each time warp moves the phones with the samples.
"""

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft
from scipy.ndimage import uniform_filter1d
from scipy.signal import resample_poly

from .speech import PAUSES, SAMPLE_RATE, Speech

_OVERSAMPLING = 4
# A glide by resampling moves the formants too: it stays within a third.
_LARGEST_RESAMPLED_GLIDE = 4.0
_FLOOR = 1e-5


def expressed(speech, delivery, random, glide):
    """The speech with the effects of the delivery. `glide`: True if the final glide must be made here (the
    synthesizer has none)."""
    speech = _warped(speech, delivery, random, glide)
    samples = speech.samples.astype(np.float64)
    seconds = np.arange(len(samples)) / SAMPLE_RATE
    if delivery.strain > 0.01:
        drive = 1 + 6 * delivery.strain
        peak = np.abs(samples).max() + _FLOOR
        samples = np.tanh(drive * samples / peak) * peak / np.tanh(drive)
    samples = samples * _dynamics(_envelope(samples, 0.025), delivery.dynamics)
    if delivery.tremor > 0.01:
        shaking = 2 * np.pi * delivery.tremor_hz * seconds + 0.6 * np.sin(2 * np.pi * 0.7 * seconds + random.uniform(0, 6.28))
        samples *= 1 - delivery.tremor * (0.5 + 0.5 * np.sin(shaking + random.uniform(0, 6.28)))
    if delivery.roughness > 0.01:
        samples *= 1 - delivery.roughness * _buzz(len(samples), delivery.roughness_hz, random)
    if delivery.breath > 0.003:
        noise = random.standard_normal(len(samples))
        noise[1:] -= 0.7 * noise[:-1]
        samples += delivery.breath * 2.5 * noise * _envelope(samples, 0.06)
    return Speech(_coloured(samples, delivery).astype(np.float32), speech.phones)


def _envelope(samples, seconds):
    return np.sqrt(uniform_filter1d(np.square(samples), int(seconds * SAMPLE_RATE)).clip(0) + _FLOOR**2)


def _dynamics(envelope, exponent):
    loud = np.percentile(envelope, 90)
    relative = np.clip(envelope / loud, 0.02, 1.6)
    return uniform_filter1d(relative ** (exponent - 1), int(0.01 * SAMPLE_RATE))


def _buzz(count, hertz, random):
    """Pulses 0..1 at about `hertz`, of uneven rate and depth, as of vocal folds that do not close evenly."""
    knots = max(4, int(count / SAMPLE_RATE * hertz / 2))
    rate = hertz * np.exp(random.normal(0, 0.12, knots))
    depth = random.uniform(0.7, 1.0, knots)
    at = np.linspace(0, knots - 1, count)
    phase = np.cumsum(2 * np.pi * np.interp(at, np.arange(knots), rate) / SAMPLE_RATE)
    return np.interp(at, np.arange(knots), depth) * (0.5 + 0.5 * np.cos(phase)) ** 1.5


def _coloured(samples, delivery):
    length = next_fast_len(len(samples), real=True)
    frequency = np.fft.rfftfreq(length, 1 / SAMPLE_RATE).clip(30)
    gain = delivery.tilt * np.clip(np.log2(frequency / 1000), -3, 2.6)
    for db, centre, width in delivery.bands:
        gain = gain + db * np.exp(-0.5 * (np.log2(frequency / centre) / width) ** 2)
    return irfft(rfft(samples, length) * 10 ** (gain / 20), length)[: len(samples)]


def _warped(speech, delivery, random, glide):
    """Reads the samples at a varying speed: tremor of the pitch, a final glide, longer or shorter inner
    pauses."""
    count = len(speech.samples)
    seconds = np.arange(count) / SAMPLE_RATE
    speed = np.ones(count)
    spoken = [phone for phone in speech.phones if phone[0] not in PAUSES]
    if delivery.tremor > 0.01:
        speed *= 1 + delivery.tremor / 12 * np.sin(2 * np.pi * delivery.tremor_hz * seconds + random.uniform(0, 6.28))
    if delivery.lilt > 0.005:
        speed *= 1 + delivery.lilt * np.sin(2 * np.pi * delivery.lilt_hz * seconds + random.uniform(0, 6.28))
    if glide and abs(delivery.final_semitones) > 0.2 and spoken:
        semitones = np.clip(delivery.final_semitones, -_LARGEST_RESAMPLED_GLIDE, _LARGEST_RESAMPLED_GLIDE)
        ramp = np.clip(1 - (spoken[-1][2] - seconds) / delivery.final_seconds, 0, 1)
        speed *= 2 ** (semitones / 12 * ramp)
    for name, start, end in speech.phones[1:-1]:
        if name in PAUSES:
            speed[int(start * SAMPLE_RATE) : int(end * SAMPLE_RATE)] = 1 / np.clip(delivery.pauses, 0.5, 2.5)
    if np.all(speed == 1):
        return speech
    # Sample n of the input is at `heard[n]` (in samples) of the output.
    heard = np.concatenate([[0.0], np.cumsum(1 / speed)])
    length = int(heard[-1])
    positions = np.interp(np.arange(length), heard, np.arange(count + 1.0))
    fine = resample_poly(speech.samples, _OVERSAMPLING, 1)
    samples = np.interp(positions * _OVERSAMPLING, np.arange(len(fine)), fine)
    total = length / SAMPLE_RATE
    edges = [[start, end] for _, start, end in speech.phones]
    moved = np.minimum(np.interp(np.array(edges) * SAMPLE_RATE, np.arange(count + 1.0), heard) / SAMPLE_RATE, total)
    phones = [[name, float(start), float(end)] for (name, _, _), (start, end) in zip(speech.phones, moved)]
    return Speech(samples.astype(np.float32), [phone for phone in phones if phone[2] > phone[1]])
