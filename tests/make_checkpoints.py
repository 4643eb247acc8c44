"""Checkpoints in their published form, written by real torch with weights from the formula of
`checkpoint::Formula`.

python tests/make_checkpoints.py                      the small ones in tests/data/
python tests/make_checkpoints.py --variants FOLDER    other forms of the same ones
python tests/make_checkpoints.py --base FOLDER        DEEPTalk.pth and FER.pth, published sizes (1.1 GB)
python tests/make_checkpoints.py --check              compares with tests/golden/checkpoint_layout.txt

No part of this comes from the Rust code: names and layouts come from torch's own modules, combined as in the
published model, and the formula is written a second time.
"""

import argparse
import warnings
from collections import OrderedDict
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

HERE = Path(__file__).parent
PARAMETERS = 53
CONTEXT_BLOCKS = 4
KERNELS = [10, 3, 3, 3, 3, 2, 2]

BASE = SimpleNamespace(
    conv=[512] * 7,
    hidden=768,
    heads=12,
    layers=12,
    feed_forward=3072,
    positional=(128, 16),
    content=128,
    emotion_hidden=768,
    emotion_heads=12,
    emotion_layers=12,
    emotion_feed_forward=3072,
    emotion_positional=(5, 19, 16),
    extra_tokens=10,
    head=(500, 2, 8, 2048, 128, 32),
    style=128,
    encoder=(1, 8, 256),
    features=128,
    predictor=(256, 6, 8, 256),
    prior=(256, 128, 256, 256, 5),
    transformer_t=(8, 256),
    transformer_b=(8, 512),
    fer=[256, 512, 1024, 512, 256, 128],
    motion_hidden=512,
    motion_head=(250, 6, 8, 2048, 128, 32),
    actors=32,
)
# Where possible, all sizes are different, so that a wrong layout cannot pass.
SMALL = SimpleNamespace(
    conv=[4, 4, 6, 6, 8, 8, 10],
    hidden=16,
    heads=2,
    layers=2,
    feed_forward=22,
    positional=(6, 4),
    content=6,
    emotion_hidden=24,
    emotion_heads=3,
    emotion_layers=5,
    emotion_feed_forward=20,
    emotion_positional=(2, 7, 4),
    extra_tokens=3,
    head=(60, 2, 2, 18, 12, 8),
    style=10,
    encoder=(1, 2, 14),
    features=7,
    predictor=(20, 2, 2, 26),
    prior=(9, 8, 11, 16, 5),
    transformer_t=(2, 13),
    transformer_b=(3, 15),
    fer=[17, 19, 5],
    motion_hidden=28,
    motion_head=(50, 1, 4, 21, 12, 6),
    actors=3,
)


def tree(**parts):
    """A module of parts: modules, tensors, and dicts or lists of them."""
    module = nn.Module()
    for name, part in parts.items():
        if isinstance(part, list):
            part = {str(i): p for i, p in enumerate(part)}
        if isinstance(part, dict):
            part = tree(**part)
        if isinstance(part, torch.Tensor):
            module.register_buffer(name, part)
        else:
            module.add_module(name, part)
    return module


def encoder(layers, width, heads, feed_forward):
    return tree(layers=[nn.TransformerEncoderLayer(width, heads, feed_forward) for _ in range(layers)])


