"""The corpus as training data: clips of any length with their motion.

A clip joins utterances of one voice (with pauses between them), changes its speed, and calls `targets` for
the motion of exactly this sound. So each pass over the corpus has new timing, new variation and, if
requested, a new emotion.
"""

import json
import pathlib
from dataclasses import dataclass, replace

import numpy as np
from targets.loudness import envelope_of
from targets.motion import motion_of
from targets.phones import labels_of

EMOTIONS = ["neutral", "happy", "sad", "angry", "surprised", "afraid", "disgusted", "contempt"]
RATE = 16_000
SAMPLES_PER_FRAME = 640
# Share of the clips that are always of recorded voices, the others of any voice: a real speaker is nearer to
# them than to formants.
RECORDED = 0.5
# Share of the clips that are of people, if the corpus has any (`corpus.add_people`).
PEOPLE = 0.55


class Corpus:
    """The files of `python -m corpus`."""

    def __init__(self, folder):
        folder = pathlib.Path(folder)
        self.audio = np.memmap(folder / "audio.i16", np.int16, "r")
        with open(folder / "utterances.jsonl", encoding="utf-8") as lines:
            self.utterances = [json.loads(line) for line in lines]
        # Words and phones of people's vocal bursts, and of languages without an aligner, are not known: they
        # are used only for moods.
        self.train = [u for u in self.split("train") if u["phones"]]
        self.people = [u for u in self.train if u["synthesizer"] == "person"]
        self.recorded = [u for u in self.train if u["synthesizer"] not in ("espeak", "person")]
        self.synthetic = [u for u in self.train if u["synthesizer"] != "person"]
        self.by_voice = {}
        for utterance in self.train:
            key = (utterance["synthesizer"], utterance["voice"], utterance["emotion"])
            self.by_voice.setdefault(key, []).append(utterance)

    def split(self, name):
        """The utterances of a split."""
        return [u for u in self.utterances if u["split"] == name]

    def samples(self, utterance):
        """The samples of an utterance: float32 in [-1, 1]."""
        start = utterance["start"]
        return self.audio[start : start + utterance["samples"]].astype(np.float32) / 32768

    def voices(self, count=200, seed=0):
        """Samples of `count` utterances of the train split, for babble."""
        rows = self.people or self.train
        return [self.samples(rows[i]) for i in np.random.default_rng(seed).integers(len(rows), size=count)]


@dataclass
class Clip:
    """One training example of T frames."""

    samples: np.ndarray  # (640 T) float32
    motion: np.ndarray  # (T, 53) float32
    labels: np.ndarray  # (2 T) int64: viseme classes at 50 a second
    emotion: int  # of the sound
    intensity: float
    shown: int  # of the motion
    shown_intensity: float


def noise_clip(frames, rng, background=None):
    """A clip without speech: room noise, and a face at rest. `background`, called with (samples, generator),
    gives other scenes for half of the clips."""
    virtual = {"id": "noise", "alphabet": "arpa", "language": "en", "phones": [["pau", 0.0, frames / 25]], "samples": frames * SAMPLES_PER_FRAME,
               "text": "", "emotion": "neutral", "intensity": 0.0}
    # From a loud room down to digital silence, which occurs only in files.
    level = 10 ** -rng.uniform(2.3, 5) if rng.random() < 0.6 else 0.0
    if background and rng.random() < 0.5:
        noise = background(frames * SAMPLES_PER_FRAME, rng) * np.float32(10 ** -rng.uniform(1, 2.5))
    else:
        noise = rng.standard_normal(frames * SAMPLES_PER_FRAME, np.float32) * np.float32(level)
    motion = motion_of(virtual, int(rng.integers(1 << 31)), np.zeros(frames))
    return Clip(noise, motion, labels_of(virtual), 0, 0.0, 0, 0.0)


