"""Invented utterances for checks: strings of ARPAbet phones with natural lengths, and a matching loudness."""
import numpy as np

from .emotion import EMOTIONS
from .loudness import smooth
from .phone_sets import ARPA
from .phones import VOWELS, segments_of

_VOWELS = [phone for phone, classes in ARPA.items() if classes[0] in VOWELS]
_CONSONANTS = [phone for phone, classes in ARPA.items() if classes[0] not in VOWELS]
_LOUD = {"sil": 0.0, "B": 0.35, "T": 0.45, "K": 0.40, "S": 0.5, "SH": 0.55, "F": 0.4, "TH": 0.45, "H": 0.5}


def utterance(rng, name, emotion=None, intensity=None, words=8):
    """A line as in the corpus: `words` words of two to five phones, sometimes a pause between them."""
    phones, at = [], 0.0

    def say(phone, seconds):
        nonlocal at
        phones.append([phone, at, at + seconds])
        at += seconds

    say("pau", rng.uniform(0.15, 0.4))
    pace = rng.uniform(0.8, 1.3)
    for word in range(words):
        for _ in range(rng.integers(1, 3)):
            if rng.random() < 0.8:
                say(rng.choice(_CONSONANTS), pace * rng.uniform(0.045, 0.11))
            say(rng.choice(_VOWELS), pace * rng.uniform(0.06, 0.18))
        if rng.random() < 0.5:
            say(rng.choice(_CONSONANTS), pace * rng.uniform(0.045, 0.11))
        if rng.random() < 0.2 and word < words - 1:
            say("pau", rng.uniform(0.1, 0.6))
    say("pau", rng.uniform(0.3, 0.6))
    emotion = rng.choice(EMOTIONS) if emotion is None else emotion
    if intensity is None:
        intensity = rng.uniform(0.35, 1.0)
    intensity = 0.0 if emotion == "neutral" else float(intensity)
    return dict(id=name, alphabet="arpa", language="en", emotion=str(emotion), intensity=intensity, samples=int(at * 16000), phones=phones)


def envelope(utt, rng):
    """(frames,) 0 .. 1: depends on the kind of phone, with phrases that rise and fall."""
    frames = utt["samples"] // 640
    times = (np.arange(frames) + 0.5) / 25
    out = np.zeros(frames)
    for name, start, end in segments_of(utt):
        out[(times >= start) & (times < end)] = _LOUD.get(name, 0.85)
    knots = np.arange(frames // 25 + 2)
    phrase = np.interp(times, knots, rng.uniform(0.75, 1.1, len(knots)))
    return np.clip(smooth(out * phrase, 0.08), 0, 1)
