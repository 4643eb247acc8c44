"""Preview renderer of the head: perspective, key light with a soft shadow, fill, rim, sky ambient and
screen-space occlusion."""
import numpy as np
from scipy.ndimage import gaussian_filter

from .rasterizer import rasterize

BACKGROUND = np.array([0.20, 0.22, 0.26]), np.array([0.42, 0.45, 0.50])
SHADOW_SIZE, SHADOW_SPAN = 700, 0.36


def unit(vector):
    vector = np.asarray(vector, float)
    return vector / np.maximum(np.linalg.norm(vector, axis=-1, keepdims=True), 1e-12)


def vertex_normals(vertices, faces):
    flat = np.cross(vertices[faces[:, 1]] - vertices[faces[:, 0]], vertices[faces[:, 2]] - vertices[faces[:, 0]])
    normals = np.stack([sum(np.bincount(faces[:, k], flat[:, c], len(vertices)) for k in range(3)) for c in range(3)], 1)
    return unit(normals)


class Camera:
    """A camera aimed at `target` (metres) from `distance`; yaw > 0 moves the camera to the subject's left."""

    def __init__(self, yaw=0.0, pitch=0.0, target=(0, -0.025, 0.015), distance=0.9, field_of_view=22.0):
        yaw, pitch = np.radians(yaw), np.radians(pitch)
        self.back = np.array([np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)])
        self.right = unit(np.cross([0, 1, 0], self.back))
        self.up = np.cross(self.back, self.right)
        self.eye = np.asarray(target) + self.back * distance
        self.distance, self.field_of_view = distance, field_of_view

    def project(self, vertices, width, height):
        p = (vertices - self.eye) @ np.stack([self.right, self.up, self.back], 1)
        focal = 0.5 * height / np.tan(np.radians(self.field_of_view) / 2)
        inverse = 1 / np.maximum(-p[:, 2], 0.01)
        return np.stack([width / 2 + focal * p[:, 0] * inverse, height / 2 - focal * p[:, 1] * inverse, inverse], 1)


def render(vertices, faces, colors, gloss, camera, size=(360, 440), supersample=2, clay=False):
    """(height, width, 3) U8. colors: sRGB 0 .. 1."""
    width, height = size[0] * supersample, size[1] * supersample
    screen = camera.project(vertices, width, height)
    pixel, triangle, weights, inverse_depth = rasterize(screen, faces, width, height)
    corner = faces[triangle]
    weights = weights * screen[corner, 2]
    weights /= weights.sum(1, keepdims=True)
    mixed = lambda values: np.einsum("nk,nkc->nc", weights, values[corner])
    position, normal = mixed(vertices), unit(mixed(vertex_normals(vertices, faces)))
    color = np.full_like(position, 0.55) if clay else mixed(colors)
    shine = np.einsum("nk,nk->n", weights, gloss[corner])
    view = unit(camera.eye - position)
    away = (normal * view).sum(1) < -0.3
    normal[away] *= -1
    lights = {
        "key": unit(-0.55 * camera.right + 0.62 * camera.up + 0.75 * camera.back),
        "fill": unit(0.9 * camera.right + 0.1 * camera.up + 0.55 * camera.back),
        "rim": unit(0.75 * camera.right + 0.5 * camera.up - 0.75 * camera.back),
        "rim2": unit(-0.9 * camera.right + 0.25 * camera.up - 0.6 * camera.back),
    }
    lit = shadow(vertices, faces, position + normal * 0.002, lights["key"])
    open_sky = occlusion(pixel, inverse_depth, camera.distance, width, height)
    image = background(width, height)
    image[pixel] = shade(color, normal, view, shine, lights, lit, open_sky)
    image = image.reshape(size[1], supersample, size[0], supersample, 3).mean((1, 3))
    return (np.clip(image, 0, 1) ** (1 / 2.2) * 255).astype(np.uint8)


def background(width, height):
    x, y = np.linspace(-1, 1, width)[None, :, None], np.linspace(0, 1, height)[:, None, None]
    glow = np.exp(-(x**2 * 1.1 + (y - 0.42) ** 2 * 3))
    return (BACKGROUND[0] ** 2.2 * (1 - glow) + BACKGROUND[1] ** 2.2 * glow).reshape(-1, 3)


