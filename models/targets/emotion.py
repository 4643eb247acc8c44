"""Emotion as poses of the face, added to speech, and its strength over time."""
import numpy as np

from .loudness import smooth

EMOTIONS = ["neutral", "happy", "sad", "angry", "surprised", "afraid", "disgusted", "contempt"]

# Names without a side apply to both sides. `jaw` opens the mouth (jawOpen) and `articulation` scales speech;
# both act only during speech.
_POSES = {
    "neutral": {},
    "happy": dict(mouthSmile=0.80, cheekSquint=0.65, mouthDimple=0.18, mouthUpperUp=0.16, browOuterUp=0.20, browInnerUp=0.12, eyeSquint=0.18, jaw=0.05, articulation=0.10),
    "sad": dict(mouthFrown=0.80, browInnerUp=0.95, mouthShrugLower=0.26, eyeBlink=0.17, eyeLookDown=0.24, browDown=0.12, articulation=-0.15),
    "angry": dict(browDown=1.0, noseSneer=0.58, eyeSquint=0.58, mouthFrown=0.36, mouthLowerDown=0.30, mouthUpperUp=0.14, mouthStretch=0.14, jaw=0.03, articulation=0.14),
    "surprised": dict(browInnerUp=1.0, browOuterUp=0.95, eyeWide=0.95, mouthFunnel=0.18, jaw=0.14, articulation=0.14),
    "afraid": dict(browInnerUp=1.0, browDown=0.32, browOuterUp=0.22, eyeWide=0.72, mouthStretch=0.72, mouthLowerDown=0.26, mouthFrown=0.20, jaw=0.03, articulation=-0.04),
    "disgusted": dict(noseSneer=1.0, browDown=0.55, mouthUpperUp=0.50, cheekSquint=0.52, mouthFrown=0.42, eyeSquint=0.38, jaw=0.02, articulation=-0.02),
    "contempt": dict(mouthSmileLeft=0.70, mouthDimpleLeft=0.70, mouthPressRight=0.12, cheekSquintLeft=0.42, browOuterUpLeft=0.52, browDownRight=0.28, eyeSquint=0.26, eyeBlink=0.12, articulation=-0.08),
}  # fmt: skip
# Added, scaled by the style's `variant`, -1 .. 1: the same emotion shown more with the mouth, or more with
# the eyes and brows.
_VARIANTS = {
    "neutral": {},
    "happy": dict(mouthSmile=-0.14, mouthUpperUp=-0.08, cheekSquint=0.16, eyeSquint=0.12, browOuterUp=0.12, browInnerUp=0.10),
    "sad": dict(mouthFrown=-0.18, mouthShrugLower=-0.10, browInnerUp=0.12, eyeBlink=0.08, eyeLookDown=0.10),
    "angry": dict(mouthFrown=-0.14, mouthLowerDown=-0.12, noseSneer=-0.14, eyeSquint=0.16, browDown=0.08),
    "surprised": dict(mouthFunnel=-0.08, jaw=-0.05, browInnerUp=0.08, browOuterUp=0.10, eyeWide=0.12),
    "afraid": dict(mouthStretch=-0.18, mouthLowerDown=-0.10, browInnerUp=0.08, browDown=0.10, eyeWide=0.15),
    "disgusted": dict(mouthUpperUp=-0.14, mouthFrown=-0.12, browDown=0.18, eyeSquint=0.14, cheekSquint=0.08),
    "contempt": dict(mouthSmileLeft=-0.14, mouthDimpleLeft=-0.10, browOuterUpLeft=0.20, browDownRight=0.10, eyeSquint=0.10),
}  # fmt: skip
_ATTACK, _RELEASE = 0.35, 0.45  # s
_BEFORE, _AFTER = 0.70, 0.80  # strength before the first word and after the last, relative to 1
_SWELL = 0.22  # increase of the strength in loud phrases


class Overlay:
    """The poses as vectors in the order of `channels`, with separate halves."""

    def __init__(self, channels):
        self.channels = channels
        self.poses = {name: self.vector(_POSES[name]) for name in EMOTIONS}
        self.variants = {name: self.vector(_VARIANTS[name]) for name in EMOTIONS}
        self.side = np.array([name.endswith("Left") * 1.0 - name.endswith("Right") for name in channels])

    def vector(self, pose):
        """(52,): the 50 channels, then `jaw` and `articulation`."""
        out = np.zeros(len(self.channels) + 2)
        for name, value in pose.items():
            if name in ("jaw", "articulation"):
                out[len(self.channels) + (name == "articulation")] = value
            else:
                places = [i for i, channel in enumerate(self.channels) if channel in (name, name + "Left", name + "Right")]
                if not places:
                    raise ValueError(f"no channel {name}; expected one of {', '.join(self.channels)}")
                out[places] = value
        return out

    def pose(self, emotion, style):
        """The face of an emotion at strength 1 in this style: (50,), jaw, articulation."""
        if emotion not in self.poses:
            raise ValueError(f"unknown emotion {emotion!r}; expected one of {', '.join(EMOTIONS)}")
        pose = style.expression * (self.poses[emotion] + style.variant * self.variants[emotion])
        channels = np.clip(pose[:-2] * (1 + style.lopsided * self.side), 0, 1)
        return channels, pose[-2], pose[-1]


def strength(times, speech_start, speech_end, envelope, intensity):
    """(frames,): rises to `intensity` with the first word, increases in loud phrases, falls after the last."""
    rise = soft_step((times - (speech_start - 0.5 * _ATTACK)) / _ATTACK)
    fall = soft_step((times - speech_end - 0.05) / _RELEASE)
    held = _BEFORE + (1 - _BEFORE) * rise - (1 - _AFTER) * fall
    phrase = smooth(envelope, 0.8)
    spoken = (times > speech_start) & (times < speech_end)
    level = phrase[spoken].mean() if spoken.any() else 0.0
    return intensity * held * (1 + _SWELL * np.clip(2 * (phrase - level), -1, 1) * rise * (1 - fall))


def soft_step(x):
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)
