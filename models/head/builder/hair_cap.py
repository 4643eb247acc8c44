"""The closed layer of hair under the locks: the sculpt, expanded by the hair's thickness, with its border
inside the skin."""
import numpy as np

from .distance import gradient, project
from .hair_field import growth, thickness
from .part import Part
from .proportions import HAIR, SKIN
from .remesh import dense_mesh, midline, resample, symmetric_mesh
from .rings import compact, directed_edges, unique_edges
from .sculpt import head

SPACING = 0.122
BORDER_LEVEL = -0.022  # of the growth field
UNDER_SKIN = 0.014
FACE_Y, FACE_Z = -0.2, 0.0  # the hairline above FACE_Y and in front of FACE_Z borders the face


def swollen(points):
    return head(points) - thickness(points)


def build():
    vertices, faces = grown_surface()
    edges, uses = unique_edges(faces)
    vertices, faces = refine_border(vertices, faces, edges[uses == 1])
    edges, uses = unique_edges(faces)
    border_edges = edges[uses == 1]
    border = np.unique(border_edges)
    vertices[border] = settle_border(vertices, border, border_edges)
    stray = growth(vertices) < 0
    stray[border] = False
    vertices[stray] = project(lambda p: head(p) - UNDER_SKIN - 0.002, vertices[stray], 2)
    colors = np.tile(HAIR * 0.80, (len(vertices), 1))
    colors[border] = 0.62 * HAIR + 0.38 * SKIN * 0.8
    vertices, faces, colors = add_skirt(vertices, faces, colors, border)
    return Part("hair_cap", vertices, faces, colors, np.full(len(vertices), 0.28))


def grown_surface():
    """The expanded sculpt, remeshed, where hair grows."""
    low, high = (-0.15, -0.9, -1.4), (1.15, 1.5, 1.35)
    dense, dense_faces = dense_mesh(swollen, low, high, 0.032, 1)
    blocked = growth(dense) < -0.06
    spacing = lambda p: np.full(len(p), SPACING)
    line = midline(swollen, low, high)
    line = line[growth(line) > -0.06]
    gap = np.argmax(np.linalg.norm(line - np.roll(line, 1, 0), axis=1))
    pins = resample(np.roll(line, -gap, 0), spacing)
    pins[:, 0] = 0
    points, half, mirror = symmetric_mesh(
        swollen, dense, dense_faces[~blocked[dense_faces].any(1)], spacing, pins, blocked, seed=1, relaxations=10
    )
    faces = np.concatenate([half, mirror[half][:, ::-1]])
    vertices, faces, _ = compact(points, faces[(growth(points) > -0.05)[faces].all(1)])
    return vertices, faces


def refine_border(vertices, faces, border_edges):
    """Halves the edges of the hairline round the face, the most visible part of it."""
    middle = 0.5 * (vertices[border_edges[:, 0]] + vertices[border_edges[:, 1]])
    seen = (middle[:, 2] > FACE_Z) & (middle[:, 1] > FACE_Y)
    split = {tuple(edge): len(vertices) + i for i, edge in enumerate(border_edges[seen].tolist())}
    whole, todo = [], faces.tolist()
    while todo:
        a, b, c = todo.pop(0)
        for p, q, r in ((a, b, c), (b, c, a), (c, a, b)):
            new = split.get((min(p, q), max(p, q)))
            if new is not None:
                todo += [(p, new, r), (new, q, r)]
                break
        else:
            whole.append((a, b, c))
    return np.concatenate([vertices, middle[seen]]), np.array(whole)


def settle_border(vertices, border, border_edges):
    """Moves the border to one level of the growth field just over the skin, and smooths it."""
    q = vertices[border]
    over_skin = lambda p: head(p) - UNDER_SKIN
    for _ in range(6):
        slope = gradient(growth, q)
        step = ((growth(q) - BORDER_LEVEL) / np.maximum((slope * slope).sum(1), 0.05))[:, None] * slope
        q = project(over_skin, q - np.clip(step, -0.03, 0.03), 1)
    settled = vertices.copy()
    settled[border] = q
    for _ in range(8):
        total, count = np.zeros_like(settled), np.zeros(len(settled))
        for a, b in ((0, 1), (1, 0)):
            np.add.at(total, border_edges[:, a], settled[border_edges[:, b]])
            np.add.at(count, border_edges[:, a], 1)
        settled[border] = 0.5 * settled[border] + 0.5 * total[border] / count[border][:, None]
    return project(over_skin, settled[border], 2)


def add_skirt(vertices, faces, colors, border):
    """Extrudes the open border into the skin."""
    directed = directed_edges(faces)
    _, inverse, count = np.unique(np.sort(directed, 1), axis=0, return_inverse=True, return_counts=True)
    directed = directed[count[inverse.ravel()] == 1]
    below = np.full(len(vertices), -1)
    below[border] = len(vertices) + np.arange(len(border))
    a, b = directed.T
    skirt = np.concatenate([np.stack([b, a, below[a]], 1), np.stack([b, below[a], below[b]], 1)])
    sunk = project(lambda p: head(p) + 0.03, vertices[border], 2)
    return np.concatenate([vertices, sunk]), np.concatenate([faces, skirt]), np.concatenate([colors, colors[border] * 0.9])
