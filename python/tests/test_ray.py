"""The program of RAY.md on a local Ray of two workers."""

import importlib.util
import shutil
import sys
from pathlib import Path

import deeptalk_rt
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
ray = pytest.importorskip("ray")


def test_two_workers_render_a_folder(model_path, tmp_path, monkeypatch):
    spec = importlib.util.spec_from_file_location("render_with_ray", ROOT / "python/examples/render_with_ray.py")
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    # Run as a program, the module is `__main__`, which Ray sends by value. An imported module must be sent by
    # value too, because no worker can import it.
    monkeypatch.setitem(sys.modules, spec.name, program)
    ray.cloudpickle.register_pickle_by_value(program)

    clips, motions = tmp_path / "clips", tmp_path / "motions"
    clips.mkdir()
    for index in range(16):
        shutil.copy(ROOT / f"tests/golden/speech_{'abc'[index % 3]}.wav", clips / f"{index:02}.wav")
    (clips / "99.wav").write_text("not a recording")

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    # Work starts when both workers are ready; otherwise the first one finishes it before the second has
    # started.
    ray.data.DataContext.get_current().wait_for_min_actors_s = 60
    try:
        rows = program.render(model_path, clips, motions, workers=2)
    finally:
        ray.shutdown()
    assert [Path(row["path"]).stem for row in rows] == [f"{i:02}" for i in range(16)] + ["99"]
    assert "99.wav" in rows[-1]["error"] and all(row["error"] == "" for row in rows[:-1])
    assert len({row["worker"] for row in rows}) == 2, "both workers had a part"

    session = deeptalk_rt.Session(deeptalk_rt.Model.load(model_path))
    for index in range(3):
        expected = session.animate(deeptalk_rt.read_sound(clips / f"{index:02}.wav"))
        assert np.array_equal(np.load(motions / f"{index:02}.npz")["motion"], expected.values)
        assert rows[index]["frames"] == len(expected)
