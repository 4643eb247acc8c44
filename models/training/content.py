"""Stage 1: the content encoder, trained from random weights to recognise visemes and to predict the motion.

The paper starts from a pretrained wav2vec2, of which no version may be shipped here. The encoder learns the
viseme of every 20 ms (cross-entropy) and a regression of the motion (on the mesh); both heads are dropped
afterwards.
"""

import numpy as np
import torch
import torch.nn.functional as F
from targets.geometry import Head
from targets.loudness import envelope_of
from targets.motion import motion_of
from targets.phones import CLASSES, labels_of
from torch import nn
from twin.config import Config
from twin.deeptalk import DeepTalk

from .augment import Degrader
from .corpus_data import EMOTIONS, Corpus, Pool
from .losses import MotionMetric
from .run import Run, adamw, autocast, begin, descend, parser_of, rng_of
from .throats import other_throats


class Heads(nn.Module):
    """Visemes and motion from content features. The motion head also gets the emotion, so that the content
    features need not contain it."""

    def __init__(self, width):
        super().__init__()
        self.visemes = nn.Linear(width, 2 * len(CLASSES))
        self.motion = nn.Sequential(nn.Linear(width + len(EMOTIONS), 192), nn.GELU(), nn.Linear(192, 53))

    def forward(self, content, emotion):
        """(clips, T, width) and (clips, 8) to logits (clips, 2 T, classes) and motion (clips, T, 53)."""
        clips, frames, _ = content.shape
        visemes = self.visemes(content).view(clips, 2 * frames, -1)
        spread = emotion[:, None].expand(clips, frames, emotion.shape[1])
        return visemes, self.motion(torch.cat([content, spread], -1))


def emotion_vectors(clips, to):
    """One-hot emotion times intensity: (clips, 8), of the emotion that the motion shows."""
    vectors = torch.zeros(len(clips), len(EMOTIONS))
    for row, clip in zip(vectors, clips):
        row[clip.shown] = clip.shown_intensity if clip.shown else 1.0
    return vectors.to(to)


def stack(clips, degrader, rng, to):
    """Clips to tensors: samples (degraded), motion, labels."""
    samples = degrader(np.stack([clip.samples for clip in clips]), rng)
    motion = np.stack([clip.motion for clip in clips])
    labels = np.stack([clip.labels for clip in clips])
    return (torch.from_numpy(array).to(to) for array in (samples, motion, labels))


def judge(model, heads, corpus, face, to, split="selection", count=40):
    """Correlation of the mouth's opening with its target, and the share of correct visemes, on a held-out
    split."""
    model.eval(), heads.eval()
    rs, right, total = [], 0, 0
    for utterance in corpus.split(split)[:count]:
        frames = utterance["samples"] // 640 // 4 * 4
        samples = corpus.samples(utterance)[: frames * 640]
        target = motion_of(utterance, 0, envelope_of(corpus.samples(utterance)))[:frames]
        labels = labels_of(utterance)[: 2 * frames]
        emotion = torch.zeros(1, len(EMOTIONS))
        kind = EMOTIONS.index(utterance["emotion"])
        emotion[0, kind] = utterance["intensity"] if kind else 1.0
        with torch.no_grad(), autocast(to):
            logits, motion = heads(model.content(torch.from_numpy(samples)[None].to(to)), emotion.to(to))
        rs.append(np.corrcoef(face.mouth_opening(motion[0].float().cpu().numpy()), face.mouth_opening(target))[0, 1])
        right += int((logits[0].argmax(-1).cpu().numpy() == labels).sum())
        total += len(labels)
    model.train(), heads.train()
    return {"opening_r": np.nanmean(rs), "visemes": right / total}


def main():
    """`python -m training.content --corpus DIR --out DIR --minutes 60`"""
    a = parser_of(__doc__, 60, 8e-4, 2000, "clips of 12.8 s in memory").parse_args()
    to = begin(a)
    corpus, degrader, metric, face = Corpus(a.corpus), Degrader(a.seed), MotionMetric(to), Head()
    config = Config.default()
    model = DeepTalk(config).to(to)
    model.content.log_mel.register_forward_hook(other_throats)
    heads = Heads(config.content.output).to(to)
    parameters = [*model.content.parameters(), *heads.parameters()]
    optimizer = adamw(parameters, a.rate)
    run = Run("content", a.out, a.minutes, {"content": model.content, "heads": heads}, optimizer, a.rate, 300, a.seed)
    pool = Pool(corpus, a.clips, rng_of(a.seed, 1 << 40))
    judged = run.elapsed
    for _ in run:
        clips = pool.batch(run.rng)
        samples, motion, labels = stack(clips, degrader, run.rng, to)
        with autocast(to):
            logits, moved = heads(model.content(samples), emotion_vectors(clips, to))
        visemes = F.cross_entropy(logits.float().flatten(0, 1), labels.flatten(), label_smoothing=0.05)
        distance = metric(moved, motion)
        descend(visemes + 0.5 * distance, optimizer, parameters)
        run.log(visemes=visemes.item(), distance=distance.item())
        if run.elapsed - judged > 300:
            judged = run.elapsed
            run.record(**judge(model, heads, corpus, face, to))
    run.record(**judge(model, heads, corpus, face, to, count=160))


if __name__ == "__main__":
    main()
