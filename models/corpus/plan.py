"""The plan of the corpus: the voice, sentence and emotion of each utterance. It depends only on the hours and
the seed."""

import json
import random as plain_random
import zlib
from dataclasses import asdict, dataclass

import numpy as np

from . import espeak, flite, rhvoice
from .festival import VOICES
from .prosody import EMOTIONS, intensity_of
from .pseudo_words import pseudo_sentences
from .sentences import sentences

# Shares of the training hours. Voices made from recordings of people have larger shares than espeak's
# formants.
TRAINING_SHARES = {
    "kal": 0.09, "ked": 0.09, "lp": 0.04, "pc": 0.04, "lj": 0.04, "mv": 0.04, "dita": 0.04, "machac": 0.04, "krb": 0.04, "ph": 0.04,
    "ona": 0.02, "nsk-hi": 0.01, "nsk-mr": 0.01, "nsk-te": 0.01,
}  # fmt: skip
ESPEAK_SHARE = 1 - sum(TRAINING_SHARES.values())
HELD_OUT = 160  # utterances of each held-out split: a multiple of the emotions times the unseen voices
# English voices speak most of the held-out sentences: eight of espeak, and these.
_HELD_OUT_SENTENCES_BY = ("kal", "ked", "kal", "ked", "lp", "pc", "lj", "mv", "dita", "machac", "krb", "ph")
_SECONDS_AN_UTTERANCE = 3.3  # measured over the whole corpus; only used to convert hours into a number of utterances
_IN_A_JOB = 64


@dataclass(frozen=True)
class Request:
    """One utterance to be made. `seed` determines all its random choices."""

    id: str
    synthesizer: str
    voice: str
    language: str
    split: str
    text: str
    emotion: str
    intensity: float
    seed: int


def _request(index, synthesizer, voice, language, split, text, emotion, seed):
    id = f"{split}-{voice}-{index:05d}"
    own = zlib.crc32(f"{id} {seed}".encode())
    return Request(id, synthesizer, voice, language, split, text, emotion, intensity_of(emotion, np.random.default_rng(own)), own)


def _even(count):
    """`count` rounded up to whole rounds of the emotions."""
    return max(1, -(-int(count) // len(EMOTIONS))) * len(EMOTIONS)


def _texts(language, split, count, seed):
    return sentences(split, count, seed) if language == "en" else pseudo_sentences(language, split, count, seed)


def _espeak_voices(seed):
    voices = [f"{accent}+{variant}" for accent in espeak.ACCENTS for variant in espeak.VARIANTS]
    plain_random.Random(f"voices {seed}").shuffle(voices)
    # American English, the accent of the other English voices, comes first and so is in every
    # corpus.
    return sorted(voices, key=lambda voice: not voice.startswith("en-us+"))


def requests(hours, seed):
    """All requests of a corpus of about `hours`. Emotions are balanced over every voice and split."""
    total = hours * 3600 / _SECONDS_AN_UTTERANCE
    made, used = [], {}

    def add(synthesizer, voice, language, split, count):
        # Each voice of a language continues after the sentences of the previous voice: no sentence occurs
        # twice in a split.
        key = (language, split)
        first = used.get(key, 0)
        used[key] = first + count
        for index in range(count):
            made.append((key, first + index, index, synthesizer, voice, language, split, EMOTIONS[index % len(EMOTIONS)]))

    trained = max(total - 3 * HELD_OUT, total / 2)
    voices = _espeak_voices(seed)
    for round in range(_even(trained * ESPEAK_SHARE) // len(EMOTIONS)):
        add("espeak", voices[round % len(voices)], "en", "train", len(EMOTIONS))
    for name, share in TRAINING_SHARES.items():
        add(VOICES[name].synthesizer, name, VOICES[name].language, "train", _even(trained * share))
    heard = [("espeak", voice, "en") for voice in voices[:8]]
    heard += [("festival-diphone", name, VOICES[name].language) for name in _HELD_OUT_SENTENCES_BY]
    for synthesizer, voice, language in heard:
        add(synthesizer, voice, language, "sentences", HELD_OUT // len(heard))
    add("festival-hts", "slt", "en", "selection", HELD_OUT)
    for voice in flite.VOICES:
        add("flite", voice, "en", "unseen", HELD_OUT // len(flite.VOICES))

    texts = {key: _texts(*key, count, seed) for key, count in used.items()}
    counters, out = {}, []
    for key, number, _, synthesizer, voice, language, split, emotion in made:
        index = counters[split, voice] = counters.get((split, voice), -1) + 1
        out.append(_request(index, synthesizer, voice, language, split, texts[key][number], emotion, seed))
    return out


def rhvoice_requests(voices, hours, seed):
    """Requests of about `hours` by each of RHVoice's `voices`, for training only; emotions are balanced over
    every voice."""
    count, made = _even(hours * 3600 / _SECONDS_AN_UTTERANCE), []
    for voice in voices:
        language = rhvoice.VOICES[voice].language
        # Drawn from another seed, so that the sentences differ from those of the other voices.
        for index, text in enumerate(_texts(language, "train", count, f"{voice} {seed}")):
            made.append(_request(index, "rhvoice", voice, language, "train", text, EMOTIONS[index % len(EMOTIONS)], seed))
    return made


def jobs(all_requests):
    """The requests in lists of at most 64 for one process each: espeak mixes voices, the others do not."""
    groups = {}
    for request in all_requests:
        groups.setdefault((request.synthesizer, "" if request.synthesizer == "espeak" else request.voice), []).append(request)
    parts = [group[start : start + _IN_A_JOB] for group in groups.values() for start in range(0, len(group), _IN_A_JOB)]
    return parts


def fingerprint(all_requests):
    """A number that changes if any request changes."""
    return zlib.crc32(json.dumps([asdict(request) for request in all_requests]).encode())
