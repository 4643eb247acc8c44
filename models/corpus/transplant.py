"""python -m corpus.transplant --corpus DIR --count 900 --out DIR2: a corpus, followed by readers' clips with
the moods of actors.

Readers are calm and actors are few; a model trained on both learns to recognise the voice instead of the
mood. So the changes that a mood makes to an actor's voice, relative to the same actor's neutral speech, are
applied to a reader's (WORLD vocoder): level and range of the pitch, or its whole contour; tempo; colour of
the voiced sounds; breathiness; dynamics. The same number of clips pass through the vocoder with another
actor's neutral speech and stay neutral.
"""

import argparse
import json
import multiprocessing
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .check import Corpus
from .prosody import EMOTIONS
from .speech import SAMPLE_RATE
from .vocoder import pyworld

_FRAME_MS = 5.0
_SECONDS = (1.8, 4.5)  # of a reader's clip
_CONTOUR = 0.5  # share of the clips that get the actor's contour
_SMOOTH = 9  # bins of the colour
_MOST_DB, _LARGEST_TEMPO, _LARGEST_PITCH = 18.0, 1.5, 2.2
_FLOOR = 1e-12


@dataclass
class Voice:
    """WORLD's analysis of a clip, and the measures of its delivery."""

    pitch: np.ndarray
    envelope: np.ndarray
    aperiodicity: np.ndarray

    @classmethod
    def of(cls, samples):
        samples = samples.astype(np.float64)
        pitch, times = pyworld.dio(samples, SAMPLE_RATE, frame_period=_FRAME_MS)
        pitch = pyworld.stonemask(samples, pitch, times, SAMPLE_RATE)
        return cls(pitch, pyworld.cheaptrick(samples, pitch, times, SAMPLE_RATE), pyworld.d4c(samples, pitch, times, SAMPLE_RATE))

    @property
    def voiced(self):
        return self.pitch > 0

    def delivery(self):
        """Pitch level, its spread, colour of the voiced sounds, their breathiness, their dynamics, the pitch
        contour; None if the clip is hardly voiced."""
        voiced = self.voiced
        if voiced.sum() < 30:
            return None
        log_pitch = np.log(self.pitch[voiced])
        level = np.log(self.envelope[voiced].mean(1) + _FLOOR)
        colour = np.log(self.envelope[voiced] + _FLOOR).mean(0)
        return {
            "level": np.median(log_pitch), "spread": log_pitch.std(), "colour": colour - colour.mean(), "dynamics": level.std(),
            "breath": np.log(self.aperiodicity[voiced] + 1e-4).mean(0), "contour": log_pitch - np.median(log_pitch),
        }  # fmt: skip


def changes_of(corpus):
    """The changes of each acted clip of the train split relative to its actor's neutral speech: [(emotion,
    change)]."""
    acted = [row for row in corpus.rows if row["split"] == "train" and row.get("kind") == "acted"]
    heard = [(row, Voice.of(corpus.samples_of(row)).delivery()) for row in acted]
    by_voice = {}
    for row, delivery in heard:
        if delivery and row["emotion"] == "neutral":
            by_voice.setdefault(row["voice"], []).append((row, delivery))
    changes = []
    for row, delivery in heard:
        calm = by_voice.get(row["voice"])
        if not delivery or not calm:
            continue
        same = [other["samples"] for other, _ in calm if other["text"] == row["text"]]
        mean = lambda key: np.mean([other[key] for _, other in calm], 0)
        changes.append((row["emotion"], {
            "pitch": delivery["level"] - mean("level"), "range": delivery["spread"] / mean("spread"), "colour": delivery["colour"] - mean("colour"),
            "dynamics": delivery["dynamics"] / mean("dynamics"), "breath": delivery["breath"] - mean("breath"), "contour": delivery["contour"],
            "tempo": np.mean(same) / row["samples"] if same else None,
        }))  # fmt: skip
    tempos = {name: [c["tempo"] for emotion, c in changes if emotion == name and c["tempo"]] for name in EMOTIONS}
    for emotion, change in changes:
        change["tempo"] = change["tempo"] or float(np.median(tempos[emotion] or [1.0]))
    return changes


