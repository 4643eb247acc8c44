"""python -m corpus.add_people --corpus DIR --people FOLDER ... --out DIR2: a corpus, followed by recordings
of people.

FOLDER holds utterances.jsonl and sound, or LibriSpeech, or CREMA-D (people.py). Words without phones are
aligned (align_words.py). Splits are by speaker: train, people-selection, people-test; an unnamed speaker
cannot be held out and is always in train.
"""

import argparse
import json
import shutil
import sys
import zlib
from collections import Counter, defaultdict
from itertools import chain, zip_longest
from pathlib import Path

import numpy as np
from targets.phones import UnknownPhone, classes_of

from .align_words import WordAligner
from .people import PeopleError, rows_of
from .speech import SAMPLE_RATE, at_16_khz

TEST, SELECTION = 0.2, 0.1  # shares of a source's speakers
SHORTEST, LONGEST = 0.3, 36.0  # s
_SILENT = 1e-4  # root mean square of a recording that counts as silent


def splits_of(rows, seed):
    """{voice: split}. Within a source, speakers are ordered by a checksum, with alternating sexes."""
    voices = defaultdict(dict)
    for row in rows:
        voices[row["source"]][row["voice"]] = row["sex"].lower()
    out = {}
    for of_source in voices.values():
        by_sex = defaultdict(list)
        for voice in sorted(of_source, key=lambda voice: zlib.crc32(f"{voice} {seed}".encode())):
            by_sex[of_source[voice]].append(voice)
        turns = chain.from_iterable(zip_longest(*(by_sex[sex] for sex in sorted(by_sex))))
        named = [voice for voice in turns if voice and not voice.endswith("unknown")]
        test = max(1, round(TEST * len(named))) if len(named) >= 3 else 0
        selection = max(1, round(SELECTION * len(named))) if len(named) >= 4 else 0
        for number, voice in enumerate(named):
            out[voice] = "people-test" if number < test else "people-selection" if number < test + selection else "train"
        out |= {voice: "train" for voice in of_source if voice.endswith("unknown")}
    return out


def sound_of(row):
    """Float32 samples at 16 kHz, channels averaged. Raises PeopleError for an unusable recording."""
    import soundfile  # only needed here

    try:
        samples, rate = soundfile.read(row["path"], dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise PeopleError(f"{row['id']}: expected sound in {row['path']}, found: {error}") from error
    samples = at_16_khz(samples.mean(1), rate)
    seconds = len(samples) / SAMPLE_RATE
    if not SHORTEST <= seconds <= LONGEST:
        raise PeopleError(f"{row['id']}: {seconds:.2f} s long, expected {SHORTEST} to {LONGEST}")
    if not np.isfinite(samples).all() or np.sqrt(np.mean(samples**2)) < _SILENT:
        raise PeopleError(f"{row['id']}: expected something to hear, found silence or numbers that are not finite")
    return samples


def checked_phones(row, seconds):
    """The row's phones, which must be known, in order, and cover it to within 0.1 s; the last one ends with
    the sound."""
    phones = [[name, float(start), float(end)] for name, start, end in row["phones"]]
    if phones:
        starts, ends = [phone[1] for phone in phones], [phone[2] for phone in phones]
        if starts[0] > 0.01 or abs(ends[-1] - seconds) > 0.1 or any(abs(a - b) > 0.01 for a, b in zip(starts[1:], ends)):
            raise PeopleError(f"{row['id']}: expected phones without gaps over {seconds:.2f} s, found {starts[0]:.2f} to {ends[-1]:.2f} s or a gap")
        try:
            for name, _, _ in phones:
                classes_of(name, row["alphabet"])
        except UnknownPhone as error:
            raise PeopleError(f"{row['id']}: {error}") from error
        phones[-1][2] = seconds
    return phones


def added(rows, splits, audio, lines, start, aligner):
    """Writes the usable rows; returns {split: (utterances, seconds)} counts, and the faults as sentences."""
    counts, seconds_of, faults = Counter(), Counter(), []
    for row in rows:
        try:
            samples = sound_of(row)
            quantised = np.round(np.clip(samples, -1, 1) * 32767).astype("<i2")
            seconds = len(samples) / SAMPLE_RATE
            phones = checked_phones(row, seconds)
        except PeopleError as error:
            faults.append(str(error))
            continue
        if not phones and row["text"] and row["language"] == "en" and row["kind"] != "burst":
            phones = aligner().align(samples, row["text"]) or []
            if not phones:
                faults.append(f"{row['id']}: its words were not found in the sound; it tells its mood only")
        split = splits[row["voice"]]
        kept = {key: row[key] for key in ("id", "voice", "language", "kind", "source", "text", "emotion", "intensity", "alphabet")}
        line = {**kept, "synthesizer": "person", "split": split, "start": start, "samples": len(quantised), "phones": phones}
        lines.write(json.dumps(line, ensure_ascii=False) + "\n")
        audio.write(quantised.tobytes())
        start += len(quantised)
        counts[split] += 1
        seconds_of[split] += seconds
    return {split: (counts[split], seconds_of[split]) for split in counts}, faults


def add(corpus, folders, out, seed=0):
    """Writes the folder `out`. `corpus`: None for recordings of people only. Returns counts and faults as
    `added`."""
    corpus, out = corpus and Path(corpus), Path(out)
    if out.exists():
        raise FileExistsError(f"{out} exists already: give another --out or remove it")
    rows = [row for folder in folders for row in rows_of(folder)]
    twice = [id for id, count in Counter(row["id"] for row in rows).items() if count > 1]
    if twice:
        raise PeopleError(f"{len(twice)} ids are there twice, such as {twice[0]}: give each recording an id of its own")
    work = out.with_name(out.name + ".unfinished")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    made = []

    def aligner():
        if not made:
            made.append(WordAligner())
        return made[0]

    with open(work / "audio.i16", "wb") as audio, open(work / "utterances.jsonl", "w", encoding="utf8") as lines:
        if corpus:
            with open(corpus / "audio.i16", "rb") as before:
                shutil.copyfileobj(before, audio)
            lines.write((corpus / "utterances.jsonl").read_text("utf8"))
        counts, faults = added(rows, splits_of(rows, seed), audio, lines, audio.tell() // 2, aligner)
    if not counts:
        raise PeopleError(f"expected recordings, found none that can be used: {faults[:3]}")
    work.rename(out)
    return counts, faults


def main():
    parser = argparse.ArgumentParser(prog="python -m corpus.add_people", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", help="folder that `python -m corpus` wrote; it stays as it is. Without it: people alone")
    parser.add_argument("--people", required=True, nargs="+", metavar="FOLDER", help="recordings of people")
    parser.add_argument("--out", required=True, help="folder to make; must not exist")
    parser.add_argument("--seed", type=int, default=0, help="draws the speakers of each split (default 0)")
    options = parser.parse_args()
    try:
        counts, faults = add(options.corpus, options.people, options.out, options.seed)
    except (PeopleError, OSError, ImportError) as error:
        sys.exit(f"error: {error}")
    for fault in faults[:20]:
        print("LEFT OUT" if "mood only" not in fault else "NO PHONES", fault)
    print(f"{len(faults)} remarks; " + ", ".join(f"{split} {count} utterances, {seconds / 60:.1f} min" for split, (count, seconds) in sorted(counts.items())))


if __name__ == "__main__":
    main()
