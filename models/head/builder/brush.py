"""A brush that collects the displacement of one shape; for the subject's right side it mirrors the shape."""
import numpy as np

from .proportions import MOUTH_Y, smoothstep


class Brush:
    """side: +1 / -1 for one half of the face, 0 for both (then x keeps its sign)."""

    def __init__(self, face_map, side):
        self.map = face_map
        self.sign = -1.0 if side < 0 else 1.0
        self.side = side
        self.lids = []
        self.moved = np.zeros_like(face_map.points)
        self.x = face_map.x * self.sign  # as if the shape were on the left
        self.half = smoothstep(-0.07, 0.07, self.x)

    def add(self, weight, vector):
        """Moves by weight * (outwards, up, forward)."""
        self.moved += np.asarray(weight)[:, None] * np.asarray(vector, float) * [self.sign, 1, 1]

    def slide_lids(self, **amounts):
        """upper, lower: see eyelids.slide; the amounts are kept, because the lashes move with the upper lid."""
        self.lids.append(amounts)
        self.moved += self.map.slide_lids(self.sign, **amounts)

    def spot(self, centre, radius):
        """Gaussian in the front view, on the face only."""
        m = self.map
        q = ((self.x - centre[0]) / radius[0]) ** 2 + ((m.y - centre[1]) / radius[1]) ** 2
        return np.exp(-q) * smoothstep(0.15, 0.45, m.z)

    @property
    def shallow(self):
        """1 outside the mouth, fading into the throat."""
        m = self.map
        return np.where(m.mouth & (m.ring < 0), 1 - smoothstep(0.15, 0.6, -m.ring), 1.0)

    @property
    def lip_height(self):
        """Height over the contact line, equal across the lip's cross-section, so that closed lips stay
        closed."""
        m = self.map
        return (m.y - MOUTH_Y) * np.where(m.mouth, smoothstep(0.6, 2, m.ring), 1.0)

    @property
    def corner(self):
        """The mouth corner and the skin around it."""
        t = np.clip(self.x, 0, 9) / 0.25
        w = 1.2 * t**2 / np.sqrt(1 + t**4) * np.exp(-((np.clip(self.x - 0.28, 0, 9) / 0.17) ** 2))
        return w * np.exp(-((self.lip_height / 0.15) ** 2)) * smoothstep(0.2, 0.5, self.map.z) * self.shallow

    @property
    def upper_lip(self):
        return self.map.upper * self.map.near_mouth

    @property
    def lower_lip(self):
        return (1 - self.map.upper) * self.map.near_mouth
