"""Locks of hair: tapered, arched ribbons along the combing direction; a root lies under the neighbouring
locks."""
import numpy as np

from .distance import project
from .hair_field import combing, growth, thickness
from .part import Part
from .proportions import HAIR, smoothstep
from .rings import grid
from .sculpt import head

ROWS, COLUMNS = 10, 3
STEP = 0.03
HALF_WIDTH = 0.125
ARCH = 0.034
LENGTH = 1.0
LOCKS = 42
HAIRLINE_SPACING = 0.15


def build(cap):
    """cap: the hair cap's Part; roots are chosen on its surface."""
    rng = np.random.default_rng(7)
    parts = []
    for root, length in roots(cap):
        line = comb(root, length * (0.85 + 0.3 * rng.random()), rng)
        if line is not None:
            parts.append(ribbon(line, HALF_WIDTH * (0.85 + 0.35 * rng.random()), 0.90 + 0.20 * rng.random()))
    vertices = np.concatenate([p[0] for p in parts])
    faces = np.concatenate([p[1] + i * ROWS * COLUMNS for i, p in enumerate(parts)])
    return Part("hair_locks", vertices, faces, np.concatenate([p[2] for p in parts]), np.full(len(vertices), 0.36))


def roots(cap):
    """(point on the skin, length) from the nape upwards to the front, so that later locks lie on earlier
    ones."""
    corners = cap.vertices[cap.faces]
    shares = np.random.default_rng(3).dirichlet((1, 1, 1), size=(12, len(cap.faces)))
    points = project(head, np.concatenate([(corners * w[:, :, None]).sum(1) for w in shares]), 2)
    grows = growth(points)
    front = points[(np.abs(grows - 0.03) < 0.03) & (points[:, 1] > 0.40) & (points[:, 2] > 0.2)]
    hairline = thin(front, HAIRLINE_SPACING)
    inner = points[(grows > 0.09) & (combed_length(points) > 0.2)]
    radius = 0.50
    while True:  # the largest spacing that gives the wanted number of locks
        more = thin(inner, radius, hairline)
        if len(more) + len(hairline) >= LOCKS:
            break
        radius -= 0.005
    out = [(p, LENGTH) for p in hairline] + [(p, LENGTH) for p in more[: LOCKS - len(hairline)]]
    return sorted(out, key=lambda root: tuple(root[0][[2, 1, 0]]))


def thin(points, radius, taken=()):
    """Greedy Poisson-disc sampling."""
    kept = [np.asarray(p) for p in taken]
    first = len(kept)
    for p in points:
        if not kept or np.linalg.norm(np.array(kept) - p, axis=1).min() > radius:
            kept.append(p)
    return kept[first:]


def combed_length(points):
    """The length of hair from each point to the edge of the scalp (0.3 at most)."""
    length, q, alive = np.zeros(len(points)), points.copy(), np.ones(len(points), bool)
    for _ in range(5):
        direction, _ = combing(q)
        q = project(head, q + 0.06 * direction, 1)
        alive &= growth(q) > -0.02
        length += 0.06 * alive
    return length


def comb(root, length, rng):
    """Points on the skin along the combing, evenly spaced, or None if too short."""
    turn = 0.10 * (rng.random() - 0.5)
    points = [root]
    while len(points) * STEP < length:
        direction, normal = combing(points[-1][None])
        direction = direction + turn * np.cross(normal, direction)
        q = project(head, points[-1][None] + STEP * direction / np.linalg.norm(direction), 1)[0]
        if growth(q[None])[0] < -0.045:
            break
        points.append(q)
    if len(points) < 6:
        return None
    line, t = np.array(points), np.linspace(0, len(points) - 1, ROWS)
    return np.stack([np.interp(t, np.arange(len(points)), line[:, k]) for k in range(3)], 1)


def ribbon(line, half_width, shade):
    """(vertices, faces, colours) of one lock."""
    t = np.linspace(0, 1, ROWS)
    tangent = np.gradient(line, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    _, normal = combing(line)
    across = np.cross(normal, tangent)
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    width = half_width * smoothstep(-0.22, 0.32, t) * np.clip(1.02 - t**2.6, 0, 1)
    lift = np.maximum(thickness(line), 0.0) + 0.002 + 0.022 * smoothstep(0, 0.5, t) - 0.012 * smoothstep(0.75, 1, t)
    rows = []
    for side in (-1, 0, 1):
        # The edges lie inside the cap, so that no gap is visible below them.
        height = lift + (ARCH * width / half_width * smoothstep(-0.1, 0.5, t) if side == 0 else -0.030)
        rows.append(line + across * (side * width)[:, None] + normal * height[:, None])
    vertices = np.stack(rows, 1).reshape(-1, 3)
    along = 0.90 + 0.20 * smoothstep(0, 0.45, t) - 0.10 * smoothstep(0.7, 1, t)
    edge = np.array([0.78, 1.12, 0.84])
    colors = HAIR * shade * (along[:, None] * edge)[..., None]
    return vertices, grid(ROWS, COLUMNS)[:, ::-1], colors.reshape(-1, 3)
