"""Degradation of speech by microphones, rooms, kitchens, other people and codecs, so that a model works on
recordings."""

import numpy as np
import scipy.fft
from corpus.whisper import whispered

from .noises import babble, dishes, music, tones

RATE = 16_000
NOISE_SECONDS = 60
# Shares of the clips.
WHISPERED, OVERDRIVEN, NOISY = 0.03, 0.06, 0.35


class Degrader:
    """Degrades batches of clips; the noises are drawn once. `voices`: speech (samples,) for babble, or None."""

    def __init__(self, seed=0, voices=None):
        rng = np.random.default_rng(seed)
        white = rng.standard_normal(NOISE_SECONDS * RATE).astype(np.float32)
        spectrum = scipy.fft.rfft(white)
        frequency = np.maximum(np.linspace(0, RATE / 2, len(spectrum), dtype=np.float32), 50) / 1000
        # From white to brown noise: that of rooms is between pink and brown, that of preamplifiers white.
        self.noises = []
        for tilt in (0.0, 0.5, 1.0, 1.5):
            noise = scipy.fft.irfft(spectrum * frequency**-tilt, len(white)).astype(np.float32)
            self.noises.append(noise / noise.std())
        count = NOISE_SECONDS * RATE
        self.scenes = [dishes(count, rng) for _ in range(2)] + [music(count, rng), tones(count, rng)]
        if voices is not None:
            self.scenes += [babble(count, rng, voices) for _ in range(3)]

    def __call__(self, samples, rng):
        """(clips, n) float32 to the same shape, each row degraded differently."""
        out = np.empty_like(samples)
        for row, clip in enumerate(samples):
            out[row] = self.one(clip, rng)
        return out

    def one(self, clip, rng):
        """Degrades one clip."""
        n = len(clip)
        if rng.random() < WHISPERED:
            clip = whispered(clip, rng)
        size = scipy.fft.next_fast_len(n + RATE // 2, real=True)
        # The response is smooth, so it is computed on a coarse grid and interpolated; the room's has a
        # transform of its own.
        response = self.filters(rng)
        plain = response is None and rng.random() < 0.6
        if not plain:
            spectrum = scipy.fft.rfft(clip, size)
            bins = len(spectrum)
            if response is not None:
                spectrum *= np.interp(np.linspace(0, 1, bins, dtype=np.float32), np.linspace(0, 1, len(response)), response).astype(np.float32)
            if rng.random() < 0.45:
                spectrum *= scipy.fft.rfft(self.room(rng), size)
            clip = scipy.fft.irfft(spectrum, size)[:n].astype(np.float32)
        level = float(np.sqrt((clip**2).mean())) + 1e-6
        if rng.random() < 0.15:
            clip = self.codec(clip, level, rng)
        clip = clip + self.piece(self.noises, n, rng) * np.float32(level * 10 ** (-rng.uniform(8, 60) / 20))
        if rng.random() < NOISY:
            clip = clip + self.piece(self.scenes, n, rng) * np.float32(level * 10 ** (-rng.uniform(5, 30) / 20))
        if rng.random() < OVERDRIVEN:
            peak = np.abs(clip).max() + 1e-9
            clip = np.clip(clip * np.float32(rng.uniform(2, 14)), -peak, peak)
        return clip

    @staticmethod
    def piece(noises, n, rng):
        """`n` samples from one of the noises, which have a root mean square of 1."""
        noise = noises[rng.integers(len(noises))]
        start = rng.integers(len(noise) - n) if n < len(noise) else 0
        return noise[start : start + n]

    def background(self, n, rng):
        """`n` samples without speech to the microphone: a scene, a noise, or both, or breath."""
        drawn = self.piece(self.noises, n, rng) * np.float32(10 ** rng.uniform(-2, 0))
        kind = rng.random()
        if kind < 0.45:
            drawn = drawn + self.piece(self.scenes, n, rng)
        elif kind < 0.65:
            rate, phase = rng.uniform(0.2, 0.6), rng.uniform(0, 6.28)
            swell = np.clip(np.sin(2 * np.pi * rate * np.arange(n, dtype=np.float32) / RATE + phase), 0, 1)
            drawn = 0.01 * drawn + self.piece(self.noises[:2], n, rng) * swell
        return drawn.astype(np.float32)

    @staticmethod
    def filters(rng, points=257):
        """Equaliser, microphone roll-offs and telephone bands as one magnitude response over 0..8 kHz, or
        None."""
        frequency = np.maximum(np.linspace(0, RATE / 2, points), 30)
        response = np.ones(points)
        changed = False
        if rng.random() < 0.7:
            knots = np.log([50, 150, 400, 900, 1800, 3000, 5000, 8000])
            response *= 10 ** (np.interp(np.log(frequency), knots, rng.normal(0, 5, 8)) / 20)
            changed = True
        if rng.random() < 0.3:
            response /= 1 + (frequency / rng.uniform(2800, 7200)) ** 16
            changed = True
        if rng.random() < 0.3:
            response *= 1 - 1 / (1 + (frequency / rng.uniform(60, 320)) ** 4)
            changed = True
        return response.astype(np.float32) if changed else None

    @staticmethod
    def room(rng):
        """An impulse response: the direct sound, a gap, a decaying tail."""
        n = RATE // 2
        decay = rng.uniform(0.08, 0.8)
        tail = rng.standard_normal(n).astype(np.float32) * np.exp(-6.9 * np.arange(n, dtype=np.float32) / RATE / decay)
        tail[: int(RATE / 1000 * rng.uniform(1, 6))] = 0
        tail *= rng.uniform(0.1, 1.3) / np.sqrt((tail**2).sum())
        tail[0] = 1
        return tail

    @staticmethod
    def codec(clip, level, rng):
        """Coarse companding, as of a telephone, or clipping."""
        if rng.random() < 0.5:
            peak = level * rng.uniform(1.5, 4)
            return np.clip(clip, -peak, peak)
        peak = np.abs(clip).max() + 1e-9
        steps = 2.0 ** rng.integers(5, 8)
        companded = np.sign(clip) * np.log1p(255 * np.abs(clip) / peak) / np.log(256)
        companded = np.round(companded * steps) / steps
        return (np.sign(companded) * np.expm1(np.abs(companded) * np.log(256)) / 255 * peak).astype(np.float32)

