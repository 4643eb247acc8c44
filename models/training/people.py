"""Stage 6: the lips of people. Content encoder, style and predictor of a model are trained further on
people's read speech, together with the synthesizers.

The mood of a clip is a point of the mood space (moods.py), so this stage needs no emotion encoder and can run
in parallel with stage 5. The distance of the point from neutral gives the strength of the mood in the target.
An auxiliary head predicts the visemes, with larger weights for those that are hard to recognise in people's
speech: p b m before other consonants, n and dh, which are not m.
"""

import os

import numpy as np
import torch
import torch.nn.functional as F
from targets.geometry import Head
from targets.loudness import envelope_of
from targets.motion import motion_of
from targets.phones import CLASSES, INDEX
from torch import nn
from twin import files
from twin.code_vectors import CodeVectors

from .augment import Degrader
from .code_losses import CodeHeads
from .content import stack
from .corpus_data import EMOTIONS, Corpus, Pool
from .moods import MoodPoints
from .predictor import LICENCE
from .run import Run, adamw, autocast, begin, descend, parser_of, rng_of
from .throats import other_throats

SOURCE = "trained on synthesised speech and on recordings of people (models/MODEL_CARD.md)"
# Weights of frames: p b m, p b m before another consonant, f v, and n t d th dh, which are confused with m.
CLOSED, CLOSED_BEFORE, TUCKED, TONGUE = 7, 11, 3, 2
VISEME_WEIGHTS = {"B": 1.6, "M": 1.6, "F": 1.6, "TH": 1.3, "W": 1.3}
VISEMES = 2.0
# The content encoder's share of the learning rate.
CONTENT_RATE = 0.6
# In this share of the clips the mood is mixed with another one, by at most this share, and blurred.
MIXED, MIXED_MOST, BLUR = 0.35, 0.35, 0.04


def weights_of(labels):
    """(clips, 2 frames) visemes to weights (clips, frames)."""
    pairs = labels.view(len(labels), -1, 2)
    of = lambda names: torch.isin(pairs, torch.tensor([INDEX[name] for name in names], device=labels.device)).any(-1)
    closed, consonant = of("BM"), of(["T", "S", "TH", "SH", "K", "L"])
    before = closed & (F.pad(consonant, (0, 2))[:, 2:] | F.pad(consonant, (0, 1))[:, 1:])
    weight = torch.ones(closed.shape, device=labels.device)
    weight[of(["T", "TH"])] = TONGUE
    weight[of(["F"])] = TUCKED
    weight[closed] = CLOSED
    weight[before] = CLOSED_BEFORE
    return weight


def moods_of(clips, points, to):
    """(clips, width): the points of the shown moods, some mixed with another mood, all blurred."""
    shown = torch.tensor([clip.shown for clip in clips], device=to)
    intensity = torch.tensor([clip.shown_intensity for clip in clips], dtype=torch.float32, device=to)
    mood = points.targets(shown, intensity)
    other = points.points[torch.randint(len(EMOTIONS), (len(clips),), device=to)]
    share = MIXED_MOST * torch.rand(len(clips), 1, device=to) * (torch.rand(len(clips), 1, device=to) < MIXED)
    mood = (1 - share) * mood + share * other + BLUR * torch.rand(len(clips), 1, device=to) * torch.randn_like(mood)
    return mood / mood.norm(dim=-1, keepdim=True)


def judge(model, points, corpus, face, to, count=40):
    """Correlation of the opening and share of closed p b m, for held-out people and the `selection` voice,
    with the mood given."""
    model.eval()
    figures = {}
    for split in ("people-selection", "selection"):
        rs, shut = [], []
        for u in [u for u in corpus.split(split) if u["phones"]][:count]:
            samples = corpus.samples(u)
            frames = len(samples) // 640 // 4 * 4
            target = motion_of(u, 0, envelope_of(samples))[:frames]
            mood = points.targets(torch.tensor([EMOTIONS.index(u["emotion"])], device=to), torch.tensor([u["intensity"]], dtype=torch.float32, device=to))
            with torch.no_grad():
                motion = model(torch.from_numpy(samples[: frames * 640])[None].to(to), torch.zeros(1, dtype=torch.long, device=to), mood).motion
            opening, wanted = (face.mouth_opening(m) for m in (motion[0].float().cpu().numpy(), target))
            rs.append(np.corrcoef(opening, wanted)[0, 1])
            closed = opening < 0.1 * opening.max(initial=1e-4)
            shut += [closed[max(0, int((a + b) / 2 * 25 - 2)) :][:4].any() for name, a, b in u["phones"] if name in ("p", "b", "m") and b - a > 0.035]
        figures[f"{split}_r"], figures[f"{split}_closed"] = np.nanmean(rs), np.mean(shut)
    model.train()
    return figures


