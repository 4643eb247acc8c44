"""Short clips of espeak-ng: sentences that are said in a mood, with the times of their phones."""

import wave
import zlib
from pathlib import Path

from corpus import espeak
from corpus.plan import Request
from corpus.render import rendered
from corpus.sentences import sentences

# Voices as the corpus has them: accent and timbre.
_VOICES = [f"{accent}+{variant}" for variant in espeak.VARIANTS[:12] for accent in espeak.ACCENTS[:2]]


def clips(split, moods, count, intensity, seed=0):
    """[(utterance, samples int16)]: `count` sentences of a split, each in every mood of `moods`, by the same voice."""
    requests = []
    for index, text in enumerate(sentences(split, count, seed)):
        voice = _VOICES[index % len(_VOICES)]
        for mood in moods:
            name = f"{mood}-{index:03d}"
            own = zlib.crc32(f"moods {split} {name} {seed}".encode())
            strength = 0.0 if mood == "neutral" else intensity
            requests.append(Request(name, "espeak", voice, "en", split, text, mood, strength, own))
    return rendered(requests)


def write_wav(path, samples):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(samples.astype("<i2").tobytes())
    return Path(path)
