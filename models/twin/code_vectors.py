"""Codes by vectors: while it learns, a code head makes a vector, and the code nearest to it is taken.

The network of a file names codes by logits, `W h + b`. With `W = 2 s E V` and `b = s (2 E v - |E|^2)` for code vectors `E` the largest logit is that of the
code nearest to `V h + v`, so this needs nothing new there. It trains better than logits of their own: what a motion loss asks of the code vector goes
straight to the vector (van den Oord et al., 2017), where a softmax over hundreds of codes hands on little; and where the voice leaves it open which code is
right, the vector goes to their middle, and so to the code that errs least.
"""

import torch
from torch import Tensor, nn

from .motion_prior import nearest_code
from .predictor import CodeHead


class CodeVectors(nn.Module):
    """In place of the output layer of a `CodeHead`, for one codebook (codes, width)."""

    def __init__(self, head: CodeHead, codebook: Tensor):
        super().__init__()
        self.owner = (head,)  # A tuple, so that the head does not become a child.
        self.vector = nn.Linear(head.output.in_features, codebook.shape[1])
        # The logarithm of s: how sure it is, which is what drawing codes depends on.
        self.sharpness = nn.Parameter(torch.tensor(-3.0))
        self.register_buffer("codebook", codebook.detach().clone())

    @classmethod
    def unfolded(cls, head: CodeHead, codebook: Tensor) -> "CodeVectors":
        """What `fold` wrote into the output layer of a head, as vectors again: the least squares solution for `s v`, `s` and `s V`."""
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
        """The nearest code vectors, whose gradients the vectors get, and the codes (clips, rows)."""
        codes = nearest_code(vectors, self.codebook)
        return vectors + (self.codebook[codes] - vectors).detach(), codes

    def logits(self, vectors: Tensor) -> Tensor:
        """(clips, rows, codes)."""
        return self.sharpness.exp() * (2 * vectors @ self.codebook.T - self.codebook.square().sum(-1))

    @torch.no_grad()
    def fold(self) -> None:
        """Into the head's output layer."""
        [head] = self.owner
        s, book = self.sharpness.exp(), self.codebook
        head.output.weight.copy_(2 * s * book @ self.vector.weight)
        head.output.bias.copy_(s * (2 * book @ self.vector.bias - book.square().sum(-1)))
