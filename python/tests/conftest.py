import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

import deeptalk_rt

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def model_path(tmp_path_factory) -> Path:
    """The tiny model of random weights, made by the program (DEEPTALK_PROGRAM, or the newest build)."""
    builds = [Path(os.environ.get("DEEPTALK_PROGRAM", "")), *ROOT.glob("target/*/deeptalk-rt")]
    programs = sorted((path for path in builds if path.is_file()), key=lambda path: path.stat().st_mtime)
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    subprocess.run([programs[-1], "synth-model", "--size", "tiny", "-o", path], check=True, capture_output=True)
    return path


@pytest.fixture(scope="session")
def model(model_path) -> deeptalk_rt.Model:
    return deeptalk_rt.Model.load(model_path)


@pytest.fixture(scope="session")
def speech() -> np.ndarray:
    return deeptalk_rt.read_sound(ROOT / "tests/golden/speech_c.wav")
