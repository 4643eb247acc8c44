"""Utterances of a corpus with their sound, their target, and the geometry for the measures."""
import itertools
import json
import os
import zlib
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from targets.geometry import Head
from targets.loudness import envelope_of
from targets.motion import motion_of
from targets.phones import segments_of

SPLITS = ["sentences", "selection", "unseen"]  # new sentences of known voices; a voice for model selection; voices for reports only
TARGET_SEED, OTHER_SEED = 1_000_003, 2_000_003  # performances that training does not draw


@lru_cache(maxsize=1)
def head():
    return Head()


@dataclass(frozen=True, eq=False)
class Lips:
    """Measures of the mouth in a motion, (frames,) each, metres."""

    motion: np.ndarray

    @cached_property
    def opening(self):
        return head().mouth_opening(self.motion)

    @cached_property
    def closed(self):
        """Less than a tenth of the clip's largest opening."""
        return self.opening < 0.10 * self.opening.max(initial=1e-4)

    @cached_property
    def tuck(self):
        return head().tuck(self.motion)

    @cached_property
    def protrusion(self):
        return head().protrusion(self.motion)


@dataclass(frozen=True, eq=False)
class Case:
    """`samples` (n,) float32 in -1 .. 1 at 16 kHz; `target` and `other`: two performances of the targets."""

    utterance: dict
    samples: np.ndarray
    target: Lips
    other: Lips

    @cached_property
    def segments(self):
        return segments_of(self.utterance)

    @property
    def emotion(self):
        return self.utterance["emotion"]

    @property
    def feels(self):
        """True if the emotion is strong enough to be recognised."""
        return self.emotion == "neutral" or self.utterance["intensity"] >= 0.35


def case_of(utterance, samples):
    """`samples` int16."""
    envelope = envelope_of(samples)
    performances = [Lips(motion_of(utterance, seed, envelope)) for seed in (TARGET_SEED, OTHER_SEED)]
    return Case(utterance, samples.astype(np.float32) / 32768, *performances)


def read_utterances(folder):
    path = os.path.join(folder, "utterances.jsonl")
    try:
        with open(path, encoding="utf8") as file:
            return [json.loads(line) for line in file]
    except OSError as error:
        raise SystemExit(f"{path}: expected a corpus, found {error.strerror}; make one with `python -m corpus`")


def cases_of(folder, split, limit, utterances=None):
    """Up to `limit` cases of a split: emotions alternate, voices and sentences are mixed; the same cases in
    each call."""
    by_emotion = {}
    for utterance in read_utterances(folder) if utterances is None else utterances:
        if utterance["split"] == split:
            by_emotion.setdefault(utterance["emotion"], []).append(utterance)
    for group in by_emotion.values():
        group.sort(key=lambda u: zlib.crc32(u["id"].encode()))  # the ids are sorted by voice and sentence; a checksum mixes them
    turns = itertools.zip_longest(*(by_emotion[name] for name in sorted(by_emotion)))
    chosen = [utterance for turn in turns for utterance in turn if utterance is not None][:limit]
    audio = np.memmap(os.path.join(folder, "audio.i16"), "<i2", "r")
    return [case_of(u, np.array(audio[u["start"] : u["start"] + u["samples"]])) for u in chosen]