def wav2vec2(c, weight_norm):
    convs, before = [], 1
    for i, (out, kernel) in enumerate(zip(c.conv, KERNELS)):
        norm = {"layer_norm": nn.GroupNorm(out, out)} if i == 0 else {}
        convs.append({"conv": nn.Conv1d(before, out, kernel, bias=False), **norm})
        before = out
    kernel, groups = c.positional
    positional = weight_norm(nn.Conv1d(c.hidden, c.hidden, kernel, groups=groups), dim=2)
    layer = lambda: {
        "attention": {p: nn.Linear(c.hidden, c.hidden) for p in ["k_proj", "v_proj", "q_proj", "out_proj"]},
        "layer_norm": nn.LayerNorm(c.hidden),
        "feed_forward": {
            "intermediate_dense": nn.Linear(c.hidden, c.feed_forward),
            "output_dense": nn.Linear(c.feed_forward, c.hidden),
        },
        "final_layer_norm": nn.LayerNorm(c.hidden),
    }
    return tree(
        masked_spec_embed=torch.empty(c.hidden),
        feature_extractor={"conv_layers": convs},
        feature_projection={"layer_norm": nn.LayerNorm(before), "projection": nn.Linear(before, c.hidden)},
        encoder={
            "pos_conv_embed": {"conv": positional},
            "layer_norm": nn.LayerNorm(c.hidden),
            "layers": [layer() for _ in range(c.layers)],
        },
    )


def emotion2vec(c):
    width, feed_forward = c.emotion_hidden, c.emotion_feed_forward
    block = lambda: {
        "norm1": nn.LayerNorm(width),
        "attn": {"qkv": nn.Linear(width, 3 * width), "proj": nn.Linear(width, width)},
        "norm2": nn.LayerNorm(width),
        "mlp": {"fc1": nn.Linear(width, feed_forward), "fc2": nn.Linear(feed_forward, width)},
    }
    convs, before = [], 1
    for out, kernel in zip(c.conv, KERNELS):
        convs.append({"0": nn.Conv1d(before, out, kernel, bias=False), "2": {"1": nn.LayerNorm(out)}})
        before = out
    count, kernel, groups = c.emotion_positional
    positional = {str(i + 1): [nn.Conv1d(width, width, kernel, groups=groups)] for i in range(count)}
    context = [block() for _ in range(min(c.emotion_layers, CONTEXT_BLOCKS))]
    audio = dict(
        extra_tokens=torch.empty(1, c.extra_tokens, width),
        alibi_scale=torch.empty(1, 1, c.emotion_heads, 1, 1),
        local_encoder={"conv_layers": convs},
        project_features={"1": nn.LayerNorm(before), "2": nn.Linear(before, width)},
        relative_positional_encoder=positional,
        context_encoder={"blocks": context, "norm": nn.LayerNorm(width)},
    )
    rest = [block() for _ in range(c.emotion_layers - len(context))]
    return tree(modality_encoders={"AUDIO": audio}, blocks=rest)


def head(width, word, sizes, **first):
    frames, layers, heads, feed_forward, out, pool = sizes
    one = lambda: nn.TransformerEncoderLayer(width, heads, feed_forward)
    gpo = lambda: {"gru": nn.GRU(pool, pool, bidirectional=True), "linear": nn.Linear(pool, 1, bias=False)}
    return tree(
        **first,
        **{
            f"{word}_pos_encoder": {"pos_enc": torch.empty(1, frames, width)},
            f"{word}_encoder_layer": one(),
            f"{word}_encoder": encoder(layers, width, heads, feed_forward),
            f"{word}_mean_layer": one(),
            f"{word}_mean_encoder": encoder(1, width, heads, feed_forward),
            f"{word}_uncertainty_layer": one(),
            f"{word}_uncertainty_encoder": encoder(1, width, heads, feed_forward),
            "std_feature_map": nn.Linear(width, out),
            "mean_feature_map": nn.Linear(width, out),
            "mean_pool": gpo(),
            "std_pool": gpo(),
        },
    )


