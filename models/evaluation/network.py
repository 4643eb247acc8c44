"""Measures of other parts of the network, on arrays: retrieval by emotion, codebooks, the variety of takes."""
import numpy as np

from targets.emotion import EMOTIONS

from .cases import head


def retrieval(speech, motion, emotions, rounds=200, seed=0):
    """R@1 among eight: of one motion for each emotion, the share of speeches whose nearest motion has the
    speech's emotion.

    `speech`, `motion`: (clips, width) means of the emotion encoders, of unit length; `emotions`: names.
    Chance is 1 in 8.
    """
    rng = np.random.default_rng(seed)
    members = {name: np.flatnonzero(np.array(emotions) == name) for name in EMOTIONS}
    missing = [name for name, found in members.items() if not len(found)]
    if missing:
        raise ValueError(f"retrieval: expected clips of all {len(EMOTIONS)} emotions, found none of {', '.join(missing)}; take more clips")
    right = []
    for _ in range(rounds):
        asked = np.array([rng.choice(members[name]) for name in EMOTIONS])
        shown = np.array([rng.choice(members[name]) for name in EMOTIONS])
        distance = ((speech[asked][:, None] - motion[shown][None]) ** 2).sum(2)
        right.append(distance.argmin(1) == np.arange(len(EMOTIONS)))
    return float(np.mean(right))


def perplexity(codes, size):
    """Perplexity, exp of the entropy: the number of codes in use if all were used equally. `codes`: any
    integer array, below `size`."""
    counts = np.bincount(np.ravel(codes), minlength=size)
    shares = counts[counts > 0] / counts.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))


def vertex_error(motions, again, step=5):
    """Root mean square distance of the vertices of lips, lids and brows, metres; every `step`-th frame."""
    rows = np.concatenate([motion[::step] for motion in motions])
    other = np.concatenate([motion[: len(first)][::step] for first, motion in zip(motions, again)])
    masks = head().masks
    seen = np.unique(np.concatenate([masks["lips"], masks["eyes"], masks["forehead"]]))
    total = 0.0
    for start in range(0, len(rows), 256):
        total += ((head().vertices(rows[start : start + 256], seen) - head().vertices(other[start : start + 256], seen)) ** 2).sum()
    return float(np.sqrt(total / (len(rows) * len(seen))))


def diversity(takes):
    """Mean distance of takes of one recording from each other, metres (as `vertex_error`). `takes`: for each
    clip, a list of motions."""
    distances = [vertex_error([a], [b]) for clip in takes for i, a in enumerate(clip) for b in clip[:i]]
    return float(np.mean(distances)) if distances else float("nan")
