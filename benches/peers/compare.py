"""Compares the runtime with PyTorch and ONNX Runtime on the same clips, in one run:
`python benches/peers/compare.py --binary deeptalk-rt`.

All programs receive the same model file, lengths and batches; the time is measured from samples on the host
to a motion on the host. The results are compared before any time is measured. Rounds are interleaved, so that
other load on the machine affects all programs alike; a row is the median of its rounds. Prints the Markdown
table of README.md, and the rows that could not be measured with the reason.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path

import torch

import checks
import engines
from clips import clips
from program import call

HERE = Path(__file__).resolve().parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", type=Path, default=HERE.parents[1] / "target/release/deeptalk-rt")
    parser.add_argument("--model", type=Path, help="a model file; default: seeded weights of --size")
    parser.add_argument("--size", default="base", choices=["base", "default", "tiny"])
    parser.add_argument("--seconds", default="1,10", help="lengths of the clips")
    parser.add_argument("--batch", default="1", help="clips per call")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--runs", type=int, default=3, help="runs per round; the round's time is their median")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="threads of every program on the CPU")
    parser.add_argument("--json", type=Path, help="file for the times of all rounds")
    arguments = parser.parse_args()
    if not arguments.binary.exists():
        sys.exit(f"{arguments.binary}: expected the program, found nothing: `cargo build --release`, or give --binary")
    torch.set_num_threads(arguments.threads)
    os.environ["RAYON_NUM_THREADS"] = str(arguments.threads)
    seconds = [float(word) for word in arguments.seconds.split(",")]
    batches = [int(word) for word in arguments.batch.split(",")]
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        model = arguments.model or folder / "model.safetensors"
        if not arguments.model:
            call(arguments.binary, "synth-model", "--size", arguments.size, "--dtype", "f32", "-o", model)
        runtime = engines.Runtime(arguments.binary, model, folder)
        peers, missing = engines.peers(model)
        checks.same_as_runtime(runtime, peers[0], folder)
        rows = []
        for length in seconds:
            for batch in batches:
                rows += measure(runtime, peers, missing, length, batch, arguments)
    print(table(rows, arguments))
    for name, why in sorted(set(missing)):
        print(f"- not measured: {name}: {why}")
    if arguments.json:
        temporary = arguments.json.with_name(f".{arguments.json.name}.part")
        temporary.write_text(json.dumps({"machine": machine(), "rows": rows, "missing": missing}, indent=1) + "\n")
        temporary.replace(arguments.json)


def measure(runtime, peers, missing, seconds, batch, arguments) -> list[dict]:
    """Returns one row for each engine that passes its check."""
    samples = clips(seconds, batch)
    reference, ready = None, []
    for peer in peers:
        try:
            peer.prepare(samples)
        except Exception as error:  # a failure of an exporter or a compiler becomes a missing row with its reason
            missing.append((peer.name, f"{type(error).__name__}: {str(error).splitlines()[0][:120]}"))
            continue
        reference = reference if reference is not None else peer.emotion(samples)
        wrong = checks.error(peer.emotion(samples), reference)
        if not wrong <= peer.limit:
            missing.append((peer.name, f"its emotion is off by {wrong:.1e} where {peer.limit:.0e} is allowed"))
            continue
        ready.append((peer, wrong))
    rounds = {name: [] for name in [peer.name for peer, _ in ready] + [d.name for d in runtime.devices]}
    for _ in range(arguments.rounds):
        for peer, _ in ready:
            rounds[peer.name].append(statistics.median(timed(peer, samples) for _ in range(arguments.runs)))
        for device in runtime.devices:
            rounds[device.name].append(runtime.time(device, seconds, batch, arguments.runs))
    errors = {peer.name: wrong for peer, wrong in ready}
    return [
        {
            "engine": name,
            "seconds": seconds,
            "batch": batch,
            "p50_ms": statistics.median(times),
            "rounds_ms": times,
            "error": errors.get(name),
        }
        for name, times in rounds.items()
    ]


def timed(peer, samples) -> float:
    begun = time.perf_counter()
    peer.motion(samples)
    return (time.perf_counter() - begun) * 1e3


def table(rows: list[dict], arguments) -> str:
    said = machine()
    gpu = f", {said['gpu']}" if said["gpu"] else ""
    lines = [
        f"{said['processor']}, {arguments.threads} threads{gpu}; PyTorch {torch.__version__}; model: "
        f"{arguments.model or arguments.size}; medians of {arguments.rounds} interleaved rounds of {arguments.runs} runs",
        "",
        "| clip | batch | engine | p50 ms | x real time | of deeptalk-rt's f32 (GPU: f16) |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        same = [other for other in rows if (other["seconds"], other["batch"]) == (row["seconds"], row["batch"])]
        # The runtime on the same device; on the CPU its f32 row, which comes first.
        place = row["engine"].rsplit(", ", 1)[-1]
        own = next(o["p50_ms"] for o in same if o["engine"].startswith("deeptalk-rt") and o["engine"].endswith(place))
        speed = row["seconds"] * row["batch"] * 1e3 / row["p50_ms"]
        lines.append(
            f"| {row['seconds']:g} s | {row['batch']} | {row['engine']} | {row['p50_ms']:.1f} | {speed:.1f} "
            f"| {row['p50_ms'] / own:.2f} |"
        )
    return "\n".join(lines)


def machine() -> dict:
    names = [line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {"processor": names[0] if names else platform.processor(), "gpu": gpu, "torch": torch.__version__}


if __name__ == "__main__":
    main()
