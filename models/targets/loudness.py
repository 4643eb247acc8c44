"""Loudness of speech, frame by frame, relative to the loudest part of the utterance."""
import numpy as np

SAMPLES_A_FRAME = 640
RANGE = 36.0  # dB below the loud parts; lower levels are silence


def envelope_of(samples):
    """(frames,) in 0 .. 1 of 16 kHz samples (n,), int16 or float: level above -36 dB of the 95th percentile;
    frames = n // 640."""
    samples = np.asarray(samples)
    frames = len(samples) // SAMPLES_A_FRAME
    if not frames:
        return np.zeros(0)
    rows = samples[: frames * SAMPLES_A_FRAME].reshape(frames, SAMPLES_A_FRAME).astype(np.float32)
    if samples.dtype == np.int16:
        rows /= 32768
    level = 10 * np.log10(np.mean(rows**2, axis=1) + 1e-10)
    loud = np.percentile(level, 95)
    if loud < -75:  # no speech
        return np.zeros(frames)
    return np.clip(1 + (level - loud) / RANGE, 0, 1)


def smooth(values, seconds):
    """A centred moving average with a Hann window, ends repeated."""
    half = max(1, round(seconds * 25 / 2))
    window = np.hanning(2 * half + 3)[1:-1]
    padded = np.concatenate([np.full(half, values[0]), values, np.full(half, values[-1])])
    return np.convolve(padded, window / window.sum(), "valid")
