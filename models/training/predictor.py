"""Stage 4: the predictor, style and codes, with content encoder, motion prior and DEE frozen (spec section 5 and 6).

Cross-entropy with the codes of the target motion (codes near the right one, and the mean code, share its probability), the motion itself through
the frozen decoder with a straight-through softmax (the paper's Gumbel-Softmax without its noise), and the emotion consistency loss: DEE must hear in the speech what it
sees in the motion. In half of the clips the emotion comes from another speech, and the target shows that one: words and mood
stay apart.
"""

import numpy as np
import torch
import torch.nn.functional as F
from targets.geometry import Head
from targets.loudness import envelope_of
from targets.motion import motion_of
from targets.phones import INDEX
from twin import files
from twin.config import Config
from twin.deeptalk import DeepTalk
from twin.quantize import straight_through

from .augment import Degrader
from .content import stack
from .corpus_data import EMOTIONS, Corpus, Pool
from .losses import MotionMetric
from .run import Run, adamw, autocast, begin, descend, parser_of, rng_of
from .throats import other_throats

LICENCE = "MIT OR Apache-2.0"
SOURCE = "trained from nothing on synthesised speech (models/MODEL_CARD.md)"
# Squared distance at which a code's share of the probability falls to 1/e, in parts of the mean distance to the nearest code.
SOFTNESS = 0.5
# Frames of p b m count so many times: they are few, and a mouth that does not shut is what people see first.
CLOSED = 6
# Share of the cross-entropy's probability that goes to the mean code.
MEAN = 0.3
# Weight of the motion's distance beside the cross-entropy. High: what is seen is the motion of the likeliest codes, and two codes that
# are wrong by themselves may make the right motion together.
DISTANCE = 14


def soft_codes(rows, codebook):
    """A probability for every code (clips, rows, codes): near code vectors are nearly as right."""
    with torch.no_grad():
        flat = rows.float().flatten(0, 1)
        distance = (flat.square().sum(-1, keepdim=True) - 2 * flat @ codebook.T + codebook.square().sum(-1)).clamp(min=0)
        nearest = distance.min(-1, keepdim=True).values
        return torch.softmax((nearest - distance) / (SOFTNESS * nearest.mean() + 1e-6), -1).view(*rows.shape[:2], -1)


def mean_code(logits, codebook):
    """(clips, rows): the code nearest to the mean of all codes, each as likely as the model thinks."""
    with torch.no_grad():
        mean = torch.softmax(logits.float(), -1) @ codebook
        return (codebook.square().sum(-1) - 2 * mean @ codebook.T).argmin(-1)


def cross_entropy(logits, probabilities, codebook):
    """Mean over rows.

    Some of the probability goes to the mean code. Where the voice leaves it open which code is right, the likeliest one alone
    would be a guess that is far off when it is wrong; the mean code is the one that errs least.
    """
    mean = F.one_hot(mean_code(logits, codebook), probabilities.shape[-1])
    wanted = (1 - MEAN) * probabilities + MEAN * mean
    return -(wanted * F.log_softmax(logits.float(), -1)).sum(-1).mean()


class Voices:
    """Speech of every emotion, for clips that borrow one: utterances of 2 s and more."""

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
    parser = parser_of(__doc__, 30, 1.5e-3, 2000, "clips of 12.8 s in memory")
    parser.add_argument("--consistency", type=float, default=0.1, help="weight of the emotion consistency loss; 0 trains without it (default %(default)s)")
    parser.add_argument("--name", default="predictor", help="of the checkpoint and the curves (default %(default)s)")
    parser.add_argument("--save", help="model file to write at the end")
    a = parser.parse_args()
    to = begin(a)
    corpus, degrader, metric, face = Corpus(a.corpus), Degrader(a.seed + 2), MotionMetric(to), Head()
    model = DeepTalk(Config.default()).to(to)
    load_stages(model, a.out)
    model.content.log_mel.register_forward_hook(other_throats)
    voices = Voices(corpus)
    bilabials = torch.tensor([INDEX[name] for name in "BM"], device=to)
    frozen = [model.content, model.motion_prior, model.emotion, model.emotion_head, model.motion_emotion]
    for part in frozen:
        part.requires_grad_(False)
    fresh = [*model.style.parameters(), *model.predictor.parameters()]
    optimizer = adamw(fresh, a.rate)
    parts = {"style": model.style, "predictor": model.predictor}
    run = Run(a.name, a.out, a.minutes, parts, optimizer, a.rate, 200, a.seed)
    pool = Pool(corpus, a.clips, rng_of(a.seed, 1 << 40), swap=0.5)
    judged = run.elapsed
    for _ in run:
        for part in frozen:
            part.eval()
        # Other throats, and dropout: on a voice never heard the encoder is less sure than on those that it has learned from.
        model.content.train()
        prior = model.motion_prior
        clips = pool.batch(run.rng)
        samples, motion, labels = stack(clips, degrader, run.rng, to)
        closed = torch.isin(labels.view(len(clips), -1, 2), bilabials).any(-1)
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
            features = model.predictor.frame_features(model.content(samples), model.style(emotion, actors))
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
        named = cross_entropy(logits_top, wanted_top, prior.codebook_t) + cross_entropy(logits_bottom, wanted_bottom, prior.codebook_b)
        distance = metric(moved, motion, weight=1 + (CLOSED - 1) * closed)
        loss = named + DISTANCE * distance
        figures = {"codes": named.item(), "distance": distance.item()}
        if a.consistency:
            seen = model.motion_emotion(moved).mu.float()
            consistency = (1 - (seen * mu).sum(-1)).mean()
            loss = loss + a.consistency * consistency
            figures["consistency"] = consistency.item()
        descend(loss, optimizer, fresh)
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
