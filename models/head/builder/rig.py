"""The expression basis, the joints and the skinning weights of the whole mesh."""
import re

import numpy as np
from scipy.spatial import cKDTree

from . import eyeball, eyelids, lashes, shapes_eyes, shapes_mouth
from .brush import Brush
from .channels import CHANNELS, split_side
from .face_map import WEIGHT_STEPS, FaceMap
from .proportions import EYE, JAW_JOINT, MIRROR, NECK_JOINT, ROOT_JOINT, rotation, smoothstep
from .shapes_mouth import JAW_SIDEWAYS

EYE_TURNS = {"Down": ("x", 22.0), "Up": ("x", -20.0), "In": ("y", -26.0), "Out": ("y", 26.0)}
FOLLOWERS = ("brow_left", "brow_right")


def shape_function(channel):
    """The skin's part of a channel (mouthSmileLeft -> mouth_smile), or None if only other parts move."""
    name = re.sub(r"([A-Z])", lambda found: "_" + found.group(1).lower(), split_side(channel)[0])
    return getattr(shapes_mouth, name, None) or getattr(shapes_eyes, name, None)


def expression_basis(mesh, face_map):
    """(C, V, 3): displacement at channel = 1."""
    basis = np.zeros((len(CHANNELS), len(mesh.vertices), 3))
    skin = mesh.parts["skin"]
    nearest = {name: nearest_skin(face_map, mesh.vertices[mesh.parts[name]]) for name in FOLLOWERS}
    for moved, channel in zip(basis, CHANNELS):
        draw = shape_function(channel)
        if draw:
            brush = Brush(face_map, split_side(channel)[1])
            draw(brush)
            moved[skin] = brush.moved
            for name, (index, weight) in nearest.items():
                moved[mesh.parts[name]] = (brush.moved[index] * weight[..., None]).sum(1)
            for amounts in brush.lids:
                move_lashes(mesh, brush.sign, amounts, moved)
        move_parts(mesh, channel, moved)
    return basis


def nearest_skin(face_map, points):
    """Four visible skin vertices and their weights for every point."""
    visible = np.where(face_map.visible())[0]
    distance, index = cKDTree(face_map.points[visible]).query(points, k=4)
    weight = 1 / (distance + 1e-3) ** 2
    return visible[index], weight / weight.sum(1, keepdims=True)


def move_lashes(mesh, side, amounts, moved):
    """Turns the lashes with the margin of the upper lid."""
    part = mesh.parts["lashes_left" if side > 0 else "lashes_right"]
    q = mesh.vertices[part] - EYE * [side, 1, 1]
    angle = lashes.angles()
    moved[part] += eyelids.slide(q, angle, np.zeros_like(angle), amounts.get("upper", 0.0), amounts.get("lower", 0.0)) - q


def move_parts(mesh, channel, moved):
    """Moves eyeballs, lower teeth and tongue."""
    base, side = split_side(channel)
    if base in ("jawLeft", "jawRight"):
        for name in ("teeth_lower", "tongue"):
            moved[mesh.parts[name], 0] = JAW_SIDEWAYS if base == "jawLeft" else -JAW_SIDEWAYS
    if base.startswith("eyeLook"):
        part = turning(mesh, "eyeball_left" if side > 0 else "eyeball_right")
        axis, degrees = EYE_TURNS[base[7:]]
        turn = rotation(axis, degrees * (side if axis == "y" else 1))
        q = mesh.vertices[part] - EYE * (1 if side > 0 else MIRROR)
        moved[part] = q @ turn.T - q
    if base == "tongueOut":
        part = mesh.parts["tongue"]
        q = mesh.vertices[part]
        w = smoothstep(0.25, 0.75, q[:, 2])
        moved[part] = np.stack([-0.10 * q[:, 0] * w, 0.045 * w - 0.05 * smoothstep(0.7, 0.85, q[:, 2]), 0.40 * w], 1)


def turning(mesh, name):
    """An eyeball without its catch light, which is the image of a lamp and does not move when the eye turns."""
    part = mesh.parts[name]
    return slice(part.start, part.stop - eyeball.CATCH_LIGHT["corners"] - 1)


def skinning_weights(mesh, face_map):
    """(V, 5) for root, neck, jaw, eye_left, eye_right."""
    weights = np.zeros((len(mesh.vertices), 5))
    parts = mesh.parts
    weights[parts["skin"], 2] = face_map.jaw
    weights[parts["teeth_lower"], 2] = 1
    weights[parts["tongue"], 2] = 0.75 + 0.25 * smoothstep(0.15, 0.35, mesh.vertices[parts["tongue"], 2])
    weights[turning(mesh, "eyeball_left"), 3] = 1
    weights[turning(mesh, "eyeball_right"), 4] = 1
    neck = smoothstep(-1.42, -1.02, mesh.vertices[:, 1])
    neck[parts["shirt"]] = 0
    weights[:, 1] = neck * (1 - weights[:, 2:].sum(1))
    weights = np.round(weights * WEIGHT_STEPS) / WEIGHT_STEPS
    weights[:, 0] = 1 - weights[:, 1:].sum(1)
    return weights


def joints():
    return np.stack([ROOT_JOINT, NECK_JOINT, JAW_JOINT, EYE, EYE * MIRROR])


def build(mesh):
    """(face map, expression basis, skinning weights)."""
    face_map = FaceMap(mesh)
    return face_map, expression_basis(mesh, face_map), skinning_weights(mesh, face_map)
