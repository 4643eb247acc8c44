"""The skin as a signed distance, without lips and lids, which are ring patches on it."""
import numpy as np

from .distance import capsule, cut, ellipsoid, join
from .proportions import EYE, EYE_RADIUS, bump, rotation, smoothstep


def head(points):
    """Signed distance (decimetres, negative inside); symmetric in x."""
    p = points.copy()
    p[..., 0] = np.abs(p[..., 0])
    d = skull(p)
    d = join(d, nose(p), 0.075)
    d = d + surface_detail(p)
    return join(d, neck(p), 0.16 + 0.22 * smoothstep(-0.15, -0.55, p[..., 2]))


def skull(p):
    d = ellipsoid(p, (0, 0.34, -0.09), (0.765, 0.80, 0.91))  # cranium
    d = join(d, ellipsoid(p, (0, 0.36, 0.30), (0.60, 0.58, 0.60)), 0.25)  # forehead
    d = join(d, ellipsoid(p, (0, -0.20, 0.26), (0.645, 0.74, 0.62)), 0.25)  # mid face
    d = join(d, ellipsoid(p, (0, -0.60, 0.38), (0.47, 0.44, 0.50)), 0.25)  # lower face
    d = join(d, capsule(p, (0.395, -0.53, 0.10), (0.13, -0.865, 0.68), 0.115, 0.11), 0.30)  # jaw line
    d = join(d, capsule(p, (0.51, -0.10, -0.02), (0.395, -0.53, 0.10), 0.135, 0.115), 0.32)  # jaw ramus
    d = join(d, ellipsoid(p, (0, -0.915, 0.765), (0.145, 0.13, 0.135)), 0.22)  # chin
    d = join(d, capsule(p, (0.375, -0.225, 0.655), (0.56, -0.13, 0.12), 0.135, 0.10), 0.28)  # cheek bone
    d = join(d, ellipsoid(p, (0.305, -0.385, 0.70), (0.215, 0.215, 0.175)), 0.26)  # apple of the cheek
    d = join(d, ellipsoid(p, (0, -0.60, 0.70), (0.265, 0.25, 0.275)), 0.20)  # muzzle
    d = join(d, capsule(p, (0.10, 0.20, 0.825), (0.44, 0.225, 0.655), 0.085, 0.075), 0.22)  # brow ridge
    d = cut(d, ellipsoid(p, (0.325, -0.01, 1.01), (0.20, 0.125, 0.21)), 0.22)  # eye socket
    d = cut(d, ellipsoid(p, (0.155, 0.02, 0.995), (0.07, 0.10, 0.12)), 0.10)  # inner corner
    return join(d, ellipsoid(p, EYE, (EYE_RADIUS * 1.07,) * 3), 0.11)  # lids over the eyeball


NOSTRIL = np.array([0.062, -0.372, 0.995])


def nose(p):
    n = capsule(p, (0, 0.11, 0.80), (0, -0.235, 1.035), 0.060, 0.074)  # bridge
    n = join(n, ellipsoid(p, (0, -0.268, 1.066), (0.084, 0.074, 0.086)), 0.09)  # tip
    n = join(n, ellipsoid(p, (0.112, -0.318, 0.972), (0.060, 0.062, 0.090)), 0.05)  # wings
    n = join(n, capsule(p, (0, -0.325, 1.03), (0, -0.375, 0.93), 0.048, 0.042), 0.07)  # columella
    return cut(n, ellipsoid(p, NOSTRIL, (0.034, 0.052, 0.058), rotation("y", -16)), 0.025)  # nostrils


def surface_detail(p):
    """Added to the distance: positive values make a hollow, negative ones a bulge."""
    d = 0.022 * bump(p, (0, -0.47, 0.97), (0.035, 0.07, 0.15))  # philtrum
    d = d - 0.012 * bump(p, (0.052, -0.47, 0.97), (0.03, 0.07, 0.15))
    d = d + 0.03 * bump(p, (0, -0.775, 0.93), (0.16, 0.045, 0.16))  # fold above the chin
    d = d + 0.024 * bump(p, (0.295, -0.64, 0.85), (0.10, 0.13, 0.2))  # beside the mouth corners
    return d + 0.022 * bump(p, (0.66, 0.17, 0.42), (0.22, 0.22, 0.28))  # temple


def neck(p):
    n = capsule(p, (0, -0.55, -0.14), (0, -1.40, -0.22), 0.38, 0.355)
    n = join(n, capsule(p, (0, -1.62, -0.26), (0, -2.2, -0.3), 0.36, 0.95), 0.35)
    n = join(n, capsule(p, (0.42, -0.42, -0.18), (0.09, -1.42, 0.07), 0.08, 0.075), 0.16)  # sternomastoid
    return n - 0.02 * bump(p, (0, -1.14, 0.20), (0.10, 0.12, 0.2))  # larynx