def clip_of(corpus, frames, rng, swap=0.0, speed=(0.8, 1.25), weakest=0.35):
    """A clip of `frames` frames from a random voice and emotion. With probability `swap` its motion shows
    another emotion, at an intensity of `weakest` and more."""
    spoken = corpus.people if corpus.people and rng.random() < PEOPLE else corpus.recorded if corpus.recorded and rng.random() < RECORDED else corpus.synthetic
    first = spoken[rng.integers(len(spoken))]
    factor = float(np.exp(rng.uniform(np.log(speed[0]), np.log(speed[1]))))  # above 1: faster and higher
    length = frames * SAMPLES_PER_FRAME
    # 1e-4: a recording is never digitally silent.
    samples = rng.standard_normal(length, np.float32) * 1e-4
    phones, intensities = [], []
    at = int(rng.integers(0, RATE // 2)) if rng.random() < 0.5 else -int(rng.uniform(0, 0.7) * first["samples"] / factor)
    if at > 0:
        phones.append(["pau", 0.0, at / RATE])
    siblings = corpus.by_voice[first["synthesizer"], first["voice"], first["emotion"]]
    utterance = first
    while at < length - RATE // 4:
        source = corpus.samples(utterance)
        here = int(len(source) / factor)
        heard = source if factor == 1 else np.interp(np.arange(here) * factor, np.arange(len(source)), source).astype(np.float32)
        low, high = max(at, 0), min(at + here, length)
        if high > low:
            samples[low:high] += heard[low - at : high - at]
            for name, start, end in utterance["phones"]:
                start, end = at / RATE + start / factor, at / RATE + end / factor
                if end > 0 and start < frames / 25:
                    phones.append([name, max(start, 0.0), min(end, frames / 25)])
            intensities.append(utterance["intensity"])
        gap = int(rng.uniform(0, 0.4) * RATE)
        at += here
        if gap and at < length:
            phones.append(["pau", at / RATE, min((at + gap) / RATE, frames / 25)])
        at += gap
        utterance = siblings[rng.integers(len(siblings))]
    if at < length:
        phones.append(["pau", max(at, 0) / RATE, frames / 25])
    emotion = EMOTIONS.index(first["emotion"])
    intensity = float(np.mean(intensities)) if intensities else 0.0
    shown, shown_intensity = emotion, intensity
    if rng.random() < swap:
        shown = int(rng.integers(len(EMOTIONS)))
        shown_intensity = float(rng.uniform(weakest, 1)) if shown else 0.0
    virtual = {
        "id": first["id"], "alphabet": first["alphabet"], "language": first["language"], "text": "",
        "phones": [phone for phone in phones if phone[2] > phone[1]],
        "samples": length, "emotion": EMOTIONS[shown], "intensity": shown_intensity,
    }
    motion = motion_of(virtual, int(rng.integers(1 << 31)), envelope_of(samples))
    return Clip(samples, motion, labels_of(virtual), emotion, intensity, shown, shown_intensity)


# Frames of a clip in the pool, and the lengths in frames of batches, with the number of clips for about 64 s.
LONGEST = 320
SHAPES = [(64, 25), (96, 16), (128, 12), (192, 8), (320, 5)]


class Pool:
    """Clips from which batches are cut. Making a clip costs more than a training step on it, so only a few
    are renewed in each step."""

    def __init__(self, corpus, count, rng, swap=0.0, speed=(0.8, 1.25), silent=0.06, background=None, weakest=0.35):
        self.corpus, self.swap, self.speed, self.silent, self.background, self.weakest = corpus, swap, speed, silent, background, weakest
        self.clips = []
        for made in range(count):
            self.clips.append(self.make(rng))
            if made % 250 == 249:
                print(f"clips: {made + 1} of {count}", flush=True)

    def make(self, rng):
        """One clip; samples as 16-bit integers, so that hours of them fit into memory."""
        clip = noise_clip(LONGEST, rng, self.background) if rng.random() < self.silent else clip_of(self.corpus, LONGEST, rng, self.swap, self.speed, self.weakest)
        clip.samples = (np.clip(clip.samples, -1, 1) * 32767).astype(np.int16)
        return clip

    def batch(self, rng, shape=None, renew=1):
        """Clips of one length, each cut from a clip of the pool at a random position."""
        for _ in range(renew):
            self.clips[rng.integers(len(self.clips))] = self.make(rng)
        frames, count = shape or SHAPES[rng.integers(len(SHAPES))]
        return [cut(self.clips[rng.integers(len(self.clips))], frames, rng) for _ in range(count)]


def cut(clip, frames, rng):
    """`frames` frames of a clip, at a random position."""
    first = int(rng.integers(LONGEST - frames + 1))
    samples = clip.samples[first * SAMPLES_PER_FRAME : (first + frames) * SAMPLES_PER_FRAME].astype(np.float32) / 32767
    return replace(clip, samples=samples, motion=clip.motion[first : first + frames], labels=clip.labels[2 * first : 2 * (first + frames)])
