"""Segments to mouth tracks at 25 fps, by dominance functions (Cohen and Massaro 1993), with closures that are
always reached.

Each phone pulls each track towards its target with a strength that decreases with time, faster after the
phone than before it, so that rounding begins early. Movements that must not be weakened by the blend (closed
lips, the tucked lower lip) are then added over it: the frame nearest to the middle of such a phone reaches
the full movement, even if the phone is short.
"""
import numpy as np

from .phones import CLASSES, INDEX

FRAME = 1 / 25
TRACKS = ["jaw", "wide", "pucker", "funnel", "part", "tongue", "seal", "press", "tuck"]
BLENDED = 6  # the first tracks are blended, the others are added over the blend

#         jaw   wide  puck  funn  part  tongue   strength of the pull of each
_SHAPES = {
    "sil": ((0.00, 0.00, 0.00, 0.00, 0.00, 0.0), (1.0, 0.5, 0.5, 0.5, 1.0, 1.0)),
    "AA": ((1.00, 0.10, 0.00, 0.05, 0.30, 0.0), (1.3, 0.6, 0.7, 0.7, 1.0, 1.0)),
    "AE": ((0.92, 0.50, 0.00, 0.00, 0.45, 0.0), (1.3, 0.9, 0.7, 0.7, 1.0, 1.0)),
    "AH": ((0.74, 0.15, 0.00, 0.05, 0.30, 0.0), (1.1, 0.4, 0.5, 0.5, 0.9, 1.0)),
    "AX": ((0.42, 0.15, 0.03, 0.05, 0.30, 0.0), (0.7, 0.2, 0.25, 0.25, 0.5, 1.0)),
    "AO": ((0.82, 0.00, 0.20, 0.75, 0.20, 0.0), (1.2, 0.8, 0.9, 1.0, 0.9, 1.0)),
    "OW": ((0.56, 0.00, 0.50, 0.65, 0.15, 0.0), (1.0, 1.0, 1.1, 1.1, 0.9, 1.0)),
    "EH": ((0.66, 0.55, 0.00, 0.00, 0.50, 0.0), (1.1, 0.8, 0.7, 0.7, 1.0, 1.0)),
    "ER": ((0.44, 0.00, 0.25, 0.50, 0.35, 0.0), (0.8, 0.6, 0.8, 0.9, 0.8, 1.0)),
    "IH": ((0.46, 0.55, 0.00, 0.00, 0.50, 0.0), (0.9, 0.7, 0.7, 0.7, 0.9, 1.0)),
    "IY": ((0.24, 1.00, 0.00, 0.00, 0.60, 0.0), (1.0, 1.1, 1.0, 1.0, 1.0, 1.0)),
    "UH": ((0.40, 0.00, 0.45, 0.35, 0.20, 0.0), (0.8, 0.7, 0.9, 0.9, 0.8, 1.0)),
    "UW": ((0.18, 0.00, 1.00, 0.25, 0.05, 0.0), (1.1, 1.1, 1.3, 1.1, 1.0, 1.0)),
    "YY": ((0.26, 0.10, 0.75, 0.40, 0.15, 0.0), (1.0, 0.8, 1.1, 1.1, 0.9, 1.0)),
    "B": ((0.06, 0.10, 0.00, 0.00, 0.00, 0.0), (1.3, 0.15, 0.15, 0.3, 1.0, 1.0)),
    "M": ((0.08, 0.10, 0.00, 0.00, 0.00, 0.0), (1.3, 0.15, 0.15, 0.3, 1.0, 1.0)),
    "F": ((0.07, 0.15, 0.00, 0.00, 0.20, 0.0), (2.0, 0.3, 0.5, 0.8, 1.0, 1.0)),
    "W": ((0.06, 0.00, 1.00, 0.30, 0.00, 0.0), (1.4, 1.2, 1.7, 1.2, 1.0, 1.0)),
    "R": ((0.20, 0.00, 0.35, 0.60, 0.22, 0.0), (0.9, 0.6, 0.9, 1.0, 0.8, 1.0)),
    "L": ((0.28, 0.15, 0.00, 0.00, 0.30, 0.4), (0.8, 0.25, 0.3, 0.3, 0.6, 1.2)),
    "TH": ((0.18, 0.15, 0.00, 0.00, 0.32, 1.0), (1.1, 0.3, 0.5, 0.5, 0.8, 1.6)),
    "T": ((0.12, 0.20, 0.00, 0.00, 0.32, 0.0), (1.0, 0.25, 0.3, 0.3, 0.7, 1.0)),
    "S": ((0.05, 0.45, 0.00, 0.05, 0.70, 0.0), (1.3, 0.5, 0.5, 0.5, 1.0, 1.0)),
    "SH": ((0.10, 0.00, 0.20, 0.95, 0.35, 0.0), (1.2, 0.8, 0.9, 1.3, 1.0, 1.0)),
    "K": ((0.24, 0.15, 0.00, 0.05, 0.25, 0.0), (0.7, 0.15, 0.2, 0.2, 0.5, 1.0)),
    "Y": ((0.18, 0.70, 0.00, 0.00, 0.40, 0.0), (0.9, 0.8, 0.8, 0.8, 0.8, 1.0)),
    "H": ((0.46, 0.15, 0.00, 0.05, 0.30, 0.0), (0.1, 0.05, 0.05, 0.05, 0.1, 1.0)),
}  # fmt: skip
_TARGET = np.array([_SHAPES[name][0] for name in CLASSES], np.float32)
_STRENGTH = np.array([_SHAPES[name][1] for name in CLASSES], np.float32)
# 1 / s: the pull falls to 1/e within 45, 75, 120 ... ms before a phone, and within 52, 70, 75 ... ms after
# it.
_PER_AHEAD = -1 / np.array([0.045, 0.075, 0.120, 0.110, 0.050, 0.035], np.float32)[:, None, None]
_PER_AFTER = -1 / np.array([0.052, 0.070, 0.075, 0.075, 0.055, 0.035], np.float32)[:, None, None]
_VOWEL_HOLD, _PAUSE_INSET = 0.5, 0.09  # share of a phone that it holds; distance inside a pause from which the mouth is at rest

