"""The skin: the remeshed sculpt with the mouth and lid patches joined to it, and its colours."""
from dataclasses import dataclass

import numpy as np

from . import eyelids, mouth
from .hair_field import growth
from .part import Part
from .proportions import HAIR, INNER_CHEEK, LIP, MIRROR, NECK_AXIS_Z, NECK_CUT_Y, SKIN, THROAT, bump, smoothstep
from .remesh import dense_mesh, midline, resample, symmetric_mesh
from .distance import project
from .rings import fan, ring_strip, unique_edges
from .sculpt import NOSTRIL, head

NECK_COLUMNS = 36
PLAIN, MOUTH, EYE_PATCH = 0, 1, 2


@dataclass
class Anatomy:
    """Properties of each skin vertex for the rig."""

    patch: np.ndarray  # PLAIN, MOUTH or EYE_PATCH
    angle: np.ndarray  # around the patch
    ring: np.ndarray  # the patch's ring coordinate
    side: np.ndarray  # +1 left eye, -1 right eye, else 0


def spacing(points):
    """Wanted edge length: fine on the face, finer on the nose."""
    x, y, z = np.abs(points[:, 0]), points[:, 1], points[:, 2]
    q = np.stack([x, y, z], 1)
    face = smoothstep(-0.50, 0.15, z) * smoothstep(-1.28, -1.02, y) * (1 - smoothstep(0.40, 0.70, y))
    scalp = smoothstep(0.2, 0.5, y) * smoothstep(0.25, 0.0, z)
    h = (0.160 + 0.060 * scalp) * (1 - face) + 0.0625 * face
    h = h * (1 - 0.25 * bump(q, (0.25, 0.0, 0.8), (0.35, 0.45, 0.4)))
    nose = np.maximum(bump(q, (0, -0.30, 1.0), (0.17, 0.13, 0.2)), 0.6 * bump(q, (0, -0.1, 1.0), (0.15, 0.25, 0.3)))
    return h * (1 - nose) + 0.021 * nose


def neck_ring():
    angle = 2 * np.pi * np.arange(NECK_COLUMNS) / NECK_COLUMNS
    centre = np.array([0, NECK_CUT_Y, NECK_AXIS_Z])
    direction = np.stack([np.sin(angle), 0 * angle, np.cos(angle)], 1)
    radius = np.full(NECK_COLUMNS, 0.9)
    for _ in range(40):
        radius -= 0.8 * head(centre + direction * radius[:, None])
    return centre + direction * radius[:, None]


