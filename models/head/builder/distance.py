"""Signed distances: primitives, smooth unions and smooth differences."""
import numpy as np


def join(a, b, radius):
    """Smooth minimum: the union of two solids with a fillet."""
    h = np.maximum(radius - np.abs(a - b), 0) / radius
    return np.minimum(a, b) - h * h * radius * 0.25


def cut(a, b, radius):
    """The solid `a` without the solid `b`, with a rounded edge."""
    return -join(-a, b, radius)


def ellipsoid(points, centre, radii, turn=None):
    """Approximate distance to an ellipsoid; `turn` is a rotation matrix."""
    q = points - np.asarray(centre, float)
    if turn is not None:
        q = q @ turn
    radii = np.asarray(radii, float)
    a = np.linalg.norm(q / radii, axis=-1)
    b = np.linalg.norm(q / radii**2, axis=-1)
    return a * (a - 1) / np.maximum(b, 1e-9)


def capsule(points, start, end, start_radius, end_radius=None):
    """Distance to a capsule whose radius may change along its axis."""
    start, end = np.asarray(start, float), np.asarray(end, float)
    end_radius = start_radius if end_radius is None else end_radius
    axis = end - start
    t = np.clip(((points - start) @ axis) / (axis @ axis), 0, 1)
    return np.linalg.norm(points - start - t[..., None] * axis, axis=-1) - (start_radius + (end_radius - start_radius) * t)


def gradient(solid, points, step=2e-3):
    """Central differences."""
    return np.stack([(solid(points + d) - solid(points - d)) / (2 * step) for d in np.eye(3) * step], -1)


def project(solid, points, steps=3):
    """Moves points onto the zero level."""
    points = points.copy()
    for _ in range(steps):
        g = gradient(solid, points)
        points -= (solid(points) / np.maximum((g * g).sum(-1), 0.05))[:, None] * g
    return points


def front_depth(solid, x, y, start=1.35, steps=40):
    """z of the surface seen from the front at (x, y)."""
    points = np.stack([x, y, np.full_like(x, start)], -1)
    for _ in range(steps):
        points[:, 2] -= np.clip(solid(points), -0.2, 0.2) * 0.8
    return points[:, 2]
