"""One spoken utterance: samples and the times of its phones."""

from dataclasses import dataclass, field
from math import gcd

import numpy as np
from scipy.signal import resample_poly

SAMPLE_RATE = 16_000
# The name of a pause in each phone alphabet.
PAUSE = {"ipa": "_", "arpa": "pau"}
PAUSES = frozenset(PAUSE.values())


@dataclass
class Speech:
    """`samples`: float32 in -1..1 at 16 kHz. `phones`: [name, start, end] in seconds, without gaps."""

    samples: np.ndarray
    phones: list = field(default_factory=list)

    @property
    def seconds(self):
        return len(self.samples) / SAMPLE_RATE


class SynthesizerMissing(RuntimeError):
    """A synthesizer or a voice is not installed; the text names the Debian package."""


def at_16_khz(samples, rate):
    """`samples` at `rate` Hz, resampled to 16 kHz (polyphase)."""
    samples = np.asarray(samples, np.float32)
    if rate == SAMPLE_RATE:
        return samples
    divisor = gcd(int(rate), SAMPLE_RATE)
    return resample_poly(samples, SAMPLE_RATE // divisor, int(rate) // divisor).astype(np.float32)


def trimmed(speech, keep=0.02):
    """The speech with only `keep` seconds of its leading and trailing pauses."""
    phones = [phone for phone in speech.phones if phone[2] > phone[1]]
    spoken = [index for index, phone in enumerate(phones) if phone[0] not in PAUSES]
    if not spoken:
        raise ValueError("the synthesizer spoke no phone")
    start = max(0.0, phones[spoken[0]][1] - keep)
    end = min(speech.seconds, phones[spoken[-1]][2] + keep)
    first, last = int(start * SAMPLE_RATE), int(end * SAMPLE_RATE)
    kept = [[name, max(s, start) - start, min(e, end) - start] for name, s, e in phones if min(e, end) > max(s, start)]
    return Speech(speech.samples[first:last], kept)


def padded(speech, before, after, pause):
    """The speech with `before` and `after` seconds of silence, which are pauses named `pause`; neighbouring
    pauses are joined."""
    zeros = [np.zeros(int(seconds * SAMPLE_RATE), np.float32) for seconds in (before, after)]
    samples = np.concatenate([zeros[0], speech.samples, zeros[1]])
    offset, total = len(zeros[0]) / SAMPLE_RATE, len(samples) / SAMPLE_RATE
    phones = [[pause, 0.0, offset]] + [[name, s + offset, e + offset] for name, s, e in speech.phones] + [[pause, speech.seconds + offset, total]]
    merged = []
    for name, start, end in phones:
        start = merged[-1][2] if merged else 0.0
        if merged and name == pause == merged[-1][0]:
            merged[-1][2] = end
        elif end > start:
            merged.append([name, start, end])
    return Speech(samples, merged)