def changed(samples, change, random, amount):
    """(samples, tempo): the clip with `amount` of the change; 1 is the actor's change."""
    voice = Voice.of(samples)
    voiced = voice.voiced
    pitch, envelope = voice.pitch.copy(), voice.envelope
    if voiced.any():
        log_pitch = np.log(pitch[voiced])
        middle = np.median(log_pitch)
        if random.random() < _CONTOUR:
            at = np.linspace(0, 1, voiced.sum())
            shape = np.interp(at, np.linspace(0, 1, len(change["contour"])), change["contour"])
        else:
            shape = (log_pitch - middle) * np.clip(change["range"], 0.3, 3) ** amount
        move = np.clip(amount * change["pitch"] + random.normal(0, 0.05), -np.log(_LARGEST_PITCH), np.log(_LARGEST_PITCH))
        pitch[voiced] = np.clip(np.exp(middle + move + shape), 55, 650)
    kernel = np.hanning(_SMOOTH + 2)[1:-1]
    colour = np.convolve(np.pad(change["colour"], _SMOOTH // 2, "edge"), kernel / kernel.sum(), "valid")
    limit = _MOST_DB / 10 * np.log(10)
    envelope = envelope * np.exp(np.clip(amount * colour, -limit, limit))
    level = np.log(envelope.mean(1, keepdims=True) + _FLOOR)
    loud = np.percentile(level, 90)
    envelope = envelope * np.exp(np.clip((np.clip(change["dynamics"], 0.5, 2) ** amount - 1) * np.clip(level - loud, -7, 1), -5, 5))
    breath = np.clip(np.log(voice.aperiodicity + 1e-4) + amount * change["breath"] * voiced[:, None], np.log(1e-3), 0)
    tempo = float(np.clip(change["tempo"] ** amount * np.exp(random.normal(0, 0.04)), 1 / _LARGEST_TEMPO, _LARGEST_TEMPO))
    made = pyworld.synthesize(pitch, np.ascontiguousarray(envelope), np.ascontiguousarray(np.exp(breath)), SAMPLE_RATE, _FRAME_MS / tempo)
    peak = np.abs(made).max() + 1e-9
    return (made * min(0.1 / (np.sqrt(np.mean(made**2)) + 1e-9), 0.97 / peak)).astype(np.float32), len(samples) / len(made)


def piece_of(row, random):
    """A stretch of the reader's phones: (first, last + 1) in samples and the phones, which begin at 0."""
    wanted = random.uniform(*_SECONDS)
    starts = [index for index, phone in enumerate(row["phones"]) if phone[1] <= max(0.0, row["samples"] / SAMPLE_RATE - wanted)]
    first = starts[random.integers(len(starts))]
    begin = row["phones"][first][1]
    chosen = [phone for phone in row["phones"][first:] if phone[2] <= begin + wanted]
    if len(chosen) < 5:
        return None
    return int(begin * SAMPLE_RATE), int(chosen[-1][2] * SAMPLE_RATE), [[name, start - begin, end - begin] for name, start, end in chosen]


def _made(task):
    """One clip as (row, samples int16), or None."""
    row, samples, emotion, change, seed = task
    random = np.random.default_rng(seed)
    piece = piece_of(row, random)
    if piece is None:
        return None
    first, last, phones = piece
    amount = random.uniform(0.6, 1.25)
    made, tempo = changed(samples[first:last], change, random, amount)
    if not np.isfinite(made).all():
        return None
    quantised = np.round(np.clip(made, -1, 1) * 32767).astype("<i2")
    seconds = len(quantised) / SAMPLE_RATE
    phones = [[name, round(start / tempo, 4), round(min(end / tempo, seconds), 4)] for name, start, end in phones]
    phones[-1][2] = seconds
    made_row = {key: row[key] for key in ("voice", "language", "source", "alphabet", "synthesizer", "split")}
    intensity = 0.0 if emotion == "neutral" else round(min(1.0, 0.8 * amount), 2)
    return {**made_row, "id": f"{row['id']}-as-{seed[1]:05d}", "kind": "moved", "text": "", "emotion": emotion, "intensity": intensity, "samples": len(quantised), "phones": phones}, quantised


def transplant(folder, count, out, jobs=2, seed=0):
    """Writes the folder `out`; returns the number of clips added."""
    out = Path(out)
    if out.exists():
        raise FileExistsError(f"{out} exists already: give another --out or remove it")
    corpus, random = Corpus(folder), np.random.default_rng(seed)
    readers = [row for row in corpus.rows if row["split"] == "train" and row.get("kind") == "read" and row["phones"]]
    changes = changes_of(corpus)
    if not readers or not changes:
        raise ValueError(f"{folder}: expected readers with phones and actors in the train split, found {len(readers)} and {len(changes)}; corpus.add_people adds them")
    by_emotion = {name: [change for emotion, change in changes if emotion == name] for name in EMOTIONS}
    moods = [name for name in EMOTIONS if by_emotion[name]]
    tasks = []
    for number in range(count):
        row, emotion = readers[random.integers(len(readers))], moods[number % len(moods)]
        change = by_emotion[emotion][random.integers(len(by_emotion[emotion]))]
        tasks.append((row, corpus.samples_of(row), emotion, change, [seed, number]))
    work = out.with_name(out.name + ".unfinished")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    shutil.copy(Path(folder) / "audio.i16", work), shutil.copy(Path(folder) / "utterances.jsonl", work)
    start, added = len(corpus.audio), 0
    with open(work / "audio.i16", "ab") as audio, open(work / "utterances.jsonl", "a", encoding="utf8") as lines, multiprocessing.Pool(jobs) as pool:
        for made in pool.imap(_made, tasks, chunksize=8):
            if made:
                row, samples = made
                lines.write(json.dumps({**row, "start": start}, ensure_ascii=False) + "\n")
                audio.write(samples.tobytes())
                start, added = start + len(samples), added + 1
    work.rename(out)
    return added


def main():
    parser = argparse.ArgumentParser(prog="python -m corpus.transplant", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", required=True, help="folder that `python -m corpus.add_people` wrote; it stays as it is")
    parser.add_argument("--count", type=int, default=900, help="clips to make (default 900)")
    parser.add_argument("--out", required=True, help="folder to make; must not exist")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default 2)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    try:
        added = transplant(options.corpus, options.count, options.out, options.jobs, options.seed)
    except (OSError, ValueError) as error:
        sys.exit(f"error: {error}")
    print(f"{added} clips added")


if __name__ == "__main__":
    main()
