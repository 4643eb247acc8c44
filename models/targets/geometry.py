"""The built-in head's geometry in numpy, as `src/tensor/cpu/skin.rs` computes it: linear blend shapes, then the
jaw joint.

A motion is (frames, 53): 50 ARKit channels in the file's order, then the jaw's axis-angle in radians. Lengths
are metres.
"""
import json
import os
from functools import cached_property

import numpy as np
from safetensors import safe_open

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "head", "head.safetensors")
JAW_OPEN = np.radians(24.0)  # jawOpen = 1
WIDTH = 53
FRAMES_A_SECOND = 25


class Head:
    """Reads `head.safetensors` and measures motions on it."""

    def __init__(self, path=PATH):
        with safe_open(path, "np") as file:
            self.channels = json.loads(file.metadata()["channels"])
            joints = json.loads(file.metadata()["joints"])
            self.template = file.get_tensor("template").astype(np.float64)
            self.basis = file.get_tensor("expression_basis").astype(np.float64)  # (50, V, 3)
            self.share = file.get_tensor("skinning_weights").astype(np.float64)[:, joints.index("jaw")]  # (V,): no joint is below the jaw
            self.pivot = file.get_tensor("joints").astype(np.float64)[joints.index("jaw")]
            self.faces = file.get_tensor("faces").astype(np.int64)
            self.masks = {name[5:]: file.get_tensor(name).astype(np.int64) for name in file.keys() if name.startswith("mask.")}
        self.upper, self.lower = int(self.masks["lip_upper_inner"][0]), int(self.masks["lip_lower_inner"][0])
        self.index = {name: i for i, name in enumerate(self.channels)}

    def vertices(self, motion, subset=slice(None)):
        """(frames, V or len(subset), 3): positions of all or some vertices."""
        motion = self.checked(motion)
        shaped = self.template[subset] + np.tensordot(motion[:, :50], self.basis[:, subset], 1)
        turned = np.einsum("fij,fvj->fvi", rotations(motion[:, 50:]), shaped - self.pivot) + self.pivot
        share = self.share[subset][:, None]
        return (1 - share) * shaped + share * turned

    def checked(self, motion):
        motion = np.asarray(motion, np.float64)
        if motion.ndim != 2 or motion.shape[1] != WIDTH:
            raise ValueError(f"a motion has shape (frames, {WIDTH}): 50 channels and 3 jaw rotations; found {motion.shape}; use motion_of or the runtime's `motion`")
        return motion

    def mouth_opening(self, motion):
        """(frames,) metres: vertical distance of the lips in the middle; 0 if they touch or overlap."""
        lips = self.vertices(motion, [self.upper, self.lower])
        return np.maximum(lips[:, 0, 1] - lips[:, 1, 1], 0)

    def eye_opening(self, motion):
        """(frames,) metres: distance of the middles of upper and lower lid, mean of both eyes; 0 if they
        touch or overlap."""
        places = self.vertices(motion, self._lids.ravel())
        gaps = places[:, ::2, 1] - places[:, 1::2, 1]
        return np.maximum(gaps, 0).mean(1)

    def lips_in_jaw_frame(self, motion):
        """(frames, 2, 3) metres: displacement of the inner upper and lower lip by the channels other than
        mouthClose, before the jaw turns."""
        channels = self.checked(motion)[:, :50].copy()
        channels[:, self.index["mouthClose"]] = 0
        return np.tensordot(channels, self.basis[:, [self.upper, self.lower]], 1)

    def protrusion(self, motion):
        """(frames,) metres: forward displacement of both lips without that of the jaw (rounding)."""
        return self.lips_in_jaw_frame(motion)[:, :, 2].mean(1)

    def tuck(self, motion):
        """(frames,) metres: distance of the lower lip behind the upper one, without the jaw's movement (/f/
        and /v/)."""
        moved = self.lips_in_jaw_frame(motion)
        return moved[:, 0, 2] - moved[:, 1, 2]

    @cached_property
    def _lids(self):
        """[[upper, lower] of the left eye, of the right eye]: vertices that are apart at rest and that a
        blink brings together."""
        pairs = []
        for side in ("Left", "Right"):
            blink = self.basis[self.index["eyeBlink" + side]]
            upper = np.argmin(blink[:, 1])
            x, near = self.template[upper, 0], np.zeros(len(self.template), bool)
            near[self.masks["eyes"]] = True
            lower_lid = near & (blink[:, 1] > 0) & (np.abs(self.template[:, 0] - x) < 2e-3)
            rise = np.where(lower_lid, blink[:, 1], -1)
            pairs.append([upper, np.argmax(rise)])
        return np.array(pairs)

    def metric(self):
        """(53, 53) float64, G: d^T G d is close to the weighted mean squared distance of vertices between two
        motions that differ by d.

        Weights: lips 4, lids and brows 4, other skin 1, eyeballs and tongue 0.1; the distance between the
        lips, which decides whether a mouth is shut, counts once more (`GAP_WEIGHT`). The jaw is linearised
        about the middle of speech (jawOpen 0.15). G is scaled so that the channels in `SPEECH` have a mean
        diagonal of 1; then `FLOOR` is added to the channels, as some move little skin but are read by other
        rigs (mouthPress), and `TUCK` to mouthRollLower.
        """
        jacobian = self.jacobian()
        weights = self.vertex_weights()
        gap = jacobian[:, self.upper, 1] - jacobian[:, self.lower, 1]
        gram = np.einsum("cvk,v,dvk->cd", jacobian, weights / weights.sum(), jacobian, optimize=True)
        gram += GAP_WEIGHT * np.outer(gap, gap)
        speech = [self.index[name] for name in SPEECH]
        gram /= np.mean(np.diag(gram)[speech])
        gram[range(50), range(50)] += FLOOR
        gram[self.index["mouthRollLower"], self.index["mouthRollLower"]] += TUCK
        return gram

    def jacobian(self):
        """(53, V, 3): derivative of the vertices by each parameter, at jawOpen 0.15."""
        middle = np.zeros((1, WIDTH))
        middle[0, 50] = 0.15 * JAW_OPEN
        turn = rotations(middle[:, 50:])[0]
        share = self.share[:, None]
        linear = (1 - share) * self.basis + share * (self.basis @ turn.T)
        step = 1e-4
        jaw = []
        for axis in range(3):
            moved = middle.copy()
            moved[0, 50 + axis] += step
            jaw.append((self.vertices(moved) - self.vertices(middle))[0] / step)
        return np.concatenate([linear, np.array(jaw)])

    def vertex_weights(self):
        weights = np.ones(len(self.template))
        eyeball = np.abs(self.basis[self.index["eyeLookInLeft"]]).sum(1) + np.abs(self.basis[self.index["eyeLookInRight"]]).sum(1) > 1e-4
        tongue = np.abs(self.basis[self.index["tongueOut"]]).sum(1) > 1e-4
        brows = np.abs(self.basis[self.index["browInnerUp"]]).sum(1) + np.abs(self.basis[self.index["browDownLeft"]]).sum(1) + np.abs(self.basis[self.index["browDownRight"]]).sum(1) > 1e-3
        weights[brows] = 4
        weights[self.masks["eyes"]] = 4
        weights[self.masks["lips"]] = 4
        weights[eyeball] = 0.1
        weights[tongue] = 0.1
        return weights


FLOOR = 0.2  # with less, channels that nearly cancel (smile and frown, left and right) replace each other, outside 0 .. 1
TUCK = 0.6  # the tucked lip of f and v moves little skin, but it is the mark of these phones
GAP_WEIGHT = 0.05  # weight of the squared distance between the lips, relative to a weighted mean over all vertices
SPEECH = ["mouthClose", "mouthFunnel", "mouthPucker", "mouthRollLower", "mouthSmileLeft", "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight"]
SPEECH += ["mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight", "mouthPressLeft", "mouthPressRight"]


def rotations(axis_angle):
    """(frames, 3, 3) of axis-angle (frames, 3), Rodrigues' formula as in the runtime."""
    angle = np.sqrt(((axis_angle + 1e-8) ** 2).sum(1))
    x, y, z = np.where(angle[:, None] > 0, axis_angle / np.maximum(angle, 1e-30)[:, None], 0).T
    zero = np.zeros_like(x)
    k = np.array([[zero, -z, y], [z, zero, -x], [-y, x, zero]]).transpose(2, 0, 1)
    sin, cos = np.sin(angle)[:, None, None], np.cos(angle)[:, None, None]
    return np.eye(3) + sin * k + (1 - cos) * (k @ k)
