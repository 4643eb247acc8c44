"""Growth, thickness and combing direction of the hair."""
import numpy as np
from scipy.interpolate import PchipInterpolator

from .distance import gradient
from .proportions import smoothstep
from .sculpt import head

PARTING_X = -0.20  # a side parting on the subject's right
# height -> how far forward (z) hair grows, seen from the side
HAIRLINE = np.array(
    [
        (-0.80, -0.25),
        (-0.45, -0.22),
        (-0.26, -0.16),
        (-0.16, -0.04),
        (-0.10, 0.12),
        (-0.03, 0.21),
        (0.08, 0.30),
        (0.20, 0.375),
        (0.33, 0.47),
        (0.46, 0.56),
        (0.57, 0.655),
        (0.68, 0.80),
        (0.88, 1.02),
        (1.20, 1.30),
    ]
)


_FORWARD = PchipInterpolator(*HAIRLINE.T)


def growth(points):
    """> 0 where hair grows, < 0 on the face, the nape and around the ears (decimetres, roughly a distance)."""
    x, y, z = np.abs(points[..., 0]), points[..., 1], points[..., 2]
    f = _FORWARD(np.clip(y, HAIRLINE[0, 0], HAIRLINE[-1, 0])) - z
    f = np.minimum(f, 0.9 * (y + 0.66) + 0.10 * x)  # nape
    ear = 0.20 * (np.sqrt(((y + 0.05) / 0.27) ** 2 + ((z + 0.07) / 0.19) ** 2) - 1)
    return np.minimum(f, ear + 2.0 * smoothstep(0.45, 0.2, x))


def thickness(points):
    """Height of the hair over the skin; negative outside the hairline."""
    y, z = points[..., 1], points[..., 2]
    f = growth(points)
    top = smoothstep(0.35, 0.95, y)
    full = 0.065 + 0.070 * top + 0.085 * np.exp(-(((z - 0.60) / 0.32) ** 2)) * top - 0.025 * smoothstep(0.2, -0.5, y)
    return np.where(f > 0, full * smoothstep(0.0, 0.20, f) ** 0.75, -0.35 * np.minimum(-f, 0.3)) - 0.012


def combing(points):
    """Unit tangent along which the hair lies: from the parting to the sides, backwards, and down at the back."""
    x, y, z = points[..., 0], points[..., 1], points[..., 2]
    sideways = np.tanh((x - PARTING_X) / 0.10) * (0.30 + 0.30 * smoothstep(-0.5, 0.4, z)) * smoothstep(0.2, 0.8, y)
    back = -1.0
    down = -0.25 + 0.25 * smoothstep(0.2, 0.5, z) - 0.90 * smoothstep(0.1, -0.6, z) * smoothstep(1.0, 0.3, y)
    flow = np.stack([sideways, down * np.ones_like(x), back * np.ones_like(x)], -1)
    normal = gradient(head, points)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    flow = flow - (flow * normal).sum(-1, keepdims=True) * normal
    return flow / np.maximum(np.linalg.norm(flow, axis=-1, keepdims=True), 1e-6), normal
