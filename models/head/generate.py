"""Builds the head and writes head.safetensors: python generate.py [path]."""
import hashlib
import os
import sys

from builder import assemble, face_file, masks, rig


def generate(path):
    mesh = assemble.build()
    face_map, basis, weights = rig.build(mesh)
    data = face_file.write(path, face_file.tensors(mesh, basis, weights, rig.joints(), masks.build(mesh, face_map)))
    digest = hashlib.sha256(data).hexdigest()
    print(f"{path}: {len(mesh.vertices)} vertices, {len(mesh.faces)} triangles, {len(data) / 1e6:.2f} MB, sha256 {digest[:16]}")
    for name, part in mesh.parts.items():
        print(f"  {name:14} {part.stop - part.start:5} vertices")


if __name__ == "__main__":
    default = os.path.join(os.path.dirname(os.path.abspath(__file__)), "head.safetensors")
    generate(sys.argv[1] if len(sys.argv) > 1 else default)
