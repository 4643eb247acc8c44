"""All parts in one mesh."""
from dataclasses import dataclass

import numpy as np

from . import brows, ears, eyeball, hair_cap, hair_locks, lashes, shirt, skin, teeth, tongue
from .proportions import EYE, MIRROR


@dataclass
class Mesh:
    vertices: np.ndarray  # (V, 3)
    faces: np.ndarray  # (F, 3)
    colors: np.ndarray  # (V, 3), sRGB 0 .. 1
    gloss: np.ndarray  # (V)
    parts: dict  # name -> slice of vertices
    anatomy: skin.Anatomy  # of the skin, which comes first


def build():
    vertices, faces, anatomy, neck = skin.build()
    brow, ear, lash = brows.build("brow_left"), ears.build("ear_left"), lashes.build("lashes_left")
    cap = hair_cap.build()
    parts = [
        skin.part(vertices, faces, anatomy),
        eyeball.build("eyeball_left").moved("eyeball_left", EYE),
        eyeball.build("eyeball_right").moved("eyeball_right", EYE * MIRROR),
        teeth.build("teeth_upper", upper=True),
        teeth.build("teeth_lower", upper=False),
        tongue.build(),
        lash,
        lash.mirrored("lashes_right"),
        brow,
        brow.mirrored("brow_right"),
        ear,
        ear.mirrored("ear_right"),
        cap,
        hair_locks.build(cap),
        shirt.build(neck),
    ]
    return join(parts, anatomy)


def join(parts, anatomy):
    starts = np.concatenate([[0], np.cumsum([len(p.vertices) for p in parts])])
    return Mesh(
        np.concatenate([p.vertices for p in parts]),
        np.concatenate([p.faces + start for p, start in zip(parts, starts)]),
        np.concatenate([np.clip(p.colors, 0, 1) for p in parts]),
        np.concatenate([p.gloss for p in parts]),
        {p.name: slice(int(a), int(b)) for p, a, b in zip(parts, starts[:-1], starts[1:])},
        anatomy,
    )
