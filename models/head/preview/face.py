"""Reads a face file and poses it: linear shapes, then the jaw."""
import json
import os
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from builder import face_file  # noqa: E402

JAW_OPEN = np.radians(24.0)


class Face:
    def __init__(self, path):
        tensors, metadata = face_file.read(path)
        self.metadata = metadata
        self.channels = json.loads(metadata["channels"])
        self.template = tensors["template"].astype(np.float64)
        self.faces = tensors["faces"].astype(np.int64)
        self.basis = tensors["expression_basis"].astype(np.float32)
        self.joints = tensors["joints"].astype(np.float64)
        self.weights = tensors["skinning_weights"].astype(np.float64)
        self.colors = tensors["colors"] / 255.0
        self.gloss = tensors["gloss"] / 255.0
        self.masks = {name[5:]: index for name, index in tensors.items() if name.startswith("mask.")}

    def pose(self, weights=None, jaw=0.0):
        """weights: channel -> value; jaw: jawOpen 0 .. 1. Returns (V, 3) in metres."""
        vertices = self.template.copy()
        for channel, value in (weights or {}).items():
            vertices += value * self.basis[self.channels.index(channel)].astype(np.float64)
        angle = JAW_OPEN * jaw
        turn = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
        share = self.weights[:, 2:3]
        return vertices * (1 - share) + share * ((vertices - self.joints[2]) @ turn.T + self.joints[2])
