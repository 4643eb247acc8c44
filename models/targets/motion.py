"""The motion of the built-in head while an utterance is spoken: the training target.

motion_of(utterance, seed, envelope) -> (frames, 53) float32, frames = samples // 640

Mouth tracks (coarticulation) and an emotion (overlay) become channel values; `mouthClose` is then solved on
the head's own lips, so that they meet wherever a phone or a pause wants them shut, whatever the jaw and the
emotion do. Same utterance, seed and envelope: the same bytes.
"""
import zlib
from functools import lru_cache

import numpy as np

from .coarticulation import TRACKS, frame_times, tracks_of
from .emotion import Overlay, strength
from .events import blinks, brow_accents
from .geometry import JAW_OPEN, WIDTH, Head
from .loudness import smooth
from .phones import segments_of
from .style import Style

LIFT_OF_TUCK = 0.55  # share of the lower lip's way up to the teeth in a tuck
LIFT_OF_PUCKER = 0.40  # a small round opening, not only protrusion
JAW_OF_SPEECH = 0.66  # jawOpen at track 1
TRACK = {name: i for i, name in enumerate(TRACKS)}


@lru_cache(maxsize=1)
def rig():
    return Rig()


def motion_of(utterance, seed, envelope=None):
    """(frames, 53) float32: 50 ARKit channels in 0 .. 1, then the jaw's axis-angle in radians; frame i is the
    face at (i + 0.5) / 25 s.

    `utterance`: a line of the corpus. `seed`: chooses style and blinks, together with the utterance's id.
    `envelope`: (frames,) from `loudness.envelope_of`; without it every phone counts as equally loud.
    """
    frames = utterance["samples"] // 640
    segments = segments_of(utterance)
    rng = np.random.default_rng([seed, zlib.crc32(str(utterance["id"]).encode())])
    style = Style.draw(rng)
    if not frames:
        return np.zeros((0, WIDTH), np.float32)
    if envelope is None:
        envelope = spoken(segments, frames)
    elif len(envelope) != frames:
        raise ValueError(f"envelope: expected {frames} frames for {utterance['samples']} samples, found {len(envelope)}; use loudness.envelope_of on the same samples")
    return rig().perform(segments, frames, utterance["emotion"], utterance["intensity"], envelope, style, rng)


def spoken(segments, frames):
    """(frames,): 0.8 during speech, 0 in pauses."""
    times, out = frame_times(frames), np.zeros(frames)
    for name, start, end in segments:
        if name != "sil":
            out[(times >= start) & (times < end)] = 0.8
    return out


