"""Every row of the table for one model, and its pictures."""
import json
import os

import numpy as np

from . import network, pictures, recordings, silence
from .cases import SPLITS, Lips, cases_of, read_utterances
from .measures import speaking_range
from .predictors import read_sound
from .people import rows_of_people, section
from .probe import train_probe, train_strength
from .table import Row, markdown, rows_of

PROBE_CLIPS, PICTURES = 800, 4
TAKES, TAKE_OPTIONS, TAKE_CLIPS = 3, ("--alpha", "1", "--temperature", "1,0.5"), 24


class Evaluation:
    """`predictor` makes motions; `twin` gives the network's inner values (None without PyTorch)."""

    def __init__(self, predictor, twin, corpus, limit, out):
        self.predictor, self.twin, self.corpus, self.limit, self.out = predictor, twin, corpus, limit, out
        self.rows, self.people_rows, self.confusions = [], [], {}
        os.makedirs(out, exist_ok=True)

    def run(self, files, people=None):
        """`files`: recordings without labels; `people`: a folder of recordings of people, or None."""
        utterances = read_utterances(self.corpus)
        there = {utterance["split"] for utterance in utterances}
        cases = {split: cases_of(self.corpus, split, self.limit, utterances) for split in SPLITS if split in there}
        if not cases:
            raise SystemExit(f"{self.corpus}: expected utterances of the splits {', '.join(SPLITS)}, found {', '.join(sorted(there))}; make the corpus again")
        probe_cases = cases_of(self.corpus, "train", PROBE_CLIPS, [u for u in utterances if u["synthesizer"] != "person"])
        probe = train_probe(probe_cases)
        for split, of_split in cases.items():
            motions = [Lips(motion) for motion in self.predictor.motions([case.samples for case in of_split])]
            self.split(split, of_split, motions, probe)
            if split == next(iter(cases)):
                self.rows += silence.rows(self.predictor.motions(list(silence.sounds().values())), speaking_range(motions))
        first = next(iter(cases))
        if hasattr(self.predictor, "takes"):
            self.takes(first, cases[first], probe)
        if self.twin is not None:
            for split, of_split in cases.items():
                self.inside(split, of_split)
            self.codes(cases[first], probe)
        if people:
            self.people(people, probe, train_strength(probe_cases))
        for path in files:
            self.recording(path)

    def people(self, folder, probe, strength):
        rows, confusions = rows_of_people(folder, self.predictor.motions, probe, strength)
        self.people_rows, self.confusions = rows, confusions
        for (split, kind), counts in confusions.items():
            pictures.confusion(self.path(f"moods-{split}-{kind}.png"), counts, f"moods, {split}, {kind}")

    def split(self, split, cases, motions, probe):
        self.rows += rows_of(motions, cases, split, probe)
        pictures.confusion(self.path(f"emotions-{split}.png"), probe.confusion(cases, motions), f"emotions, {split}")
        for number in np.linspace(0, len(cases) - 1, min(PICTURES, len(cases))).astype(int):
            pictures.clip(self.path(f"{split}-{cases[number].utterance['id']}.png"), cases[number], motions[number])

    def takes(self, split, cases, probe):
        """Several takes of the same speech, which should differ and still show its emotion."""
        cases = cases[:: max(1, len(cases) // TAKE_CLIPS)]
        takes = self.predictor.takes([case.samples for case in cases], TAKES, TAKE_OPTIONS)
        targets = [[case.target.motion, case.other.motion] for case in cases]
        self.rows.append(Row(split, "diversity", f"{TAKES} takes: distance from each other on lips, lids and brows (mm)", 1e3 * network.diversity(takes), ceiling=1e3 * network.diversity(targets)))
        asked = [(case, Lips(take)) for case, clip in zip(cases, takes) for take in clip]
        accuracy = probe.accuracy(*zip(*asked))
        self.rows.append(Row(split, "takes' emotion", f"{TAKES} takes: emotion read back, of eight", accuracy, ceiling=probe.accuracy(cases, [case.other for case in cases])))

    def inside(self, split, cases):
        strong = [case for case in cases if case.feels]
        speech = self.twin.emotions_of_speech([case.samples for case in strong])
        motion = self.twin.emotions_of_motion([case.target.motion for case in strong])
        figure = network.retrieval(speech, motion, [case.emotion for case in strong])
        self.rows.append(Row(split, "retrieval", "the target motion of a speech's emotion found among eight, R@1", figure, chance=1 / 8))

    def codes(self, cases, probe):
        """The targets after quantisation to codes: the limit of a prediction."""
        again, top, bottom = zip(*(self.twin.reconstruct(case.target.motion) for case in cases))
        error = network.vertex_error([motion[: len(other)] for motion, other in zip([case.target.motion for case in cases], again)], again)
        prior = self.twin.model.config.motion_prior
        self.rows.append(Row("codes", "error", "targets from their codes: error on lips, lids and brows, RMS (mm)", 1e3 * error))
        self.rows.append(Row("codes", "perplexity", f"top codes in use, of {prior.codes_t} (perplexity)", network.perplexity(np.concatenate(top), prior.codes_t)))
        self.rows.append(Row("codes", "perplexity", f"bottom codes in use, of {prior.codes_b} (perplexity)", network.perplexity(np.concatenate(bottom), prior.codes_b)))
        self.rows += rows_of([Lips(motion) for motion in again], cases, "codes", probe)

    def recording(self, path):
        samples, motion = read_sound(path), self.predictor.recording(path)
        self.rows += recordings.measure(path, samples, motion)
        name = os.path.splitext(os.path.basename(path))[0]
        pictures.recording(self.path(f"recording-{name}.png"), os.path.basename(path), samples, Lips(motion))

    def path(self, name):
        return os.path.join(self.out, name.replace("/", "_"))

    def save(self):
        """table.md and table.json in `out`; with people, whose section is separate, also people.md."""
        rows = self.rows + self.people_rows
        texts = [("table.md", markdown(self.rows) + "\n"), ("table.json", json.dumps([vars(row) for row in rows], indent=1) + "\n")]
        if self.people_rows:
            texts.append(("people.md", section(self.people_rows, self.confusions) + "\n"))
        for name, text in texts:
            with open(self.path(name + ".unfinished"), "w", encoding="utf8") as file:
                file.write(text)
            os.replace(self.path(name + ".unfinished"), self.path(name))
