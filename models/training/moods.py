"""Stage 5: the moods of people. The emotion encoder of a model is trained further on acted speech, vocal
bursts and calm readers, together with the synthesizers.

The motion side of DEE is frozen and gives eight points, one for each mood. A clip's target lies between the
neutral point and that of its mood, at a distance that depends on its intensity. So the mean of several
possible moods is a weak mood: if the voice is ambiguous, the face stays near neutral. Confusing two moods
costs more than confusing a mood with neutral. Each clip gets another vocal tract, speed, room, microphone and
noise, so that timbre and channel are not cues.

The target of a synthesizer's clip is what the model itself heard in the whole, clean utterance before this
stage, so that the stage does not forget the synthesizers.
"""

import copy
import zlib
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from targets.motion import motion_of
from torch import nn
from twin import files
from twin.emotion import train_pools
from twin.layers import l2_normalize

from .augment import Degrader
from .corpus_data import EMOTIONS, RATE, Corpus
from .run import Run, adamw, autocast, begin, descend, parser_of, rng_of
from .throats import other_throats

# Shares of the clips of a batch, by kind, and the confidence in the labels: the label of a burst is the
# instruction to its speaker.
SHARES = {"acted": 0.21, "moved": 0.13, "burst": 0.10, "read": 0.13, "synthetic": 0.36, "background": 0.07}
DOUBT = {"acted": 0.05, "moved": 0.15, "burst": 0.3, "read": 0.02, "synthetic": 0.05, "background": 0.02}
# Frames and clips of a batch.
SHAPES = [(48, 32), (80, 19), (128, 12), (200, 8)]
# Clips that are made anew in each step: making one costs as much as training on several.
RENEWED = 6
# Limit of the logarithm of the factor on a clip's speed and pitch.
SPEED = 0.14
SHARPNESS = 20
# The cost of showing a mood where another was meant, neutral where a mood was meant, and a smile where anger
# was.
WRONG, MISSED, SMILED = 1.0, 0.35, 2.0
COST, REGRESSION, LIKELIHOOD = 1.0, 4.0, 0.02
# Exponent of the intensity: at half of the full intensity, most of the distance from neutral is reached.
CURVE = 0.5
SUREST, LEAST_SURE = -7.0, -2.5  # limits of a log variance


class MoodPoints(nn.Module):
    """The eight points, and the targets between them."""

    def __init__(self, model, corpus, count=24):
        super().__init__()
        rows = [u for u in corpus.train if u["samples"] < 6 * RATE][:count]
        points = []
        for name in EMOTIONS:
            motions = [motion_of({**u, "emotion": name, "intensity": 0.0 if name == "neutral" else 1.0}, seed) for seed, u in enumerate(rows)]
            with torch.no_grad():
                points.append(torch.cat([model.motion_emotion(torch.from_numpy(motion)[None]).mu for motion in motions]).mean(0))
        self.register_buffer("points", l2_normalize(torch.stack(points)))

    def targets(self, kinds, intensities):
        """(clips,) int and float to (clips, width): the target for a mood of that intensity."""
        share = torch.where(kinds == 0, torch.ones_like(intensities), intensities**CURVE)[:, None]
        return l2_normalize((1 - share) * self.points[0] + share * self.points[kinds])

    def logits(self, mu):
        return SHARPNESS * mu @ self.points.T


@dataclass
class MoodClip:
    """One training example."""

    samples: np.ndarray  # (640 frames) int16
    emotion: int
    intensity: float
    doubt: float  # share of the label that goes to all moods alike
    heard: np.ndarray | None  # (width) float32: what the model heard before this stage; None for people


