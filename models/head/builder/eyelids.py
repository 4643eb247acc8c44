"""The eyelids: closed rings from behind the lid margin over the lid to the skin around the eye (left eye)."""
import numpy as np

from .distance import front_depth
from .proportions import EYE, EYE_RADIUS, smoothstep

COLUMNS = 40
INNER, OUTER, UP, DOWN = 0.166, 0.184, 0.083, 0.066  # the opening, from the eye's centre
LID_RADIUS = 1.085  # of the eyeball
CLOSED_LID_RADIUS = 1.15
MARGIN_ANGLE = np.radians(1.8)  # the margins lie a little beyond the opening, also in the corners
OPENING_RECEDES = 0.3  # share of the way along the eyeball: a raised lid keeps a little distance, so that it can also blink
RING = dict(centre=(0.008, 0.014), inner=0.228, outer=0.265, up=0.178, down=0.185)
HIDDEN_RINGS = (
    # beyond the opening, radius over the eyeball's, ring coordinate
    (0.055, 0.985, -3),
    (0.030, 1.000, -2),
    (0.003, 1.010, -1),
    (0.000, 1.055, -0.5),
    (0.004, LID_RADIUS - 0.012, 0),
    (0.018, LID_RADIUS, 0.15),
)
SKIN_RINGS = (0.22, 0.40, 0.60, 0.80, 1.0)


def opening(angle):
    """Lid margin (x, y) from the eye's centre; angle 0 = outer corner, pi = inner corner."""
    c, s = np.cos(angle), np.sin(angle)
    x = np.where(c > 0, OUTER, INNER) * c
    k = np.abs(s) ** 1.4
    y = np.where(s >= 0, UP * k * (1 - 0.10 * c), -DOWN * k * (1 + 0.18 * c))
    return x, y + 0.016 * c - 0.004


def on_sphere(x, y, radius):
    return np.sqrt(np.maximum(radius * radius - x * x - y * y, (0.35 * radius) ** 2))


def patch(solid):
    """Rings (COLUMNS, 3) outwards and the ring coordinate: < 0 behind the margin, 0 margin, 1 skin."""
    angle = 2 * np.pi * np.arange(COLUMNS) / COLUMNS
    x0, y0 = opening(angle)
    top = np.sin(angle) > 1e-9
    outward = np.stack([np.cos(angle) * 0.75, np.sin(angle)], 1)
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    rings, coordinate = [], []
    for beyond, radius, s in HIDDEN_RINGS:
        x, y = x0 + outward[:, 0] * beyond, y0 + outward[:, 1] * beyond
        direction = np.stack([x, y, on_sphere(x, y, EYE_RADIUS)], 1)
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        rings.append(direction * EYE_RADIUS * radius + EYE)
        coordinate.append(s)
    last = HIDDEN_RINGS[-1][0]
    edge_x, edge_y = x0 + outward[:, 0] * last, y0 + outward[:, 1] * last
    outer_x, outer_y = outer_ring(angle)
    for r in SKIN_RINGS:
        x, y = edge_x + (outer_x - edge_x) * r, edge_y + (outer_y - edge_y) * r
        skin_z = front_depth(solid, EYE[0] + x, EYE[1] + y)
        lid_z = EYE[2] + on_sphere(x, y, EYE_RADIUS * LID_RADIUS)
        w = np.where(top, smoothstep(0.15, 0.7, r), smoothstep(0.0, 0.6, r))
        w = np.maximum(w, np.abs(np.cos(angle)) ** 4 * smoothstep(0, 0.35, r)) if r < 1 else 1.0
        fold = np.where(top, 0.016, 0.008) * np.exp(-(((r - 0.42) / 0.13) ** 2)) * np.abs(np.sin(angle)) ** 0.7
        rings.append(np.stack([EYE[0] + x, EYE[1] + y, lid_z * (1 - w) + skin_z * w - fold], 1))
        coordinate.append(0.15 + 0.85 * r)
    return rings, np.array(coordinate), angle


def outer_ring(angle):
    c, s = np.cos(angle), np.sin(angle)
    x = RING["centre"][0] + np.where(c > 0, RING["outer"], RING["inner"]) * c
    y = RING["centre"][1] + np.where(s > 1e-9, RING["up"], RING["down"]) * s
    return x, y


def inside_outer_ring(points):
    """True for the points of the sculpt that the left eye's patch replaces."""
    x, y = points[:, 0] - EYE[0] - RING["centre"][0], points[:, 1] - EYE[1] - RING["centre"][1]
    q = (x / np.where(x > 0, RING["outer"], RING["inner"])) ** 2 + (y / np.where(y > 0, RING["up"], RING["down"])) ** 2
    return (q < 1) & (points[:, 2] > 0.3)


def slide(points, angle, ring, upper, lower):
    """Turns lid points (about the eye's centre) over the eyeball.

    The amounts are fractions of the opening: upper < 0 and lower > 0 close it. A closing lid flattens its
    fold.
    """

    def elevation(t):
        x, y = opening(t)
        return np.arctan2(y, on_sphere(x, y, EYE_RADIUS))

    top = np.sin(angle) > 1e-9
    gap = elevation(np.where(top, angle, -angle)) - elevation(np.where(top, -angle, angle)) + MARGIN_ANGLE
    fade = 1 - smoothstep(0.15, 0.95, ring)
    turned = np.arctan2(points[:, 1], points[:, 2]) + np.where(top, upper, lower) * gap * fade
    radius = np.hypot(points[:, 1], points[:, 2])
    closing = np.where(top, -upper, lower)
    closed = EYE_RADIUS * np.where(ring < -0.2, CLOSED_LID_RADIUS - 0.02, CLOSED_LID_RADIUS)
    over_eye = np.sqrt(np.maximum(closed**2 - points[:, 0] ** 2, 0))
    unrolled = np.maximum(radius, radius + (over_eye - radius) * np.clip(closing, 0, 1) * fade)
    radius = np.where((ring > -0.6) & (ring < 0.8) & (closing > 0), unrolled, radius)
    z = radius * np.cos(turned)
    z = np.where(closing < 0, points[:, 2] + OPENING_RECEDES * (z - points[:, 2]), z)
    return np.stack([points[:, 0], radius * np.sin(turned), z], 1)