def midline_pins(low, high, top_lip, chin_lip, neck):
    """Samples on the midline: over the head from the upper lip to the nape, and from the lower lip down the
    throat."""
    line = midline(head, low, high)
    if np.linalg.norm(line[0] - line[-1]) < 0.05:
        line = np.roll(line[:-1], -np.argmin(line[:, 1]), 0)
    nearest = lambda point: np.argmin(np.linalg.norm(line - point, axis=1))
    arcs = []
    for start, end in ((top_lip, neck[NECK_COLUMNS // 2]), (chin_lip, neck[0])):
        a, b = sorted((nearest(start), nearest(end)))
        arcs.append(resample(line[a : b + 1], spacing)[1:-1])
    pins = project(head, np.concatenate(arcs), 2)
    pins[:, 0] = 0
    return pins


def build():
    """Returns (vertices, faces, Anatomy, neck ring)."""
    low, high = (-0.10, -1.60, -1.2), (1.0, 1.25, 1.3)
    dense, dense_faces = dense_mesh(head, low, high, 0.024, 1)
    mouth_rings, mouth_s, mouth_angle = mouth.patch(head)
    eye_rings, eye_s, eye_angle = eyelids.patch(head)
    blocked = mouth.inside_outer_ring(dense) | eyelids.inside_outer_ring(dense) | (dense[:, 1] < NECK_CUT_Y)
    neck = neck_ring()
    lips, lids = mouth_rings[-1], eye_rings[-1]
    nm, ne = mouth.COLUMNS, eyelids.COLUMNS
    middle = midline_pins(low, high, lips[nm // 4], lips[3 * nm // 4], neck)
    pins = np.concatenate([lips, lids, lids * MIRROR, neck, middle])
    loops = np.cumsum([0, nm, ne, ne, NECK_COLUMNS])
    sewing = Sewing(*manifold_mesh(dense, dense_faces, pins, blocked, loops))
    sewing.patch(mouth_rings, mouth_s, mouth_angle, 0, MOUTH, 0, closed=True)
    sewing.patch(eye_rings, eye_s, eye_angle, nm, EYE_PATCH, 1)
    sewing.patch(eye_rings, eye_s, eye_angle, nm + ne, EYE_PATCH, -1)
    vertices, triangles, labels = sewing.result()
    return vertices, triangles, Anatomy(*labels.T), neck


def manifold_mesh(dense, dense_faces, pins, blocked, loops):
    """(points, faces) of both halves, open at the loops; uses the first seed without a fold where the spacing
    changes quickly."""
    expected = loops[-1]
    for seed in range(20):
        points, faces, mirror = symmetric_mesh(head, dense, dense_faces, spacing, pins, blocked, seed)
        for a, b in zip(loops[:-1], loops[1:]):
            faces = faces[~((faces >= a) & (faces < b)).all(1)]
        faces = np.concatenate([faces, mirror[faces][:, ::-1]])
        _, uses = unique_edges(faces)
        if uses.max() == 2 and (uses == 1).sum() == expected:
            return points, faces
    raise RuntimeError("no seed gives a manifold skin: make `spacing` change more slowly")


class Sewing:
    """Joins ring patches to the mesh whose pinned loops are the patches' outermost rings."""

    def __init__(self, points, faces):
        self.vertices, self.faces, self.count = [points], [faces], len(points)
        self.labels = [np.zeros((len(points), 4))]

    def patch(self, rings, coordinate, angle, outer, kind, side, closed=False):
        columns = len(angle)
        label = lambda s: np.stack([np.full(columns, kind), angle, np.full(columns, s), np.full(columns, side)], 1)
        self.labels[0][outer : outer + columns] = label(coordinate[-1])
        starts = [self.count + i * columns for i in range(len(rings) - 1)] + [outer]
        scale = MIRROR if side < 0 else 1.0
        self.append(np.concatenate(rings[:-1]) * scale, np.concatenate([label(s) for s in coordinate[:-1]]))
        self.faces += [ring_strip(a, b, columns, flip=side < 0) for a, b in zip(starts[:-1], starts[1:])]
        if closed:
            self.faces.append(fan(self.count, starts[0], columns))
            self.append((rings[0].mean(0) - [0, 0, 0.05])[None], np.array([[kind, 0, coordinate[0], 0.0]]))

    def append(self, vertices, labels):
        self.vertices.append(vertices)
        self.labels.append(labels)
        self.count += len(vertices)

    def result(self):
        return np.concatenate(self.vertices), np.concatenate(self.faces), np.concatenate(self.labels)


def colours(vertices, anatomy):
    """sRGB per skin vertex: blush, lips, lids, lash line, throat."""
    color = np.tile(SKIN, (len(vertices), 1))
    q = vertices.copy()
    q[:, 0] = np.abs(q[:, 0])

    def mix(target, weight):
        nonlocal color
        weight = np.clip(weight, 0, 1)[:, None]
        color = color * (1 - weight) + np.asarray(target) * weight

    mix(SKIN * [1.0, 0.86, 0.84], 0.5 * bump(q, (0.36, -0.30, 0.75), (0.17, 0.14, 0.4)))
    mix(SKIN * [1.0, 0.88, 0.86], 0.8 * bump(q, (0, -0.29, 1.1), (0.12, 0.10, 0.15)))
    mix(SKIN * [0.93, 0.82, 0.80], 0.55 * bump(q, (0.325, 0, 0.85), (0.22, 0.15, 0.3)))
    mix(SKIN * [0.42, 0.28, 0.25], 1.3 * bump(q, NOSTRIL, (0.026, 0.038, 0.040)))
    mix(SKIN * [0.74, 0.58, 0.54], bump(q, (0.72, -0.105, -0.035), (0.2, 0.085, 0.06)))  # the hollow of the ear
    behind_ear = smoothstep(0.0, -0.15, vertices[:, 2])
    mix(HAIR * 0.6, smoothstep(0.0, 0.07, growth(vertices) - 0.02 + 0.035 * behind_ear))  # no skin is visible through the hair
    ring, upper = anatomy.ring, np.sin(anatomy.angle) > 1e-6
    in_mouth, in_eye = anatomy.patch == MOUTH, anatomy.patch == EYE_PATCH
    into_corner = smoothstep(0.90, 1.0, np.abs(np.cos(anatomy.angle)))  # the colour of the lips fades there
    vermilion = smoothstep(-0.2, -0.08, ring) * (1 - 0.75 * (ring > 0.99)) * (1 - 0.55 * into_corner)
    mix(LIP, np.where(in_mouth & (ring <= 1), vermilion, 0))
    mix(LIP * 0.70, np.where(in_mouth, np.exp(-((ring / 0.05) ** 2)), 0) * 0.7)
    mix(INNER_CHEEK, np.where(in_mouth, 1 - smoothstep(-0.05, -0.01, ring), 0))
    mix(THROAT, np.where(in_mouth, 1 - smoothstep(-0.33, -0.05, ring), 0))
    mix(SKIN * [0.90, 0.72, 0.70], np.where(in_eye & (ring > -0.6), np.exp(-(((ring - 0.1) / 0.25) ** 2)), 0) * 0.6)
    mix(HAIR * 0.45, np.where(in_eye & upper & (ring < 0.05), 0.92, 0))
    mix(HAIR * 0.6, np.where(in_eye & upper & (np.abs(ring - 0.15) < 0.01), 0.30, 0))
    mix([0.80, 0.52, 0.48], np.where(in_eye & ~upper & (ring < 0.05), 0.7, 0))
    mix(THROAT, np.where(in_eye & (ring < -1.5), 0.9, 0))
    return color


def part(vertices, faces, anatomy):
    gloss = np.full(len(vertices), 0.24)
    gloss[(anatomy.patch == MOUTH) & (anatomy.ring <= 1)] = 0.50
    gloss[(anatomy.patch == MOUTH) & (anatomy.ring < -0.03)] = 0.12
    return Part("skin", vertices, faces, colours(vertices, anatomy), gloss)
