"""Voiced speech as a whisper: the spectral envelope stays, the voice becomes noise."""

import numpy as np
import scipy.fft

_WINDOW, _HOP = 512, 128
_QUEFRENCY = 28  # cepstral coefficients of the envelope; a pitch of 570 Hz or less has a higher quefrency
_TILT_DB = 8  # attenuation of a whisper below 1 kHz relative to above


def whispered(samples, random):
    """(n,) float32 at 16 kHz to the same shape; quiet parts stay quiet."""
    padded = np.pad(np.asarray(samples, np.float32), _WINDOW)
    window = np.hanning(_WINDOW + 1)[:-1].astype(np.float32)
    rows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP] * window
    logs = np.log(np.abs(scipy.fft.rfft(rows)) + 1e-5)
    cepstrum = scipy.fft.irfft(logs, _WINDOW)
    cepstrum[:, _QUEFRENCY : _WINDOW - _QUEFRENCY + 1] = 0
    envelope = np.exp(scipy.fft.rfft(cepstrum).real)
    frequency = np.linspace(0, 8000, envelope.shape[1])
    envelope *= 10 ** (-_TILT_DB / 20 * np.clip(1 - frequency / 1000, 0, 1))
    noise = random.standard_normal(rows.shape, np.float32) * window
    made = scipy.fft.irfft(scipy.fft.rfft(noise) * envelope, _WINDOW) * window
    out = np.zeros(len(padded) + _WINDOW, np.float32)
    for number, row in enumerate(made):
        out[number * _HOP : number * _HOP + _WINDOW] += row
    out = out[_WINDOW : _WINDOW + len(samples)]
    level = np.sqrt(np.mean(np.square(samples)) / (np.mean(np.square(out)) + 1e-12))
    return (out * level).astype(np.float32)
