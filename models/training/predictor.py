"""Stage 4: the predictor, style and codes, with motion prior and DEE frozen; the content encoder is trained
further at a low rate (docs/networks/deeptalk.md sections 5 and 6).

The losses are: the motion through the frozen decoder and the correlation of the mouth's opening; the code
vectors of the target motion, and cross-entropy with its codes (codes near the right one share its
probability); and the emotion consistency loss, the distance of DEE's emotion of the speech and of the motion.
Codes are chosen as in `code_vectors.py`, instead of the paper's Gumbel-Softmax. In half of the clips the
emotion comes from another speech, and the target shows that emotion, so that words and mood stay independent.
"""

import numpy as np
import torch
from targets.geometry import Head
from targets.loudness import envelope_of
from targets.motion import motion_of
from targets.phones import INDEX
from twin import files
from twin.code_vectors import CodeVectors
from twin.config import Config
from twin.deeptalk import DeepTalk

from .augment import Degrader
from .code_losses import CLOSED, CodeHeads
from .content import stack
from .corpus_data import EMOTIONS, Corpus, Pool
from .run import Run, adamw, autocast, begin, descend, parser_of, rng_of
from .throats import other_throats

LICENCE = "MIT OR Apache-2.0"
SOURCE = "trained from nothing on synthesised speech (models/MODEL_CARD.md)"
# The content encoder's share of the learning rate.
CONTENT_RATE = 0.15


class Voices:
    """Speech of every emotion, for clips that take their emotion from another speech: utterances of 2 s and
    more."""

    def __init__(self, corpus):
        self.corpus = corpus
        self.by_emotion = [[u for u in corpus.train if u["emotion"] == name and u["samples"] >= 32_000] for name in EMOTIONS]

    def borrow(self, emotion, intensity, samples, rng):
        """`samples` samples of a speech with this emotion and intensity."""
        choice = [self.by_emotion[emotion][i] for i in rng.integers(len(self.by_emotion[emotion]), size=6)]
        nearest = min(choice, key=lambda u: abs(u["intensity"] - intensity))
        heard = self.corpus.samples(nearest)
        return np.resize(heard, samples) if len(heard) < samples else heard[:samples]


def judge(model, corpus, face, to, split="selection", count=48):
    """Correlation of the mouth's opening with the likeliest codes, as in `run`."""
    model.eval()
    rs, square = [], []
    for utterance in corpus.split(split)[:count]:
        samples = corpus.samples(utterance)
        frames = len(samples) // 640 // 4 * 4
        target = motion_of(utterance, 0, envelope_of(samples))[:frames]
        with torch.no_grad():
            motion = model(torch.from_numpy(samples[: frames * 640])[None].to(to), torch.zeros(1, dtype=torch.long, device=to)).motion
        motion = motion[0].float().cpu().numpy()
        rs.append(np.corrcoef(face.mouth_opening(motion), face.mouth_opening(target))[0, 1])
        square.append(((motion - target) ** 2).mean())
    model.train()
    return {"opening_r": np.nanmean(rs), "rms": np.mean(square) ** 0.5}


def load_stages(model, folder):
    """Loads the results of the earlier stages."""
    for name, parts in {"content": ["content"], "prior": ["motion_prior"], "emotion": ["emotion", "emotion_head", "motion_emotion"]}.items():
        saved = torch.load(f"{folder}/{name}.pt", weights_only=True)["state"]
        for part in parts:
            getattr(model, part).load_state_dict(saved[part])


def main():
    """`python -m training.predictor --corpus DIR --out DIR --minutes 30 --save model.safetensors`"""
    parser = parser_of(__doc__, 30, 1.5e-3, 2000, "clips of 12.8 s in memory")
    parser.add_argument("--consistency", type=float, default=0.1, help="weight of the emotion consistency loss; 0 trains without it (default %(default)s)")
    parser.add_argument("--name", default="predictor", help="of the checkpoint and the curves (default %(default)s)")
    parser.add_argument("--save", help="model file to write at the end")
    a = parser.parse_args()
    to = begin(a)
    corpus, degrader, face = Corpus(a.corpus), Degrader(a.seed + 2), Head()
    model = DeepTalk(Config.default()).to(to)
    load_stages(model, a.out)
    model.content.log_mel.register_forward_hook(other_throats)
    voices = Voices(corpus)
    bilabials = torch.tensor([INDEX[name] for name in "BM"], device=to)
    prior = model.motion_prior
    frozen = [prior, model.emotion, model.emotion_head, model.motion_emotion]
    for part in frozen:
        part.requires_grad_(False)
    heads = CodeHeads(model, CodeVectors(model.predictor.top, prior.codebook_t), CodeVectors(model.predictor.bottom, prior.codebook_b), to)
    parts = {"style": model.style, "predictor": model.predictor, "tops": heads.tops, "bottoms": heads.bottoms, "content": model.content}
    fresh = [p for name, part in parts.items() if name != "content" for p in part.parameters()]
    optimizer = adamw(fresh, a.rate)
    optimizer.add_param_group({"params": list(model.content.parameters())})
    learning = [p for group in optimizer.param_groups for p in group["params"]]
    run = Run(a.name, a.out, a.minutes, parts, optimizer, a.rate, 200, a.seed)
    pool = Pool(corpus, a.clips, rng_of(a.seed, 1 << 40), swap=0.5)
    judged = run.elapsed
    for _ in run:
        for part in frozen:
            part.eval()
        optimizer.param_groups[1]["lr"] *= CONTENT_RATE
        clips = pool.batch(run.rng)
        samples, motion, labels = stack(clips, degrader, run.rng, to)
        closed = torch.isin(labels.view(len(clips), -1, 2), bilabials).any(-1)
        moods = samples.clone()
        for row, clip in enumerate(clips):
            if (clip.shown, clip.shown_intensity) != (clip.emotion, clip.intensity):
                borrowed = voices.borrow(clip.shown, clip.shown_intensity, samples.shape[1], run.rng)
                moods[row] = torch.from_numpy(degrader.one(borrowed, run.rng))
        with torch.no_grad():
            with autocast(to):
                mood = model.emotion_of(moods)
            mu, logvar = mood.mu.float(), mood.logvar.float()
            # Half of the clips get a draw from the distribution, the others its mean.
            drawn = mu + (0.5 * logvar).exp() * torch.randn_like(mu)
            emotion = torch.where(torch.rand(len(clips), 1, device=to) < 0.5, drawn, mu)
        with autocast(to):
            content = model.content(samples)
        loss, moved, figures = heads(content, emotion, motion, 1 + (CLOSED - 1) * closed)
        if a.consistency:
            seen = model.motion_emotion(moved).mu.float()
            consistency = (1 - (seen * mu).sum(-1)).mean()
            loss = loss + a.consistency * consistency
            figures["consistency"] = consistency.item()
        descend(loss, optimizer, learning)
        run.log(**figures)
        if run.elapsed - judged > 240:
            judged = run.elapsed
            heads.fold()
            run.record(**judge(model, corpus, face, to))
    heads.fold()
    run.record(**judge(model, corpus, face, to, count=160))
    if a.save:
        files.save(model, a.save, licence=LICENCE, source=SOURCE)
        print(f"{a.save}: written")


if __name__ == "__main__":
    main()
