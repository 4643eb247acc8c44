"""Distances between motions, measured on the face."""

import numpy as np
import torch
from targets.geometry import Head

# Standard deviation of an opening, in metres, below which a mouth is still.
STILL = 5e-4


class MotionMetric:
    """Squared distance of vertices as a quadratic form of the 53 parameters (lips and lids weigh more):
    `|L^T d|^2`."""

    def __init__(self, to):
        self.root = torch.tensor(np.linalg.cholesky(Head().metric()), dtype=torch.float32, device=to)

    def __call__(self, motion, target, velocity=1.0, weight=1.0):
        """Mean squared distance of (clips, frames, 53), frames times `weight` (clips, frames); plus
        `velocity` times that of the frames' differences."""
        difference = (motion.float() - target) @ self.root
        loss = (weight * difference.square().sum(-1)).mean()
        if velocity:
            loss = loss + velocity * (difference[:, 1:] - difference[:, :-1]).square().sum(-1).mean()
        return loss


class OpeningCorrelation:
    """1 - r of the mouth's opening, Pearson's r over the frames of a clip: a quiet voice counts as much as a
    loud one.

    The opening is approximated as linear in the parameters, and may be negative.
    """

    def __init__(self, to):
        head = Head()
        jacobian = head.jacobian()
        gap = jacobian[:, head.upper, 1] - jacobian[:, head.lower, 1]
        self.gap = torch.tensor(gap, dtype=torch.float32, device=to)

    def __call__(self, motion, target):
        """Mean over the clips, (clips, frames, 53), in which the target's mouth moves."""
        found, wanted = (x.float() @ self.gap for x in (motion, target))
        found, wanted = (x - x.mean(-1, keepdim=True) for x in (found, wanted))
        moves = wanted.std(-1) > STILL
        r = (found * wanted).sum(-1) / (found.norm(dim=-1) * wanted.norm(dim=-1) + 1e-6)
        return ((1 - r) * moves).sum() / moves.sum().clamp(min=1)
