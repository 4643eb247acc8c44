"""The two rows of teeth with their gums."""
import numpy as np

from .part import Part
from .proportions import GUM, MOUTH_Y, TOOTH, smoothstep
from .rings import grid

PER_TOOTH = 4
# height (of the crown, from the edge), offset outwards, colour, visibility of the tooth's bulge
ROWS = (
    (1.80, -0.020, GUM, 0.0),
    (1.30, 0.006, GUM, 0.2),
    (1.00, 0.004, GUM * 0.92, 0.5),
    (0.92, 0.000, TOOTH * 0.88, 1.0),
    (0.50, 0.010, TOOTH, 1.0),
    (0.10, 0.006, TOOTH, 1.0),
    (0.00, -0.010, TOOTH * 0.98, 0.8),
    (0.06, -0.040, TOOTH * 0.88, 0.2),
    (1.60, -0.070, GUM * 0.7, 0.0),
)


def build(name, upper):
    count = 12 if upper else 10
    n = count * PER_TOOTH + 1
    along = np.linspace(-1, 1, n) * (1.0 if upper else 0.92)
    theta = along * np.radians(78)
    half_width, front, depth = (0.264, 0.908, 0.30) if upper else (0.250, 0.890, 0.30)
    x = half_width * np.sin(theta) / np.sin(np.radians(78))
    z = front - depth * (1 - np.cos(theta)) ** 1.25
    bulge = np.sin(np.pi * (np.arange(n) % PER_TOOTH) / PER_TOOTH) ** 0.5
    back = np.abs(along)
    crown = 0.092 * (1 - 0.18 * back) if upper else 0.078 * (1 - 0.1 * back)
    edge = MOUTH_Y - 0.040 + 0.014 * back if upper else MOUTH_Y - 0.038 - 0.050 * back**2.5
    lit = 1 - 0.62 * back**2.5 if upper else 1 - 0.80 * smoothstep(0.30, 0.95, back)  # the cheeks' shadow
    sign = -1 if upper else 1  # from the gum to the edge
    rows, colors = [], []
    for height, offset, color, shows in ROWS:
        out = offset + 0.012 * (bulge - 1) * shows
        lift = 0.012 * bulge if 0.9 < height < 1.1 else 0
        notch = 0.008 * (1 - bulge) if height < 0.1 else 0
        rows.append(np.stack([x + out * np.sin(theta), edge - sign * (crown * height + lift + notch), z + out * np.cos(theta)], 1))
        gap = 1 - 0.10 * (1 - bulge) * (shows > 0.4)
        colors.append(np.tile(color, (n, 1)) * gap[:, None] * lit[:, None])
    faces = grid(len(rows), n)
    gloss = np.where(np.repeat([0, 0, 0, 1, 1, 1, 1, 1, 0], n), 0.5, 0.3)
    return Part(name, np.concatenate(rows), faces[:, ::-1] if upper else faces, np.concatenate(colors), gloss)
