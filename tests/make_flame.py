"""Writes the small FLAME-shaped models in tests/data with real numpy and scipy: `python tests/make_flame.py`.

Their numbers follow `value` below, which the Rust test computes too.
"""

import io
import pickle
import sys
import types
from pathlib import Path

import numpy as np
import scipy.sparse

VERTICES, JOINTS, SHAPES, POSES = 7, 5, 400, 36
FOLDER = Path(__file__).parent / "data"


def value(seed, shape):
    index = np.arange(np.prod(shape, dtype=np.int64)).reshape(shape)
    return ((index * 7919 + seed * 104729) % 10007 - 5003) / 1e5


class Ch:
    """A stand-in for chumpy's array, which pickles its attributes."""

    def __init__(self, x):
        self.__dict__ = {"x": x, "_dirty_vars": {"x"}, "_itr": None, "_make_dense": True, "_status": "new"}


Ch.__module__ = "chumpy.ch"
chumpy = types.ModuleType("chumpy")
chumpy.ch = types.ModuleType("chumpy.ch")
chumpy.ch.Ch = Ch
sys.modules.update({"chumpy": chumpy, "chumpy.ch": chumpy.ch})


def model(dtype):
    regressor = np.zeros((JOINTS, VERTICES))
    for joint in range(JOINTS):
        regressor[joint, joint] = 0.75
        regressor[joint, joint + 2] = 0.25
    weights = np.zeros((VERTICES, JOINTS))
    for vertex in range(VERTICES):
        weights[vertex, vertex % JOINTS] += 0.625
        weights[vertex, 2] += 0.375
    return {
        "v_template": value(1, (VERTICES, 3)).astype(dtype),
        "shapedirs": value(2, (VERTICES, 3, SHAPES)).astype(dtype),
        "posedirs": value(3, (VERTICES, 3, POSES)).astype(dtype),
        "weights": weights.astype(dtype),
        "J_regressor": regressor.astype(dtype),
        "J": (regressor @ value(1, (VERTICES, 3))).astype(dtype),
        "f": np.array([[i, i + 1, i + 2] for i in range(VERTICES - 2)], dtype=np.uint32),
        "kintree_table": np.array([[2**32 - 1, 0, 1, 1, 1], range(JOINTS)], dtype=np.int64),
        "bs_style": "lbs",
        "bs_type": "lrotmin",
    }


class Python2Pickler(pickle._Pickler):
    """Writes pickles like Python 2's: texts and bytes are `str`, and modules have their names of that time."""

    dispatch = dict(pickle._Pickler.dispatch)
    OLD = {"numpy._core.multiarray": "numpy.core.multiarray", "scipy.sparse._csc": "scipy.sparse.csc"}

    def save_string(self, obj):
        data = obj.encode("latin1") if isinstance(obj, str) else obj
        if self.proto == 0:
            text = data.decode("latin1").encode("unicode_escape").replace(b"'", b"\\'")
            self.write(b"S'" + text + b"'\n")
        elif len(data) < 256:
            self.write(b"U" + bytes([len(data)]) + data)
        else:
            self.write(b"T" + len(data).to_bytes(4, "little") + data)
        self.memoize(obj)

    dispatch[str] = save_string
    dispatch[bytes] = save_string

    def save_global(self, obj, name=None):
        module = self.OLD.get(getattr(obj, "__module__", None))
        if module is None:
            return super().save_global(obj, name)
        self.write(b"c" + module.encode() + b"\n" + (name or obj.__qualname__).encode() + b"\n")
        self.memoize(obj)

    dispatch[type] = save_global
    dispatch[types.FunctionType] = save_global
    dispatch[types.BuiltinFunctionType] = save_global


def python2(obj, protocol):
    out = io.BytesIO()
    Python2Pickler(out, protocol).dump(obj)
    again = pickle.loads(out.getvalue(), encoding="latin1")
    assert np.array_equal(again["f"], obj["f"]) and again["bs_type"] == "lrotmin"
    return out.getvalue()


def main():
    FOLDER.mkdir(exist_ok=True)
    flame2020 = model(np.float64)
    for name in ("v_template", "shapedirs"):
        flame2020[name] = Ch(np.asfortranarray(flame2020[name]) if name == "shapedirs" else flame2020[name])
    flame2020["J_regressor"] = scipy.sparse.csc_matrix(flame2020["J_regressor"])
    (FOLDER / "flame2020.pkl").write_bytes(python2(flame2020, 2))

    small = model(np.float32)
    (FOLDER / "flame2023.pkl").write_bytes(pickle.dumps(small, protocol=4))
    # Protocol 0 has no binary data, and Python 3's protocol 2 wraps it in a call: all values have another
    # form.
    few = {key: array for key, array in small.items() if key not in ("J", "bs_style")}
    few["J_regressor"] = scipy.sparse.csc_matrix(few["J_regressor"])
    few["shapedirs"] = few["shapedirs"].astype(">f2")
    (FOLDER / "flame2020_protocol0.pkl").write_bytes(python2(few, 0))
    few["J_regressor"] = model(np.float32)["J_regressor"]
    (FOLDER / "flame2023_protocol2.pkl").write_bytes(pickle.dumps(few, protocol=2))
    few["shapedirs"] = np.asfortranarray(few["shapedirs"])
    (FOLDER / "flame2023_protocol5.pkl").write_bytes(pickle.dumps(few, protocol=5))

    del few["bs_type"]
    few["J_regressor"] = np.array(scipy.sparse.csc_matrix(few["J_regressor"]), dtype=object)
    few["shapedirs"] = few["shapedirs"].astype(np.float16)
    np.savez_compressed(FOLDER / "flame2023_sparse.npz", **few)
    few["J_regressor"] = small["J_regressor"]
    np.savez(FOLDER / "flame2023.npz", **few)


main()
