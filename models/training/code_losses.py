"""The losses of the predictor: the motion of the chosen codes, the code vectors, and the cross-entropy of the
codes."""

import torch
import torch.nn.functional as F
from torch import nn
from twin.config import FRAMES_PER_BOTTOM_CODE, FRAMES_PER_TOP_CODE
from twin.layers import stack_frames

from .losses import MotionMetric, OpeningCorrelation
from .run import autocast

# Squared distance at which the probability of a code falls to 1/e, relative to the mean distance to the
# nearest code.
SOFTNESS = 0.5
# Weight of frames of p b m: they are few, and an open mouth in them is the most visible error.
CLOSED = 7
# Weights of the losses. The motion's distance has the largest weight: the motion of the chosen codes is
# visible, and two codes that are wrong by themselves may make the right motion together.
DISTANCE, OPENING, TARGET_VECTOR, COMMITMENT, NAMED = 14, 10, 2, 3, 0.3
def soft_codes(rows, codebook):
    """A probability for each code (clips, rows, codes): codes near the right one are nearly as probable."""
    with torch.no_grad():
        flat = rows.float().flatten(0, 1)
        distance = (flat.square().sum(-1, keepdim=True) - 2 * flat @ codebook.T + codebook.square().sum(-1)).clamp(min=0)
        nearest = distance.min(-1, keepdim=True).values
        return torch.softmax((nearest - distance) / (SOFTNESS * nearest.mean() + 1e-6), -1).view(*rows.shape[:2], -1)


def cross_entropy(logits, probabilities):
    """Mean over rows."""
    return -(probabilities * F.log_softmax(logits, -1)).sum(-1).mean()


def mean_square(x, y):
    return (x - y).square().mean()


class CodeHeads(nn.Module):
    """Both code heads of a model whose motion prior is frozen. `tops`, `bottoms`: their `CodeVectors`."""

    def __init__(self, model, tops, bottoms, to):
        super().__init__()
        self.owner = (model,)  # a tuple, so that the model does not become a child
        self.tops, self.bottoms = tops.to(to), bottoms.to(to)
        self.metric, self.correlation = MotionMetric(to), OpeningCorrelation(to)

    def forward(self, content, emotion, motion, weight):
        """Content (clips, frames, width), emotion vectors (clips, width), target motion (clips, frames, 53),
        weights of its frames (clips, frames) to (loss, motion of the chosen codes, figures)."""
        [model] = self.owner
        prior, to = model.motion_prior, motion.device
        with torch.no_grad():
            encoded, _, _ = prior.encode_vectors(motion)
        with autocast(to):
            actors = torch.zeros(len(motion), dtype=torch.long, device=to)
            features = model.predictor.frame_features(content, model.style(emotion, actors))
            vectors_top = self.tops(stack_frames(features, FRAMES_PER_TOP_CODE))
        top, codes_top = self.tops.snapped(vectors_top)
        with torch.no_grad():
            # The bottom codes encode the remainder of the top codes. They are chosen for the chosen top
            # codes, or they would complete another motion.
            decoded = prior.decoder_t(prior.codebook_t[codes_top])
            wanted_bottom = torch.cat([decoded, encoded.rows_bottom[..., decoded.shape[-1] :]], -1)
        with autocast(to):
            stacked = stack_frames(features, FRAMES_PER_BOTTOM_CODE)
            vectors_bottom = self.bottoms(torch.cat([stacked, decoded.to(stacked.dtype)], -1))
        bottom, _ = self.bottoms.snapped(vectors_bottom)
        moved = prior.decode_vectors(top, bottom)
        distance = self.metric(moved, motion, weight=weight)
        opening = self.correlation(moved, motion)
        loss = DISTANCE * distance + OPENING * opening
        named = 0
        for head, vectors, taken, wanted in [(self.tops, vectors_top, top, encoded.rows_top), (self.bottoms, vectors_bottom, bottom, wanted_bottom)]:
            named = named + cross_entropy(head.logits(vectors), soft_codes(wanted, head.codebook))
            loss = loss + TARGET_VECTOR * mean_square(vectors, wanted) + COMMITMENT * mean_square(vectors, taken.detach())
        loss = loss + NAMED * named
        return loss, moved, {"codes": named.item(), "distance": distance.item(), "opening": opening.item()}

    def fold(self):
        """Folds the vectors into the output layers of the model's heads."""
        self.tops.fold(), self.bottoms.fold()
