"""Even triangles on a signed distance: Poisson samples, Lloyd relaxation, the dual of the discrete Voronoi
diagram.

Pinned samples become exact edge loops. One half is meshed and mirrored, so the result is exactly symmetric.
"""
import numpy as np
from scipy.spatial import cKDTree
from skimage.measure import find_contours, marching_cubes

from .distance import gradient, project
from .proportions import MIRROR
from .rings import face_normals


def dense_mesh(solid, low, high, step, subdivisions=1):
    """Marching cubes, subdivided and projected; outward winding."""
    counts = [int(np.ceil((b - a) / step)) + 1 for a, b in zip(low, high)]
    axes = [a + step * np.arange(n) for a, n in zip(low, counts)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), -1)
    vertices, faces, _, _ = marching_cubes(solid(points), 0, spacing=(step,) * 3)
    vertices = vertices + np.asarray(low, float)
    faces = faces.astype(int)
    if (face_normals(vertices, faces) * gradient(solid, vertices[faces[:, 0]])).sum() < 0:
        faces = faces[:, ::-1]
    for _ in range(subdivisions):
        vertices, faces = subdivide(vertices, faces)
    return project(solid, vertices, 1), faces


def subdivide(vertices, faces):
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), 1)
    unique, inverse = np.unique(edges, axis=0, return_inverse=True)
    a, b, c = (inverse.ravel() + len(vertices)).reshape(3, -1)
    corner = faces.T
    parts = (corner[0], a, c), (corner[1], b, a), (corner[2], c, b), (a, b, c)
    return np.concatenate([vertices, vertices[unique].mean(1)]), np.concatenate([np.stack(t, 1) for t in parts])


def midline(solid, low, high, step=0.01):
    """The outline in the plane x = 0, as the longest contour."""
    y, z = np.arange(low[1], high[1], step), np.arange(low[2], high[2], step)
    yy, zz = np.meshgrid(y, z, indexing="ij")
    field = solid(np.stack([np.zeros_like(yy), yy, zz], -1))
    line = max(find_contours(field, 0), key=len)
    return np.stack([np.zeros(len(line)), low[1] + line[:, 0] * step, low[2] + line[:, 1] * step], 1)


def resample(line, spacing, factor=0.85):
    """Points along a line at `factor` times the local spacing."""
    lengths = np.linalg.norm(np.diff(line, axis=0), axis=1) / spacing((line[1:] + line[:-1]) / 2) / factor
    t = np.concatenate([[0], np.cumsum(lengths)])
    count = max(int(round(t[-1])), 1)
    return np.stack([np.interp(np.linspace(0, t[-1], count + 1), t, line[:, i]) for i in range(3)], 1)


def symmetric_mesh(solid, vertices, faces, spacing, pins, blocked, seed=0, relaxations=14):
    """Remeshes the half x >= 0 of a dense mesh.

    pins: (n, 3) samples that stay, symmetric as a set; blocked: dense vertices without samples.
    Returns the samples (pins, left, right), the faces of the left half, and each sample's mirror image.
    """
    rng = np.random.default_rng(seed)
    tree = cKDTree(vertices)
    h = spacing(vertices)
    taken = blocked | (vertices[:, 0] < 0.6 * h)
    for pin in pins[pins[:, 0] > -0.06]:
        taken[tree.query_ball_point(pin, 0.8 * float(spacing(pin[None])[0]))] = True
    chosen = []
    for i in rng.permutation(len(vertices)):
        if not taken[i]:
            chosen.append(vertices[i])
            taken[tree.query_ball_point(vertices[i], 0.87 * h[i])] = True
    samples = np.array(chosen)
    double_area = np.linalg.norm(face_normals(vertices, faces), axis=1)
    weight = sum(np.bincount(faces[:, k], double_area, len(vertices)) for k in range(3)) * h**-4.0
    weight[blocked] = 0
    count = len(pins)
    for _ in range(relaxations):
        label = cKDTree(np.concatenate([pins, samples, samples * MIRROR])).query(vertices)[1] - count
        own = (label >= 0) & (label < len(samples))
        total = np.bincount(label[own], weight[own], len(samples))
        moved = np.stack([np.bincount(label[own], (weight * vertices[:, c])[own], len(samples)) for c in range(3)], 1)
        samples = np.where(total[:, None] > 0, moved / np.maximum(total, 1e-12)[:, None], samples)
        samples = vertices[tree.query(samples)[1]]
    samples = project(solid, samples, 2)
    points = np.concatenate([pins, samples, samples * MIRROR])
    triangles = cKDTree(points).query(vertices)[1][faces]
    distinct = (triangles[:, 0] != triangles[:, 1]) & (triangles[:, 1] != triangles[:, 2]) & (triangles[:, 0] != triangles[:, 2])
    triangles = triangles[distinct & (points[triangles][:, :, 0] > -1e-9).all(1)]
    _, first = np.unique(np.sort(triangles, 1), axis=0, return_index=True)
    mirror = np.empty(len(points), int)
    n = len(samples)
    mirror[count : count + n] = np.arange(count + n, len(points))
    mirror[count + n :] = np.arange(count, count + n)
    mirror[:count] = cKDTree(pins).query(pins * MIRROR)[1]
    return points, triangles[first], mirror
