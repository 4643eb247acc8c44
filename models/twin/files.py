"""Model files, read and written as `src/networks/model_file.rs` does: safetensors with the configuration in
its metadata.

Batch norms, which only training has, are folded when a model is written: each goes into the linear layer
after it. Inside the modules weights have PyTorch's layouts; in a file a convolution is (out, kernel, in), a
transposed one (kernel, out, in).
"""

import json
import os
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor, nn

from .config import Config
from .deeptalk import DeepTalk
from .layers import Conv, ConvTranspose
from .motion_prior import Resizer

IDENTITY = {"format": "deeptalk-rt model", "format_version": "1", "architecture": "DEEPTalk"}
DTYPES = {"f16": (torch.float16, "F16"), "f32": (torch.float32, "F32")}


def load(path: str | os.PathLike, dropout: float = 0.1) -> DeepTalk:
    """The model of a file, in evaluation mode, with batch norms folded into linear layers. `dropout`: for
    further training.

    Raises ValueError for a file that is not a model of this architecture or does not have exactly its
    tensors.
    """
    with safe_open(path, "pt") as file:
        metadata = file.metadata() or {}
        for key, expected in IDENTITY.items():
            if metadata.get(key) != expected:
                raise ValueError(f"{path}: `{key}`: expected {expected!r}, found {metadata.get(key)!r}")
        model = DeepTalk(Config.from_json(metadata["config"]), dropout)
        remove_batch_norms(model)
        targets = _targets(model)
        if set(targets) != set(file.keys()):
            difference = sorted(set(targets) ^ set(file.keys()))
            raise ValueError(f"{path}: tensors that only the file or only its configuration has: {difference[:5]}")
        with torch.no_grad():
            for name, (tensor, layout) in targets.items():
                stored = file.get_tensor(name).float()
                if stored.shape != tensor.permute(layout).shape:
                    expected = list(tensor.permute(layout).shape)
                    raise ValueError(f"{path}: `{name}`: expected {expected}, found {list(stored.shape)}")
                tensor.copy_(stored.permute(_inverse(layout)))
    return model.eval()


def save(model: DeepTalk, path: str | os.PathLike, dtype: str = "f16", *, licence: str, source: str) -> None:
    """Writes a model, which is not changed.

    Raises ValueError for a number that is not finite, or too large for half precision.
    """
    kind, kind_name = DTYPES[dtype]
    header = {"__metadata__": IDENTITY | {"config": model.config.to_json(), "source": source, "license": licence}}
    data, offset = [], 0
    for name, tensor in tensors(model).items():
        values = tensor.to(kind)
        if not values.isfinite().all():
            worst = float(tensor.abs().max())
            raise ValueError(f"{path}: `{name}`: expected finite numbers that {dtype} can hold, found up to {worst}")
        end = offset + values.numel() * values.element_size()
        header[name] = {"dtype": kind_name, "shape": list(values.shape), "data_offsets": [offset, end]}
        data.append(values.contiguous().numpy())
        offset = end
    head = json.dumps(header, separators=(",", ":")).encode()
    # The data begin at a multiple of 64 bytes, so that kernels can read them in place.
    head += b" " * (-(len(head) + 8) % 64)
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(temporary, "wb") as file:
            file.write(len(head).to_bytes(8, "little") + head)
            for values in data:
                file.write(values.tobytes())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def tensors(model: DeepTalk) -> dict[str, Tensor]:
    """Every tensor of a model file, by name, f32 and in the file's layout."""
    with torch.no_grad():
        folded = {}
        for prefix, module in model.named_modules():
            if isinstance(module, Resizer):
                weight, bias = folded_linear(module)
                folded |= {f"{prefix}.linear.weight": weight, f"{prefix}.linear.bias": bias}
        return {
            name: folded.get(name, tensor).detach().float().cpu().permute(layout)
            for name, (tensor, layout) in _targets(model).items()
        }


def folded_linear(resizer: Resizer) -> tuple[Tensor, Tensor]:
    """Weight and bias of the linear layer with the batch norm `s x + t` before it: `W diag(s)`, `b + W t`."""
    linear, norm = resizer.linear, resizer.batch_norm
    weight, bias = linear.weight.double(), linear.bias.double()
    if isinstance(norm, nn.Identity):
        return weight, bias
    scale = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
    shift = norm.bias.double() - norm.running_mean.double() * scale
    return weight * scale, bias + weight @ shift


def remove_batch_norms(model: nn.Module) -> None:
    """Folds every batch norm, in place, as in a file and before fine-tuning."""
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, Resizer):
                weight, bias = folded_linear(module)
                module.linear.weight.copy_(weight)
                module.linear.bias.copy_(bias)
                module.batch_norm = nn.Identity()


def _targets(model: DeepTalk) -> dict[str, tuple[Tensor, tuple[int, ...]]]:
    """The file's name of every stored parameter and buffer, with the order of axes in which it is stored."""
    layouts = {Conv: (0, 2, 1), ConvTranspose: (2, 1, 0)}
    found = {}
    for prefix, module in model.named_modules():
        own = {**module._parameters, **module._buffers}
        for name, tensor in own.items():
            if tensor is None or name in module._non_persistent_buffers_set or ".batch_norm" in prefix:
                continue
            layout = tuple(range(tensor.dim()))
            if name == "weight":
                kinds = [order for kind, order in layouts.items() if isinstance(module, kind)]
                layout = kinds[0] if kinds else layout
            full = f"{prefix}.{name}".replace(".forward_gru.", ".forward.").replace(".backward_gru.", ".backward.")
            found[full] = (tensor, layout)
    return found


def _inverse(order: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(order.index(axis) for axis in range(len(order)))
