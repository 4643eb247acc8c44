"""The values of a model file, stage by stage, computed by the twin: `python -m twin.golden MODEL -o FOLDER`.

The runtime's tests compare the built-in model with these values (`tests/golden/default`).
"""

import argparse
import os
from pathlib import Path

import torch

from . import files
from .check import GOLDEN, write_golden
from .stages import capture, read_sound, round_trip

# Enough to find the beginning of a difference; the wide stages between them would be megabytes.
KEPT = ["content", "dee.mu", "dee.logvar", "style", "predictor.features", "predictor.logits_t", "codes_t", "vq.decoder_t", "codes_b", "motion"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path, help="a model file")
    parser.add_argument("-o", "--out", type=Path, required=True, help="the folder to write")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    model = files.load(arguments.model)
    wav = GOLDEN / "speech_a.wav"
    stages = capture(model, read_sound(wav))
    write_golden(arguments.out / "speech.safetensors", {name: stages[name] for name in KEPT}, {"wav": os.path.relpath(wav, arguments.out)})
    motion = stages["motion"]
    write_golden(arguments.out / "round_trip.safetensors", {"motion": motion, **round_trip(model, torch.from_numpy(motion))}, {})


if __name__ == "__main__":
    main()
