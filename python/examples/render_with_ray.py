"""Computes a motion (.npz) for every WAV file of a folder, on Ray workers.

    python render_with_ray.py --model model.safetensors --workers 2 clips/ motions/
"""

import argparse
from pathlib import Path

import ray

import deeptalk_rt


class Animate:
    """A worker: Ray creates one instance in each."""

    def __init__(self, model: str, folder: str):
        self.session = deeptalk_rt.Session(deeptalk_rt.Model.load(model, threads=1))
        self.folder = Path(folder)

    def __call__(self, batch: dict) -> dict:
        rows = {"path": list(batch["path"]), "frames": [], "worker": [], "error": []}
        for path in rows["path"]:
            frames, error = 0, ""
            try:
                motion = self.session.animate(deeptalk_rt.read_sound(path))
                motion.write(self.folder / (Path(path).stem + ".npz"))
                frames = len(motion)
            except (ValueError, RuntimeError) as raised:
                error = str(raised)
            rows["frames"].append(frames)
            rows["worker"].append(ray.get_runtime_context().get_actor_id() or "")
            rows["error"].append(error)
        return rows


def render(model: Path, clips: Path, motions: Path, workers: int) -> list[dict]:
    """Returns a row for every recording: path, frames, worker, error ("" if there was none)."""
    paths = sorted(str(path.resolve()) for path in clips.glob("*.wav"))
    motions.mkdir(parents=True, exist_ok=True)
    recordings = ray.data.from_items([{"path": path} for path in paths], override_num_blocks=max(workers, len(paths) // 8))
    rows = recordings.map_batches(
        Animate,
        fn_constructor_args=[str(model.resolve()), str(motions.resolve())],
        # Few files at a time per worker, so that all workers are busy until the end.
        compute=ray.data.ActorPoolStrategy(size=workers, max_tasks_in_flight_per_actor=1),
        batch_size=8,
    )
    return sorted(rows.take_all(), key=lambda row: row["path"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path)
    parser.add_argument("motions", type=Path)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    rows = render(arguments.model, arguments.clips, arguments.motions, arguments.workers)
    for row in rows:
        print(f"{row['path']}: {row['error'] or str(row['frames']) + ' frames'}")
    return 1 if any(row["error"] for row in rows) else 0


if __name__ == "__main__":
    raise SystemExit(main())
