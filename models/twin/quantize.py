"""Vector quantisation for training: codebooks that follow their rows by moving averages."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .motion_prior import MotionPrior, nearest_code


class EmaQuantizer(nn.Module):
    """A codebook of the prior that is trained while it quantises (van den Oord et al., 2017, appendix A.1).

    The first `warm_up_rows` rows pass unquantised; k-means over them makes the codebook. From then on each
    code is the moving average of its nearest rows, and a code with hardly any rows is moved to a row of the
    batch. In evaluation mode the codebook does not change. `commitment` is that of the last call: the mean
    square distance of rows to their codes.
    """

    def __init__(
        self,
        prior: MotionPrior,
        name: str,
        decay: float = 0.99,
        smoothing: float = 1e-5,
        warm_up_rows: int = 20_000,
        dead_share: float = 0.03,
    ):
        """`name`: "codebook_t" or "codebook_b". `dead_share`: codes used less than this share of the average
        are dead."""
        super().__init__()
        book = getattr(prior, name)
        codes, width = book.shape
        self.owner = (prior, name)  # a tuple, so that the prior does not become a child
        self.decay, self.smoothing, self.dead_share = decay, smoothing, dead_share
        self.warm_up_rows = max(warm_up_rows, codes)
        self.register_buffer("ready", book.new_zeros((), dtype=torch.bool))
        self.register_buffer("counts", book.new_zeros(codes))
        self.register_buffer("sums", book.new_zeros(codes, width))
        self.seen: list[Tensor] = []
        self.commitment = book.new_zeros(())

    @property
    def codebook(self) -> Tensor:
        return getattr(*self.owner)

    @torch.compiler.disable
    def forward(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Rows (batch, rows, width) to their code vectors, through which gradients pass unchanged, and codes
        (batch, rows)."""
        rows = rows.float()
        if self.training and not self.ready:
            self._warm_up(rows.detach().flatten(0, 1))
            self.commitment = rows.new_zeros(())
            return rows, nearest_code(rows, self.codebook)
        codes = nearest_code(rows, self.codebook)
        vectors = self.codebook[codes]
        self.commitment = F.mse_loss(rows, vectors)
        if self.training:
            self._follow(rows.detach().flatten(0, 1), codes.flatten())
        return rows + (vectors - rows).detach(), codes

    @torch.no_grad()
    def perplexity(self) -> float:
        """Perplexity of the moving averages of use: the number of codes in use if all were used equally."""
        share = self.counts / self.counts.sum().clamp(min=1e-9)
        return float((-share * share.clamp(min=1e-12).log()).sum().exp())

    @torch.no_grad()
    def _warm_up(self, rows: Tensor) -> None:
        self.seen.append(rows)
        seen = torch.cat(self.seen)
        if len(seen) < self.warm_up_rows:
            return
        self.seen = []
        centres, counts = k_means(seen, len(self.codebook))
        self.codebook.copy_(centres)
        # As if the counts of a typical batch were the average.
        self.counts.copy_(counts * (len(rows) / len(seen)))
        self.sums.copy_(self.codebook * self.counts[:, None])
        self.ready.fill_(True)

    @torch.no_grad()
    def _follow(self, rows: Tensor, codes: Tensor) -> None:
        counts, sums = gather(rows, codes, len(self.codebook))
        self.counts.lerp_(counts, 1 - self.decay)
        self.sums.lerp_(sums, 1 - self.decay)
        average = self.counts.mean()
        dead = (self.counts < self.dead_share * average).nonzero()[:, 0]
        revived = rows[torch.randint(len(rows), (len(dead),), device=rows.device)]
        # With an average count, so that a revived code has time to get rows.
        self.counts[dead] = average
        self.sums[dead] = revived * average
        total = self.counts.sum()
        smoothed = (self.counts + self.smoothing) / (total + len(self.counts) * self.smoothing) * total
        self.codebook.copy_(self.sums / smoothed[:, None])


class QuantizedPrior(nn.Module):
    """A motion prior with the trainable quantisers of both its codebooks."""

    def __init__(self, prior: MotionPrior, **options):
        """`options` of EmaQuantizer, for both codebooks."""
        super().__init__()
        self.owner = (prior,)  # a tuple, so that the prior does not become a child
        self.top = EmaQuantizer(prior, "codebook_t", **options)
        self.bottom = EmaQuantizer(prior, "codebook_b", **options)

    def forward(self, motion: Tensor) -> tuple[Tensor, Tensor]:
        """Motion (batch, frames, parameters) decoded from its codes, and the commitment loss of both
        codebooks (weight 0.25)."""
        again, _ = self.owner[0](motion, self.top, self.bottom)
        return again, self.top.commitment + self.bottom.commitment


def gather(rows: Tensor, codes: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The number of rows (n, width) of each code, (count,), and their sums, (count, width)."""
    sums = rows.new_zeros(count, rows.shape[1]).index_add_(0, codes, rows)
    return torch.bincount(codes, minlength=count).to(rows.dtype), sums


def k_means(rows: Tensor, count: int, rounds: int = 15) -> tuple[Tensor, Tensor]:
    """Centres (count, width) of rows (n, width), and the number of rows of each; a centre without rows moves
    to one of them."""

    def some(how_many):
        return rows[torch.randperm(len(rows), device=rows.device)[:how_many]]

    centres = some(count)
    for _ in range(rounds):
        counts, sums = gather(rows, nearest_code(rows, centres), count)
        centres = sums / counts.clamp(min=1)[:, None]
        centres[counts == 0] = some(int((counts == 0).sum()))
    return centres, gather(rows, nearest_code(rows, centres), count)[0]