class MoodClips:
    """Clips of people, synthesizers and noise with their moods, `count` for each of the lengths in `SHAPES`.

    `hear(samples)` gives the target of a synthesizer's utterance.
    """

    def __init__(self, corpus, degrader, count, rng, hear):
        self.corpus, self.degrader, self.hear, self.known = corpus, degrader, hear, {}
        self.rows = {kind: [[] for _ in EMOTIONS] for kind in SHARES if kind != "background"}
        for u in corpus.split("train"):
            kind = u["kind"] if u["synthesizer"] == "person" else "synthetic"
            self.rows[kind][EMOTIONS.index(u["emotion"])].append(u)
        self.shares = {kind: share for kind, share in SHARES.items() if kind == "background" or any(self.rows[kind])}
        self.clips = {frames: [self.one(frames * 640, rng) for _ in range(count)] for frames, _ in SHAPES}

    def one(self, samples, rng):
        kinds = list(self.shares)
        weights = np.array([self.shares[kind] for kind in kinds])
        kind = kinds[rng.choice(len(kinds), p=weights / weights.sum())]
        if kind == "background":
            return MoodClip(int16(self.degrader.background(samples, rng)), 0, 0.0, DOUBT[kind], None)
        there = [emotion for emotion, rows in enumerate(self.rows[kind]) if rows]
        emotion = there[rng.integers(len(there))]
        rows = self.rows[kind][emotion]
        u = rows[rng.integers(len(rows))]
        heard = self.heard(u) if kind == "synthetic" else None
        factor = np.exp(rng.uniform(-SPEED, SPEED))
        sound = self.corpus.samples(u)
        sound = np.interp(np.arange(int(len(sound) / factor)) * factor, np.arange(len(sound)), sound).astype(np.float32)
        clip = rng.standard_normal(samples, np.float32) * np.float32(10 ** rng.uniform(-5, -3.3))
        spare = samples - len(sound)
        if spare >= 0:
            at = rng.integers(spare + 1)
            clip[at : at + len(sound)] += sound
        else:
            at = rng.integers(-spare + 1)
            clip += sound[at : at + samples]
        return MoodClip(int16(self.degrader.one(clip, rng)), emotion, u["intensity"], DOUBT[kind], heard)

    def heard(self, u):
        if u["id"] not in self.known:
            self.known[u["id"]] = self.hear(self.corpus.samples(u))
        return self.known[u["id"]]

    def batch(self, frames, count, rng, to):
        """Tensors of `count` clips: samples, emotions, intensities, doubts, and (indices, targets) of the
        synthesizers among them."""
        clips = self.clips[frames]
        for _ in range(RENEWED):
            clips[rng.integers(len(clips))] = self.one(frames * 640, rng)
        drawn = [clips[i] for i in rng.choice(len(clips), count, replace=False)]
        samples = torch.from_numpy(np.stack([clip.samples for clip in drawn])).to(to) / 32767
        of = lambda name, kind: torch.tensor([getattr(clip, name) for clip in drawn], dtype=kind, device=to)
        known = [(i, clip.heard) for i, clip in enumerate(drawn) if clip.heard is not None]
        targets = torch.from_numpy(np.stack([heard for _, heard in known])).to(to) if known else None
        return samples, of("emotion", torch.long), of("intensity", torch.float32), of("doubt", torch.float32), ([i for i, _ in known], targets)


def int16(clip):
    """Clips are kept as integers, so that hours of them fit into memory; the encoder normalises the level."""
    return (clip * np.float32(32767 / max(1.0, np.abs(clip).max()))).astype(np.int16)


def costs(to):
    """(8, 8): rows are the meant moods, columns the shown ones."""
    table = torch.full((len(EMOTIONS), len(EMOTIONS)), WRONG)
    table[:, 0] = MISSED
    table[EMOTIONS.index("angry"), EMOTIONS.index("happy")] = SMILED
    table.fill_diagonal_(0)
    return table.to(to)


