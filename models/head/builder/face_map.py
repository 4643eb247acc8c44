"""Fields over the skin for the shapes: the mouth, the upper lip, the parts that slide on the eyeball."""
import numpy as np

from . import eyelids
from .proportions import EYE, MOUTH_HALF_WIDTH, MOUTH_Y, smoothstep
from .rings import unique_edges
from .skin import EYE_PATCH, MOUTH

WEIGHT_STEPS = 2048  # weights are multiples of 1/2048: half floats from 1/2 to 1 hold these exactly


class FaceMap:
    """Per skin vertex: position, upper-lip weight, mouth weight, jaw weight."""

    def __init__(self, mesh):
        skin = mesh.parts["skin"]
        self.points = mesh.vertices[skin]
        self.faces = mesh.faces[(mesh.faces < skin.stop).all(1)]
        a = mesh.anatomy
        self.angle, self.ring, self.side = a.angle, a.ring, a.side
        self.mouth, self.eye = a.patch == MOUTH, a.patch == EYE_PATCH
        self.x, self.y, self.z = self.points.T
        self.across = np.clip(self.x / MOUTH_HALF_WIDTH, -1.6, 1.6)
        self.upper = self.upper_weight()
        self.near_mouth = self.mouth_weight(0.10)
        self.pout = self.mouth_weight(0.15)  # reaches higher, so that a smile above it makes no ridge
        self.off_lids = np.where(self.eye, smoothstep(0.1, 0.9, self.ring), 1.0)
        self.lip_middle = np.clip(1 - self.across**2, 0, 1)
        self.lip = self.mouth & (self.ring >= 0) & (self.ring <= 1)
        self.jaw = self.jaw_weight()

    def visible(self):
        """Visible skin at rest: no mouth cavity, no lid insides."""
        return ~(self.mouth & (self.ring < -0.02)) & ~(self.eye & (self.ring < 0))

    def upper_weight(self):
        """1 on the upper lip, 0 on the lower one, 1/2 in the corners."""
        sine = np.sin(self.angle)
        by_height = smoothstep(-0.10, 0.10, self.y - MOUTH_Y)
        gain = 1.12 + 1.6 * smoothstep(0.03, 0.15, -self.ring)  # the inner cheeks separate close to the corners
        by_angle = 0.5 + 0.5 * np.sign(sine) * np.clip(np.abs(sine) * gain, 0, 1) ** 0.85
        by_angle = np.where(np.abs(sine) < 1e-6, 0.5, by_angle)
        away = smoothstep(0, 0.9, np.clip(self.ring - 1, 0, 1))
        return np.where(self.mouth, by_angle * (1 - away) + by_height * away, by_height)

    def mouth_weight(self, rise):
        """1 on the lips, fading over the skin, under the nose (within about `rise`) and into the throat."""
        q = np.sqrt((self.x / (MOUTH_HALF_WIDTH + 0.02)) ** 2 + ((self.y - MOUTH_Y) / 0.115) ** 2)
        w = np.exp(-(np.clip(q - 1, 0, 9) ** 2)) * smoothstep(0.2, 0.6, self.z)
        w = w * np.exp(-((np.clip(self.y + 0.53, 0, 1) / rise) ** 2))
        return np.where(self.mouth & (self.ring <= 1), 1 - smoothstep(0.10, 0.5, -self.ring), w)

    def smooth(self, values, free, steps):
        """Averages over neighbours where `free`."""
        edges, _ = unique_edges(self.faces)
        n = len(self.points)
        degree = np.maximum(np.bincount(edges.ravel(), minlength=n), 1)
        for _ in range(steps):
            total = np.bincount(edges[:, 0], values[edges[:, 1]], n) + np.bincount(edges[:, 1], values[edges[:, 0]], n)
            values = np.where(free, 0.4 * values + 0.6 * total / degree, values)
        return values

    def jaw_weight(self):
        """Skinning weight of the jaw: below the line from the ear to the mouth corner, ahead of the ramus,
        above the neck."""
        ear, corner = np.array([-0.30, 0.02]), np.array([MOUTH_Y, 0.93])
        line = corner - ear
        length = np.hypot(*line)
        height = ((self.y - ear[0]) * line[1] - (self.z - ear[1]) * line[0]) / length
        along = ((self.y - ear[0]) * line[0] + (self.z - ear[1]) * line[1]) / length**2
        width = 0.20 - 0.11 * smoothstep(0.5, 1.0, along)
        w = 1 - smoothstep(-width, width, height)
        w *= smoothstep(-0.22, 0.18, self.z + 0.55 * (self.y + 0.5) * (self.y < -0.5))
        w *= smoothstep(-1.28, -1.00, self.y - 0.10 * smoothstep(0.2, 0.5, self.z))
        lower = 1 - self.upper
        deep = smoothstep(0.15, 0.75, -self.ring)
        inner = lower * (1 - deep) + deep * np.clip(lower * 0.8 + 0.1, 0, 1)
        away = smoothstep(0, 1, self.ring - 1)
        w = np.where(self.mouth, np.where(self.ring <= 1, inner, lower * (1 - away) + w * away), w)
        w = np.clip(self.smooth(w, ~(self.mouth & (self.ring <= 1)), 14), 0, 1)
        return np.round(w * WEIGHT_STEPS) / WEIGHT_STEPS

    def slide_lids(self, side, upper=0.0, lower=0.0):
        """Displacement that slides one eye's lid rings over the eyeball (see eyelids.slide)."""
        moved = np.zeros_like(self.points)
        own = self.eye & (self.side == side)
        q = self.points[own] - EYE * [side, 1, 1]
        moved[own] = eyelids.slide(q, self.angle[own], self.ring[own], upper, lower) - q
        return moved
