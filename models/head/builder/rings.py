"""Triangles between rings and rows of vertices, and lists of edges."""
import numpy as np


def ring_strip(inner, outer, columns, flip=False):
    """Triangles between two closed rings that start at vertices `inner` and `outer`; diagonals mirror left to
    right."""
    j = np.arange(columns)
    k = (j + 1) % columns
    one = [np.stack([inner + j, outer + j, outer + k], 1), np.stack([inner + j, outer + k, inner + k], 1)]
    two = [np.stack([inner + j, outer + j, inner + k], 1), np.stack([outer + j, outer + k, inner + k], 1)]
    first = (j < columns // 4) | ((j >= columns // 2) & (j < 3 * columns // 4))
    faces = np.concatenate([np.where(first[:, None], a, b) for a, b in zip(one, two)])
    return faces[:, ::-1] if flip else faces


def grid(rows, columns, base=0, closed=False):
    """Triangles of a rows x columns sheet; `closed` joins the last column to the first."""
    i, j = np.meshgrid(np.arange(rows - 1), np.arange(columns if closed else columns - 1), indexing="ij")
    i, j = i.ravel(), j.ravel()
    k = (j + 1) % columns
    a, b, c, d = base + i * columns + j, base + i * columns + k, base + (i + 1) * columns + k, base + (i + 1) * columns + j
    return np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])


def fan(centre, ring, columns, flip=False):
    """Triangles from one vertex to a closed ring."""
    j = np.arange(columns)
    faces = np.stack([np.full(columns, centre), ring + j, ring + (j + 1) % columns], 1)
    return faces[:, ::-1] if flip else faces


def directed_edges(faces):
    """All edges with their direction, three a face."""
    return np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])


def unique_edges(faces):
    """Edges without direction, sorted, and the number of faces of each."""
    return np.unique(np.sort(directed_edges(faces), 1), axis=0, return_counts=True)


def face_normals(vertices, faces):
    """Normals of the faces, not normalised: the length is twice the area."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    return np.cross(b - a, c - a)


def compact(vertices, faces):
    """Removes vertices without a face; also returns the indices of the vertices that stay."""
    used, inverse = np.unique(faces, return_inverse=True)
    return vertices[used], inverse.reshape(-1, 3), used
