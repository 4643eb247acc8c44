"""Times of phones in speech of a synthesizer that does not report them: a trained content encoder recognises
visemes, and the best path through the known phones is found (Viterbi).
`python -m corpus.align --corpus DIR --run RUN` measures the error on voices whose phone times are known."""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from targets.phones import CLASSES, INDEX, classes_of
from training.content import Heads
from twin.config import SAMPLES_PER_FRAME, Config
from twin.deeptalk import DeepTalk

from .check import Corpus
from .speech import PAUSE, PAUSES, SAMPLE_RATE

# The encoder processes the speech several times, each time shifted a little, so that its 50 labels a second
# become 200.
_HEARINGS = 4
_LABELS_A_SECOND = 50 * _HEARINGS
_STEP = SAMPLE_RATE // _LABELS_A_SECOND
# The shortest viseme is 30 ms, the shortest pause 40 ms.
_SHORTEST, _SHORTEST_PAUSE = 6, 8
# A weak vowel may sound like any of these, and dictionaries use different names for it.
_WEAK_VOWEL, _WEAK_VOWELS = INDEX["AX"], [INDEX[name] for name in ("AX", "IH", "AH")]
_PAUSE = INDEX["sil"]
# Mean log probability of a label on the path; below it, the speech does not contain the expected phones.
_LEAST_BELIEVED = -2.0
_IMPOSSIBLE = -1e9


