"""Stage 4: the predictor, style and codes, with the motion prior and DEE frozen (spec section 5 and 6).

Cross-entropy with the codes of the target motion (codes near the right one share its probability), the motion itself through
the frozen decoder with straight-through Gumbel-Softmax, and the emotion consistency loss: DEE must hear in the speech what it
sees in the motion. In half of the clips the emotion comes from another speech, and the target shows that one: words and mood
stay apart.
"""

import argparse

import numpy as np
import torch
import torch.nn.functional as F
from targets.geometry import Head
from targets.loudness import envelope_of
from targets.motion import motion_of
from twin import files
from twin.config import Config
from twin.deeptalk import DeepTalk
from twin.quantize import straight_through

from .augment import Degrader
from .content import stack
from .corpus_data import EMOTIONS, Corpus, Pool
from .losses import MotionMetric
from .run import Run, adamw, autocast, descend, device, rng_of

LICENCE = "MIT OR Apache-2.0"
SOURCE = "trained from nothing on synthesised speech (models/MODEL_CARD.md)"
# Squared distance at which a code's share of the probability falls to 1/e, in parts of the mean distance to the nearest code.
SOFTNESS = 0.5


def soft_codes(rows, codebook):
    """A probability for every code (clips, rows, codes): near code vectors are nearly as right."""
    with torch.no_grad():
        flat = rows.float().flatten(0, 1)
        distance = (flat.square().sum(-1, keepdim=True) - 2 * flat @ codebook.T + codebook.square().sum(-1)).clamp(min=0)
        nearest = distance.min(-1, keepdim=True).values
        return torch.softmax((nearest - distance) / (SOFTNESS * nearest.mean() + 1e-6), -1).view(*rows.shape[:2], -1)


def cross_entropy(logits, probabilities):
    """Mean over rows."""
    return -(probabilities * F.log_softmax(logits.float(), -1)).sum(-1).mean()


class Voices:
    """Speech of every emotion, for clips that borrow one: samples of 3.2 s."""

    def __init__(self, corpus):
        self.corpus = corpus
        self.by_emotion = [[u for u in corpus.train if u["emotion"] == name and u["samples"] >= 32_000] for name in EMOTIONS]

    def borrow(self, emotion, intensity, samples, rng):
        """`samples` samples of somebody who feels so."""
        choice = [self.by_emotion[emotion][i] for i in rng.integers(len(self.by_emotion[emotion]), size=6)]
        nearest = min(choice, key=lambda u: abs(u["intensity"] - intensity))
        heard = self.corpus.samples(nearest)
        return np.resize(heard, samples) if len(heard) < samples else heard[:samples]


def judge(model, corpus, face, to, split="selection", count=48):
    """Correlation of the mouth's opening through the likeliest codes, as `run` takes them."""
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
    """What the earlier stages learned."""
    for name, parts in {"content": ["content"], "prior": ["motion_prior"], "emotion": ["emotion", "emotion_head", "motion_emotion"]}.items():
        saved = torch.load(f"{folder}/{name}.pt", weights_only=True)["state"]
        for part in parts:
            getattr(model, part).load_state_dict(saved[part])


