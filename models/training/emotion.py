"""Stage 3: DEE, the emotion embedding, by probabilistic contrastive learning of speech and motion
(docs/networks/deeptalk.md sections 4 and 8).

The match of a pair is the similarity of emotion and intensity on both sides. Because labels are known, two
clips of the same mood need not count as a mismatch, as in the paper.
"""

import numpy as np
import torch
import torch.nn.functional as F
from targets.loudness import envelope_of
from targets.motion import motion_of
from torch import nn
from twin.config import Config
from twin.deeptalk import DeepTalk
from twin.emotion import train_pools

from .augment import Degrader
from .content import stack
from .corpus_data import EMOTIONS, Corpus, Pool
from .run import Run, adamw, autocast, begin, descend, parser_of, rng_of

# Difference of intensities at which the match falls to 1/e.
REACH = 0.5
# Weight of the KL term. The paper has 1e-6; here labels leave so little doubt about a match that variances
# would vanish, and draws with them.
VIB = 2e-3
# Speed is a cue of emotion, so its change is small.
SPEED = (0.93, 1.07)


class Probes(nn.Module):
    """Classifiers of the emotion on both encoders, which speed up the training; dropped afterwards."""

    def __init__(self, width, features):
        super().__init__()
        self.shared = nn.Linear(width, len(EMOTIONS))
        self.frame = nn.Linear(features, len(EMOTIONS))


def match_targets(clips, shown, to):
    """(clips, clips): the match of the speech of a row and the motion of a column, 0 to 1."""
    kind = torch.tensor([clip.emotion for clip in clips])
    strength = torch.tensor([clip.intensity for clip in clips])
    other = torch.tensor([clip.shown for clip in shown])
    other_strength = torch.tensor([clip.shown_intensity for clip in shown])
    near = torch.exp(-(strength[:, None] - other_strength[None]).abs() / REACH)
    return ((kind[:, None] == other[None]) * near).to(to)


def dee_loss(audio, motion, targets, scale, shift, vib=VIB):
    """Closed-form sampled distance between every speech and every motion, as a logit of their match."""
    (mu_a, logvar_a), (mu_m, logvar_m) = audio, motion
    spread = logvar_a.exp().sum(-1)[:, None] + logvar_m.exp().sum(-1)[None]
    distance = torch.cdist(mu_a, mu_m).square() + spread
    # Matches are rare (one in eight): matches and mismatches get the same total weight.
    weight = torch.where(targets > 0.05, 0.5 / (targets > 0.05).float().mean(), 0.5 / (targets <= 0.05).float().mean())
    match = F.binary_cross_entropy_with_logits(-scale * distance + shift, targets, weight)
    kl = sum(0.5 * (lv.exp() + mu.square() - 1 - lv).sum(-1).mean() for mu, lv in (audio, motion))
    return match + vib * kl


def embed(model, samples, motion, to):
    """((mu, logvar) of the speech, (mu, logvar) of the motion), in f32."""
    with autocast(to):
        audio = model.emotion_of(samples)
        shown = model.motion_emotion(motion)
    return [t.float() for t in audio], [t.float() for t in shown]


def judge(model, probes, corpus, to, split="selection", count=160):
    """Retrieval: the share of speeches whose nearest of eight motions, one for each emotion, matches; and the
    probe's accuracy."""
    model.eval()
    hits, named = [], []
    for utterance in corpus.split(split)[:count]:
        frames = utterance["samples"] // 640 // 4 * 4
        samples = corpus.samples(utterance)[: frames * 640]
        envelope = envelope_of(corpus.samples(utterance))
        strength = max(utterance["intensity"], 0.6)
        motions = [
            motion_of({**utterance, "emotion": name, "intensity": strength if name != "neutral" else 0.0}, seed, envelope)[:frames]
            for seed, name in enumerate(EMOTIONS)
        ]
        with torch.no_grad():
            (mu, _), (shown, _) = embed(model, torch.from_numpy(samples)[None].to(to), torch.from_numpy(np.stack(motions)).to(to), to)
        kind = EMOTIONS.index(utterance["emotion"])
        hits.append(int((mu - shown).square().sum(-1).argmin()) == kind)
        named.append(int(probes.shared(mu).argmax()) == kind)
    model.train()
    return {"recall_at_1": np.mean(hits), "named": np.mean(named)}


def main():
    """`python -m training.emotion --corpus DIR --out DIR --minutes 15`"""
    parser = parser_of(__doc__, 20, 1e-3, 1500, "clips of 12.8 s in memory")
    parser.add_argument("--batch", type=int, default=32, help="clips of 64 frames, or as many frames in others (default %(default)s)")
    a = parser.parse_args()
    to = begin(a)
    corpus, degrader = Corpus(a.corpus), Degrader(a.seed + 1)
    config = Config.default()
    model = DeepTalk(config).to(to)
    for head in (model.emotion_head, model.motion_emotion.head):
        # A draw starts near its mean: 64 variances of 1 would be larger than every distance of unit vectors.
        nn.init.constant_(head.logvar.projection.bias, -5.0)
    probes = Probes(config.emotion_head.width, config.motion_emotion.features[-1]).to(to)
    modules = {"emotion": model.emotion, "emotion_head": model.emotion_head, "motion_emotion": model.motion_emotion, "probes": probes}
    parameters = [p for module in modules.values() for p in module.parameters()]
    optimizer = adamw(parameters, a.rate)
    run = Run("emotion", a.out, a.minutes, modules, optimizer, a.rate, 200, a.seed)
    # In half of the pairs the motion shows another emotion than the speech, so that the words do not identify
    # the matching pairs.
    pool = Pool(corpus, a.clips, rng_of(a.seed, 1 << 40), swap=0.5, speed=SPEED, silent=0.0)
    judged = run.elapsed
    for step in run:
        # The recurrent weights of the poolings are slow to train and matter little: every eighth step is
        # enough.
        train_pools(model, step % 8 == 0)
        frames = int(run.rng.choice([48, 64, 96, 160]))
        count = a.batch * 64 // frames
        clips = pool.batch(run.rng, (frames, count))
        samples, motion, _ = stack(clips, degrader, run.rng, to)
        audio, shown = embed(model, samples, motion, to)
        emotion = model.motion_emotion
        loss = dee_loss(audio, shown, match_targets(clips, clips, to), emotion.match_negative_scale, emotion.match_shift)
        heard = torch.tensor([clip.emotion for clip in clips], device=to)
        seen = torch.tensor([clip.shown for clip in clips], device=to)
        frame = probes.frame(emotion.features(motion)).flatten(0, 1)
        named = (
            F.cross_entropy(probes.shared(audio[0]) * 4, heard)
            + F.cross_entropy(probes.shared(shown[0]) * 4, seen)
            + 0.5 * F.cross_entropy(frame, seen.repeat_interleave(frames))
        )
        descend(loss + 0.3 * named, optimizer, parameters)
        right = (probes.shared(audio[0]).argmax(-1) == heard).float().mean()
        run.log(match=loss.item(), named=named.item(), right=right.item(), logvar=audio[1].mean().item())
        if run.elapsed - judged > 180:
            judged = run.elapsed
            run.record(**judge(model, probes, corpus, to))
    run.record(**judge(model, probes, corpus, to))


if __name__ == "__main__":
    main()
