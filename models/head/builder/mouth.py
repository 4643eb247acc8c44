"""The mouth: closed rings from the throat over the lips to the skin around them."""
import numpy as np

from .distance import front_depth
from .proportions import MOUTH_HALF_WIDTH, MOUTH_Y, smoothstep

COLUMNS = 56
OUTER = dict(centre=-0.637, half_width=0.385, up=0.192, down=0.225)

VERMILION = np.array([0, 0.10, 0.28, 0.52, 0.78, 0.93, 1.0])  # contact line -> border
UPPER_BULGE = np.array([-0.016, 0.002, 0.026, 0.038, 0.028, 0.016, 0.006])
LOWER_BULGE = np.array([-0.016, 0.006, 0.034, 0.050, 0.034, 0.012, 0.000])
SKIN_RINGS = np.array([0.10, 0.28, 0.52, 0.76, 1.0])
# x scale, half height, depth behind the contact line
CAVITY = [
    (1.00, 0.010, 0.030),
    (1.05, 0.038, 0.044),
    (1.18, 0.110, 0.058),
    (1.26, 0.165, 0.200),
    (1.18, 0.185, 0.360),
    (0.90, 0.150, 0.520),
    (0.45, 0.080, 0.620),
]


def contact_line(u):
    """Height at which the lips meet; u = -1 .. 1 from corner to corner."""
    return MOUTH_Y + 0.002 - 0.007 * np.exp(-((u / 0.20) ** 2)) + 0.020 * np.abs(u) ** 3


def upper_height(u):
    a = np.abs(u)
    bow = 0.011 * np.exp(-(((a - 0.21) / 0.12) ** 2)) - 0.013 * np.exp(-((u / 0.10) ** 2))
    return 0.087 * np.clip(1 - a**2.6, 0, 1) ** 0.72 + bow


def lower_height(u):
    return 0.102 * np.clip(1 - np.abs(u) ** 3.2, 0, 1) ** 0.80 - 0.011 * np.exp(-((u / 0.24) ** 2))


def angles():
    return 2 * np.pi * np.arange(COLUMNS) / COLUMNS


def patch(solid):
    """Rings (COLUMNS, 3) from the throat outwards and the ring coordinate: < 0 inside, 0 .. 1 lip, 1 .. 2
    skin."""
    angle = angles()
    u = np.cos(angle)
    top = np.sin(angle) >= -1e-9
    corner = np.abs(np.sin(angle)) < 1e-6
    side = np.where(corner, 0.0, np.where(top, 1.0, -1.0))
    line = contact_line(u)
    height = np.where(corner, 0, np.where(top, upper_height(u), lower_height(u)))
    middle = np.clip(1 - u * u, 0, 1) ** 0.5
    contact_z = front_depth(solid, MOUTH_HALF_WIDTH * u, line) - 0.018 * middle**0.5 - 0.010
    rings, coordinate = [], []
    for scale, half_height, depth in CAVITY[::-1]:
        deep = smoothstep(0.15, 0.4, depth) if depth >= 0.15 else 0.0
        z = (contact_z - depth) * (1 - deep) + (contact_z.max() - depth) * deep
        y = line + side * half_height * (0.5 + 0.5 * middle) if depth < 0.3 else MOUTH_Y + half_height * np.sin(angle)
        rings.append(np.stack([MOUTH_HALF_WIDTH * scale * u, y, z], 1))
        coordinate.append(-depth)
    for i, s in enumerate(VERMILION):
        x = (MOUTH_HALF_WIDTH + 0.012 * s) * u
        y = line + side * height * s
        bulge = np.where(top, UPPER_BULGE[i], LOWER_BULGE[i])
        full = middle**1.1
        z = contact_z if i == 0 else front_depth(solid, x, y) + bulge * full - (1 - full) * 0.012 * (1 - s)
        rings.append(np.stack([x, y, z], 1))
        coordinate.append(s)
    border_x, border_y = rings[-1][:, 0], rings[-1][:, 1]
    outer_x = OUTER["half_width"] * np.cos(angle)
    outer_y = OUTER["centre"] + np.where(top, OUTER["up"], OUTER["down"]) * np.sin(angle)
    for r in SKIN_RINGS:
        x, y = border_x + (outer_x - border_x) * r, border_y + (outer_y - border_y) * r
        z = front_depth(solid, x, y) + np.where(top, 0.006, 0.0) * middle * np.exp(-r / 0.12)
        rings.append(np.stack([x, y, z], 1))
        coordinate.append(1 + r)
    return rings, np.array(coordinate), angle


def inside_outer_ring(points):
    """True for the points of the sculpt that the patch replaces."""
    half_height = np.where(points[:, 1] > OUTER["centre"], OUTER["up"], OUTER["down"])
    q = (points[:, 0] / OUTER["half_width"]) ** 2 + ((points[:, 1] - OUTER["centre"]) / half_height) ** 2
    return (q < 1) & (points[:, 2] > 0.45)
