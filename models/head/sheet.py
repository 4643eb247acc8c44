"""Draws a sheet of the head: python sheet.py views|channels|jaw|turns|emotions|visemes|combinations|POSE
[options]."""
import argparse
import os

from preview import contact_sheet, poses
from preview.face import Face
from preview.render import Camera, render

HERE = os.path.dirname(os.path.abspath(__file__))
FACE = dict(target=(0, -0.024, 0.04), distance=0.54)
MOUTH = dict(target=(0, -0.060, 0.08), distance=0.28)
EYES = dict(target=(0, 0.005, 0.07), distance=0.30)
BUST = dict(target=(0, -0.03, 0.0), distance=0.96)
FRAMINGS = dict(face=FACE, mouth=MOUTH, eyes=EYES, bust=BUST)


def views(face, supersample):
    shots = [(0, 0, BUST, False), (35, 0, BUST, False), (90, 0, BUST, False), (160, 5, BUST, False)]
    shots += [(0, 0, FACE, False), (-32, 4, FACE, False), (18, -22, FACE, False), (30, 0, FACE, True)]
    vertices = face.pose()
    return [draw(face, vertices, supersample, yaw, pitch, frame, (320, 400), clay) for yaw, pitch, frame, clay in shots], 4, None


def grid(named, yaw, columns, size, framing=FACE):
    def make(face, supersample):
        images = [draw(face, face.pose(*pose), supersample, yaw, 0, framing, size) for pose in named(face).values()]
        return images, columns, list(named(face))

    return make


def each_channel(face):
    return {channel: ({channel: 1.0}, 0.0) for channel in face.channels}


SHEETS = {
    "views": views,
    "channels": grid(each_channel, 14, 10, (190, 232)),
    "jaw": grid(lambda _: poses.JAW, 24, 4, (300, 367)),
    "turns": grid(lambda _: poses.TURNS, 20, 4, (300, 367), BUST),
    "emotions": grid(lambda _: poses.EMOTIONS, 12, 4, (300, 367)),
    "visemes": grid(lambda _: poses.VISEMES, 14, 7, (220, 269)),
    "combinations": grid(lambda _: poses.COMBINATIONS, 14, 8, (220, 269)),
}


def draw(face, vertices, supersample, yaw, pitch, framing, size, clay=False):
    camera = Camera(yaw, pitch, **framing)
    return render(vertices, face.faces, face.colors, face.gloss, camera, size, supersample, clay)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", help="a sheet, or poses by name, joined by commas")
    parser.add_argument("--face", default=os.path.join(HERE, "head.safetensors"))
    parser.add_argument("-o", "--output", help="default: docs/head/WHAT.png, or pose.png")
    parser.add_argument("--fast", action="store_true", help="no anti-aliasing")
    parser.add_argument("--framing", choices=FRAMINGS, default="face", help="for poses")
    parser.add_argument("--yaw", default="0,35", help="for poses: camera angles in degrees")
    parser.add_argument("--pitch", type=float, default=0.0)
    parser.add_argument("--size", default="380x440")
    parser.add_argument("--clay", action="store_true")
    arguments = parser.parse_args()
    face, supersample = Face(arguments.face), 1 if arguments.fast else 2
    if arguments.what in SHEETS:
        output = arguments.output or os.path.join(HERE, "..", "..", "docs", "head", arguments.what + ".png")
        contact_sheet.save(output, *SHEETS[arguments.what](face, supersample))
        return
    known = {**poses.COMBINATIONS, **poses.VISEMES, **poses.JAW, **poses.TURNS, **poses.EMOTIONS, **each_channel(face)}
    names, size = arguments.what.split(","), tuple(int(n) for n in arguments.size.split("x"))
    yaws = [float(yaw) for yaw in arguments.yaw.split(",")]
    unknown = [name for name in names if name not in known]
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; sheets: {', '.join(SHEETS)}; poses: {', '.join(known)}")
    images = [draw(face, face.pose(*known[n]), supersample, yaw, arguments.pitch, FRAMINGS[arguments.framing], size, arguments.clay) for yaw in yaws for n in names]
    contact_sheet.save(arguments.output or "pose.png", images, max(len(names), min(len(images), 3)), names * len(yaws))


if __name__ == "__main__":
    main()