def motion_prior(c):
    codes_t, width_t, codes_b, width_b, kernel = c.prior
    both = width_t + width_b

    def squasher(inputs):
        return {
            "squasher": [[nn.Conv1d(inputs, width_t, kernel), nn.LeakyReLU(), nn.BatchNorm1d(width_t)]],
            "encoder_transformer": encoder(1, width_t, *c.transformer_t),
            "encoder_linear_embedding": {"net": nn.Linear(width_t, width_t)},
        }

    def expander(width, transformer, **more):
        return {
            "expander": [[nn.ConvTranspose1d(width, width, kernel), nn.LeakyReLU(), nn.BatchNorm1d(width)]],
            "decoder_transformer": encoder(1, width, *transformer),
            "decoder_linear_embedding": nn.Linear(width, width),
            **more,
        }

    def quantiser(codes, width):
        return {
            "ema_count": torch.empty(codes),
            "ema_weight": torch.empty(codes, width),
            "codebook": nn.Embedding(codes, width),
        }

    return tree(
        encoder_t=squasher(width_t),
        encoder_b=squasher(PARAMETERS),
        upsample_t=nn.ConvTranspose1d(width_t, width_t, 4),
        decoder_t=expander(width_t, c.transformer_t),
        decoder_b=expander(
            both,
            c.transformer_b,
            cross_smooth_layer=nn.Conv1d(both, PARAMETERS, 5),
            post_transformer_linear=nn.Linear(both, both),
        ),
        quantize_t=quantiser(codes_t, width_t),
        quantize_b=quantiser(codes_b, width_b),
    )


def deeptalk(c, weight_norm=nn.utils.parametrizations.weight_norm):
    hidden, layers, heads, feed_forward = c.predictor
    both = c.content + c.style
    squasher = lambda inputs, codes: {
        "pre_linear": nn.Linear(inputs, hidden),
        "encoder": encoder(layers, hidden, heads, feed_forward),
        "post_linear": nn.Linear(hidden, codes),
    }
    audio = head(c.emotion_hidden, "audio", c.head, embedding_model=emotion2vec(c))
    exp_map = nn.Linear(c.fer[-1], c.motion_hidden)
    dee = dict(
        audio_encoder=audio,
        exp_encoder=head(c.motion_hidden, "exp", c.motion_head, exp_map=exp_map),
        criterion={"shift": torch.empty(1), "negative_scale": torch.empty(1)},
    )
    decoder = dict(
        obj_vector={"map": nn.Linear(c.actors + 11, c.style)},
        bert_decoder=encoder(c.encoder[0], both, *c.encoder[1:]),
        decoder=nn.Linear(both, c.features),
        motion_prior=motion_prior(c),
        squasher_2_b_2=squasher(2 * c.features + c.prior[1], c.prior[2]),
        squasher_2_t=squasher(4 * c.features, c.prior[0]),
        DEE=dee,
        DEE_audio=audio,
        emotion_map_layer=nn.Linear(c.head[4], c.style),
        condition_feature_layer=nn.Linear(c.style + c.actors, c.style),
    )
    return tree(
        audio_model={"model": wav2vec2(c, weight_norm)},
        sequence_encoder={"linear": nn.Linear(c.hidden, c.content)},
        sequence_decoder=decoder,
    )


def fer(c):
    """The last two layers and every batch norm are not needed for features."""
    widths = [*c.fer, 64]
    pairs = zip(widths, widths[1:])
    norms = [nn.BatchNorm1d(width) for width in widths]
    hidden = [nn.Linear(a, b) for a, b in pairs]
    return tree(in_fc=nn.Linear(PARAMETERS, widths[0]), hidden_layers=hidden, out_fc=nn.Linear(64, 8), bn_layers=norms)


