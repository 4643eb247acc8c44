"""Curves of single clips, as PNG files."""
import os

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from targets.emotion import EMOTIONS
from targets.loudness import envelope_of

from .cases import head

_UPPER = {"brows up": ["browInnerUp", "browOuterUpLeft", "browOuterUpRight"], "brows down": ["browDownLeft", "browDownRight"], "smile": ["mouthSmileLeft", "mouthSmileRight"],
          "frown": ["mouthFrownLeft", "mouthFrownRight"], "sneer": ["noseSneerLeft", "noseSneerRight"], "eyes wide": ["eyeWideLeft", "eyeWideRight"], "blink": ["eyeBlinkLeft", "eyeBlinkRight"]}  # fmt: skip


def clip(path, case, lips):
    """Prediction above target: opening with phones, tuck and protrusion, and the channels that show emotion."""
    figure, (top, middle, wanted, found) = plt.subplots(4, 1, figsize=(15, 10), sharex=True, layout="constrained")
    times = lambda values: (np.arange(len(values)) + 0.5) / 25
    target = case.target
    top.plot(times(target.opening), 1e3 * target.opening, color="0.6", label="target")
    top.plot(times(lips.opening), 1e3 * lips.opening, color="C3", label="predicted")
    top.set(ylabel="mouth opening (mm)", title=f"{case.utterance['id']}: {case.utterance['voice']}, {case.emotion} {case.utterance['intensity']:.2f}: {case.utterance['text']}")
    top.legend(loc="upper right")
    for name, start, end in case.segments:
        closes = name in ("B", "M")
        top.axvspan(start, end, color="C0" if closes else "C2" if name == "F" else "1", alpha=0.15 if closes or name == "F" else 0, lw=0)
        top.annotate(name, ((start + end) / 2, 0.02), xycoords=("data", "axes fraction"), fontsize=7, ha="center")
    for quantity, color in (("tuck", "C2"), ("protrusion", "C1")):
        middle.plot(times(target.opening), 1e3 * getattr(target, quantity), color=color, alpha=0.4)
        middle.plot(times(lips.opening), 1e3 * getattr(lips, quantity), color=color, label=quantity)
    middle.set(ylabel="mm (pale: target)")
    middle.legend(loc="upper right")
    for axes, motion, title in ((wanted, target.motion, "target"), (found, lips.motion, "predicted")):
        for name, channels in _UPPER.items():
            axes.plot(times(motion), motion[:, [head().index[channel] for channel in channels]].mean(1), label=name)
        axes.set(ylabel=title, ylim=(-0.1, 1.1))
    wanted.legend(loc="upper right", ncols=len(_UPPER), fontsize=7)
    found.set(xlabel="seconds")
    save(figure, path)


def recording(path, title, samples, lips):
    """Loudness and mouth opening of a recording without labels."""
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(15, 5), sharex=True, layout="constrained")
    envelope = envelope_of(samples)
    top.plot(np.arange(len(samples)) / 16000, samples, color="0.7", lw=0.4)
    top.plot((np.arange(len(envelope)) + 0.5) / 25, envelope * np.abs(samples).max(), color="C0", label="loudness")
    top.set(title=title, ylabel="sound")
    bottom.plot((np.arange(len(lips.opening)) + 0.5) / 25, 1e3 * lips.opening, color="C3", label="mouth opening")
    bottom.plot((np.arange(len(lips.opening)) + 0.5) / 25, 1e3 * lips.protrusion, color="C1", lw=0.8, label="protrusion")
    bottom.set(ylabel="mm", xlabel="seconds")
    for axes in (top, bottom):
        axes.legend(loc="upper right")
    save(figure, path)


def confusion(path, counts, title):
    figure, axes = plt.subplots(figsize=(6, 5.5), layout="constrained")
    axes.imshow(counts / np.maximum(counts.sum(1, keepdims=True), 1), cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        axes.text(column, row, count or "", ha="center", va="center", fontsize=8)
    axes.set(xticks=range(len(EMOTIONS)), yticks=range(len(EMOTIONS)), xlabel="read back from the motion", ylabel="spoken", title=title)
    axes.set_xticklabels(EMOTIONS, rotation=45, ha="right")
    axes.set_yticklabels(EMOTIONS)
    save(figure, path)


def save(figure, path):
    temporary = f"{path}.unfinished"
    figure.savefig(temporary, dpi=70, format="png")
    plt.close(figure)
    os.replace(temporary, path)
