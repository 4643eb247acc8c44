"""Degradation of recordings of people before they reach a model: rooms, kitchens, other people, telephones,
clipping, a whisper.

Made from separate seeds, with other code than the degradation in training.
"""
import numpy as np
from scipy.signal import butter, fftconvolve, lfilter, sosfilt

from corpus.whisper import whispered

RATE = 16_000


def level(samples):
    return float(np.sqrt(np.mean(np.square(samples)))) + 1e-9


def mixed(samples, noise, ratio_db):
    """`samples` plus `noise` at `ratio_db` below their level, on average over both."""
    return samples + noise[: len(samples)] * (level(samples) / level(noise) * 10 ** (-ratio_db / 20))


def kitchen(count, rng):
    """A tap and a fan (pink noise, a hum), and dishes: short ringing strokes, two a second."""
    spectrum = np.fft.rfft(rng.normal(size=count)) / np.sqrt(np.maximum(np.fft.rfftfreq(count, 1 / RATE), 80))
    out = np.fft.irfft(spectrum, count)
    out /= level(out)
    times = np.arange(count) / RATE
    out += 0.3 * np.sin(2 * np.pi * 100 * times)
    for start in rng.integers(count, size=max(1, 2 * count // RATE)):
        length = min(count - start, int(RATE * rng.uniform(0.05, 0.3)))
        at = np.arange(length) / RATE
        stroke = sum(np.sin(2 * np.pi * rng.uniform(1200, 6500) * at) for _ in range(4)) * np.exp(-at * rng.uniform(12, 50))
        out[start : start + length] += rng.uniform(0.5, 2.5) * stroke
    return out


def babble(count, rng, voices):
    """Six of `voices` (arrays) at the same time, each from a random position on."""
    out = np.zeros(count)
    for number in rng.choice(len(voices), size=6):
        voice = voices[number]
        out += np.roll(np.resize(voice, count), rng.integers(count)) / level(voice)
    return out


def far(samples, rng, seconds=0.5):
    """A microphone across the room: reverberation that falls by 60 dB in `seconds`, as loud as the direct
    sound."""
    at = np.arange(int(RATE * seconds * 1.2)) / RATE
    tail = rng.normal(size=len(at)) * 10 ** (-3 * at / seconds)
    tail[: int(0.003 * RATE)] = 0
    tail *= 1.0 / np.sqrt(np.sum(tail**2))
    tail[0] = 1.0
    return fftconvolve(samples, tail)[: len(samples)]


def telephone(samples):
    """300 to 3400 Hz, companded to 8 bits (mu-law)."""
    band = sosfilt(butter(4, [300, 3400], "bandpass", fs=RATE, output="sos"), samples)
    peak = np.abs(band).max() + 1e-9
    companded = np.sign(band) * np.log1p(255 * np.abs(band) / peak) / np.log(256)
    companded = np.round(companded * 127) / 127
    return np.sign(companded) * np.expm1(np.abs(companded) * np.log(256)) / 255 * peak


def clipped(samples, gain=8):
    """Clipped after a gain of `gain`, at the loudest peak before the gain."""
    peak = np.abs(samples).max() + 1e-9
    return np.clip(samples * gain, -peak, peak)


def breath(rng, seconds=5.0):
    """Breathing without speech: noise through a wide resonance, with slowly varying loudness."""
    count = int(seconds * RATE)
    noise = lfilter([1], [1, -1.2, 0.6], rng.normal(size=count))
    swell = np.clip(np.sin(2 * np.pi * 0.4 * np.arange(count) / RATE), 0, 1)
    return (0.02 * noise / level(noise) * swell + 1e-4 * rng.normal(size=count)).astype(np.float32)


def conditions_of(voices):
    """Name -> function of (samples float32, generator) that returns the same number of samples."""
    return {
        "clean": lambda x, rng: x,
        "kitchen, 10 dB": lambda x, rng: mixed(x, kitchen(len(x), rng), 10),
        "babble, 20 dB": lambda x, rng: mixed(x, babble(len(x), rng, voices), 20),
        "far microphone, 0.5 s": lambda x, rng: far(x, rng),
        "telephone": lambda x, rng: telephone(x),
        "clipped, 8 times": lambda x, rng: clipped(x),
        "whisper": whispered,
    }
