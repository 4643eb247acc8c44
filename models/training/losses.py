"""Distances between motions, measured on the face."""

import numpy as np
import torch
from targets.geometry import Head


class MotionMetric:
    """Squared distance of vertices as a quadratic form of the 53 parameters (lips and lids weigh more): `|L^T d|^2`."""

    def __init__(self, to):
        self.root = torch.tensor(np.linalg.cholesky(Head().metric()), dtype=torch.float32, device=to)

    def __call__(self, motion, target, velocity=1.0, weight=1.0):
        """Mean squared distance of (clips, frames, 53), frames times `weight` (clips, frames); plus `velocity` times that of the
        frames' differences."""
        difference = (motion.float() - target) @ self.root
        loss = (weight * difference.square().sum(-1)).mean()
        if velocity:
            loss = loss + velocity * (difference[:, 1:] - difference[:, :-1]).square().sum(-1).mean()
        return loss