class Rig:
    """Tracks to channels of the built-in head."""

    def __init__(self):
        self.head = Head()
        self.overlay = Overlay(self.head.channels)
        self.index = self.head.index
        self.lips = self.head.basis[:, [self.head.upper, self.head.lower]]  # (50, 2, 3)
        self.rest = self.head.template[[self.head.upper, self.head.lower]]
        # These press the lips together. They are left out when mouthClose is solved, so that they can only
        # close the lips more.
        self.pressing = [self.index[name] for name in ("mouthPressLeft", "mouthPressRight", "mouthRollUpper", "mouthClose")]
        self.opening = [self.index[name] for name in ("mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight", "mouthFunnel")]
        self.corners = [i for i, name in enumerate(self.head.channels) if name.startswith(("mouthSmile", "mouthDimple", "mouthStretch"))]

    def perform(self, segments, frames, emotion, intensity, envelope, style, rng):
        times = frame_times(frames)
        tracks = tracks_of(segments, frames)
        speech = [(a, b) for name, a, b in segments if name != "sil"]
        first, last = (speech[0][0], speech[-1][1]) if speech else (times[-1] + 1, times[-1] + 1)
        pose, more_jaw, more_articulation = self.overlay.pose(emotion, style)
        amount = strength(times, first, last, envelope, intensity)

        seal = tracks[:, TRACK["seal"]]
        voice = 0.72 + 0.42 * smooth(envelope, 0.2)  # louder speech opens the mouth more
        effort = style.articulation * (1 + more_articulation * amount) * voice
        jaw = JAW_OF_SPEECH * tracks[:, TRACK["jaw"]] * effort
        jaw += more_jaw * amount * np.minimum(tracks[:, TRACK["jaw"]] * 3, 1)

        out = np.zeros((frames, WIDTH))
        self.speak(out, tracks, effort)
        self.feel(out, tracks, pose, amount)
        accents = brow_accents(times, segments, envelope, style)
        self.raise_brows(out, accents, pose, amount)
        self.move_lids(out, blinks(times, segments, style, rng), style)
        np.clip(out[:, :50], 0, 1, out=out[:, :50])
        angle = np.clip(jaw, 0, 1) * JAW_OPEN
        lifted = np.maximum(LIFT_OF_TUCK * tracks[:, TRACK["tuck"]], LIFT_OF_PUCKER * tracks[:, TRACK["pucker"]])
        self.close(out, angle, np.maximum(seal, lifted))
        out[:, 50] = angle
        out[:, 51] = 0.06 * style.lopsided * angle  # the jaw moves a little to one side
        return out.astype(np.float32)

    def speak(self, out, tracks, effort):
        jaw, wide, pucker, funnel, part, tongue, seal, press, tuck = tracks.T
        free = 1 - seal
        part = part * effort * free
        self.add(out, "mouthLowerDown", 0.50 * part * (1 - 0.6 * pucker) * (1 - tuck))
        self.add(out, "mouthUpperUp", 0.28 * part * (1 - 0.5 * pucker) * (1 - tuck) + 0.30 * tuck)
        self.add(out, "mouthStretch", 0.40 * wide)
        self.add(out, "mouthSmile", 0.30 * wide)
        self.add(out, "mouthPucker", 0.85 * pucker * (1 - 0.3 * press))
        self.add(out, "mouthFunnel", 0.75 * funnel * free)
        self.add(out, "mouthRollLower", 0.78 * tuck + 0.20 * press)
        self.add(out, "mouthRollUpper", 0.16 * press)
        self.add(out, "mouthPress", 0.50 * press)
        self.add(out, "mouthShrugLower", 0.12 * tuck)
        self.add(out, "tongueOut", 0.30 * tongue * free * np.minimum(jaw / 0.2, 1))

    def feel(self, out, tracks, pose, amount):
        """Adds the emotion: mouth corners yield to rounding, and channels that open the lips yield to
        closures, so that an emotion does not destroy a phone."""
        rounding = np.maximum(tracks[:, TRACK["pucker"]], tracks[:, TRACK["funnel"]])
        shares = np.ones((len(out), 50))
        shares[:, self.corners] = (1 - 0.60 * rounding)[:, None]
        wide = 0.35 + 0.65 * np.clip(2 * tracks[:, TRACK["jaw"]], 0, 1)
        shares[:, self.opening] = (wide * (1 - tracks[:, TRACK["seal"]]) * (1 - 0.7 * tracks[:, TRACK["tuck"]]))[:, None]
        added = amount[:, None] * pose * shares
        # A channel that speech already uses gets the rest of its range.
        out[:, :50] += added * (1 - 0.5 * np.clip(out[:, :50], 0, 1))

    def raise_brows(self, out, accents, pose, amount):
        """Brows that an emotion lowers are lowered further, others are raised."""
        frown = np.clip(1.5 * amount * pose[self.index["browDownLeft"]], 0, 1)
        self.add(out, "browDown", 0.5 * accents * frown)
        self.add(out, "browInnerUp", accents * (1 - frown))
        self.add(out, "browOuterUp", 0.7 * accents * (1 - frown))

    def move_lids(self, out, blink, style):
        for side in ("Left", "Right"):
            shut, wide = self.index["eyeBlink" + side], self.index["eyeWide" + side]
            resting = out[:, shut] + style.lids * (1 - np.clip(2 * out[:, wide], 0, 1))
            out[:, shut] = resting + (1 - resting) * blink
            out[:, wide] *= 1 - blink

    def close(self, out, angle, seal):
        """Solves mouthClose so that the distance of the inner lips is `1 - seal` times the distance without
        it (linear in mouthClose)."""
        channels = out[:, :50].copy()
        channels[:, self.pressing] = 0
        shaped = self.rest + np.tensordot(channels, self.lips, 1)  # (frames, 2, 3)
        shut = self.lips[self.index["mouthClose"]]
        sin, cos = np.sin(angle), np.cos(angle)
        y, z = shaped[:, 1, 1] - self.head.pivot[1], shaped[:, 1, 2] - self.head.pivot[2]
        gap = shaped[:, 0, 1] - (cos * y - sin * z + self.head.pivot[1])
        slope = cos * shut[1, 1] - sin * shut[1, 2] - shut[0, 1]
        out[:, self.index["mouthClose"]] = np.clip(seal * np.maximum(gap, 0) / slope, 0, 1)

    def add(self, out, name, values):
        for channel in (name, name + "Left", name + "Right"):
            if channel in self.index:
                out[:, self.index[channel]] += values
