"""The 50 expression channels in their order: ARKit's blend shapes without jawForward and jawOpen."""

CHANNELS = (
    "eyeBlinkLeft eyeLookDownLeft eyeLookInLeft eyeLookOutLeft eyeLookUpLeft eyeSquintLeft eyeWideLeft "
    "eyeBlinkRight eyeLookDownRight eyeLookInRight eyeLookOutRight eyeLookUpRight eyeSquintRight eyeWideRight "
    "jawRight jawLeft mouthClose mouthFunnel mouthPucker mouthRight mouthLeft mouthSmileLeft mouthSmileRight "
    "mouthFrownLeft mouthFrownRight mouthDimpleLeft mouthDimpleRight mouthStretchLeft mouthStretchRight "
    "mouthRollLower mouthRollUpper mouthShrugLower mouthShrugUpper mouthPressLeft mouthPressRight mouthLowerDownLeft "
    "mouthLowerDownRight mouthUpperUpLeft mouthUpperUpRight browDownLeft browDownRight browInnerUp browOuterUpLeft "
    "browOuterUpRight cheekPuff cheekSquintLeft cheekSquintRight noseSneerLeft noseSneerRight tongueOut"
).split()

JOINTS = ["root", "neck", "jaw", "eye_left", "eye_right"]
PARENTS = [-1, 0, 1, 1, 1]

UNSIDED = ("mouthLeft", "mouthRight", "jawLeft", "jawRight")


def split_side(channel):
    """('mouthSmileLeft') -> ('mouthSmile', +1); +1 = the subject's left, -1 = right, 0 = both."""
    if channel not in UNSIDED:
        for ending, side in (("Left", 1), ("Right", -1)):
            if channel.endswith(ending):
                return channel[: -len(ending)], side
    return channel, 0
