"""Measures head.safetensors and fails if a limit is exceeded: python check.py [--quick]."""
import argparse
import hashlib
import os
import subprocess
import sys
import tempfile

import numpy as np
from scipy.spatial import cKDTree

from builder import assemble, eyelids, mouth, rig
from builder.channels import CHANNELS, JOINTS, PARENTS, split_side
from builder.proportions import EYE, EYE_RADIUS, METRES, MIRROR
from builder.rings import directed_edges, face_normals
from builder.skin import NECK_COLUMNS
from preview import poses
from preview.face import Face
from preview.rasterizer import rasterize
from preview.render import Camera

HERE = os.path.dirname(os.path.abspath(__file__))
PATH = os.path.join(HERE, "head.safetensors")
MILLIMETRE = 1e-3
MASKS = "lips mouth eyes forehead jaw lip_upper_inner lip_lower_inner eye_left eye_right".split()
MOUTH_INSIDE = ("teeth_upper", "teeth_lower", "tongue")


class Report:
    def __init__(self):
        self.failed = 0

    def check(self, passed, text):
        print(("ok    " if passed else "FAIL  ") + text)
        self.failed += not passed


class Head:
    """The file, and the generator's data about its vertices."""

    def __init__(self):
        self.face = Face(PATH)
        self.mesh = assemble.build()
        self.map, self.basis, self.weights = rig.build(self.mesh)
        self.parts = self.mesh.parts
        self.skin = self.parts["skin"]
        self.owner = np.zeros(len(self.face.template), int)
        for number, part in enumerate(self.parts.values()):
            self.owner[part] = number
        self.face_owner = self.owner[self.face.faces[:, 0]]

    def faces_of(self, name):
        return self.face.faces[self.face_owner == list(self.parts).index(name)]

    def contact(self):
        """Skin indices of the contact line by column; column j is opposite column -j."""
        index = np.where(self.map.mouth & (np.abs(self.map.ring) < 1e-9))[0]
        return index[np.argsort(self.map.angle[index])]

    def lip_gap(self, vertices):
        """Largest distance between opposite points of the contact line, metres."""
        line = self.contact()
        return max(np.linalg.norm(vertices[line[j]] - vertices[line[-j]]) for j in range(1, mouth.COLUMNS // 2))


def check_bytes(head, report):
    with open(PATH, "rb") as file:
        committed = hashlib.sha256(file.read()).hexdigest()
    digests = []
    with tempfile.TemporaryDirectory() as folder:
        for run in "ab":
            path = os.path.join(folder, run)
            subprocess.run([sys.executable, os.path.join(HERE, "generate.py"), path], check=True, stdout=subprocess.DEVNULL)
            with open(path, "rb") as file:
                digests.append(hashlib.sha256(file.read()).hexdigest())
    report.check(digests[0] == digests[1] == committed, f"two runs of generate.py give the committed bytes ({committed[:12]}, {digests[0][:12]}, {digests[1][:12]})")


def check_file(head, report):
    face, count = head.face, len(head.face.template)
    size = os.path.getsize(PATH)
    report.check(size < 3_000_000, f"file size {size / 1e6:.2f} MB < 3 MB")
    report.check(3000 <= count <= 8000, f"{count} vertices within 3000 .. 8000, {len(face.faces)} triangles")
    report.check(face.channels == CHANNELS and len(CHANNELS) == 50, "50 channels in ARKit's order")
    report.check(JOINTS == ["root", "neck", "jaw", "eye_left", "eye_right"] and PARENTS == [-1, 0, 1, 1, 1], "joints and parents")
    floats = face.template, face.basis, face.joints, face.weights
    report.check(all(np.isfinite(a).all() for a in floats), "all numbers are finite")
    error = np.abs(face.weights.sum(1) - 1).max()
    report.check(error == 0 and face.weights.min() >= 0, f"skinning weights sum to 1 (largest error {error:g}), none negative")
    sizes = {name: len(face.masks.get(name, ())) for name in MASKS}
    fits = all(sizes[name] and face.masks[name].max() < count for name in MASKS)
    report.check(fits and sizes["lip_upper_inner"] == sizes["lip_lower_inner"] == 1, f"masks {sizes}")


def check_rounding(head, report):
    exact = Face(PATH)
    exact.basis, exact.template, exact.weights = head.basis * METRES, head.mesh.vertices * METRES, head.weights
    worst = max(np.linalg.norm(head.face.pose(*p) - exact.pose(*p), axis=1).max() for p in known(head).values())
    report.check(worst < 0.03 * MILLIMETRE, f"rounding (F16, F32) moves no vertex by more than {worst / MILLIMETRE:.3f} mm in any pose (limit 0.03)")


def check_surface(head, report):
    face = head.face
    areas = np.linalg.norm(face_normals(face.template, face.faces), axis=1) / 2
    report.check(areas.min() > 1e-10, f"no degenerate triangle (smallest {areas.min() * 1e6:.4f} mm2)")
    report.check(len(np.unique(face.faces)) == len(face.template), "every vertex is used")
    for name, part in head.parts.items():
        faces = head.faces_of(name)
        _, directed = np.unique(directed_edges(faces), axis=0, return_counts=True)
        _, uses = np.unique(np.sort(directed_edges(faces), 1), axis=0, return_counts=True)
        centre = face.template[part].mean(0)
        outward = (face_normals(face.template, faces) * (face.template[faces].mean(1) - centre)).sum()
        good = directed.max() == 1 and uses.max() == 2 and outward > 0
        report.check(good, f"{name}: manifold, wound consistently and outwards, {(uses == 1).sum()} border edges")
        if name == "skin":
            expected = 2 * eyelids.COLUMNS + NECK_COLUMNS
            report.check((uses == 1).sum() == expected, f"the skin is open at the lids and the neck only ({expected} border edges)")


def check_symmetry(head, report):
    m, face = head.map, head.face
    points = face.template[head.skin]
    labels = np.stack([m.upper, m.ring, np.zeros_like(m.ring)], 1) * 0.01
    features, mirrored = np.hstack([points, labels]), np.hstack([points * MIRROR, labels])
    distance, image = cKDTree(features).query(mirrored)
    report.check(distance.max() < 2e-6, f"the skin at rest is symmetric to {distance.max() / MILLIMETRE:.4f} mm")
    worst = 0.0
    for i, channel in enumerate(CHANNELS):
        base, side = split_side(channel)
        partner = {"mouthLeft": "mouthRight", "jawLeft": "jawRight"}.get(channel) or (base + "Right" if side > 0 else channel if side == 0 else None)
        if partner is None or channel in ("mouthRight", "jawRight"):
            continue
        j = CHANNELS.index(partner)
        worst = max(worst, np.abs(face.basis[i, head.skin][image] * MIRROR - face.basis[j, head.skin]).max())
        for left, right in (("brow_left", "brow_right"), ("lashes_left", "lashes_right")):
            for a, b in ((left, right), (right, left)):
                worst = max(worst, np.abs(face.basis[i, head.parts[a]] * MIRROR - face.basis[j, head.parts[b]]).max())
    report.check(worst < 0.05 * MILLIMETRE, f"left and right channels mirror each other to {worst / MILLIMETRE:.4f} mm")
    for channel in ("mouthSmileLeft", "eyeBlinkLeft", "browOuterUpLeft", "mouthLeft", "jawLeft"):
        moved = np.linalg.norm(face.basis[CHANNELS.index(channel)], axis=1)
        shift = face.basis[CHANNELS.index(channel)][:, 0].sum() if channel in ("mouthLeft", "jawLeft") else (moved * face.template[:, 0]).sum()
        report.check(shift > 0, f"{channel} is on the subject's left (x > 0)")


def check_lips(head, report):
    face, line = head.face, head.contact()
    report.check(head.lip_gap(face.pose()) == 0, "the lips meet at rest")
    grid = np.linspace(0, 1, 21)
    worst = max(head.lip_gap(face.pose({"mouthClose": c}, c)) for c in grid)
    report.check(worst <= 0.3 * MILLIMETRE, f"mouthClose = jawOpen closes the lips to {worst / MILLIMETRE:.2f} mm (limit 0.3)")
    wider = all(
        (np.diff([head.lip_gap(face.pose({"mouthClose": c}, j)) for j in grid if j >= c]) > 0).all() for c in (0.0, 0.25, 0.5, 0.75)
    )
    report.check(wider, "the opening grows with jawOpen beyond mouthClose (grid of 4 x 21)")
    upper, lower = line[mouth.COLUMNS // 4], line[3 * mouth.COLUMNS // 4]
    same = face.masks["lip_upper_inner"][0] == upper and face.masks["lip_lower_inner"][0] == lower
    opening = [np.linalg.norm(v[upper] - v[lower]) for v in (face.pose({}, j) for j in grid)]
    report.check(same and (np.diff(opening) > 0).all(), f"the inner lips part monotonically, 0 .. {opening[-1] / MILLIMETRE:.1f} mm at jawOpen 1")
    views = [(yaw, pitch) for yaw in (-50, 0, 50) for pitch in (-25, 0, 20)]
    for pose in ("neutral", "close 0.5 + jaw 0.5", "close 1 + jaw 1", "PP", "mouthPucker"):
        seen = sum(sum(seen_parts(head, known(head)[pose], yaw, pitch, MOUTH_INSIDE)) for yaw, pitch in views)
        report.check(seen == 0, f"teeth and tongue are hidden in {pose!r} ({seen} pixels seen in {len(views)} views)")


def check_lids(head, report):
    face, m = head.face, head.map
    worst = 0.0
    for side in (1, -1):
        index = np.where(m.eye & (m.side == side) & (np.abs(m.ring) < 1e-9))[0]
        index = index[np.argsort(m.angle[index])]
        blink = "eyeBlinkLeft" if side > 0 else "eyeBlinkRight"
        q = (face.pose({blink: 1.0})[index] / METRES - EYE * [side, 1, 1]) * [side, 1, 1]
        upper, lower = q[1 : eyelids.COLUMNS // 2], q[: eyelids.COLUMNS // 2 : -1]
        tilt = lambda p: np.arctan2(p[:, 1], p[:, 2])
        order = np.argsort(lower[:, 0])
        gap = (tilt(upper) - np.interp(upper[:, 0], lower[order, 0], tilt(lower)[order])) * EYE_RADIUS * METRES
        worst = max(worst, gap.max())
    report.check(worst <= 0.3 * MILLIMETRE, f"blink closes the lids: largest gap {max(worst, 0) / MILLIMETRE:.2f} mm (limit 0.3), lids overlap elsewhere")
    for name in ("eyeBlinkLeft + eyeBlinkRight", "blink + squint"):
        pose = (poses.both(eyeBlink=1), 0.0) if "+ eye" in name else poses.COMBINATIONS[name]
        seen = sum(sum(seen_parts(head, pose, yaw, pitch, ("eyeball_left", "eyeball_right"))) for yaw in (-40, 0, 40) for pitch in (-20, 0, 20))
        report.check(seen == 0, f"no eyeball shows in {name!r} ({seen} pixels in 9 views)")
    clearance, where = lid_clearance(head)
    report.check(clearance > 0, f"lids stay {clearance / MILLIMETRE:.2f} mm or more off the eyeballs over blink x squint x wide x look (least at {where})")


def lid_clearance(head):
    """Least distance of the lids (vertices, edge middles, triangle middles) over the eyeball's surface,
    metres."""
    face, m = head.face, head.map
    lid = m.eye & (m.ring >= -0.5)
    faces = face.faces[(face.faces < head.skin.stop).all(1)]
    faces = faces[lid[faces].all(1)]
    a, b, c = faces.T
    least, where = np.inf, ""
    fifths = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    for blink in fifths:
        for squint in (0.0, 0.5, 1.0):
            for wide in {0.0, 1.0 - blink}:  # a lid cannot be raised and closed at the same time
                for look in ("", "eyeLookDown", "eyeLookUp", "eyeLookIn", "eyeLookOut"):
                    if look and (squint == 0.5 or wide and blink):
                        continue
                    pose = poses.both(eyeBlink=blink, eyeSquint=squint, eyeWide=wide, **({look: 1.0} if look else {}))
                    v = face.pose(pose)
                    p = v[: head.skin.stop]
                    points = np.concatenate([p[lid], (p[a] + p[b]) / 2, (p[b] + p[c]) / 2, (p[c] + p[a]) / 2, (p[a] + p[b] + p[c]) / 3])
                    for side, name in ((1, "eyeball_left"), (-1, "eyeball_right")):
                        own = points[points[:, 0] * side > 0] - EYE * [side, 1, 1] * METRES
                        ball = v[head.parts[name]] - EYE * [side, 1, 1] * METRES
                        radius = np.linalg.norm(ball, axis=1)
                        _, near = cKDTree(ball / radius[:, None]).query(own / np.linalg.norm(own, axis=1, keepdims=True))
                        over = np.linalg.norm(own, axis=1) - radius[near]
                        if over.min() < least:
                            least, where = over.min(), f"blink {blink}, squint {squint}, wide {wide} {look}".strip()
    return least, where


def check_joints(head, report):
    """Checks that the neck bends smoothly, no gap opens at the collar, and the eyeballs turn as rigid bodies
    under the lids."""
    face, weights = head.face, head.face.weights
    neck = weights[:, 1:].sum(1)  # of all joints that the neck carries
    skin_faces = head.faces_of("skin")
    edges = np.unique(np.sort(directed_edges(skin_faces), 1), axis=0)
    length = np.linalg.norm(face.template[edges[:, 0]] - face.template[edges[:, 1]], axis=1)
    slope = (np.abs(neck[edges[:, 0]] - neck[edges[:, 1]]) / length).max() * MILLIMETRE
    report.check(slope < 0.05, f"the neck's weight changes by {slope:.3f} in a millimetre of skin or less (limit 0.05)")
    edges, uses = np.unique(np.sort(directed_edges(skin_faces), 1), axis=0, return_counts=True)
    border = np.unique(edges[uses == 1])
    border = border[face.template[border, 1] < -0.1]
    turned = [face.pose(*pose) for name, pose in poses.TURNS.items() if name.startswith("neck")]
    moved = max(np.linalg.norm((v - face.template)[border], axis=1).max() for v in turned)
    still = len(border) == NECK_COLUMNS and moved < 5 * MILLIMETRE and neck[head.parts["shirt"]].max() == 0
    report.check(still, f"the neck moves the skin's border, 10 mm under the collar's edge, by {moved / MILLIMETRE:.1f} mm (limit 5), the shirt not at all")
    above = face.template[:, 1] > -0.1  # metres: the upper throat
    report.check((neck[above] == 1).all(), "everything over the throat moves with the neck as one")
    worst = 0.0
    for side, joint in ((1, "eye_left"), (-1, "eye_right")):
        ball = rig.turning(head.mesh, "eyeball_left" if side > 0 else "eyeball_right")
        pivot = EYE * [side, 1, 1] * METRES
        worst = max(worst, np.abs(face.joints[face.joint_names.index(joint)] - pivot).max())
        for turn in ((0, 30, 0), (0, -30, 0), (20, 0, 0), (-20, 0, 0)):
            v = face.pose(turns={joint: turn})
            radius = np.linalg.norm(v[ball] - pivot, axis=1) - np.linalg.norm(face.template[ball] - pivot, axis=1)
            others = np.ones(len(v), bool)
            others[ball] = False
            worst = max(worst, np.abs(radius).max(), np.linalg.norm(v - face.template, axis=1)[others].max())
    report.check(worst < 1e-6, f"an eye joint turns its eyeball about its centre and moves nothing else ({worst / MILLIMETRE:.6f} mm)")
    visible = head.map.visible()
    outer = np.zeros(len(face.faces), bool)
    faces = (face.faces < head.skin.stop).all(1)
    outer[faces] = visible[face.faces[faces]].all(1)
    shown = {name: max(flipped_share(head, pose, yaw, outer) for yaw in (-35, 0, 35)) for name, pose in poses.TURNS.items()}
    name = max(shown, key=shown.get)
    report.check(shown[name] < 1e-3, f"flipped skin seen in {len(shown)} turns: at most {shown[name] * 100:.3f} % ({name}; limit 0.1 %)")


def check_flips(head, report):
    """Pixels that show the back of skin whose front is visible at rest."""
    visible = head.map.visible()
    outer = np.zeros(len(head.face.faces), bool)
    skin_faces = (head.face.faces < head.skin.stop).all(1)
    outer[skin_faces] = visible[head.face.faces[skin_faces]].all(1)
    listed = {**poses.EMOTIONS, **poses.VISEMES, **poses.COMBINATIONS, **poses.JAW}
    single = {c: ({c: 1.0}, 0.0) for c in CHANNELS if c != "mouthClose"}  # without the jaw it has no meaning
    for title, group, limit in (("listed combinations", listed, 1e-3), ("single channels", single, 1e-3)):
        shown = {name: max(flipped_share(head, pose, yaw, outer) for yaw in (-35, 0, 35)) for name, pose in group.items()}
        bad = sorted(((share, name) for name, share in shown.items() if share > 0), reverse=True)
        worst = ", ".join(f"{name} {share * 100:.3f} %" for share, name in bad[:6]) or "none"
        report.check(max(shown.values()) < limit, f"flipped skin seen in {len(group)} {title}: {len(bad)} show any; largest share of the skin's pixels: {worst} (limit {limit * 100:.1f} %)")


def flipped_share(head, pose, yaw, outer):
    face = head.face
    vertices = face.pose(*pose)
    camera = Camera(yaw, 0, (0, -0.024, 0.04), 0.54)
    _, triangle, _, _ = rasterize(camera.project(vertices, 360, 440), face.faces, 360, 440)
    normals = face_normals(vertices, face.faces)
    away = ((camera.eye - vertices[face.faces[:, 0]]) * normals).sum(1) < 0
    return (outer & away)[triangle].sum() / outer[triangle].sum()


def seen_parts(head, pose, yaw, pitch, names, size=(360, 440)):
    """The number of pixels that show each part."""
    camera = Camera(yaw, pitch, (0, -0.024, 0.04), 0.54)
    _, triangle, _, _ = rasterize(camera.project(head.face.pose(*pose), *size), head.face.faces, *size)
    owner = head.face_owner[triangle]
    return [int((owner == list(head.parts).index(name)).sum()) for name in names]


def known(head):
    return {**poses.EMOTIONS, **poses.VISEMES, **poses.COMBINATIONS, **poses.JAW, **{c: ({c: 1.0}, 0.0) for c in CHANNELS}}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="skip the two regenerations")
    quick = parser.parse_args().quick
    report, head = Report(), Head()
    checks = [check_file, check_rounding, check_surface, check_symmetry, check_lips, check_lids, check_joints, check_flips]
    for check in checks if quick else [check_bytes] + checks:
        check(head, report)
    print("all checks passed" if not report.failed else f"{report.failed} checks FAILED")
    sys.exit(1 if report.failed else 0)


if __name__ == "__main__":
    main()
