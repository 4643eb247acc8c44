"""The left ear: its own signed distance, meshed and relaxed."""
import numpy as np

from .distance import capsule, cut, ellipsoid, join, project
from .part import Part
from .proportions import SKIN, rotation
from .remesh import dense_mesh
from .rings import compact
from .sculpt import head

CENTRE = np.array([0.770, -0.045, -0.06])
TURN = rotation("y", -17.0) @ rotation("x", -9) @ rotation("z", -7)


def ear(points):
    """Signed distance in the ear's own axes: outward, up, forward."""
    q = (points - CENTRE) @ TURN
    out, up, forward = q[..., 0], q[..., 1], q[..., 2]
    taper = np.clip(up / 0.25, -1, 1)
    radius = np.sqrt((up / (0.255 + 0.02 * taper)) ** 2 + (forward / (0.150 + 0.022 * taper)) ** 2)
    d = ellipsoid(q, (-0.01, 0, 0), (0.040, 0.255, 0.150))
    helix = np.sqrt(((radius - 0.93) * 0.16) ** 2 + (out - 0.028) ** 2) - 0.027
    helix = cut(helix, up + 0.20 - 0.9 * np.clip(forward, 0, 1), 0.06)
    d = join(d, helix, 0.03)
    d = join(d, ellipsoid(q, (0.012, -0.225, 0.03), (0.032, 0.055, 0.05)), 0.05)  # lobe
    d = cut(d, ellipsoid(q, (0.055, 0.06, -0.01), (0.040, 0.155, 0.085)), 0.025)  # scapha
    d = join(d, capsule(q, (0.015, 0.13, 0.01), (0.02, -0.02, -0.065), 0.020, 0.022), 0.03)  # antihelix
    d = join(d, capsule(q, (0.02, -0.02, -0.065), (0.018, -0.135, -0.01), 0.022, 0.022), 0.03)
    d = cut(d, ellipsoid(q, (0.058, -0.055, 0.015), (0.056, 0.085, 0.058)), 0.025)  # concha
    return join(d, capsule(q, (0.012, -0.02, 0.105), (0.02, -0.085, 0.08), 0.022, 0.024), 0.03)  # tragus


def build(name):
    vertices, faces = dense_mesh(ear, CENTRE - [0.16, 0.36, 0.27], CENTRE + [0.20, 0.36, 0.27], 0.041, 0)
    for _ in range(3):
        vertices = project(ear, 0.4 * vertices + 0.6 * neighbour_mean(vertices, faces), 1)
    outside = head(vertices) > -0.075
    vertices, faces, _ = compact(vertices, faces[outside[faces].any(1)])
    q = (vertices - CENTRE) @ TURN
    hollow = np.exp(-(((q - [0.0, -0.055, 0.015]) / [0.035, 0.10, 0.07]) ** 2).sum(1))
    colors = SKIN * (np.array([1.0, 0.955, 0.94]) - 0.32 * hollow[:, None] * np.array([0.8, 1, 1]))
    return Part(name, vertices, faces, colors, np.full(len(vertices), 0.22))


def neighbour_mean(vertices, faces):
    total, count = np.zeros_like(vertices), np.zeros(len(vertices))
    for a, b in ((0, 1), (1, 2), (2, 0)):
        np.add.at(total, faces[:, a], vertices[faces[:, b]])
        np.add.at(total, faces[:, b], vertices[faces[:, a]])
        count += np.bincount(faces[:, a], minlength=len(vertices)) + np.bincount(faces[:, b], minlength=len(vertices))
    return total / count[:, None]
