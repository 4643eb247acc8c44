"""Checks that the twin is the network of the runtime: `python -m twin.check` compares every stage of a
forward.

The runtime's own models of seeded weights run through the twin. Its values are written as a golden file,
which the runtime verifies stage by stage on its CPU path. A model made here, with batch norms that have
processed data, is tested in the same way through `files.save`. In full size the twin is also compared with
`tests/golden`, the values of the published code.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.numpy import save_file

from . import check_training, files
from .config import Config
from .deeptalk import DeepTalk
from .motion_prior import Codes
from .stages import CHANNEL_MAJOR, capture, error, read_sound, round_trip

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden"
LIMIT = 1e-5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="without the published sizes, which take 1.5 GB of memory")
    parser.add_argument("--binary", type=Path, help="deeptalk-rt; default: the one in target/")
    arguments = parser.parse_args()
    binary = arguments.binary or built_binary()
    torch.manual_seed(0)
    failures = check_training.failures()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        for name, config in {"tiny": Config.tiny(), "default": Config.default()}.items():
            model = trained(config)
            for dtype in files.DTYPES:
                path = folder / f"made-{name}-{dtype}.safetensors"
                files.save(model, path, dtype, licence="none", source="twin.check")
                # Rounded weights make another model, so the file is read again.
                stored = model if dtype == "f32" else files.load(path)
                failures += verified_by_runtime(binary, path, stored, folder)
        for size in ["tiny"] if arguments.quick else ["tiny", "base"]:
            path = folder / f"{size}.safetensors"
            run(binary, "synth-model", "--size", size, "--dtype", "f32", "-o", path)
            failures += verified_by_runtime(binary, path, files.load(path), folder)
            failures += same_as_run(binary, path, folder)
        if not arguments.quick:
            failures += same_as_published(folder / "base.safetensors")
    for failure in failures:
        print(failure, file=sys.stderr)
    sys.exit(1 if failures else 0)


def built_binary() -> Path:
    choices = [ROOT / "target" / kind / "deeptalk-rt" for kind in ("release", "debug")]
    found = [choice for choice in choices if choice.exists()]
    if not found:
        sys.exit(f"expected {choices[0]}, found nothing: build it with `cargo build --release`, or give --binary")
    return max(found, key=lambda choice: choice.stat().st_mtime)


def run(binary: Path, *words) -> str:
    done = subprocess.run([binary, *map(str, words)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{binary.name} {' '.join(map(str, words))}\n{done.stdout}{done.stderr}")
    return done.stdout


def trained(config: Config) -> DeepTalk:
    """A model of random weights whose batch norms have processed some rows."""
    model = DeepTalk(config)
    model.motion_prior.train()(torch.randn(4, 32, config.parameters) * 3 + 1)
    return model.eval()


def verified_by_runtime(binary: Path, path: Path, model: DeepTalk, folder: Path) -> list[str]:
    """Writes the twin's stages as golden files, which `deeptalk-rt verify` compares."""
    wav = GOLDEN / "speech_a.wav"
    golden = folder / "golden"
    golden.mkdir(exist_ok=True)
    shutil.copy(wav, golden)
    stages = capture(model, read_sound(wav))
    write_golden(golden / "speech.safetensors", stages, {"wav": wav.name})
    motion = stages["motion"]
    write_golden(golden / "round_trip.safetensors", {"motion": motion, **round_trip(model, torch.from_numpy(motion))}, {})
    done = subprocess.run([binary, "verify", path, "--golden", golden], capture_output=True, text=True)
    print(f"{path.stem}, stages of the twin in the runtime\n{done.stdout}", flush=True)
    return [f"{path.stem}: the runtime differs: {done.stderr}"] if done.returncode else []


def write_golden(path: Path, stages: dict[str, np.ndarray], metadata: dict[str, str]) -> None:
    turned = {name: x.T if name in CHANNEL_MAJOR else x for name, x in stages.items()}
    save_file({name: np.ascontiguousarray(x) for name, x in turned.items()}, path, metadata)


def same_as_run(binary: Path, path: Path, folder: Path) -> list[str]:
    """Compares motion and codes with those of `deeptalk-rt run`."""
    wav, result = GOLDEN / "speech_b.wav", folder / "run.npz"
    run(binary, "run", wav, "--model", path, "-o", result)
    stages, failures = capture(files.load(path), read_sound(wav)), []
    with np.load(result) as reference:
        for ours, theirs in {"codes_t": "codes_t", "codes_b": "codes_b", "motion": "motion"}.items():
            # The runtime leaves out the frames that padding adds.
            expected = reference[theirs]
            failures += judge(f"{path.stem}: run", ours, stages[ours][: len(expected)], expected)
    return failures


def same_as_published(path: Path) -> list[str]:
    """Compares every stage of every file in tests/golden that belongs to this model."""
    model, failures = files.load(path), []
    for golden in sorted(GOLDEN.glob("*.safetensors")):
        with safe_open(golden, "np") as file:
            said = file.metadata() or {}
            expected = {name: file.get_tensor(name) for name in file.keys()}
        if "motion" not in expected:
            continue
        codes = Codes(*(torch.from_numpy(expected[f"codes_{book}"]).long() for book in "tb"))
        if "wav" in said:
            stages = capture(
                model,
                read_sound(GOLDEN / said["wav"]),
                int(said.get("actor", 0)),
                read_sound(GOLDEN / said["emotion"]) if "emotion" in said else None,
                torch.from_numpy(expected["eps"]) if "sample" in said else None,
                float(said.get("control", 1)),
                codes,
            )
        else:
            stages = round_trip(model, torch.from_numpy(expected["motion"]), codes)
        for name in [name for name in stages if name in expected]:
            reference = expected[name].T if name in CHANNEL_MAJOR else expected[name]
            failures += judge(golden.stem, name, stages[name], reference)
    return failures


def judge(where: str, stage: str, x: np.ndarray, reference: np.ndarray) -> list[str]:
    if x.shape != reference.shape:
        return [f"{where}: {stage}: expected {reference.shape}, found {x.shape}"]
    wrong = error(x, reference)
    limit = 0 if stage.startswith("codes") else LIMIT
    print(f"{where}: {stage}: {wrong:.1e}", flush=True)
    return [] if wrong <= limit else [f"{where}: {stage}: an error of {wrong:.1e}, above {limit:.0e}"]


if __name__ == "__main__":
    main()
