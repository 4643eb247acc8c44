"""The table: a figure, its goal, and its values by chance and for the targets themselves."""
from dataclasses import dataclass

import numpy as np

from . import measures
from .cases import Lips

# By split: the goal of each figure. A number not listed has no goal there.
GOALS = {
    "r": {"sentences": 0.92, "selection": 0.86, "unseen": 0.86},
    "closures": {"sentences": 0.90, "selection": 0.80, "unseen": 0.80},
    "false closures": {"sentences": 0.03, "selection": 0.05, "unseen": 0.05},
    "tucked": {"sentences": 0.80, "selection": 0.60, "unseen": 0.60},
    "protruded": {"sentences": 0.80, "selection": 0.60, "unseen": 0.60},
    "lag": {"sentences": 1, "selection": 1, "unseen": 1},
    "end": {"sentences": 0.95, "selection": 0.90, "unseen": 0.90},
    "emotion": {"sentences": 0.75, "selection": 0.50, "unseen": 0.50},
}
_MEASURES = [
    ("r", "mouth opening, Pearson r", measures.opening_correlation, ">="),
    ("closures", "/p b m/ with closed lips within 80 ms", measures.closures, ">="),
    ("false closures", "closed frames far from p b m f v w and pauses", measures.false_closures, "<="),
    ("tucked", "/f v/ with the lower lip tucked", measures.tucked, ">="),
    ("protruded", "rounded vowels with protruded lips", measures.protruded, ">="),
    ("lag", "frames that the motion is late where it fits best", measures.best_lag, "|<=|"),
    ("end", "closed frames from 0.3 s after the last word on", measures.closed_at_the_end, ">="),
]


@dataclass
class Row:
    """`chance`: the same motions with other clips' speech. `ceiling`: another performance of the targets
    instead of the motions. `interval`: 95 % of the figures over bootstrap samples of the speakers."""

    split: str
    key: str
    name: str
    figure: float
    sense: str = ""
    goal: float | None = None
    chance: float | None = None
    ceiling: float | None = None
    interval: tuple[float, float] | None = None

    @property
    def reached(self):
        if self.goal is None:
            return None
        if self.sense == ">=":
            return self.figure >= self.goal
        return (abs(self.figure) if self.sense == "|<=|" else self.figure) <= self.goal


def table(predict, cases, split, probe=None):
    """Rows of one split. `predict(samples (n,) float32, utterance) -> (frames, 53)`; `probe`: a `Probe`, for
    the emotion."""
    return rows_of([Lips(np.asarray(predict(case.samples, case.utterance))) for case in cases], cases, split, probe)


def rows_of(motions, cases, split, probe=None):
    if not cases:
        raise ValueError(f"split {split!r}: expected clips, found none; is it in the corpus?")
    for case, lips in zip(cases, motions):
        difference = len(lips.motion) - len(case.target.motion)
        if abs(difference) > 4:
            raise ValueError(f"clip {case.utterance['id']}: expected about {len(case.target.motion)} frames, found {len(lips.motion)}; a motion has 25 a second")
    strangers = shuffled(cases, motions)
    others = [case.other for case in cases]
    named = list(_MEASURES)
    if probe is not None:
        named.append(("emotion", "emotion read back from the motion, of eight", probe.accuracy, ">="))
    return [
        Row(split, key, name, float(measure(cases, motions)), sense, GOALS[key].get(split), float(measure(cases, strangers)), float(measure(cases, others)))
        for key, name, measure, sense in named
    ]


def shuffled(cases, motions):
    """Each clip with the motion of another clip, repeated or cut to its length."""
    order = np.random.default_rng(0).permutation(len(cases))
    moved = np.roll(order, 1)
    out = [None] * len(cases)
    for to, taken in zip(order, moved):
        motion, frames = motions[taken].motion, len(cases[to].target.motion)
        out[to] = Lips(motion[np.arange(frames) % len(motion)])
    return out


def markdown(rows):
    """The rows as a table in Markdown."""
    lines = ["| split | measure | figure | goal | chance | targets |", "|---|---|---|---|---|---|"]
    signs = {">=": "at least", "<=": "at most", "|<=|": "within"}
    for row in rows:
        goal = "" if row.goal is None else f"{signs[row.sense]} {number(row.goal)} {'(reached)' if row.reached else '(MISSED)'}"
        spread = f" ({number(row.interval[0])} to {number(row.interval[1])})" if row.interval else ""
        lines.append(f"| {row.split} | {row.name} | {number(row.figure)}{spread} | {goal} | {number(row.chance)} | {number(row.ceiling)} |")
    return "\n".join(lines)


def number(value):
    if value is None or value != value:
        return ""
    return str(int(value)) if float(value).is_integer() and abs(value) >= 2 else f"{value:.3f}"
