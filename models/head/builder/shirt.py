"""The shirt: rows that revolve about the neck and widen to the shoulders."""
import numpy as np

from .part import Part
from .proportions import NECK_AXIS_Z, NECK_CUT_Y, SHIRT
from .rings import grid

COLUMNS = 28
# height over the neck cut, offset from the neck, extra width at the shoulder, extra depth, shade
ROWS = (
    (0.10, -0.03, 0, 0, 0.55),
    (0.145, 0.012, 0, 0, 0.8),
    (0.15, 0.035, 0, 0, 1.15),
    (0.10, 0.060, 0, 0, 1.15),
    (0.0, 0.072, 0, 0, 1.1),
    (-0.012, 0.066, 0, 0, 0.75),
    (-0.035, 0.090, 0.02, 0.0, 1),
    (-0.10, 0.13, 0.20, 0.0, 1),
    (-0.19, 0.16, 0.48, 0.03, 1),
    (-0.30, 0.19, 0.70, 0.07, 1),
    (-0.46, 0.21, 0.82, 0.11, 1),
    (-0.62, 0.21, 0.86, 0.12, 0.85),
)


def build(neck):
    """neck: the ring of the skin's neck border."""
    angle = 2 * np.pi * np.arange(COLUMNS) / COLUMNS
    around = np.arctan2(neck[:, 0], neck[:, 2] - NECK_AXIS_Z)
    order = np.argsort(around)
    base = np.interp(angle, around[order], np.hypot(neck[:, 0], neck[:, 2] - NECK_AXIS_Z)[order], period=2 * np.pi)
    sn, cs = np.sin(angle), np.cos(angle)
    side = np.abs(sn) ** 1.5
    rows, colors = [], []
    for height, offset, width, depth, shade in ROWS:
        radius = base + offset + width * side + depth * (1 - side)
        tilt = 0.06 * cs * np.clip(1 + height, 0, 1) if height > -0.3 else 0
        rows.append(np.stack([radius * sn, NECK_CUT_Y + height - tilt + 0 * angle, NECK_AXIS_Z + radius * cs], 1))
        colors.append(np.tile(SHIRT * shade, (COLUMNS, 1)))
    vertices = np.concatenate(rows)
    return Part("shirt", vertices, grid(len(rows), COLUMNS, 0, closed=True)[:, [0, 2, 1]], np.concatenate(colors), np.full(len(vertices), 0.12))
