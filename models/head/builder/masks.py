"""Named sets of vertices."""
import numpy as np

from . import mouth
from .proportions import MOUTH_Y


def build(mesh, face_map):
    """name -> sorted vertex indices."""
    m, skin = face_map, np.arange(len(face_map.points))
    parts = {name: np.arange(s.start, s.stop) for name, s in mesh.parts.items()}
    eye = {side: np.concatenate([parts[f"eyeball_{name}"], skin[m.eye & (m.side == side) & (m.ring < 0.9)]]) for side, name in ((1, "left"), (-1, "right"))}
    front = m.z > 0.2
    contact = skin[m.mouth & (np.abs(m.ring) < 1e-9)]
    contact = contact[np.argsort(m.angle[contact])]
    masks = {
        "lips": skin[m.lip],
        "mouth": np.concatenate([skin[m.mouth], parts["teeth_upper"], parts["teeth_lower"], parts["tongue"]]),
        "eyes": np.concatenate([eye[1], eye[-1]]),
        "eye_left": eye[1],
        "eye_right": eye[-1],
        "forehead": np.concatenate([skin[front & (m.y > 0.17) & ~(m.eye & (m.ring < 0.9))], parts["brow_left"], parts["brow_right"]]),
        "jaw": np.concatenate([skin[(m.jaw > 0.5) & ~(m.mouth & (m.ring < 0))], parts["teeth_lower"]]),
        "lip_upper_inner": contact[[mouth.COLUMNS // 4]],
        "lip_lower_inner": contact[[3 * mouth.COLUMNS // 4]],
    }
    assert abs(mesh.vertices[masks["lip_upper_inner"][0], 1] - MOUTH_Y) < 0.05
    return {name: np.unique(index).astype(np.uint32) for name, index in masks.items()}