def main():
    """`python -m training.people --corpus DIR --out DIR --model default.safetensors --minutes 60 --save
    better.safetensors`"""
    parser = parser_of(__doc__, 60, 3e-4, 700, "clips of 12.8 s in memory")
    parser.add_argument("--model", required=True, help="model file to go on from")
    parser.add_argument("--save", required=True, help="model file to write at the end; with what stage 5 left in --out, if it is there")
    a = parser.parse_args()
    to = begin(a)
    corpus, face = Corpus(a.corpus), Head()
    degrader = Degrader(a.seed + 4, corpus.voices())
    model = files.load(a.model)
    points = MoodPoints(model, corpus).to(to)
    model.to(to).train()
    model.content.log_mel.register_forward_hook(other_throats)
    prior = model.motion_prior
    prior.requires_grad_(False)
    heads = CodeHeads(model, *(CodeVectors.unfolded(head, book) for head, book in ((model.predictor.top, prior.codebook_t), (model.predictor.bottom, prior.codebook_b))), to)
    visemes = nn.Linear(model.config.content.output, 2 * len(CLASSES)).to(to)
    parts = {"style": model.style, "predictor": model.predictor, "tops": heads.tops, "bottoms": heads.bottoms, "visemes": visemes, "content": model.content}
    optimizer = adamw([p for name, part in parts.items() if name != "content" for p in part.parameters()], a.rate)
    optimizer.add_param_group({"params": list(model.content.parameters())})
    learning = [p for group in optimizer.param_groups for p in group["params"]]
    named = torch.tensor([VISEME_WEIGHTS.get(name, 1.0) for name in CLASSES], device=to)
    run = Run("people", a.out, a.minutes, parts, optimizer, a.rate, 200, a.seed)
    pool = Pool(corpus, a.clips, rng_of(a.seed, (1 << 40) + run.step), swap=0.6, background=degrader.background, weakest=0.05)
    judged = run.elapsed
    for _ in run:
        prior.eval()
        optimizer.param_groups[1]["lr"] *= CONTENT_RATE
        clips = pool.batch(run.rng, renew=2)
        samples, motion, labels = stack(clips, degrader, run.rng, to)
        with autocast(to):
            content = model.content(samples)
            logits = visemes(content).view(len(clips), -1, len(CLASSES))
        loss, _, figures = heads(content, moods_of(clips, points, to), motion, weights_of(labels))
        viseme = F.cross_entropy(logits.float().flatten(0, 1), labels.flatten(), named, label_smoothing=0.05)
        descend(loss + VISEMES * viseme, optimizer, learning)
        run.log(**figures, visemes=viseme.item())
        if run.elapsed - judged > 300:
            judged = run.elapsed
            heads.fold()
            run.record(**judge(model, points, corpus, face, to))
    heads.fold()
    run.record(**judge(model, points, corpus, face, to))
    join(model, a.out, a.save)


def join(model, folder, path):
    """Writes the model, with the emotion encoder of stage 5 if `folder` has one."""
    if os.path.exists(f"{folder}/moods.pt"):
        saved = torch.load(f"{folder}/moods.pt", weights_only=True)["state"]
        for part in ("emotion", "emotion_head"):
            getattr(model, part).load_state_dict(saved[part])
    files.save(model.cpu().eval(), path, licence=LICENCE, source=SOURCE)
    print(f"{path}: written")


if __name__ == "__main__":
    main()