def main():
    """`python -m training.predictor --corpus DIR --out DIR --minutes 30 --save model.safetensors`"""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", required=True, help="folder that `python -m corpus` wrote")
    parser.add_argument("--out", required=True, help="folder with the earlier stages' checkpoints; curves and this one's go there")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--clips", type=int, default=2000, help="clips of 12.8 s in memory")
    parser.add_argument("--consistency", type=float, default=0.1, help="weight of the emotion consistency loss; 0 trains without it")
    parser.add_argument("--encoder", type=float, default=0.0, help="rate of the content encoder, in parts of --rate; 0 leaves it as it is")
    parser.add_argument("--name", default="predictor", help="of the checkpoint and the curves")
    parser.add_argument("--save", help="model file to write at the end")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    to = device()
    torch.manual_seed(a.seed)
    corpus, degrader, metric, face = Corpus(a.corpus), Degrader(a.seed + 2), MotionMetric(to), Head()
    model = DeepTalk(Config.default()).to(to)
    load_stages(model, a.out)
    voices = Voices(corpus)
    frozen = [model.motion_prior, model.emotion, model.emotion_head, model.motion_emotion]
    for part in frozen:
        part.requires_grad_(False)
    fresh = [*model.style.parameters(), *model.predictor.parameters()]
    content = list(model.content.parameters())
    optimizer = adamw([{"params": fresh}, {"params": content, "scale": a.encoder}], a.rate)
    parts = {"content": model.content, "style": model.style, "predictor": model.predictor}
    run = Run(a.name, a.out, a.minutes, parts, optimizer, a.rate, 200, a.seed)
    pool = Pool(corpus, a.clips, rng_of(a.seed, 1 << 40), swap=0.5)
    judged = run.elapsed
    for _ in run:
        for part in frozen:
            part.eval()
        prior = model.motion_prior
        clips = pool.batch(run.rng)
        samples, motion, _ = stack(clips, degrader, run.rng, to)
        moods = samples.clone()
        for row, clip in enumerate(clips):
            if (clip.shown, clip.shown_intensity) != (clip.emotion, clip.intensity):
                borrowed = voices.borrow(clip.shown, clip.shown_intensity, samples.shape[1], run.rng)
                moods[row] = torch.from_numpy(degrader.one(borrowed, run.rng))
        with torch.no_grad():
            encoded, _, _ = prior.encode_vectors(motion)
            with autocast(to):
                mood = model.emotion_of(moods)
            mu, logvar = mood.mu.float(), mood.logvar.float()
            # Half of the clips feel a draw of the distribution, the others its mean.
            drawn = mu + (0.5 * logvar).exp() * torch.randn_like(mu)
            emotion = torch.where(torch.rand(len(clips), 1, device=to) < 0.5, drawn, mu)
            wanted_top = soft_codes(encoded.rows_top, prior.codebook_t)
        with autocast(to):
            actors = torch.zeros(len(clips), dtype=torch.long, device=to)
            # The heads learn first: their early gradients would only spoil the encoder.
            with torch.set_grad_enabled(a.encoder > 0 and run.progress > 0.4):
                words = model.content(samples)
            features = model.predictor.frame_features(words, model.style(emotion, actors))
            logits_top = model.predictor.logits_top(features)
            top = straight_through(logits_top)
            # First with the right top codes, soon with its own. The bottom codes say what the top ones left out: they are sought for
            # the top codes that are given, or they would mend another motion.
            own = run.rng.random() < 2 * run.progress
            given = top.argmax(-1) if own else encoded.codes.top
            logits_bottom = model.predictor.logits_bottom(features, given, prior)
        with torch.no_grad():
            decoded = prior.decoder_t(prior.codebook_t[given])
            rows_bottom = torch.cat([decoded, encoded.rows_bottom[..., decoded.shape[-1] :]], -1)
            wanted_bottom = soft_codes(rows_bottom, prior.codebook_b)
        bottom = straight_through(logits_bottom)
        moved = prior.decode_soft(top, bottom)
        named = cross_entropy(logits_top, wanted_top) + cross_entropy(logits_bottom, wanted_bottom)
        distance = metric(moved, motion)
        loss = named + 0.5 * distance
        figures = {"codes": named.item(), "distance": distance.item()}
        if a.consistency:
            seen = model.motion_emotion(moved).mu.float()
            consistency = (1 - (seen * mu).sum(-1)).mean()
            loss = loss + a.consistency * consistency
            figures["consistency"] = consistency.item()
        descend(loss, optimizer, fresh + content)
        run.log(**figures)
        if run.elapsed - judged > 240:
            judged = run.elapsed
            run.record(**judge(model, corpus, face, to))
    run.record(**judge(model, corpus, face, to, count=160))
    if a.save:
        files.save(model, a.save, licence=LICENCE, source=SOURCE)
        print(f"{a.save}: written")


if __name__ == "__main__":
    main()
