"""Reads a face file and poses it: linear shapes, then linear blend skinning with all joints."""
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
        self.joint_names = json.loads(metadata["joints"])
        self.joints = tensors["joints"].astype(np.float64)
        self.parents = tensors["parents"]
        self.weights = tensors["skinning_weights"].astype(np.float64)
        self.colors = tensors["colors"] / 255.0
        self.gloss = tensors["gloss"] / 255.0
        self.masks = {name[5:]: index for name, index in tensors.items() if name.startswith("mask.")}

    def pose(self, weights=None, jaw=0.0, turns=None):
        """weights: channel -> value; jaw: jawOpen 0 .. 1; turns: joint -> axis times angle, degrees. Returns
        (V, 3) in metres."""
        vertices = self.template.copy()
        for channel, value in (weights or {}).items():
            vertices += value * self.basis[self.channels.index(channel)].astype(np.float64)
        rotations = {"jaw": np.array([JAW_OPEN * jaw, 0, 0]), **{name: np.radians(turn) for name, turn in (turns or {}).items()}}
        moved = np.zeros_like(vertices)
        movements = []
        for name, pivot, parent, share in zip(self.joint_names, self.joints, self.parents, self.weights.T):
            turn = axis_angle(rotations.get(name, np.zeros(3)))
            shift = pivot - turn @ pivot
            if parent >= 0:
                outer, offset = movements[parent]
                turn, shift = outer @ turn, outer @ shift + offset
            movements.append((turn, shift))
            moved += share[:, None] * (vertices @ turn.T + shift)
        return moved


def axis_angle(rotation):
    """Rotation matrix of an axis times an angle, radians."""
    angle = np.linalg.norm(rotation)
    if angle == 0:
        return np.eye(3)
    x, y, z = rotation / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
