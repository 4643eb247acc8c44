"""People in the table: lips of read speech by channel and noise, moods of acted speech, and readers who
should stay neutral.

In a folder of `corpus.add_people` only the held-out speakers count; in any other folder of recordings every
clip counts.
"""
import os
import tempfile
import zlib

import numpy as np

from corpus.add_people import add
from targets.emotion import EMOTIONS

from . import measures
from .cases import Lips, case_of, head, read_utterances
from .conditions import breath, conditions_of
from .measures import share, speaking_range
from .table import Row, markdown, number

SPLITS = ["people-selection", "people-test"]
ROUNDS, CERTAIN = 200, 95  # of the bootstrap over speakers; per cent
NEUTRAL = 0.25  # of full strength: at most this is still neutral
_INSET = 0.16  # s from the ends of a pause
_LIPS = [
    ("opening r", "mouth opening, Pearson r", measures.opening_correlation, ">="),
    ("closed", "/p b m/ with closed lips within 80 ms", measures.closures, ">="),
    ("false", "closed frames far from p b m f v w and pauses", measures.false_closures, "<="),
    ("f v", "/f v/ with the lower lip tucked", measures.tucked, ">="),
    ("rounded", "rounded vowels with protruded lips", measures.protruded, ">="),
]
GOALS = {
    "clean": {"opening r": 0.86, "closed": 0.88, "false": 0.04, "f v": 0.78, "rounded": 0.87},
    "kitchen, 10 dB": {"opening r": 0.76, "closed": 0.72, "pauses": 0.04},
    "far microphone, 0.5 s": {"closed": 0.76, "f v": 0.45},
    "babble, 20 dB": {"pauses": 0.03},
    "clipped, 8 times": {"brows": 0.2},
    "whisper": {"brows": 0.3},
}


def recordings_of(folder):
    """{split: [(utterance, samples int16)]} of a folder that add_people wrote, or of people's recordings in
    any layout it reads."""
    if not os.path.exists(os.path.join(folder, "audio.i16")):
        with tempfile.TemporaryDirectory() as scratch:
            made = os.path.join(scratch, "people")
            _, faults = add(None, [folder], made)
            for fault in faults[:10]:
                print(f"people: {fault}")
            found = recordings_of(made)
        return {"people": [pair for pairs in found.values() for pair in pairs]}
    audio = np.memmap(os.path.join(folder, "audio.i16"), "<i2", "r")
    people = [u for u in read_utterances(folder) if u["synthesizer"] == "person"]
    if not people:
        raise SystemExit(f"{folder}: expected recordings of people, found none; python -m corpus.add_people adds them")
    out = {}
    for u in people:
        out.setdefault(u["split"], []).append(u)
    return {split: [(u, np.array(audio[u["start"] : u["start"] + u["samples"]])) for u in of_split] for split, of_split in out.items()}


def generator(name, id):
    return np.random.default_rng(zlib.crc32(f"{name} {id}".encode()))


def interval(voices, figure):
    """(low, high) of `figure(indices)` over bootstrap samples of the speakers; None for fewer than four
    speakers."""
    members = {}
    for index, voice in enumerate(voices):
        members.setdefault(voice, []).append(index)
    groups, rng, found = list(members.values()), np.random.default_rng(0), []
    if len(groups) < 4:
        return None
    for _ in range(ROUNDS):
        found.append(figure([index for group in rng.choice(len(groups), len(groups)) for index in groups[group]]))
    low, high = np.nanpercentile(found, [(100 - CERTAIN) / 2, (100 + CERTAIN) / 2])
    return float(low), float(high)


def lips_rows(split, pairs, motions_of):
    """Lips of the clips whose phones are known, for every condition; the targets show no mood."""
    told = [(u, samples) for u, samples in pairs if u["phones"]]
    if not told:
        return []
    cases = [case_of({**u, "emotion": "neutral", "intensity": 0.0}, samples) for u, samples in told]
    voices = [u["voice"] for u, _ in told]
    rows, usual = [], None
    for name, condition in conditions_of([case.samples for case in cases]).items():
        heard = [np.clip(condition(case.samples, generator(name, case.utterance["id"])), -1, 1).astype(np.float32) for case in cases]
        motions = [Lips(motion) for motion in motions_of(heard)]
        usual = usual or speaking_range(motions)
        goals = GOALS.get(name, {})
        for key, title, measure, sense in _LIPS:
            of = lambda indices: float(measure([cases[i] for i in indices], [motions[i] for i in indices]))
            every = range(len(cases))
            between = interval(voices, of) if name == "clean" else None
            rows.append(Row(split, key, f"{name}: {title}", of(every), sense, goals.get(key), interval=between))
        rows.append(Row(split, "pauses", f"{name}: mean mouth opening in pauses, share of the speaking range", opening_in_pauses(cases, motions) / usual, "<=", goals.get("pauses")))
        rows.append(Row(split, "brows", f"{name}: brows down, mean", brows_down(motions), "<=", goals.get("brows")))
    return rows


def opening_in_pauses(cases, motions):
    """Metres, over the frames well inside pauses."""
    found = []
    for case, lips in zip(cases, motions):
        for name, start, end in case.segments:
            if name == "sil" and end - start > 3 * _INSET:
                found.append(lips.opening[int(np.ceil((start + _INSET) * 25)) : int((end - _INSET) * 25)])
    return float(np.concatenate(found).mean()) if found else float("nan")


