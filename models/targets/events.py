"""Blinks and brow accents: short movements that are added to the motion of speech."""
import numpy as np

BLINK = np.array([0.45, 1.0, 1.0, 0.62, 0.28, 0.08])  # weight of closed lids in six frames: closed after two, open again after three
_APART = 0.9  # s: the least time between the beginnings of two blinks
_AT_PHRASE_END = 0.65  # probability of a blink where speech stops
_MEAN_WAIT = 5.0  # s: mean time between other blinks, which are random
_ACCENT_UP, _ACCENT_DOWN = 0.16, 0.36  # s: rise and fall of an accent
_ACCENTS_A_SECOND = 0.7


def blinks(times, segments, style, rng):
    """(frames,) 0 .. 1: closed lids. Blinks are likely at the beginning of a pause, and otherwise random."""
    frames, length = len(times), len(times) / 25
    wished = [a + rng.uniform(0.02, 0.12) for name, a, b in segments if name == "sil" and a > 0.3 and b - a > 0.12 and rng.random() < min(0.95, _AT_PHRASE_END * style.blinks)]
    at = rng.exponential(_MEAN_WAIT / style.blinks)
    while at < length:
        wished.append(at)
        at += _APART + rng.exponential(_MEAN_WAIT / style.blinks)
    out, last = np.zeros(frames), -_APART
    for at in sorted(wished):
        first = round(at * 25)
        if at - last >= _APART and first + 2 < frames:
            out[first : first + len(BLINK)] = BLINK[: frames - first]
            last = at
    return out


def brow_accents(times, segments, envelope, style):
    """(frames,) 0 .. about 0.4: raised brows on the loud, long vowels of an utterance, only the most
    prominent ones."""
    vowels = [(a, b) for name, a, b in segments if len(name) == 2 and name[0] in "AEIOUY" and b - a > 0.05]
    if not vowels:
        return np.zeros(len(times))
    start, end = np.array(vowels).T
    loud = np.interp((start + end) / 2, times, envelope)
    weight = loud * np.minimum((end - start) / 0.12, 1.6)
    wanted = max(1, round(_ACCENTS_A_SECOND * (end[-1] - start[0])))
    out = np.zeros(len(times))
    taken = []
    for k in np.argsort(-weight, kind="stable"):
        peak = start[k] + 0.4 * (end[k] - start[k])
        if len(taken) == wanted or weight[k] < 0.55:
            break
        if all(abs(peak - other) > 0.6 for other in taken):
            taken.append(peak)
            ramp = np.where(times < peak, (peak - times) / _ACCENT_UP, (times - peak) / _ACCENT_DOWN)
            out = np.maximum(out, min(0.26 * weight[k], 0.40) * (0.5 + 0.5 * np.cos(np.pi * np.clip(ramp, 0, 1))))
    return style.brows * out
