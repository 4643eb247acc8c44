"""python -m corpus.check DIR: checks a corpus: its sizes, the balance of emotions, and the phone times
against the sound."""

import argparse
import json
import sys
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

from .prosody import EMOTIONS
from .render import LONGEST, SHORTEST
from .speech import PAUSES, SAMPLE_RATE

_FRAME = 160
_LAGS = range(-8, 9)
_VOWELS = set("aeiouyɑɐɒɔʊʉɵɛæɪɨᵻøœəɚɝɜʌɤɯ")
_ARPA_VOWELS = set("aa ae ah ao aw ax axr ay eh er ey ih iy ow oy uh uw".split())
_KINDS = {
    "p b": set("pb"), "m": {"m"}, "f v": set("fvʋ"), "s z sh": {"s", "z", "ʃ", "ʒ", "ʂ", "ʐ", "ɕ", "sh", "zh"}, "t d k g": {"t", "d", "k", "ɡ", "g"},
}  # fmt: skip
# Limits of a good corpus: vowels are louder than closures and pauses, and no voice is late or early by more
# than a frame of 25 fps.
_VOWEL_OVER_STOP_DB, _VOWEL_OVER_PAUSE_DB, _LARGEST_LAG_MS = 4.0, 12.0, 40


class Corpus:
    """A corpus folder: `rows` (dictionaries) and `samples_of(row)` (float32 in -1..1)."""

    def __init__(self, folder):
        folder = Path(folder)
        for name in ("audio.i16", "utterances.jsonl"):
            if not (folder / name).exists():
                raise FileNotFoundError(f"{folder / name} is not there: make a corpus with python -m corpus --hours 12 --out {folder}")
        with open(folder / "utterances.jsonl", encoding="utf8") as lines:
            self.rows = [json.loads(line) for line in lines]
        self.audio = np.memmap(folder / "audio.i16", "<i2", "r")

    def samples_of(self, row):
        return self.audio[row["start"] : row["start"] + row["samples"]].astype(np.float32) / 32768


def kind_of(name, alphabet):
    """The coarse kind of a phone: "pause", "vowel", one of the consonant kinds, or "other"."""
    if name in PAUSES:
        return "pause"
    plain = name.strip("ˈˌ").rstrip("ː")
    if plain in _ARPA_VOWELS if alphabet == "arpa" else plain[:1] in _VOWELS:
        return "vowel"
    return next((kind for kind, names in _KINDS.items() if plain in names), "other")


def structure_faults(corpus):
    """Violations of the format, as sentences."""
    faults, texts, at = [], defaultdict(set), 0
    for row in corpus.rows:
        seconds = row["samples"] / SAMPLE_RATE
        ends = [phone[2] for phone in row["phones"]]
        starts = [phone[1] for phone in row["phones"]]
        if row["start"] != at:
            faults.append(f"{row['id']}: starts at sample {row['start']}, expected {at}")
        at += row["samples"]
        if not SHORTEST - 0.01 <= seconds <= LONGEST:
            faults.append(f"{row['id']}: {seconds:.2f} s long, expected {SHORTEST} to {LONGEST}")
        if starts[0] != 0 or abs(ends[-1] - seconds) > 1e-3 or any(abs(a - b) > 2e-4 for a, b in zip(starts[1:], ends)) or min(np.subtract(ends, starts)) < 0:
            faults.append(f"{row['id']}: its phones do not cover it without gaps")
        if (row["intensity"] == 0) != (row["emotion"] == "neutral"):
            faults.append(f"{row['id']}: {row['emotion']} at intensity {row['intensity']}")
        texts[row["language"], row["text"]].add(row["split"])
    faults += [f"{text!r} is in {' and '.join(sorted(splits))}" for (_, text), splits in texts.items() if len(splits) > 1]
    if at != len(corpus.audio):
        faults.append(f"audio.i16 has {len(corpus.audio)} samples, the utterances {at}")
    return faults


def alignment(corpus, most=60):
    """For each synthesizer and voice (espeak as one): median level of each kind in dB, and the lag in ms with
    the best match of vowels and loudness."""
    groups = defaultdict(list)
    for row in corpus.rows:
        group = groups["espeak" if row["synthesizer"] == "espeak" else row["voice"]]
        if len(group) < most:
            group.append(row)
    report = {}
    for name, rows in groups.items():
        levels, correlation = defaultdict(list), []
        for row in rows:
            samples = corpus.samples_of(row)
            frames = samples[: len(samples) // _FRAME * _FRAME].reshape(-1, _FRAME)
            power = np.square(frames).mean(1)
            kinds = np.full(len(frames), "other", object)
            for phone, start, end in row["phones"]:
                kind, first, last = kind_of(phone, row["alphabet"]), round(start * 100), round(end * 100)
                kinds[first:last] = kind
                if last > first:
                    levels[kind].append(10 * np.log10(power[first:last].mean() + 1e-9))
            loud, vowel = np.log(power + 1e-5), (kinds == "vowel").astype(float)
            correlation.append([np.corrcoef(np.roll(vowel, lag)[10:-10], loud[10:-10])[0, 1] for lag in _LAGS])
        lag = _LAGS[int(np.argmax(np.nanmean(correlation, 0)))] * 10
        report[name] = ({kind: float(np.median(values)) for kind, values in sorted(levels.items())}, lag)
    return report


def main():
    parser = argparse.ArgumentParser(prog="python -m corpus.check", description=__doc__)
    parser.add_argument("folder")
    try:
        corpus = Corpus(parser.parse_args().folder)
    except OSError as error:
        sys.exit(f"error: {error}")
    for split in sorted({row["split"] for row in corpus.rows}):
        rows = [row for row in corpus.rows if row["split"] == split]
        counts = Counter(row["emotion"] for row in rows)
        hours = sum(row["samples"] for row in rows) / SAMPLE_RATE / 3600
        print(f"{split}: {len(rows)} utterances, {hours:.2f} h, " + ", ".join(f"{name} {counts[name]}" for name in EMOTIONS))
    hours = Counter()
    for row in corpus.rows:
        if row["split"] == "train":
            hours[row["synthesizer"] if row["synthesizer"] == "espeak" else row["voice"]] += row["samples"] / SAMPLE_RATE / 3600
    print("train: " + ", ".join(f"{name} {value:.2f} h" for name, value in hours.most_common()))
    faults = structure_faults(corpus)
    print("\nmedian level in dB of each kind of phone, and the lag of loudness behind vowels")
    for name, (levels, lag) in alignment(corpus).items():
        print(f"  {name:8}" + " ".join(f"{kind} {level:.0f}" for kind, level in levels.items()) + f"  lag {lag:+d} ms")
        if levels["vowel"] - levels["p b"] < _VOWEL_OVER_STOP_DB or levels["vowel"] - levels["pause"] < _VOWEL_OVER_PAUSE_DB or abs(lag) > _LARGEST_LAG_MS:
            faults.append(f"{name}: phones are not where they are heard (vowel {levels['vowel']:.0f}, p b {levels['p b']:.0f}, pause {levels['pause']:.0f} dB, lag {lag} ms)")
    for fault in faults[:20]:
        print("FAULT", fault)
    print(f"{len(faults)} faults")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
