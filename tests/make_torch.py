"""Writes the small checkpoints in tests/data with real torch: `python tests/make_torch.py` (torch 2.x and
safetensors).

`torch_expected.safetensors` holds every tensor of every file, as f32 and contiguous, under FILE + `:` + NAME.
"""

import argparse
from collections import OrderedDict
from pathlib import Path

import torch
from safetensors.torch import save_file

FOLDER = Path(__file__).parent / "data"
expected = {}


def value(seed, *shape):
    index = torch.arange(torch.Size(shape).numel()).reshape(shape)
    return ((index * 7919 + seed * 104729) % 10007 - 5003).to(torch.float32) / 4096


def write(name, obj, tensors, **options):
    torch.save(obj, FOLDER / name, **options)
    assert (FOLDER / name).stat().st_size < 50_000
    for key, tensor in tensors.items():
        expected[f"{name}:{key}"] = tensor.detach().to(torch.float32).contiguous().clone()


def kinds():
    table = value(5, 9, 13)
    tied = value(6, 4, 3)
    return OrderedDict(
        [
            ("float", value(1, 3, 5)),
            ("half", value(2, 7).half()),
            ("bfloat16", value(3, 2, 2).bfloat16()),
            ("double", value(4, 5).double()),
            ("long", torch.tensor([-3, 0, 2**24])),
            ("int", torch.tensor([[1], [-2]], dtype=torch.int32)),
            ("bytes", torch.tensor([0, 200, 255], dtype=torch.uint8)),
            ("bool", torch.tensor([True, False, True])),
            ("scalar", torch.tensor(2.5)),
            ("empty", torch.zeros(0, 4)),
            ("transposed", table.t()),
            ("part", table[2:7, 1:12:3]),
            ("permuted", value(8, 2, 3, 5, 4).permute(2, 0, 3, 1)),
            ("repeated", value(7, 3, 1).expand(3, 6)),
            ("tied", tied),
            ("tied_again", tied),
        ]
    )


def module():
    torch.manual_seed(0)
    conv = lambda: torch.nn.Conv1d(3, 4, 5)
    return torch.nn.ModuleDict(
        {
            "old": torch.nn.utils.weight_norm(conv(), dim=2),
            "new": torch.nn.utils.parametrizations.weight_norm(conv(), dim=2),
            "norm": torch.nn.BatchNorm1d(4),
        }
    )


def main():
    plain, net = kinds(), module()
    state = net.state_dict()
    assert {"old.weight_g", "new.parametrizations.weight.original0", "norm.num_batches_tracked"} <= set(state)
    write("torch_kinds.pth", plain, plain)
    write("torch_kinds_legacy.pth", plain, plain, _use_new_zipfile_serialization=False)
    write("torch_state_dict.pth", state, state)
    optimizer = torch.optim.Adam(net.parameters())
    checkpoint = {"epoch": 3, "args": argparse.Namespace(rate=1e-4), "state_dict": state, "optimizer": optimizer.state_dict()}
    write("torch_wrapped.pth", checkpoint, state)
    parts = {"encoder": {"weight": value(9, 2, 3)}, "decoder": {"layers": {"0": {"bias": value(10, 4)}}}, "epoch": 1}
    write("torch_parts.pth", parts, {"encoder.weight": value(9, 2, 3), "decoder.layers.0.bias": value(10, 4)})
    parameters = {name: parameter for name, parameter in net.named_parameters()}
    write("torch_parameters.pth", parameters, parameters)
    write("torch_module.pth", torch.nn.Linear(2, 2), {})
    write("torch_old_names.pth", {"model": state}, state, pickle_protocol=4)
    save_file(expected, FOLDER / "torch_expected.safetensors")


main()
