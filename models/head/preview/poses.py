"""Named poses: (channel weights, jawOpen), and TURNS: (channel weights, jawOpen, joint rotations in degrees)."""


def both(**weights):
    """browDown=1 -> browDownLeft=1, browDownRight=1; names without sides stay (write them with a trailing
    underscore)."""
    out = {}
    for name, value in weights.items():
        if name.endswith("_"):
            out[name[:-1]] = value
        else:
            out[name + "Left"] = out[name + "Right"] = value
    return out


EMOTIONS = {
    "neutral": ({}, 0.0),
    "happy": (both(mouthSmile=0.85, cheekSquint=0.6, mouthUpperUp=0.25, mouthLowerDown=0.25, browInnerUp_=0.15, browOuterUp=0.1), 0.16),
    "sad": (both(mouthFrown=0.75, browInnerUp_=0.9, eyeLookDown=0.25, mouthShrugLower_=0.35, eyeBlink=0.12), 0.0),
    "angry": (both(browDown=1, noseSneer=0.6, eyeSquint=0.45, mouthFrown=0.4, mouthPress=0.5), 0.0),
    "surprised": (both(browInnerUp_=1, browOuterUp=0.9, eyeWide=0.9, mouthFunnel_=0.25), 0.5),
    "afraid": (both(browInnerUp_=1, browOuterUp=0.35, browDown=0.25, eyeWide=0.8, mouthStretch=0.7, mouthLowerDown=0.25), 0.18),
    "disgusted": (both(noseSneer=1, browDown=0.55, mouthUpperUp=0.5, cheekSquint=0.5, mouthFrown=0.35, eyeSquint=0.3), 0.04),
    "contempt": (dict(mouthSmileLeft=0.6, mouthDimpleLeft=0.6, cheekSquintLeft=0.3, browOuterUpLeft=0.3, eyeSquintLeft=0.2, eyeSquintRight=0.2), 0.0),
}

VISEMES = {
    "PP": (both(mouthPress=0.6, mouthRollLower_=0.25, mouthRollUpper_=0.2), 0.0),
    "FF": (both(mouthRollLower_=0.75, mouthUpperUp=0.35, mouthShrugLower_=0.1), 0.05),
    "TH": (both(mouthUpperUp=0.15, mouthLowerDown=0.25, tongueOut_=0.3), 0.14),
    "DD": (both(mouthUpperUp=0.2, mouthLowerDown=0.35, mouthStretch=0.1), 0.10),
    "kk": (both(mouthUpperUp=0.15, mouthLowerDown=0.3, mouthStretch=0.15), 0.20),
    "CH": (both(mouthFunnel_=0.7, mouthPucker_=0.15), 0.08),
    "SS": (both(mouthStretch=0.35, mouthSmile=0.15, mouthUpperUp=0.25, mouthLowerDown=0.5), 0.03),
    "nn": (both(mouthUpperUp=0.1, mouthLowerDown=0.25), 0.14),
    "RR": (both(mouthFunnel_=0.45, mouthPucker_=0.35), 0.12),
    "aa": (both(mouthLowerDown=0.15), 0.65),
    "E": (both(mouthStretch=0.3, mouthSmile=0.2, mouthLowerDown=0.25, mouthUpperUp=0.15), 0.32),
    "ih": (both(mouthStretch=0.2, mouthSmile=0.25, mouthLowerDown=0.3, mouthUpperUp=0.2), 0.20),
    "oh": (both(mouthFunnel_=0.65, mouthPucker_=0.25), 0.38),
    "ou": (both(mouthPucker_=0.85, mouthFunnel_=0.2), 0.12),
}

COMBINATIONS = {
    "smile + jaw 0.5": (both(mouthSmile=1), 0.5),
    "smile + jaw 1": (both(mouthSmile=1), 1.0),
    "pucker + jaw 0.2": (both(mouthPucker_=1), 0.2),
    "pucker + jaw 0.5": (both(mouthPucker_=1), 0.5),
    "smile + pucker": (both(mouthSmile=1, mouthPucker_=1), 0.0),
    "blink + squint": (both(eyeBlink=1, eyeSquint=1), 0.0),
    "funnel + jaw 0.2": (both(mouthFunnel_=1), 0.2),
    "funnel + jaw 0.5": (both(mouthFunnel_=1), 0.5),
    "funnel + jaw 1": (both(mouthFunnel_=1), 1.0),
    "close 0.5 + jaw 0.5": (both(mouthClose_=0.5), 0.5),
    "close 1 + jaw 1": (both(mouthClose_=1), 1.0),
    "ee": (both(mouthStretch=0.5, mouthSmile=0.35, mouthUpperUp=0.45, mouthLowerDown=0.55), 0.12),
    "f / v": (both(mouthRollLower_=0.8, mouthUpperUp=0.35, mouthShrugLower_=0.15), 0.05),
    "laugh": (both(mouthSmile=1, cheekSquint=1, eyeSquint=0.6, mouthUpperUp=0.5, mouthLowerDown=0.3, browOuterUp=0.3), 0.45),
    "wink": (dict(eyeBlinkLeft=1, mouthSmileLeft=0.8, cheekSquintLeft=0.7), 0.0),
    "tongue": (both(tongueOut_=1), 0.45),
}

JAW = {f"jaw {value:.2f}": ({}, value) for value in (0.0, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 1.0)}

TURNS = {
    "neck to the left": ({}, 0.0, dict(neck=(0, 30, 0))),
    "neck to the right": ({}, 0.0, dict(neck=(0, -45, 0))),
    "neck down": ({}, 0.0, dict(neck=(18, 0, 0))),
    "neck up": ({}, 0.0, dict(neck=(-18, 0, 0))),
    "neck tilted": ({}, 0.0, dict(neck=(0, 0, 15))),
    "eyes to the left": ({}, 0.0, dict(eye_left=(0, 25, 0), eye_right=(0, 25, 0))),
    "eyes down": ({}, 0.0, dict(eye_left=(18, 0, 0), eye_right=(18, 0, 0))),
    "all joints": (both(mouthSmile=0.5), 0.4, dict(root=(0, 0, 4), neck=(8, 20, -8), eye_left=(6, -20, 0), eye_right=(6, -20, 0))),
}