def brows_down(motions):
    places = [head().index["browDownLeft"], head().index["browDownRight"]]
    return float(np.mean([lips.motion[:, places].mean() for lips in motions]))


class Moods:
    """The moods that motions of people show: `shown` (a name each) and `strength` (the strongest mood, 0 to
    1)."""

    def __init__(self, pairs, motions, probe, strength):
        self.wanted = [u["emotion"] for u, _ in pairs]
        self.voices = [u["voice"] for u, _ in pairs]
        self.shown = probe(motions)
        self.strength = strength(motions)

    def interval(self, answers):
        return interval(self.voices, lambda indices: share([answers[i] for i in indices]))

    def rows(self, split, kind):
        """Accuracy with chance (the most frequent mood), each mood's recall, and anger that smiles."""
        right = [a == b for a, b in zip(self.wanted, self.shown)]
        chance = max(self.wanted.count(name) for name in EMOTIONS) / len(self.wanted)
        goal = 0.55 if kind == "acted" else None
        out = [Row(split, "mood", f"{kind}: mood read back from the motion, of eight; chance: always the most frequent", share(right), ">=", goal, chance, interval=self.interval(right))]
        for name in EMOTIONS:
            asked = [answer for answer, wanted in zip(right, self.wanted) if wanted == name]
            if asked:
                goal = 0.25 if kind == "acted" and name in ("sad", "afraid", "disgusted") else None
                out.append(Row(split, "recall", f"{kind}: {name} shown as {name} ({len(asked)} clips)", share(asked), ">=", goal))
        angry = [shown == "happy" for shown, wanted in zip(self.shown, self.wanted) if wanted == "angry"]
        if angry:
            out.append(Row(split, "angry smiles", f"{kind}: angry clips that smile", share(angry), "<=", 0.15 if kind == "acted" else None))
        return out

    def neutral(self):
        """True for each clip that is shown neutral or weakly."""
        return [shown == "neutral" or strength <= NEUTRAL for shown, strength in zip(self.shown, self.strength)]

    def confusion(self):
        """(8, 8) counts: rows are the acted moods, columns the shown ones."""
        out = np.zeros((len(EMOTIONS), len(EMOTIONS)), int)
        for wanted, shown in zip(self.wanted, self.shown):
            out[EMOTIONS.index(wanted), EMOTIONS.index(shown)] += 1
        return out


def mood_rows(split, pairs, motions_of, probe, strength):
    """(rows, {kind: confusion}) of the moods of acted speech, of vocal bursts, and of readers."""
    rows, confusions = [], {}
    for kind in ("acted", "burst", "read"):
        of_kind = [(u, samples) for u, samples in pairs if u["kind"] == kind and u["samples"] >= 6400]
        if not of_kind:
            continue
        moods = Moods(of_kind, motions_of([samples.astype(np.float32) / 32768 for _, samples in of_kind]), probe, strength)
        if kind == "read":
            answers = moods.neutral()
            rows.append(Row(split, "calm", "readers shown neutral, or within a quarter of full strength of it", share(answers), ">=", 0.85, interval=moods.interval(answers)))
        else:
            rows += moods.rows(split, kind)
        confusions[kind] = moods.confusion()
    return rows, confusions


def breath_row(motions_of):
    motion = Lips(motions_of([breath(np.random.default_rng(0))])[0])
    return Row("people", "brows", "a breath: brows down, mean", brows_down([motion]), "<=", 0.2)


def rows_of_people(folder, motions_of, probe, strength):
    """(rows, {(split, kind): confusion}) of all people in a folder."""
    rows, confusions = [breath_row(motions_of)], {}
    recordings = recordings_of(folder)
    for split in [s for s in SPLITS if s in recordings] or list(recordings):
        rows += lips_rows(split, recordings[split], motions_of)
        more, found = mood_rows(split, recordings[split], motions_of, probe, strength)
        rows += more
        confusions |= {(split, kind): counts for kind, counts in found.items()}
    return rows, confusions


def section(rows, confusions):
    """The rows of people as Markdown: lips by condition, moods, and confusions."""
    lines, keys = [], [key for key, *_ in _LIPS] + ["pauses", "brows"]
    for split in dict.fromkeys(row.split for row in rows):
        conditions = {}
        for row in rows:
            if row.split == split and ": " in row.name and row.key in keys:
                conditions.setdefault(row.name.split(": ")[0], {})[row.key] = row
        if len(conditions) > 1:
            lines += ["", f"{split}, lips of read speech", "", "| heard through | " + " | ".join(keys) + " |", "|---" * (len(keys) + 1) + "|"]
            for name, of in conditions.items():
                cells = [number(of[key].figure) + (f" ({number(of[key].interval[0])} to {number(of[key].interval[1])})" if of[key].interval and name == "clean" else "") for key in keys]
                lines.append(f"| {name} | " + " | ".join(cells) + " |")
    rest = [row for row in rows if row.key not in keys or row.split == "people"]
    lines += ["", markdown(rest)]
    for (split, kind), counts in confusions.items():
        if kind != "read":
            lines += ["", f"{split}, {kind}: clips by mood meant (rows) and mood shown (columns)", "", "| | " + " | ".join(EMOTIONS) + " |", "|---" * (len(EMOTIONS) + 1) + "|"]
            lines += [f"| {name} | " + " | ".join(str(count or "") for count in row) + " |" for name, row in zip(EMOTIONS, counts) if row.sum()]
    return "\n".join(lines).strip()
