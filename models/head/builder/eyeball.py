"""One eyeball about the origin, looking forward: sclera, iris, pupil, and a painted catch light over them."""
import numpy as np

from .part import Part
from .proportions import EYE_RADIUS, IRIS, smoothstep
from .rings import fan, grid

IRIS_DEGREES, PUPIL_DEGREES = 29.5, 13.0
SEGMENTS = 22
CATCH_LIGHT = dict(x=-0.030, y=0.036, radius=0.0125, corners=8)


def build(name):
    degrees = np.array([6, PUPIL_DEGREES - 0.6, PUPIL_DEGREES + 0.6, 16, 21, 25, IRIS_DEGREES - 1.2, IRIS_DEGREES + 0.8, 36, 46, 62, 90.0])
    vertices, faces = sphere(np.radians(degrees), SEGMENTS)
    polar = np.concatenate([[0], np.repeat(degrees, SEGMENTS)])
    vertices = vertices * EYE_RADIUS * (1 + 0.010 * np.clip(1 - (polar / 31) ** 2, 0, 1))[:, None]  # cornea
    colors = colours(vertices, polar)
    disc, disc_faces = catch_light()
    faces = np.concatenate([faces, disc_faces + len(vertices)])
    vertices = np.concatenate([vertices, disc])
    colors = np.concatenate([colors, np.ones((len(disc), 3))])
    return Part(name, vertices, faces, colors, np.full(len(vertices), 0.95))


def sphere(polar, segments):
    """Unit sphere with its pole on +z, open at the last ring."""
    a = 2 * np.pi * np.arange(segments) / segments
    rings = [np.stack([np.sin(t) * np.cos(a), np.sin(t) * np.sin(a), np.full(segments, np.cos(t))], 1) for t in polar]
    faces = [fan(0, 1, segments), grid(len(polar), segments, 1, closed=True)[:, [0, 2, 1]]]
    return np.concatenate([[[0, 0, 1.0]]] + rings), np.concatenate(faces)


def colours(vertices, polar):
    color = np.tile([0.90, 0.885, 0.87], (len(vertices), 1))
    color -= np.array([0.10, 0.16, 0.17]) * smoothstep(45, 95, polar)[:, None]
    t = np.clip((polar - PUPIL_DEGREES) / (IRIS_DEGREES - PUPIL_DEGREES), 0, 1)[:, None]
    around = np.arctan2(vertices[:, 1], vertices[:, 0])
    streaks = 1 + 0.10 * np.sin(around * 14) * np.sin(np.pi * t[:, 0])
    iris = (IRIS * 1.35 * (1 - t) + IRIS * 0.75 * t) * streaks[:, None] * (1 - 0.25 * np.clip(vertices[:, 1:2] / 0.09, -1, 1))
    iris = np.where(polar[:, None] > IRIS_DEGREES - 2, IRIS * 0.33, iris)
    inside = polar < IRIS_DEGREES
    color[inside] = iris[inside]
    color[polar < PUPIL_DEGREES] = 0.025
    return color * (1 - 0.34 * smoothstep(0.035, 0.105, vertices[:, 1]))[:, None]  # shadow of the upper lid


def catch_light():
    k = CATCH_LIGHT["corners"]
    a = 2 * np.pi * np.arange(k) / k
    flat = np.concatenate([[[0, 0]], CATCH_LIGHT["radius"] * np.stack([np.cos(a), np.sin(a)], 1)])
    flat = flat + [CATCH_LIGHT["x"], CATCH_LIGHT["y"]]
    z = np.sqrt((EYE_RADIUS * 1.0115) ** 2 - (flat**2).sum(1))
    return np.column_stack([flat, z]), fan(0, 1, k)