def shadow(vertices, faces, points, light):
    """0.2 in full shadow .. 1 lit, from a blurred look-up in a depth map."""
    side = unit(np.cross([0, 1, 0], light))
    axes = np.stack([side, np.cross(light, side), light], 1)
    scale = SHADOW_SIZE / SHADOW_SPAN

    def project(p):
        q = (p - [0, -0.03, 0]) @ axes
        return np.stack([SHADOW_SIZE / 2 + q[:, 0] * scale, SHADOW_SIZE / 2 - q[:, 1] * scale, q[:, 2] + 1], 1)

    depth = np.full(SHADOW_SIZE**2, -np.inf, np.float32)
    pixel, _, _, nearest = rasterize(project(vertices), faces, SHADOW_SIZE, SHADOW_SIZE)
    depth[pixel] = nearest
    q = project(points)
    column, row = q[:, 0].astype(int), q[:, 1].astype(int)
    lit = np.zeros(len(points))
    offsets = [(dx, dy) for dx in (-4, -2, 0, 2, 4) for dy in (-4, -2, 0, 2, 4)]
    for dx, dy in offsets:
        at = np.clip(row + dy, 0, SHADOW_SIZE - 1) * SHADOW_SIZE + np.clip(column + dx, 0, SHADOW_SIZE - 1)
        lit += depth[at] < q[:, 2] + 0.0025 + 0.0004 * (abs(dx) + abs(dy))
    return 0.2 + 0.8 * lit / len(offsets)


def occlusion(pixel, inverse_depth, distance, width, height):
    """The share of the sky that a pixel sees, from the blurred depth of its surroundings."""
    depth = np.full(width * height, -distance - 0.3)
    depth[pixel] = -1 / inverse_depth
    depth = depth.reshape(height, width)
    sky = np.ones((height, width))
    for sigma, strength in ((height / 90, 20.0), (height / 35, 11.7)):
        near = np.maximum(depth, gaussian_filter(depth, sigma, truncate=3) - 0.025)
        sky -= strength * np.clip(gaussian_filter(near, sigma, truncate=3) - depth, 0, 0.016)
    return np.clip(sky, 0.35, 1).ravel()[pixel]


def shade(color, normal, view, gloss, lights, lit, open_sky):
    """Linear light of every pixel."""
    linear = color**2.2
    facing = (normal * view).sum(1)
    soft = lambda light, wrap: np.clip((normal @ light + wrap) / (1 + wrap), 0, 1)
    up = (0.5 + 0.5 * normal[:, 1])[:, None]
    ambient = np.array([0.20, 0.19, 0.20]) * (1 - up) + np.array([0.34, 0.37, 0.42]) * up
    key = np.stack([soft(lights["key"], wrap) for wrap in (0.30, 0.17, 0.13)], 1)  # red reaches further round, as in skin
    light = ambient * open_sky[:, None] * 0.95 + key * lit[:, None] * np.array([0.896, 0.832, 0.76])
    light += (soft(lights["fill"], 0.25) * open_sky)[:, None] * np.array([0.24, 0.27, 0.33])
    out = linear * light
    for name, tint, strength in (("key", [1, 0.97, 0.92], lit), ("fill", [0.3, 0.33, 0.4], 1.0)):
        half = np.clip((normal * unit(view + lights[name])).sum(1), 0, 1)
        spot = (0.02 + 0.75 * gloss**1.5) * half ** (14 + gloss**2 * 260) * (0.25 + gloss)
        out += (spot * strength * 0.55)[:, None] * np.array(tint)
    edge = (1 - np.clip(facing, 0, 1)) ** 3
    rim = np.clip(normal @ lights["rim"], 0, 1) * edge * 1.1 + np.clip(normal @ lights["rim2"], 0, 1) * edge * 0.7
    out += rim[:, None] * np.array([0.85, 0.92, 1.0]) * 0.55 * (0.10 + 0.90 * linear)
    out *= 1.02
    return out * (1 + out * 0.12) / (1 + out * 0.32) * 1.12
