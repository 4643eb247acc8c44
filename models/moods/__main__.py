"""python -m moods: the built-in model's eight moods, into emotions.safetensors: what DEE's motion side makes of motions that show them."""

import argparse
import hashlib
import json
import struct
from pathlib import Path

import numpy as np
import torch

from corpus.prosody import EMOTIONS
from targets.motion import motion_of
from twin import files

from .speech import clips

HERE = Path(__file__).resolve().parent.parent


def metadata_of(path):
    """The metadata of a safetensors file."""
    with open(path, "rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        return json.loads(file.read(size))["__metadata__"]


def save(path, arrays, metadata):
    """Writes float32 arrays as safetensors in their order, which is that in which the program lists the moods."""
    header, at = {"__metadata__": metadata}, 0
    for name, array in arrays.items():
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [at, at + array.nbytes]}
        at += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(array.tobytes() for array in arrays.values()))


def main():
    parser = argparse.ArgumentParser(prog="python -m moods", description=__doc__)
    parser.add_argument("--model", default=HERE / "default.safetensors", type=Path, help="the model that the moods are for (default default.safetensors)")
    parser.add_argument("--out", default=HERE / "emotions.safetensors", type=Path, help="the file to make (default emotions.safetensors)")
    parser.add_argument("--clips", type=int, default=24, help="sentences of each mood (default 24)")
    options = parser.parse_args()
    model = files.load(options.model).eval()
    arrays = {}
    for row, _ in clips("train", EMOTIONS, options.clips, 1.0):
        motion = torch.from_numpy(motion_of(row, 0))[None]
        with torch.no_grad():
            mu, logvar = model.motion_emotion(motion)
        arrays.setdefault(row["emotion"], []).append((mu[0].double().numpy(), logvar[0].double().numpy()))
    file = {}
    for mood, found in arrays.items():
        mus, logvars = (np.stack(values) for values in zip(*found))
        mean = mus.mean(0)
        spread = (np.exp(logvars) + (mus - mean) ** 2).mean(0)
        file[f"{mood}.mu"] = (mean / np.linalg.norm(mean)).astype(np.float32)
        file[f"{mood}.logvar"] = np.log(spread).astype(np.float32)
    source, digest = metadata_of(options.model)["source"], hashlib.sha256(options.model.read_bytes()).hexdigest()
    save(options.out, file, {"format": "deeptalk-rt emotions", "format_version": "1", "model": source, "model_sha256": digest})
    print(f"{options.out}: moods {', '.join(arrays)}")


if __name__ == "__main__":
    main()
