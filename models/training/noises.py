"""Background scenes of speech: dishes, music, tones, other people. Each is (count,) float32 with a root mean
square of 1."""

import numpy as np
import scipy.fft

RATE = 16_000


def even(noise):
    return (noise / (np.sqrt(np.mean(np.square(noise))) + 1e-9)).astype(np.float32)


def coloured(count, rng, tilt):
    spectrum = scipy.fft.rfft(rng.standard_normal(count).astype(np.float32))
    return even(scipy.fft.irfft(spectrum * np.maximum(np.linspace(0, 8, len(spectrum)), 0.06) ** -tilt, count))


def dishes(count, rng):
    """Water and a fan, with ringing strokes of one to five a second."""
    out = coloured(count, rng, rng.uniform(0.2, 0.8))
    for start in rng.integers(count, size=int(rng.uniform(1, 5) * count / RATE)):
        at = np.arange(min(count - start, int(RATE * rng.uniform(0.03, 0.4)))) / RATE
        stroke = sum(rng.uniform(0.3, 1) * np.sin(2 * np.pi * rng.uniform(500, 7000) * at) for _ in range(rng.integers(2, 7)))
        out[start : start + len(at)] += rng.uniform(0.5, 4) * stroke * np.exp(-at * rng.uniform(8, 80))
    return even(out)


def music(count, rng):
    """Chords of harmonic tones, with a beat."""
    out, start = np.zeros(count), 0
    while start < count:
        length = min(count - start, int(RATE * rng.uniform(0.15, 0.8)))
        at = np.arange(length) / RATE
        root = 55 * 2 ** (rng.integers(0, 36) / 12)
        for step in rng.choice([0, 3, 4, 7, 10, 12, 16, 19], size=3):
            for harmonic in range(1, 7):
                out[start : start + length] += np.sin(2 * np.pi * root * 2 ** (step / 12) * harmonic * at) / harmonic * np.exp(-3 * at)
        beat = rng.standard_normal(min(length, 1600))
        out[start : start + len(beat)] += 2 * beat * np.exp(-np.arange(len(beat)) / 300)
        start += length
    return even(out)


def tones(count, rng):
    """A machine: a hum and its harmonics over noise of varying loudness."""
    at = np.arange(count) / RATE
    hum = sum(np.sin(2 * np.pi * rng.uniform(45, 130) * harmonic * at + rng.uniform(0, 6)) / harmonic for harmonic in range(1, 12))
    return even(even(hum) + coloured(count, rng, 0.5) * (0.6 + 0.4 * np.sin(2 * np.pi * rng.uniform(0.1, 2) * at)))


def babble(count, rng, voices):
    """Three to nine people at the same time."""
    out = np.zeros(count, np.float32)
    for _ in range(rng.integers(3, 10)):
        at = 0
        while at < count:
            voice = voices[rng.integers(len(voices))]
            part = even(voice)[: count - at]
            out[at : at + len(part)] += part * np.float32(rng.uniform(0.4, 1))
            at += len(part)
    return even(out)
