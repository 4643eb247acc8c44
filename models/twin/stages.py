"""Every stage of a forward by the names of the golden files (`src/verify`), for comparing the twin with the
runtime."""

import wave
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .config import SAMPLE_RATE, SAMPLES_PER_FRAME
from .deeptalk import DeepTalk, pad
from .emotion import Distribution
from .layers import l2_normalize
from .motion_prior import Codes

# The stages that are the output of a module.
MODULES = {
    "content.conv": "wav2vec2.conv_features",
    "content.projection": "wav2vec2.projected",
    "content.positional": "wav2vec2.pos_conv",
    "content.layers.0": "wav2vec2.layer0",
    "content.layers": "wav2vec2.output",
    "content": "content",
    "emotion.conv": "emotion2vec.conv_features",
    "emotion.projection": "emotion2vec.projected",
    "emotion.positional": "emotion2vec.pos_conv",
    "emotion.layers": "emotion2vec.output",
    "emotion_head.layers": "dee.encoder",
    "style.emotion": "emotion_condition",
    "style": "style",
    "predictor.encoder": "predictor.encoder",
    "predictor.features": "predictor.features",
    "predictor.top": "predictor.logits_t",
    "motion_prior.decoder_t": "vq.decoder_t",
    "predictor.bottom": "predictor.logits_b",
    "motion_prior.upsample_t": "vq.upsample_t",
    "motion_prior.smooth": "motion",
    "motion_emotion.features": "fer.features",
    "motion_emotion.head.layers": "dee.motion_encoder",
}
# Blocks of the published context encoder.
PRENET_LAYERS = 4
# Stages that golden files hold as (channels, rows).
CHANNEL_MAJOR = ["wav2vec2.conv_features", "emotion2vec.conv_features", "vq.upsample_t"]


@torch.no_grad()
def capture(model: DeepTalk, samples: Tensor, actor=0, emotion_from=None, noise=None, control=1.0, codes=None):
    """The stages of one clip of (samples,) as numpy arrays, in the order of the network: (rows, channels),
    codes (rows,).

    `emotion_from`: samples from which the emotion is taken. `noise` (width,) draws the emotion. `codes`:
    reference codes that replace the chosen ones, so that the later stages are comparable.
    """
    stages, hooks = {}, []
    places = {**MODULES, f"emotion.layers.{min(PRENET_LAYERS, len(model.emotion.layers)) - 1}": "emotion2vec.prenet"}
    for path, name in places.items():
        if model.motion_emotion is None and path.startswith("motion_emotion"):
            continue

        def keep(_module, _inputs, output, name=name):
            stages[name] = F.gelu(output[0]) if name == "wav2vec2.pos_conv" else output[0]

        hooks.append(model.get_submodule(path).register_forward_hook(keep))
    try:
        content = model.content(pad(samples[None]))
        heard = pad(samples[None]) if emotion_from is None else emotion_from[None]
        emotion = model.emotion_of(F.pad(heard, (0, max(0, SAMPLES_PER_FRAME - heard.shape[1]))))
        _keep_distribution(stages, "dee.", emotion)
        vector = emotion.mu if noise is None else draw(emotion, noise, control)
        style = model.style(vector, torch.tensor([actor]))
        top = None if codes is None else codes.top[None]
        chosen = model.predictor(content, style, model.motion_prior, top)
        stages["codes_t"] = stages["predictor.logits_t"].argmax(-1)
        stages["codes_b"] = chosen.codes.bottom[0]
        bottom = chosen.codes.bottom if codes is None else codes.bottom[None]
        motion = model.motion_prior.decode(Codes(chosen.codes.top, bottom))
        if model.motion_emotion is not None:
            _keep_distribution(stages, "dee.motion_", model.motion_emotion(motion))
    finally:
        for hook in hooks:
            hook.remove()
    return _arrays(stages)


@torch.no_grad()
def round_trip(model: DeepTalk, motion: Tensor, codes: Codes | None = None) -> dict[str, np.ndarray]:
    """A motion (frames, parameters) to codes, and these (or the reference codes instead of them) to motion."""
    prior = model.motion_prior
    chosen = prior.encode(motion[None])
    top, bottom = chosen if codes is None else (codes.top[None], codes.bottom[None])
    quantized = {"quant_t": prior.codebook_t[top], "quant_b": prior.codebook_b[bottom]}
    stages = {"codes_t": chosen.top, "codes_b": chosen.bottom, **quantized}
    stages["reconstruction"] = prior.decode(Codes(top, bottom))
    return _arrays({name: x[0] for name, x in stages.items()})


def _arrays(stages: dict[str, Tensor]) -> dict[str, np.ndarray]:
    return {name: x.numpy().astype(np.int32 if name.startswith("codes") else np.float32) for name, x in stages.items()}


def _keep_distribution(stages: dict, prefix: str, distribution: Distribution) -> None:
    stages[f"{prefix}mu"], stages[f"{prefix}logvar"] = distribution.mu[0], distribution.logvar[0]


def draw(emotion: Distribution, noise: Tensor, control: float) -> Tensor:
    """An emotion vector from its distribution, the log variance times `control`."""
    deviation = (0.5 * control * emotion.logvar).clamp(-35, 35).exp()
    return l2_normalize(emotion.mu + deviation * noise)


def error(x: np.ndarray, reference: np.ndarray) -> float:
    """Root mean square of the difference, divided by that of the reference; for codes, the share that
    differs."""
    if np.issubdtype(reference.dtype, np.integer):
        return float(np.mean(x != reference))
    x, reference = x.astype(np.float64), reference.astype(np.float64)
    return float(np.linalg.norm(x - reference) / np.linalg.norm(reference))


def read_sound(path: Path) -> Tensor:
    """(samples,) of a 16 kHz mono recording of 16 bits, in [-1, 1)."""
    with wave.open(str(path)) as file:
        found = (file.getframerate(), file.getnchannels(), file.getsampwidth())
        if found != (SAMPLE_RATE, 1, 2):
            raise ValueError(f"{path}: expected 16 kHz mono of 2 bytes, found {found}")
        return torch.frombuffer(bytearray(file.readframes(file.getnframes())), dtype=torch.int16) / 32768
