"""The left eye's upper lashes: a wedge along the lid margin that ends in points."""
import numpy as np

from . import eyelids
from .part import Part
from .proportions import EYE, EYE_RADIUS, HAIR, smoothstep
from .rings import grid

COLUMNS = 21
FIRST, LAST = np.radians(4), np.radians(158)  # along the lid, from the outer corner
LENGTH = 0.046


def angles():
    """Lid angle of each vertex: the lashes turn with the lid at this angle."""
    return np.tile(np.linspace(FIRST, LAST, COLUMNS), 3)


def build(name):
    """Rows: under the margin, tips, on the lid; winding outwards."""
    angle = np.linspace(FIRST, LAST, COLUMNS)
    x, y = eyelids.opening(angle)
    outward = direction(x, y)
    outer = smoothstep(LAST, np.radians(60), angle)
    point = np.where(np.arange(COLUMNS) % 2 == 0, 1.0, 0.72)
    length = LENGTH * (0.30 + 0.70 * outer) * point * smoothstep(FIRST - 0.12, FIRST + 0.25, angle)
    sweep = np.stack([0.55 * np.cos(angle), 0.62 + 0 * angle, 0.62 + 0 * angle], 1)
    sweep /= np.linalg.norm(sweep, axis=1, keepdims=True)
    lower = outward * EYE_RADIUS * 1.030 - [0, 0.004, 0]
    upper = direction(x, y + 0.009) * EYE_RADIUS * (eyelids.LID_RADIUS + 0.004)
    tips = outward * EYE_RADIUS * (eyelids.LID_RADIUS + 0.02) + sweep * length[:, None]
    vertices = np.concatenate([lower, tips, upper]) + EYE
    return Part(name, vertices, grid(3, COLUMNS)[:, ::-1], np.tile(HAIR * 0.36, (len(vertices), 1)), np.full(len(vertices), 0.2))


def direction(x, y):
    d = np.stack([x, y, eyelids.on_sphere(x, y, EYE_RADIUS)], 1)
    return d / np.linalg.norm(d, axis=1, keepdims=True)
