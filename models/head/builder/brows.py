"""The left eyebrow: a raised strip on the brow ridge."""
import numpy as np

from .distance import front_depth
from .part import Part
from .proportions import HAIR
from .rings import grid
from .sculpt import head

COLUMNS, ROWS = 24, 4


def build(name):
    t = np.linspace(0, 1, COLUMNS)
    x = 0.105 + 0.425 * t
    y = 0.240 + 0.058 * np.sin(np.pi * np.clip(t * 0.78, 0, 1) ** 1.25) - 0.030 * t**3 + 0.016 * (1 - t) ** 3
    half = 0.037 * (1 - 0.72 * t**1.9) * np.clip(t / 0.14 + 0.35, 0, 1) ** 0.7
    tx, ty = np.gradient(x), np.gradient(y)
    length = np.hypot(tx, ty)
    rows = []
    for across in np.linspace(-1, 1, ROWS):
        px, py = x - ty / length * half * across, y + tx / length * half * across
        rise = 0.013 * (1 - across * across) ** 0.7 * np.clip(np.minimum(t / 0.06, (1 - t) / 0.1), 0, 1) - 0.004
        rows.append(np.stack([px, py, front_depth(head, px, py) + rise], 1))
    vertices = np.concatenate(rows)
    shade = 1 + 0.09 * np.sin(np.tile(np.arange(COLUMNS), ROWS) * 2.5 + np.repeat(np.arange(ROWS), COLUMNS) * 1.3)
    return Part(name, vertices, grid(ROWS, COLUMNS), np.tile(HAIR * 0.72, (len(vertices), 1)) * shade[:, None], np.full(len(vertices), 0.15))
