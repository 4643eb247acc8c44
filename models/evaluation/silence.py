"""The mouth in silence."""
import numpy as np

from .cases import Lips
from .table import Row

SECONDS = 5
_LIMIT = 0.05  # of the speaking range


def sounds():
    """Name -> (n,) float32 at 16 kHz: digital silence, and a room at -50 dB below full scale (noise that
    falls by 6 dB an octave above 200 Hz)."""
    count = SECONDS * 16000
    spectrum = np.fft.rfft(np.random.default_rng(0).normal(size=count))
    spectrum /= np.maximum(np.fft.rfftfreq(count, 1 / 16000) / 200, 1)
    room = np.fft.irfft(spectrum)
    return {"silence": np.zeros(count, np.float32), "room noise, -50 dB": (room / room.std() * 10 ** (-50 / 20)).astype(np.float32)}


def rows(motions, speaking_range):
    """`motions`: for each of `sounds()`, in order; `speaking_range` in metres, of the same model in speech."""
    out = []
    for name, motion in zip(sounds(), motions):
        figure = float(Lips(np.asarray(motion)).opening.mean() / max(speaking_range, 1e-9))
        out.append(Row("silence", "silence", f"{name}: mean mouth opening, share of the speaking range", figure, "<=", _LIMIT))
    return out
