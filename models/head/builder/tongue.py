"""The tongue: rings from the root to the tip."""
import numpy as np

from .part import Part
from .proportions import MOUTH_Y, TONGUE, smoothstep
from .rings import fan, grid

RINGS, COLUMNS = 13, 14


def build():
    t = np.linspace(0, np.pi, RINGS + 2)[1:-1]
    angle = 2 * np.pi * np.arange(COLUMNS) / COLUMNS
    ca, sa = np.cos(angle), np.sin(angle)
    rings = []
    for ti in t:
        along = -np.cos(ti)
        width, height = 0.176 * np.sin(ti) ** 0.55, 0.040 * np.sin(ti) ** 0.7
        y = height * np.sign(sa) * np.abs(sa) ** 0.9 + 0.026 * (1 - along**2)
        y = y - 0.016 * np.exp(-((ca / 0.22) ** 2)) * (sa > 0)
        rings.append(np.stack([width * ca, MOUTH_Y - 0.150 + y, 0.485 + 0.325 * along + 0 * angle], 1))
    root, tip = rings[0].mean(0, keepdims=True), rings[-1].mean(0, keepdims=True) + [[0, 0, 0.006]]
    vertices = np.concatenate([root] + rings + [tip])
    last = len(vertices) - 1
    faces = np.concatenate([fan(0, 1, COLUMNS, flip=True), grid(RINGS, COLUMNS, 1, closed=True), fan(last, last - COLUMNS, COLUMNS)])
    colors = np.tile(TONGUE, (len(vertices), 1)) * (1 - 0.45 * smoothstep(0.75, 0.3, vertices[:, 2:3]))
    return Part("tongue", vertices, faces, colors, np.full(len(vertices), 0.5))
