"""Writes and reads the face file (safetensors)."""
import json
import os
import tempfile

import numpy as np
from safetensors import safe_open

from .channels import CHANNELS, JOINTS, PARENTS
from .proportions import METRES

METADATA = {
    "format": "deeptalk-rt face",
    "format_version": "1",
    "name": "Built-in head",
    "edition": "built-in",
    "channels": json.dumps(CHANNELS),
    "joints": json.dumps(JOINTS),
    "license": "MIT OR Apache-2.0",
    "source": "models/head: made by formulas, no third-party mesh or data",
}
MICROMETRE = 1e-6
DTYPES = {"float16": "F16", "float32": "F32", "int32": "I32", "uint8": "U8", "uint16": "U16", "uint32": "U32"}


def tensors(mesh, basis, weights, joints, masks):
    """The file's tensors; lengths in metres, the template rounded to a micrometre."""
    out = {
        "template": (np.round(mesh.vertices * METRES / MICROMETRE) * MICROMETRE).astype(np.float32),
        "faces": mesh.faces.astype(np.uint16),
        "expression_basis": (basis * METRES).astype(np.float16),
        "joints": (joints * METRES).astype(np.float32),
        "parents": np.array(PARENTS, np.int32),
        "skinning_weights": weights.astype(np.float16),
        "colors": np.round(mesh.colors * 255).astype(np.uint8),
        "gloss": np.round(mesh.gloss * 255).astype(np.uint8),
    }
    out.update({f"mask.{name}": index for name, index in masks.items()})
    return out


def encode(arrays):
    """The file's bytes. Written here because the library's writer orders the metadata randomly."""
    header, body = {"__metadata__": METADATA}, b""
    for name, array in arrays.items():
        data = np.ascontiguousarray(array).tobytes()
        header[name] = {"dtype": DTYPES[str(array.dtype)], "shape": list(array.shape), "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + body


def write(path, arrays):
    """Writes beside `path` and moves the file into place, so that an interrupted run leaves no partial file;
    returns the bytes."""
    data = encode(arrays)
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(os.path.abspath(path)), suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    return data


def read(path):
    """(tensors by name, metadata)."""
    with safe_open(path, "numpy") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata()
