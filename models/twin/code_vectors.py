"""Codes by vectors: during training, a code head computes a vector, and the nearest code is chosen.

The network of a file chooses codes by logits, `W h + b`. With `W = 2 s E V` and `b = s (2 E v - |E|^2)` for
code vectors `E`, the largest logit is that of the code nearest to `V h + v`, so the network needs no change.
Training is better than with free logits: the gradient of a motion loss by the code vector goes directly to
the vector (van den Oord et al., 2017), while a softmax over hundreds of codes passes little of it. If the
voice is ambiguous, the vector goes to the middle of the possible codes, and so to the code with the least
error.
"""

import torch
from torch import Tensor, nn

from .motion_prior import nearest_code
from .predictor import CodeHead


class CodeVectors(nn.Module):
    """Replaces the output layer of a `CodeHead`, for one codebook (codes, width)."""

    def __init__(self, head: CodeHead, codebook: Tensor):
        super().__init__()
        self.owner = (head,)  # a tuple, so that the head does not become a child
        self.vector = nn.Linear(head.output.in_features, codebook.shape[1])
        # The logarithm of s, the sharpness of the distribution from which codes are drawn.
        self.sharpness = nn.Parameter(torch.tensor(-3.0))
        self.register_buffer("codebook", codebook.detach().clone())

    @classmethod
    def unfolded(cls, head: CodeHead, codebook: Tensor) -> "CodeVectors":
        """The vectors of a head whose output layer `fold` has written: the least squares solution for `s v`,
        `s` and `s V`."""
        made = cls(head, codebook)
        with torch.no_grad():
            book = codebook.double()
            columns = torch.cat([2 * book, -book.square().sum(-1, keepdim=True)], 1)
            *vector, s = torch.linalg.lstsq(columns, head.output.bias.double()[:, None]).solution[:, 0]
            if s <= 0:
                raise ValueError(f"code head: expected an output layer that CodeVectors folded, found a sharpness of {float(s):.3g}")
            made.sharpness.copy_(s.log())
            made.vector.bias.copy_(torch.stack(vector) / s)
            made.vector.weight.copy_(torch.linalg.lstsq(2 * book, head.output.weight.double()).solution / s)
        return made

    def forward(self, stacked: Tensor) -> Tensor:
        """The head's input (clips, rows, inputs) to vectors (clips, rows, width)."""
        [head] = self.owner
        return self.vector(head.hidden(stacked)).float()

    def snapped(self, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """The nearest code vectors, whose gradients go to the vectors, and the codes (clips, rows)."""
        codes = nearest_code(vectors, self.codebook)
        return vectors + (self.codebook[codes] - vectors).detach(), codes

    def logits(self, vectors: Tensor) -> Tensor:
        """(clips, rows, codes)."""
        return self.sharpness.exp() * (2 * vectors @ self.codebook.T - self.codebook.square().sum(-1))

    @torch.no_grad()
    def fold(self) -> None:
        """Folds the vectors into the head's output layer."""
        [head] = self.owner
        s, book = self.sharpness.exp(), self.codebook
        head.output.weight.copy_(2 * s * book @ self.vector.weight)
        head.output.bias.copy_(s * (2 * book @ self.vector.bias - book.square().sum(-1)))
