"""The engines of the comparison: PyTorch in several modes, ONNX Runtime, and the runtime."""

import contextlib
import copy
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from program import call

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "models"))
from twin import files  # noqa: E402
from twin.deeptalk import DeepTalk, pad  # noqa: E402
from twin.emotion import Pool, sorted_sum  # noqa: E402


class Network(nn.Module):
    """Padded samples (clips, samples) to motions and emotions; actor 0 in every engine."""

    def __init__(self, twin: DeepTalk):
        super().__init__()
        self.twin = twin

    def forward(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        emotion = self.twin.emotion_of(samples).mu
        actors = torch.zeros(samples.shape[0], dtype=torch.long, device=samples.device)
        return self.twin(samples, actors, emotion).motion, emotion


class Torch:
    """PyTorch on a device, in f32 or under autocast, eager or compiled."""

    def __init__(self, name, network, device, dtype=None, compiled=False, limit=1e-5):
        self.name, self.network, self.device, self.dtype = name, network, device, dtype
        self.compiled, self.limit = compiled, limit

    def prepare(self, samples: Tensor) -> None:
        self.network.to(self.device)
        self.run = torch.compile(self.network, mode="max-autotune") if self.compiled else self.network
        for _ in range(3):
            self.motion(samples)

    @torch.inference_mode()
    def both(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        half = torch.autocast(self.device, self.dtype) if self.dtype else contextlib.nullcontext()
        with half:
            return self.run(pad(samples).to(self.device))

    def motion(self, samples: Tensor) -> Tensor:
        return self.both(samples)[0].float().cpu()

    def emotion(self, samples: Tensor) -> Tensor:
        return self.both(samples)[1].float().cpu()


class FixedPool(nn.Module):
    """A pooling for one number of rows. Its weights depend on that number only, so they are constants."""

    def __init__(self, pool: Pool, rows: int):
        super().__init__()
        self.register_buffer("weights", pool.weights(rows).clone())

    def forward(self, x: Tensor) -> Tensor:
        return sorted_sum(x, self.weights)


def for_one_length(network: nn.Module, samples: Tensor) -> nn.Module:
    """A copy for clips of this length that can be exported: the pooling weights are constants, so the
    exporter need not trace their computation."""
    network, rows = copy.deepcopy(network).cpu(), {}
    pools = [module for module in network.modules() if isinstance(module, Pool)]
    for pool in pools:
        pool.register_forward_pre_hook(lambda pool, given: rows.update({pool: given[0].shape[1]}))
    network(samples)
    for branch in [module for module in network.modules() if isinstance(getattr(module, "pool", None), Pool)]:
        if branch.pool in rows:
            branch.pool = FixedPool(branch.pool, rows[branch.pool])
    return network


class Onnx:
    """ONNX Runtime on the CPU, of the twin as `torch.onnx.export` writes it for this length and batch."""

    name, limit = "ONNX Runtime, f32, CPU", 1e-4

    def __init__(self, network):
        self.network = network

    def prepare(self, samples: Tensor) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.onnx"
            with torch.no_grad():
                network = for_one_length(self.network, pad(samples))
                torch.onnx.export(network, (pad(samples),), path, dynamo=True, verbose=False)
            self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.motion(samples)

    def both(self, samples: Tensor) -> list[np.ndarray]:
        return self.session.run(None, {self.session.get_inputs()[0].name: pad(samples).numpy()})

    def motion(self, samples: Tensor) -> Tensor:
        return torch.from_numpy(self.both(samples)[0])

    def emotion(self, samples: Tensor) -> Tensor:
        return torch.from_numpy(self.both(samples)[1])


def peers(model: Path) -> tuple[list, list[tuple[str, str]]]:
    """Returns the engines of this machine, the reference (eager f32 on the CPU) first, and the missing ones
    with the reason."""
    network = Network(files.load(model)).eval()
    found = [
        Torch("PyTorch, eager f32, CPU", network, "cpu"),
        Torch("PyTorch, eager bf16 autocast, CPU", network, "cpu", torch.bfloat16, limit=1e-1),
        Onnx(network),
    ]
    missing = []
    if torch.cuda.is_available():
        on_gpu = Network(files.load(model)).eval()
        found += [
            Torch("PyTorch, eager f32, GPU", on_gpu, "cuda", limit=1e-3),
            Torch("PyTorch, eager f16 autocast, GPU", on_gpu, "cuda", torch.float16, limit=2e-2),
            Torch("PyTorch, compiled f16 (max-autotune), GPU", on_gpu, "cuda", torch.float16, True, limit=2e-2),
        ]
    else:
        rows = ["eager f32", "eager f16 autocast", "compiled f16 (max-autotune)"]
        missing += [(f"PyTorch, {row}, GPU", "there is no GPU") for row in rows]
    return found, missing


@dataclass
class Device:
    name: str
    option: str


class Runtime:
    """`deeptalk-rt bench`, in a new process for each round."""

    def __init__(self, binary: Path, model: Path, folder: Path):
        self.binary, self.model, self.folder = binary, model, folder
        self.devices = [Device("deeptalk-rt, f32, CPU", "cpu")]
        if "cpu:bf16" in call(binary, "doctor"):
            self.devices.append(Device("deeptalk-rt, bf16, CPU", "cpu:bf16"))
        if torch.cuda.is_available():
            self.devices.append(Device("deeptalk-rt, f16, GPU", "cuda"))

    def time(self, device: Device, seconds: float, batch: int, runs: int) -> float:
        path = self.folder / "bench.json"
        words = ["--seconds", seconds, "--batch", batch, "--runs", runs, "--device", device.option, "--json", path]
        call(self.binary, "bench", self.model, *words)
        [case] = json.loads(path.read_text())["cases"]
        return case["end_to_end"]["p50_ms"]

    def run(self, wav: Path) -> dict[str, np.ndarray]:
        """Returns the arrays that `deeptalk-rt run` writes for a recording."""
        result = self.folder / "run.npz"
        call(self.binary, "run", wav, "--model", self.model, "-o", result)
        with np.load(result) as file:
            return dict(file)