class Aligner:
    """Aligns with the encoder and the viseme head of a checkpoint of `python -m training.content`."""

    def __init__(self, checkpoint):
        torch.set_num_threads(1)  # the corpus is made by one process for each core
        saved = torch.load(checkpoint, weights_only=True, map_location="cpu")["state"]
        config = Config.default()
        self.content, self.heads = DeepTalk(config).content.eval(), Heads(config.content.output).eval()
        self.content.load_state_dict(saved["content"])
        self.heads.load_state_dict(saved["heads"])

    def hear(self, samples):
        """Log probabilities of the viseme classes, 200 rows a second; row j is about the time (j + 0.5) / 200
        s."""
        frames = len(samples) // SAMPLES_PER_FRAME // 4 * 4 + 4
        heard = np.zeros((_HEARINGS, frames * SAMPLES_PER_FRAME), np.float32)
        for row, shifted in enumerate(heard):
            # Label i of 50 a second is about the time (i + 0.5) / 50 s, which is row 4 i + 1.5. So row 4 i
            # needs speech shifted by 1.5 steps, and so on.
            later = int((1.5 - row) * _STEP)
            part = samples[max(0, -later) :][: len(shifted) - max(0, later)]
            shifted[max(0, later) :][: len(part)] = part
        with torch.inference_mode():
            logits = self.heads.visemes(self.content(torch.from_numpy(heard))).float()
        rows = torch.log_softmax(logits.view(_HEARINGS, 2 * frames, len(CLASSES)), -1).transpose(0, 1).reshape(-1, len(CLASSES))
        return rows[: len(samples) // _STEP].numpy()

    def align(self, samples, names, alphabet):
        """`names` with their times, [name, start, end] in seconds without gaps, or None if the speech does
        not contain them.

        A pause comes before and after; a pause in `names` is left out if it is not found in the sound.
        """
        states, owners = _states_of(names, alphabet)
        rows = self.hear(samples)
        if len(states) < 3 or sum(state.shortest for state in states if not state.optional) > len(rows):
            return None
        rows[:, _WEAK_VOWEL] = rows[:, _WEAK_VOWELS].max(1)
        starts, score = best_path(rows, states)
        if score < _LEAST_BELIEVED:
            return None
        phones, last = [], None
        for owner, start in zip(owners, starts):
            if start is None or (owner is not None and owner == last):
                continue  # a pause that was not found; the second half of a diphthong
            phones.append([PAUSE[alphabet] if owner is None else names[owner], start / _LABELS_A_SECOND, len(samples) / SAMPLE_RATE])
            last = owner
        for phone, after in zip(phones, phones[1:]):
            phone[2] = after[1]
        return phones


@dataclass(frozen=True)
class _State:
    """A viseme class that lasts at least `shortest` labels. An optional one is never the first or last, nor
    beside another."""

    viseme: int
    shortest: int
    optional: bool = False


def _states_of(names, alphabet):
    """The states of `names` with a pause before and after, and for each the index of its name (None: a
    pause)."""
    states, owners = [_State(_PAUSE, _SHORTEST_PAUSE)], [None]
    for index, name in enumerate(names):
        visemes = classes_of(name, alphabet)
        if visemes == ("sil",):
            if owners[-1] is not None:
                states.append(_State(_PAUSE, _SHORTEST_PAUSE, optional=True))
                owners.append(None)
        else:
            states += [_State(INDEX[viseme], _SHORTEST) for viseme in visemes]
            owners += [index] * len(visemes)
    if owners[-1] is None and len(states) > 1:
        states.pop(), owners.pop()
    return states + [_State(_PAUSE, _SHORTEST_PAUSE)], owners + [None]


def best_path(rows, states):
    """The first label of each state on the likeliest path (None: left out), and the mean log probability of
    its labels."""
    # A state is a chain with one link for each of its least number of labels; the path may stay only on the
    # last link.
    state_of = np.repeat(np.arange(len(states)), [state.shortest for state in states])
    first = np.flatnonzero(np.diff(state_of, prepend=-1))
    last = np.append(first[1:], len(state_of)) - 1
    score = rows[:, [states[state].viseme for state in state_of]]
    may_stay = np.zeros(len(state_of), bool)
    may_stay[last] = True
    left_out = [number for number, state in enumerate(states) if state.optional]
    landing, leaping = first[[number + 1 for number in left_out]], last[[number - 1 for number in left_out]]
    best = np.full(len(state_of), _IMPOSSIBLE)
    best[0] = score[0, 0]
    came_from = np.zeros((len(rows), len(state_of)), np.int32)
    here = np.arange(len(state_of))
    for label in range(1, len(rows)):
        step = np.append(_IMPOSSIBLE, best[:-1])
        stay = np.where(may_stay, best, _IMPOSSIBLE)
        came_from[label] = np.where(step > stay, here - 1, here)
        best_now = np.maximum(step, stay)
        leap = best[leaping] > best_now[landing]
        best_now[landing[leap]] = best[leaping[leap]]
        came_from[label, landing[leap]] = leaping[leap]
        best = best_now + score[label]
    starts, link = [None] * len(states), len(state_of) - 1
    for label in range(len(rows) - 1, -1, -1):
        starts[state_of[link]] = label
        link = came_from[label, link]
    return starts, best[-1] / len(rows)


def main():
    parser = argparse.ArgumentParser(prog="python -m corpus.align", description=__doc__)
    parser.add_argument("--corpus", required=True, help="folder that `python -m corpus` wrote")
    parser.add_argument("--run", required=True, help="folder with content.pt, which `python -m training.content` wrote")
    parser.add_argument("--count", type=int, default=160, help="utterances of each split (default 160)")
    options = parser.parse_args()
    try:
        corpus, aligner = Corpus(options.corpus), Aligner(Path(options.run) / "content.pt")
    except OSError as error:
        sys.exit(f"error: {error}")
    for split in ("selection", "unseen"):
        edges, middles, refused = [], [], 0
        for row in [row for row in corpus.rows if row["split"] == split][: options.count]:
            known = [phone for phone in row["phones"] if phone[0] not in PAUSES]
            found = aligner.align(corpus.samples_of(row), [name for name, _, _ in row["phones"]], row["alphabet"])
            if found is None:
                refused += 1
                continue
            for (name, start, end), (_, heard_start, heard_end) in zip(known, [phone for phone in found if phone[0] not in PAUSES], strict=True):
                edges.append(abs(heard_start - start) * 1000)
                if name in ("p", "b", "m"):
                    middles.append(abs(heard_start + heard_end - start - end) * 500)
        print(
            f"{split}: {len(edges)} phones begin {np.median(edges):.0f} ms off (median; 90 %: {np.percentile(edges, 90):.0f} ms), "
            f"{np.mean(np.array(middles) <= 40):.1%} of {len(middles)} middles of p b m within 40 ms, {refused} utterances refused"
        )


if __name__ == "__main__":
    main()
