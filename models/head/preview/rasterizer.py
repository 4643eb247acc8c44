"""A z-buffer in plain numpy: all pixels of all triangles' boxes at once, in chunks."""
import numpy as np

CHUNK = 3_000_000


def rasterize(screen, faces, width, height):
    """screen: (V, 3) x right, y down in pixels and a depth key, larger = nearer, linear on the screen.

    Returns (pixels, triangles, barycentric (n, 3), depth) of the covered pixels.
    """
    screen = screen.astype(np.float32)
    corner = screen[faces]
    low = np.maximum(np.ceil(corner[:, :, :2].min(1) - 0.5), 0).astype(np.int64)
    high = np.minimum(np.floor(corner[:, :, :2].max(1) - 0.5), [width - 1, height - 1]).astype(np.int64)
    box = np.maximum(high - low + 1, 0)
    area = cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    alive = np.where((box.prod(1) > 0) & (np.abs(area) > 1e-9))[0]
    nearest = np.full(width * height, -np.inf, np.float32)
    found = []
    totals = np.cumsum(box[alive].prod(1))
    for part in np.split(alive, np.searchsorted(totals, np.arange(CHUNK, totals[-1] if len(totals) else 0, CHUNK))):
        pixel, triangle, weights, depth = cover(part, corner, low, box, area, width)
        np.maximum.at(nearest, pixel, depth)
        found.append((pixel, triangle, weights, depth))
    pixel, triangle, weights, depth = (np.concatenate(column) for column in zip(*found))
    seen = depth == nearest[pixel]
    pixel, first = np.unique(pixel[seen], return_index=True)
    index = np.where(seen)[0][first]
    return pixel, triangle[index], weights[index], depth[index]


def cross(a, b):
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]


def cover(part, corner, low, box, area, width):
    """The pixels inside the triangles of one chunk."""
    count = box[part].prod(1)
    own = np.repeat(np.arange(len(part)), count)
    offset = np.arange(len(own)) - np.repeat(np.cumsum(count) - count, count)
    columns = box[part, 0][own]
    px = low[part, 0][own] + offset % columns
    py = low[part, 1][own] + offset // columns
    a, b, c = corner[part, 0], corner[part, 1], corner[part, 2]
    inverse = (1 / area[part]).astype(np.float32)

    def plane(p, q):  # weight = u * x + v * y + w
        u, v = (p[:, 1] - q[:, 1]) * inverse, (q[:, 0] - p[:, 0]) * inverse
        return u, v, -(u * p[:, 0] + v * p[:, 1])

    x, y = (px + 0.5).astype(np.float32), (py + 0.5).astype(np.float32)
    u, v, w = plane(b, c)
    first = u[own] * x + v[own] * y + w[own]
    u, v, w = plane(c, a)
    second = u[own] * x + v[own] * y + w[own]
    third = 1 - first - second
    inside = (first >= -1e-6) & (second >= -1e-6) & (third >= -1e-6)
    own, first, second, third = own[inside], first[inside], second[inside], third[inside]
    depth = first * a[own, 2] + second * b[own, 2] + third * c[own, 2]
    return (py[inside] * width + px[inside]), part[own], np.stack([first, second, third], 1), depth
