"""The shirt: rows that revolve about the neck and widen to the shoulders."""
import numpy as np

from .part import Part
from .proportions import NECK_AXIS_Z, NECK_CUT_Y, SHIRT
from .rings import grid

COLUMNS = 32
# height over the neck cut, offset from the neck, extra width at the shoulder, extra depth, shade
ROWS = (
    (0.10, -0.03, 0, 0, 0.55),
    (0.145, 0.012, 0, 0, 0.8),
    (0.15, 0.035, 0, 0, 1.15),
    (0.11, 0.058, 0, 0, 1.15),
    (0.0, 0.072, 0, 0, 1.1),
    (-0.012, 0.066, 0, 0, 0.75),
    (-0.03, 0.085, 0.0, 0.0, 1),
    (-0.09, 0.12, 0.12, 0.0, 1),
    (-0.17, 0.15, 0.38, 0.02, 1),
    (-0.26, 0.17, 0.62, 0.05, 1),
    (-0.38, 0.19, 0.76, 0.09, 1),
    (-0.52, 0.21, 0.80, 0.11, 1),
    (-0.60, 0.20, 0.80, 0.11, 0.9),
    (-0.62, 0.12, 0.74, 0.06, 0.7),
    (-0.62, -0.3, 0.0, 0, 0.6),
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