def judge(model, points, corpus, to):
    """Share of correct moods of the held-out speakers for selection, share of readers near neutral, and share
    of correct moods of the synthesizers."""
    model.eval()
    right, calm, angry = {}, [], []
    for u in corpus.split("people-selection") + corpus.split("selection")[:96]:
        kind = u["kind"] if u["synthesizer"] == "person" else "synthetic"
        samples = corpus.samples(u)[: 12 * RATE]
        if kind == "burst" and hash_share(u["id"]) > 0.4 or len(samples) < 9600:
            continue
        with torch.no_grad(), autocast(to):
            mu = model.emotion_of(torch.from_numpy(samples[: len(samples) // 640 * 640])[None].to(to)).mu.float()
        shown = int(points.logits(mu).argmax())
        if kind == "read":
            calm.append(shown == 0)
            continue
        right.setdefault(kind, []).append((EMOTIONS.index(u["emotion"]), shown))
        if kind == "acted" and u["emotion"] == "angry":
            angry.append(EMOTIONS[shown] == "happy")
    model.train()
    named = {kind: np.mean([np.mean([a == b for a, b in pairs if a == e]) for e in {a for a, _ in pairs}]) for kind, pairs in right.items()}
    return {**named, "calm": np.mean(calm or [0]), "angry_smiles": np.mean(angry or [0])}


def hash_share(id):
    """A number from 0 to 1, evenly spread over ids."""
    return zlib.crc32(id.encode()) / 2**32


def main():
    """`python -m training.moods --corpus DIR --out DIR --model default.safetensors --minutes 40`"""
    parser = parser_of(__doc__, 40, 1e-3, 1500, "clips of each length in memory")
    parser.add_argument("--model", required=True, help="model file to go on from")
    a = parser.parse_args()
    to = begin(a)
    corpus = Corpus(a.corpus)
    degrader = Degrader(a.seed + 3, corpus.voices())
    model = files.load(a.model, dropout=0.15)
    points = MoodPoints(model, corpus)
    model.to(to), points.to(to)
    before = copy.deepcopy(model).eval()
    model.emotion.log_mel.register_forward_hook(other_throats)
    model.train()
    modules = {"emotion": model.emotion, "emotion_head": model.emotion_head}
    parameters = [p for module in modules.values() for p in module.parameters()]
    optimizer = adamw(parameters, a.rate, decay=0.05)
    run = Run("moods", a.out, a.minutes, {**modules, "points": points}, optimizer, a.rate, 200, a.seed)

    def hear(samples):
        with torch.no_grad(), autocast(to):
            return before.emotion_of(torch.from_numpy(samples[: len(samples) // 640 * 640])[None].to(to)).mu[0].float().cpu().numpy()

    clips, cost = MoodClips(corpus, degrader, a.clips, rng_of(a.seed, (1 << 40) + run.step), hear), costs(to)
    judged = run.elapsed
    for step in run:
        train_pools(model, step % 8 == 0)
        samples, meant, intensity, doubt, (synthetic, heard) = clips.batch(*SHAPES[run.rng.integers(len(SHAPES))], run.rng, to)
        with autocast(to):
            mu, logvar = model.emotion_of(samples)
        mu, logvar = mu.float(), logvar.float()
        logits = points.logits(mu)
        labels = (1 - doubt[:, None]) * F.one_hot(meant, len(EMOTIONS)) + doubt[:, None] / len(EMOTIONS)
        named = -(labels * F.log_softmax(logits, -1)).sum(-1).mean()
        certain = 1 - doubt
        if synthetic:
            certain[synthetic] = 0  # these follow what was heard before, not what mistakes cost
        mistaken = (logits.softmax(-1) * cost[meant] * certain[:, None]).sum(-1).mean()
        target = points.targets(meant, intensity)
        if synthetic:
            target[synthetic] = heard
        away = (mu - target).square()
        sure = logvar.clamp(SUREST, LEAST_SURE)
        likelihood = 0.5 * (away.detach() * (-sure).exp() + sure).sum(-1).mean()
        outside = (logvar - sure).abs().mean()
        regression = (away.sum(-1) * (1 - doubt)).mean()
        descend(named + COST * mistaken + REGRESSION * regression + LIKELIHOOD * likelihood + 0.1 * outside, optimizer, parameters)
        right = (logits.argmax(-1) == meant).float().mean()
        run.log(named=named.item(), mistaken=mistaken.item(), regression=regression.item(), right=right.item(), logvar=logvar.mean().item())
        if run.elapsed - judged > 240:
            judged = run.elapsed
            run.record(**judge(model, points, corpus, to))
    run.record(**judge(model, points, corpus, to))


if __name__ == "__main__":
    main()
