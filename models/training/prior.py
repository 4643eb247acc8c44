"""Stage 2: TH-VQVAE, the motion prior: two EMA codebooks, reconstruction measured on the mesh
(docs/networks/deeptalk.md section 7)."""

import numpy as np
import torch
from targets.geometry import Head
from twin.config import Config
from twin.deeptalk import DeepTalk
from twin.quantize import QuantizedPrior

from .corpus_data import Corpus, clip_of
from .losses import MotionMetric
from .run import Run, adamw, begin, descend, parser_of

FRAMES = 128


def motions_of(corpus, count, seed):
    """(count, 128, 53): motions of the corpus's words in every emotion."""
    rng = np.random.default_rng([seed, 77])
    return np.stack([clip_of(corpus, FRAMES, rng, swap=0.7, speed=(0.75, 1.3)).motion for _ in range(count)])


def judge(model, motions, face):
    """Reconstruction of held-out motions: opening, root mean square of parameters, perplexities."""
    model.eval()
    with torch.no_grad():
        back, codes = model.motion_prior.reconstruct(motions)
    model.train()
    figures = {"rms": (back - motions).square().mean().sqrt()}
    pairs = [(face.mouth_opening(b.cpu().numpy()), face.mouth_opening(m.cpu().numpy())) for b, m in zip(back[:64], motions[:64])]
    figures["opening_r"] = np.nanmean([np.corrcoef(b, m)[0, 1] for b, m in pairs])
    for name, used, book in zip(("top", "bottom"), codes, (model.config.motion_prior.codes_t, model.config.motion_prior.codes_b)):
        share = torch.bincount(used.flatten(), minlength=book).float()
        share = share / share.sum()
        figures[f"perplexity_{name}"] = torch.exp(-(share * (share + 1e-12).log()).sum())
    return figures


def main():
    """`python -m training.prior --corpus DIR --out DIR --minutes 15`"""
    parser = parser_of(__doc__, 15, 9e-4, 2000, "motions of 128 frames that are trained on")
    parser.add_argument("--batch", type=int, default=64, help="motions of 64 frames, or as many frames in others (default %(default)s)")
    a = parser.parse_args()
    to = begin(a)
    corpus, metric, face = Corpus(a.corpus), MotionMetric(to), Head()
    pool = torch.from_numpy(motions_of(corpus, a.clips, a.seed))
    held, pool = pool[:128].to(to), pool[128:]
    model = DeepTalk(Config.default(), dropout=0.0).to(to)
    parameters = list(model.motion_prior.parameters())
    quantized = QuantizedPrior(model.motion_prior, decay=0.95, warm_up_rows=150_000, dead_share=0.05).to(to)
    optimizer = adamw(parameters, a.rate, decay=0.0)
    run = Run("prior", a.out, a.minutes, {"motion_prior": model.motion_prior, "quantized": quantized}, optimizer, a.rate, 200, a.seed)
    judged = run.elapsed
    for _ in run:
        frames = int(run.rng.choice([32, 64, 96]))
        rows = run.rng.integers(len(pool), size=a.batch * 64 // frames)
        start = int(run.rng.integers(FRAMES - frames + 1))
        motion = pool[torch.from_numpy(rows), start : start + frames].to(to)
        back, commitment = quantized(motion)
        distance = metric(back, motion)
        descend(distance + 0.25 * commitment, optimizer, parameters)
        run.log(distance=distance.item(), commitment=commitment.item())
        if run.elapsed - judged > 90:
            judged = run.elapsed
            run.record(**judge(model, held, face))
    run.record(**judge(model, held, face))


if __name__ == "__main__":
    main()
