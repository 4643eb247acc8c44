"""The operations of the network over (batch, rows, channels): the twin of the operations of `src/tensor`."""

import functools
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LAYER_NORM_EPS = 1e-5


class Conv(nn.Module):
    """A convolution over rows; `padding` rows before and after, zeros or copies of the outermost
    ("replicate")."""

    def __init__(self, inputs, out, kernel, stride=1, groups=1, padding=(0, 0), mode="constant", bias=True):
        super().__init__()
        like = nn.Conv1d(inputs, out, kernel, stride, groups=groups, bias=bias)
        self.weight, self.bias = like.weight, like.bias
        self.stride, self.groups, self.padding, self.mode = stride, groups, padding, mode

    def forward(self, x: Tensor) -> Tensor:
        if self.weight.shape[2] == self.stride == self.groups == 1:
            return F.linear(x, self.weight[:, :, 0], self.bias)
        x = x.transpose(1, 2)
        if any(self.padding):
            x = F.pad(x, self.padding, mode=self.mode)
        return F.conv1d(x, self.weight, self.bias, self.stride, groups=self.groups).transpose(1, 2)


class ConvTranspose(nn.Module):
    """A transposed convolution of stride 2 that doubles the rows."""

    def __init__(self, inputs, out, kernel, padding, output_padding):
        super().__init__()
        like = nn.ConvTranspose1d(inputs, out, kernel, 2, padding, output_padding)
        self.weight, self.bias = like.weight, like.bias
        self.padding, self.output_padding = padding, output_padding

    def forward(self, x: Tensor) -> Tensor:
        x = x.transpose(1, 2)
        x = F.conv_transpose1d(x, self.weight, self.bias, 2, self.padding, self.output_padding)
        return x.transpose(1, 2)


class Positional(Conv):
    """A grouped convolution that keeps the rows; an even kernel reaches one row further back than ahead."""

    def __init__(self, width, kernel, groups):
        super().__init__(width, width, kernel, groups=groups, padding=(kernel // 2, (kernel - 1) // 2))


class TimeNorm(nn.Module):
    """Each channel to mean 0 and variance 1 over the rows: `GroupNorm(channels, channels)`."""

    def __init__(self, channels):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        return F.group_norm(x.float().transpose(1, 2), x.shape[2], self.weight, self.bias, 1e-5).transpose(1, 2)


class TransformerLayer(nn.Module):
    """Post-norm: `x = norm1(x + attention(x)); norm2(x + feed_forward(x))`. `mask` as for `attention`."""

    def __init__(self, width, heads, feed_forward, activation, dropout):
        super().__init__()
        self.heads, self.activation, self.dropout = heads, activation, dropout
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.norm1 = nn.LayerNorm(width, LAYER_NORM_EPS)
        self.up = nn.Linear(width, feed_forward)
        self.down = nn.Linear(feed_forward, width)
        self.norm2 = nn.LayerNorm(width, LAYER_NORM_EPS)

    def forward(self, x: Tensor, mask: "Tensor | str | None" = None) -> Tensor:
        drop = functools.partial(F.dropout, p=self.dropout, training=self.training)
        x = self.norm1(x + drop(self.out(self.attention(x, mask))))
        return self.norm2(x + drop(self.down(self.activation(self.up(x)))))

    def attention(self, x: Tensor, mask) -> Tensor:
        """`mask`: None, ITSELF, True where a pair may see each other, or the term that is added to the scores
        of a head."""
        batch, rows, width = x.shape
        if mask is ITSELF:
            # The softmax over a single row is 1, so q and k do not matter.
            return F.linear(x, self.qkv.weight[2 * width :], self.qkv.bias[2 * width :])
        q, k, v = self.qkv(x).view(batch, rows, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        if mask is not None and mask.dtype != torch.bool:
            mask = mask.to(q.dtype)
        if torch.is_grad_enabled() and q.device.type == "cpu":
            y = plain_attention(q, k, v, mask)
        else:
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return y.transpose(1, 2).reshape(batch, rows, width)


def plain_attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    """The computation of `scaled_dot_product_attention`; on a CPU, forward and backward together take a third
    of its time."""
    scores = q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf) if mask.dtype == torch.bool else scores + mask
    return scores.softmax(-1).to(v.dtype) @ v


class Transformer(nn.ModuleList):
    """Several layers with one mask."""

    def __init__(self, width, config, activation, dropout):
        layer = (width, config.heads, config.feed_forward, activation, dropout)
        super().__init__(TransformerLayer(*layer) for _ in range(config.layers))

    def forward(self, x: Tensor, mask=None) -> Tensor:
        for layer in self:
            x = layer(x, mask)
        return x


ITSELF = "each row sees itself alone"


def window_mask(reach: int, rows: int, device) -> "Tensor | str":
    """A mask for rows that see only rows less than `reach` away."""
    return ITSELF if reach == 1 else _window(reach, rows, device)


@functools.lru_cache(maxsize=64)
def _window(reach, rows, device):
    # The kept mask must not be an inference tensor: training may use it later.
    with torch.inference_mode(False):
        at = torch.arange(rows, device=device)
        return (at[:, None] - at[None, :]).abs() < reach


def slopes(heads: int) -> list[float]:
    """ALiBi's slopes: a geometric series; a number that is no power of two takes slopes of the next larger
    power."""

    def geometric(count):
        return [2.0 ** (-8.0 * i / count) for i in range(1, count + 1)]

    smaller = 1 << (heads.bit_length() - 1)
    return (geometric(smaller) + geometric(2 * smaller)[::2])[:heads]


def distance_mask(slopes: Tensor, free_rows: int, rows: int) -> Tensor:
    """`-slope * |i - j|` for every head, 0 to and from the first `free_rows`: (1, heads, rows, rows)."""
    at = torch.arange(rows, device=slopes.device)
    free = (at[:, None] < free_rows) | (at[None, :] < free_rows)
    distance = (at[:, None] - at[None, :]).abs().masked_fill(free, 0)
    return -slopes[None, :, None, None] * distance


def normalize_samples(samples: Tensor, eps: float) -> Tensor:
    """Each clip of (batch, samples) to mean 0 and variance 1."""
    return F.layer_norm(samples.float(), samples.shape[1:], eps=eps)


def resample_linear(x: Tensor, rows: int) -> Tensor:
    """Linear interpolation to `rows` rows; the first and the last row are kept."""
    return F.interpolate(x.transpose(1, 2), rows, mode="linear", align_corners=True).transpose(1, 2)


def stack_frames(x: Tensor, count: int) -> Tensor:
    """`count` consecutive rows become one."""
    return x.reshape(x.shape[0], x.shape[1] // count, -1)


def l2_normalize(x: Tensor) -> Tensor:
    return x / (x.norm(dim=-1, keepdim=True) + 1e-8)


def sinusoidal_table(rows: int, width: int) -> Tensor:
    """`sin(t f_k)` in even, `cos(t f_k)` in odd columns, `f_k = 10000^(-2k / width)`; all in f32, as
    published."""
    factor = torch.tensor(-math.log(10_000.0) / width, dtype=torch.float32)
    frequency = (torch.arange(0, width, 2, dtype=torch.float32) * factor).exp()
    angle = torch.arange(rows, dtype=torch.float32)[:, None] * frequency
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1)
