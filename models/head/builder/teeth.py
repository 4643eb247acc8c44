"""The two rows of teeth with their gums."""
import numpy as np

from .part import Part
from .proportions import GUM, MOUTH_Y, TOOTH
from .rings import grid

PER_TOOTH = 4
# height (of the crown, from the edge), offset outwards, colour, how much the tooth's bulge shows
ROWS = (
    (1.90, -0.030, GUM, 0.0),
    (1.35, 0.006, GUM, 0.2),
    (1.02, 0.006, GUM * 0.92, 0.5),
    (0.93, 0.000, TOOTH * 0.86, 1.0),
    (0.55, 0.010, TOOTH, 1.0),
    (0.12, 0.006, TOOTH, 1.0),
    (0.00, -0.008, TOOTH * 0.98, 0.8),
    (0.05, -0.035, TOOTH * 0.9, 0.2),
    (1.00, -0.065, TOOTH * 0.7, 0.0),
    (1.90, -0.075, GUM * 0.8, 0.0),
)


def build(name, upper):
    count = 12 if upper else 10
    n = count * PER_TOOTH + 1
    along = np.linspace(-1, 1, n) * (1.0 if upper else 0.80)
    theta = along * np.radians(78)
    half_width, front, depth = (0.235, 0.886, 0.27) if upper else (0.218, 0.852, 0.26)
    x = half_width * np.sin(theta) / np.sin(np.radians(78))
    z = front - depth * (1 - np.cos(theta))
    bulge = np.sin(np.pi * (np.arange(n) % PER_TOOTH) / PER_TOOTH) ** 0.5
    back = np.abs(along)
    crown = 0.092 * (1 - 0.18 * back) if upper else 0.078 * (1 - 0.1 * back)
    edge = MOUTH_Y - 0.040 + 0.014 * back if upper else MOUTH_Y - 0.038 - 0.040 * back**3
    sign = -1 if upper else 1  # from the gum to the edge
    rows, colors = [], []
    for height, offset, color, shows in ROWS:
        out = offset + 0.012 * (bulge - 1) * shows
        lift = 0.012 * bulge if 0.9 < height < 1.1 else 0
        notch = 0.008 * (1 - bulge) if height < 0.1 else 0
        rows.append(np.stack([x + out * np.sin(theta), edge - sign * (crown * height + lift + notch), z + out * np.cos(theta)], 1))
        gap = 1 - 0.10 * (1 - bulge) * (shows > 0.4)
        colors.append(np.tile(color, (n, 1)) * gap[:, None] * (1 - 0.72 * back**2)[:, None])
    faces = grid(len(rows), n)
    gloss = np.where(np.repeat([0, 0, 0, 1, 1, 1, 1, 1, 1, 0], n), 0.5, 0.3)
    return Part(name, np.concatenate(rows), faces[:, ::-1] if upper else faces, np.concatenate(colors), gloss)
