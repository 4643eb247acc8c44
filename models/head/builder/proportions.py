"""Positions and colours of the parts.

All parts are built in decimetres (x = the subject's left, y up, z forward, eye line at y = 0) and written in
metres.
"""
import numpy as np

METRES = 0.1

EYE = np.array([0.325, 0.0, 0.664])
EYE_RADIUS = 0.203
MOUTH_Y = -0.615
MOUTH_HALF_WIDTH = 0.238

NECK_CUT_Y = -1.42
NECK_AXIS_Z = -0.22

ROOT_JOINT = np.array([0.0, -1.5, NECK_AXIS_Z])
NECK_JOINT = np.array([0.0, -1.20, NECK_AXIS_Z])
JAW_JOINT = np.array([0.0, -0.16, 0.02])
JAW_OPEN_DEGREES = 24.0

SKIN = np.array([0.86, 0.66, 0.55])
LIP = np.array([0.77, 0.47, 0.43])
GUM = np.array([0.70, 0.36, 0.36])
INNER_CHEEK = np.array([0.52, 0.23, 0.21])
THROAT = np.array([0.16, 0.05, 0.05])
HAIR = np.array([0.31, 0.205, 0.14])
TOOTH = np.array([0.95, 0.92, 0.84])
TONGUE = np.array([0.74, 0.40, 0.40])
SHIRT = np.array([0.25, 0.33, 0.42])
IRIS = np.array([0.26, 0.43, 0.50])

MIRROR = np.array([-1.0, 1.0, 1.0])


def smoothstep(low, high, value):
    """0 below `low`, 1 above `high`, smooth between; runs downwards when low > high."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def bump(points, centre, radius):
    """Gaussian of the distance to `centre`, one radius an axis."""
    offset = (points - np.asarray(centre, float)) / np.asarray(radius, float)
    return np.exp(-(offset**2).sum(-1))


def rotation(axis, degrees):
    """Rotation matrix about x, y or z."""
    angle = np.radians(degrees)
    c, s = np.cos(angle), np.sin(angle)
    return {
        "x": np.array([[1, 0, 0], [0, c, -s], [0, s, c]]),
        "y": np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]),
        "z": np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]),
    }[axis]