SIL, B, M, F = (INDEX[name] for name in ("sil", "B", "M", "F"))
_HALF_FRAME = FRAME / 2 + 1e-3  # a hold of this width on both sides always contains a frame's middle
_CLOSE_RAMP, _PRESS_RAMP, _TUCK_RAMP, _REST_RAMP = 0.065, 0.055, 0.065, 0.11  # s, from nothing to the full movement
_LONG_PAUSE, _SHORT_PAUSE = 0.22, 0.10  # s: between words, the longer the pause, the less the lips part


def frame_times(frames):
    """Times of the frames: frame i shows the face at (i + 0.5) / 25 s."""
    return (np.arange(frames) + 0.5) * FRAME


def tracks_of(segments, frames):
    """(frames, 9) float64, columns `TRACKS`, all in 0 .. 1, of segments as `phones.segments_of` gives them."""
    times = frame_times(frames)
    classes = np.array([INDEX[name] for name, _, _ in segments])
    start, end = np.array([(a, b) for _, a, b in segments]).T
    out = np.empty((frames, len(TRACKS)))
    out[:, :BLENDED] = blended(times, classes, start, end)
    out[:, BLENDED:] = np.stack(laid_over(times, classes, start, end), 1)
    return out


def blended(times, classes, start, end):
    pause = classes == SIL
    inset = np.where(pause, np.minimum(_PAUSE_INSET, 0.5 * (end - start)), 0.5 * (1 - _VOWEL_HOLD) * (end - start))
    first, last = start + np.where(start <= 0, 0, inset), end - inset
    before, after = np.maximum(first - times[:, None], 0).astype(np.float32), np.maximum(times[:, None] - last, 0).astype(np.float32)
    pull = np.exp(before * _PER_AHEAD + after * _PER_AFTER)  # (tracks, frames, segments)
    strength = _STRENGTH[classes].T
    sums = pull @ np.stack([strength * _TARGET[classes].T, strength], 2)  # (tracks, frames, 2)
    return (sums[:, :, 0] / sums[:, :, 1]).T


def laid_over(times, classes, start, end):
    """seal, press, tuck (3, frames)."""
    length = end - start
    labial, tucked = (classes == B) | (classes == M), classes == F
    # A stop's segment ends with its burst: the lips are closed in the first three quarters of it.
    middle = start + np.where(classes == B, 0.42, 0.5) * length
    seal = plateau(times, middle, np.maximum(0.30 * length, _HALF_FRAME), _CLOSE_RAMP, labial)
    press = plateau(times, middle, np.maximum(0.20 * length, _HALF_FRAME), _PRESS_RAMP, labial, np.where(classes == B, 1.0, 0.75))
    tuck = plateau(times, middle, np.maximum(0.25 * length, _HALF_FRAME), _TUCK_RAMP, tucked)
    # In pauses the lips rest on each other: completely in long pauses, not in short ones.
    inner = np.where(start <= 0, -1.0, start + _PAUSE_INSET + 0.05)
    outer = np.where(end >= times[-1] + FRAME / 2, end + 1.0, end - 0.04 - _REST_RAMP)
    weight = np.where((start <= 0) | (end >= times[-1] + FRAME / 2), 1.0, np.clip((length - _SHORT_PAUSE) / (_LONG_PAUSE - _SHORT_PAUSE), 0, 1))
    rest = plateau(times, (inner + outer) / 2, np.maximum((outer - inner) / 2, 0), _REST_RAMP, classes == SIL, weight)
    return np.maximum(seal, rest), press, tuck


def plateau(times, middle, hold, ramp, chosen, height=None):
    """(frames,): the maximum of soft-edged plateaus, each 1 within `hold` of its middle and 0 beyond `ramp`
    more."""
    if not chosen.any():
        return np.zeros(len(times))
    beyond = np.abs(times[:, None] - middle[chosen]) - hold[chosen]
    each = 0.5 + 0.5 * np.cos(np.pi * np.clip(beyond / ramp, 0, 1))
    return (each if height is None else each * height[chosen]).max(1)