def shapes(build, *arguments):
    """Name to (shape, True for integers), without memory for the values."""
    with torch.device("meta"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the older weight norm is deprecated
        state = build(*arguments).state_dict()
    return OrderedDict((k, (tuple(v.shape), not v.is_floating_point())) for k, v in state.items())


MASK = (1 << 64) - 1


def value(name, shape):
    count = int(np.prod(shape, dtype=np.int64))
    if name.endswith("pos_enc"):
        width = shape[-1]
        position = torch.arange(shape[-2], dtype=torch.float32)[:, None]
        factor = torch.exp(torch.arange(0, width, 2, dtype=torch.float32) * (-np.log(10000.0) / width))
        table = torch.zeros(shape[-2], width)
        table[:, 0::2], table[:, 1::2] = torch.sin(position * factor), torch.cos(position * factor)
        return table.reshape(shape)
    seed = 0xCBF29CE484222325
    for byte in name.encode():
        seed = (seed ^ byte) * 0x100000001B3 & MASK
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + (np.arange(count, dtype=np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ z >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ z >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
        z = z ^ z >> np.uint64(31)
    u = (z >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-23) - np.float32(1)
    offset, scale = offset_and_scale(name, shape)
    return torch.from_numpy((np.float32(offset) + np.float32(scale) * u).astype(np.float32)).reshape(shape)


def offset_and_scale(name, shape):
    last = name.split(".")[-1]
    fan_in = int(np.prod(shape[1:], dtype=np.int64))
    if name.endswith("running_mean"):
        return 0, 0.1
    if name.endswith("running_var"):
        return 1, 0.5
    if "codebook" in name or "ema_" in name:
        return 0, 1
    if "alibi_scale" in name:
        return 1, 0.3
    if "extra_tokens" in name:
        return 0, 0.5
    if last in ("weight_g", "original0"):
        return 1, 0.1
    if name.endswith(("out_proj.weight", "attn.proj.weight")):
        return 0, 0.3 * (3 / shape[1]) ** 0.5
    if len(shape) >= 2:
        return 0, (1.5 if "conv_layers" in name else 1) * (3 / fan_in) ** 0.5
    if last == "bias" or last.startswith("bias_"):
        return 0, 0.02
    if last == "weight":
        return 1, 0.1
    return 0, 0.1


DEE_AUDIO, AUDIO = "sequence_decoder.DEE_audio.", "sequence_decoder.DEE.audio_encoder."


def fill(layout, prefix=""):
    """The tensors of a checkpoint. Aliases share their storage, as in the published one."""
    tensors = OrderedDict()
    for name, (shape, integers) in layout.items():
        whole = prefix + name
        if whole.startswith(DEE_AUDIO):
            continue
        tensors[name] = torch.zeros(shape, dtype=torch.int64) if integers else value(whole, shape)
    return OrderedDict(
        (name, tensors[name.replace(DEE_AUDIO, AUDIO)] if name.startswith(DEE_AUDIO) else tensors[name])
        for name in layout
    )


def part(state, prefix):
    return OrderedDict((k.removeprefix(prefix), v) for k, v in state.items() if k.startswith(prefix))


def older_weight_norm(state):
    """The same values under the names of weight norm before PyTorch 2."""
    spelling = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}
    older = shapes(deeptalk, SMALL, nn.utils.weight_norm)
    result = OrderedDict()
    for name, tensor in state.items():
        for newer, old in spelling.items():
            name = name.replace(newer, old)
        result[name] = tensor
    assert {k: v[0] for k, v in older.items()} == {k: tuple(v.shape) for k, v in result.items()}
    return result


def published_modules(c, state):
    """Torch's results for small inputs, with the modules that the import folds or rearranges."""
    torch.manual_seed(5)
    found = {}

    def show(name, module, prefix, x):
        module.load_state_dict(part(state, prefix))
        module.eval()
        with torch.no_grad():
            y = module(x.T[None])[0].T
        found[f"{name}.in"], found[f"{name}.out"] = x.contiguous(), y.contiguous()

    class Folded(nn.Module):
        """A convolution, a leaky unit, a batch norm with running statistics, a linear layer."""

        def __init__(self, conv, width, stack, linear):
            super().__init__()
            self.stack, self.linear = stack, linear
            self.add_module(stack, nn.Sequential(nn.Sequential(conv, nn.LeakyReLU(0.2), nn.BatchNorm1d(width))))
            layer = nn.Linear(width, width)
            self.add_module(linear, tree(net=layer) if "encoder" in linear else layer)

        def forward(self, x):
            y = getattr(self, self.stack)(x)
            linear = getattr(self, self.linear)
            return getattr(linear, "net", linear)(y.transpose(1, 2)).transpose(1, 2)

    _, width_t, _, width_b, kernel = c.prior
    prior = "sequence_decoder.motion_prior."
    half = kernel // 2
    others = ("_transformer.", "cross_smooth", "post_transformer")
    state = OrderedDict((k, v) for k, v in state.items() if not any(other in k for other in others))
    for name, inputs in [("encoder_b", PARAMETERS), ("encoder_t", width_t)]:
        conv = nn.Conv1d(inputs, width_t, kernel, stride=2, padding=half, padding_mode="replicate")
        module = Folded(conv, width_t, "squasher", "encoder_linear_embedding")
        show(name, module, f"{prior}{name}.", torch.randn(19, inputs))
    for name, width in [("decoder_t", width_t), ("decoder_b", width_t + width_b)]:
        conv = nn.ConvTranspose1d(width, width, kernel, stride=2, padding=half, output_padding=1)
        module = Folded(conv, width, "expander", "decoder_linear_embedding")
        show(name, module, f"{prior}{name}.", torch.randn(11, width))
    upsample = nn.ConvTranspose1d(width_t, width_t, 4, stride=2, padding=1)
    show("upsample_t", upsample, f"{prior}upsample_t.", torch.randn(7, width_t))
    taps, groups = c.positional
    conv = nn.Conv1d(c.hidden, c.hidden, taps, padding=taps // 2, groups=groups)
    conv = nn.utils.parametrizations.weight_norm(conv, dim=2)
    show("positional", conv, "audio_model.model.encoder.pos_conv_embed.conv.", torch.randn(13, c.hidden))
    return found


def check():
    """Checks that the modules above have the published names and shapes."""
    found = {"DEEPTalk.pth": shapes(deeptalk, BASE), "FER.pth": shapes(fer, BASE)}
    lines = (HERE / "golden" / "checkpoint_layout.txt").read_text().splitlines()
    file, seen = None, set()
    for line in lines:
        if line.startswith("#"):
            continue
        if line.endswith(":"):
            file = line[:-1]
            continue
        name, *shape = line.split()
        integers = shape[:1] == ["int64"]
        for name in {name, name.replace(AUDIO, DEE_AUDIO)}:
            assert found[file][name] == (tuple(map(int, shape[integers:])), integers), (line, found[file][name])
            seen.add((file, name))
    mine = {(file, name) for file, layout in found.items() for name in layout}
    assert mine == seen, sorted(mine ^ seen)
    print(f"{len(seen)} tensors have the published names and shapes")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--variants", type=Path)
    choice.add_argument("--base", type=Path)
    choice.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    if arguments.check:
        check()
    elif arguments.base:
        torch.save(fill(shapes(fer, BASE), "fer."), arguments.base / "FER.pth")
        torch.save(fill(shapes(deeptalk, BASE)), arguments.base / "DEEPTalk.pth")
    else:
        state = fill(shapes(deeptalk, SMALL))
        prior = part(state, "sequence_decoder.motion_prior.")
        if arguments.variants:
            torch.save(older_weight_norm(state), arguments.variants / "older_weight_norm.pth")
            torch.save({"epoch": 7, "state_dict": state}, arguments.variants / "wrapped.pth")
            torch.save(state, arguments.variants / "legacy.pth", _use_new_zipfile_serialization=False)
            torch.save(part(state, "sequence_decoder.DEE."), arguments.variants / "DEE.pt")
        else:
            torch.save(state, HERE / "data" / "small_DEEPTalk.pth")
            torch.save(fill(shapes(fer, SMALL), "fer."), HERE / "data" / "small_FER.pth")
            torch.save({"state_dict": prior}, HERE / "data" / "small_TH-VQVAE.pth")
            older = older_weight_norm(state)
            content = {k: v for k, v in older.items() if k.startswith(("audio_model.", "sequence_encoder."))}
            torch.save(content, HERE / "data" / "small_older_weight_norm.pth")
            save_file(published_modules(SMALL, state), HERE / "data" / "small_modules.safetensors")


main()
