"""Comparisons of the results, made before any time is measured."""

import sys
import wave
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from clips import SAMPLE_RATE, clips

# Limit of the difference of two f32 implementations (`Limits::F32` of src/verify), and the share of frames
# that near-equal logits may move.
LIMIT = 1e-5
TIES = 0.02


def error(x: Tensor, reference: Tensor) -> float:
    """Normalised RMS error."""
    return float((x - reference).norm() / reference.norm())


def same_as_runtime(runtime, twin, folder: Path) -> None:
    """Ends the program if the runtime and the twin compute different motions for a recording."""
    wav = folder / "speech.wav"
    samples = (clips(3.3, 1)[0] * 32767).round()
    with wave.open(str(wav), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(samples.numpy().astype(np.int16).tobytes())
    heard = samples[None] / 32768
    twin.prepare(heard)
    found = runtime.run(wav)
    emotion = torch.from_numpy(found["emotion_mu"]).reshape(1, -1)
    wrong = error(emotion, twin.emotion(heard))
    motion = torch.from_numpy(found["motion"])
    expected = twin.motion(heard)[0, : len(motion)]
    # A code that differs moves a few frames; elsewhere the motions agree to rounding.
    apart = ((motion - expected).abs().amax(1) > 1e-3 * expected.abs().amax()).float().mean()
    if not wrong <= LIMIT or not apart <= TIES:
        sys.exit(f"the runtime and the twin differ: emotion by {wrong:.1e} ({LIMIT:.0e} is allowed), {apart:.0%} of frames")
    print(f"checked: the runtime against the twin, emotion {wrong:.1e}, {apart:.0%} of frames apart", file=sys.stderr)
