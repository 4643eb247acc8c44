"""A piece of the head: vertices (n, 3), triangles, sRGB colours 0 .. 1 and gloss 0 .. 1."""
from dataclasses import dataclass

import numpy as np

from .proportions import MIRROR


@dataclass
class Part:
    name: str
    vertices: np.ndarray
    faces: np.ndarray
    colors: np.ndarray
    gloss: np.ndarray

    def moved(self, name, offset):
        return Part(name, self.vertices + offset, self.faces, self.colors, self.gloss)

    def mirrored(self, name):
        return Part(name, self.vertices * MIRROR, self.faces[:, ::-1], self.colors, self.gloss)
