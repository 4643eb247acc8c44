"""A probe of the emotion of a motion: a linear classifier of the mean and the spread of each channel over a
clip."""
import numpy as np

from targets.emotion import EMOTIONS

_NOISE, _COPIES, _RIDGE = 0.03, 4, 10.0  # predicted motions differ a little from targets


class Probe:
    """Trained on targets of the train split, applied to predicted motions."""

    def __init__(self, motions, emotions, seed=0):
        """`motions`: (frames, 53) each; `emotions`: a name for each."""
        rng = np.random.default_rng(seed)
        plain = np.array([features(motion) for motion in motions])
        self.mean, self.scale = plain.mean(0), plain.std(0) + _NOISE
        noisy = np.concatenate([plain + _NOISE * rng.normal(size=plain.shape) for _ in range(_COPIES)])
        rows = self.normalized(noisy)
        wanted = np.tile(np.eye(len(EMOTIONS))[[EMOTIONS.index(name) for name in emotions]], (_COPIES, 1))
        self.weights = np.linalg.solve(rows.T @ rows + _RIDGE * np.eye(rows.shape[1]), rows.T @ wanted)

    def normalized(self, rows):
        return np.hstack([(rows - self.mean) / self.scale, np.ones((len(rows), 1))])

    def __call__(self, motions):
        """Names of the emotions."""
        rows = self.normalized(np.array([features(motion) for motion in motions]))
        return [EMOTIONS[k] for k in (rows @ self.weights).argmax(1)]

    def accuracy(self, cases, motions):
        """Share of right answers, over clips whose emotion is strong enough."""
        asked = [(case.emotion, lips.motion) for case, lips in zip(cases, motions) if case.feels]
        if not asked:
            return float("nan")
        return float(np.mean([a == b for a, b in zip(self([motion for _, motion in asked]), [emotion for emotion, _ in asked])]))

    def confusion(self, cases, motions):
        """(8, 8) counts: rows are the emotion of the speech, columns that of the motion."""
        out = np.zeros((len(EMOTIONS), len(EMOTIONS)), int)
        asked = [(case.emotion, lips.motion) for case, lips in zip(cases, motions) if case.feels]
        for (emotion, _), found in zip(asked, self([motion for _, motion in asked]) if asked else []):
            out[EMOTIONS.index(emotion), EMOTIONS.index(found)] += 1
        return out


class Strength:
    """The strength of a motion's strongest mood, 0 to 1: a linear regression of each mood's intensity on the
    probe's features."""

    def __init__(self, motions, emotions, intensities):
        """`motions`: (frames, 53) each, of targets; `emotions`: names; `intensities`: 0 to 1."""
        rows = np.array([features(motion) for motion in motions])
        self.mean, self.scale = rows.mean(0), rows.std(0) + _NOISE
        wanted = np.zeros((len(rows), len(EMOTIONS)))
        wanted[np.arange(len(rows)), [EMOTIONS.index(name) for name in emotions]] = intensities
        rows = self.normalized(rows)
        self.weights = np.linalg.solve(rows.T @ rows + _RIDGE * np.eye(rows.shape[1]), rows.T @ wanted)

    normalized = Probe.normalized

    def __call__(self, motions):
        """(motions,) strengths."""
        rows = self.normalized(np.array([features(motion) for motion in motions]))
        return np.clip((rows @ self.weights)[:, 1:].max(1), 0, 1)


def features(motion):
    """(106,): means and standard deviations over time."""
    return np.concatenate([motion.mean(0), motion.std(0)])


def train_probe(cases):
    return Probe([case.target.motion for case in cases if case.feels], [case.emotion for case in cases if case.feels])


def train_strength(cases):
    """Trains on clips of every intensity."""
    return Strength([case.target.motion for case in cases], [case.emotion for case in cases], [case.utterance["intensity"] for case in cases])
