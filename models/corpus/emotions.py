"""python -m corpus.emotions DIR: measures how well the emotions can be recognised by ear, with a small
classifier on statistics of log-mel rows and pitch.

The classifier is trained on the training voices and tested on held-out sentences and on held-out voices.
"""

import argparse
import sys

import numpy as np
import torch

from .check import Corpus
from .prosody import EMOTIONS
from .speech import SAMPLE_RATE

_WINDOW, _HOP, _BANDS, _LOWEST, _HIGHEST = 640, 320, 80, 40.0, 8000.0
_PITCH_LOWEST, _PITCH_HIGHEST = 60, 450
# The smallest share of correctly recognised emotions with the profiles of prosody.py.
AT_LEAST = {"sentences": 0.8, "selection": 0.6, "unseen": 0.6}


def _mel_bands():
    mel = lambda hertz: 2595 * np.log10(1 + np.asarray(hertz) / 700)
    edges = np.linspace(mel(_LOWEST), mel(_HIGHEST), _BANDS + 2)
    bins = mel(np.arange(513) * SAMPLE_RATE / 1024)
    rise = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    return np.clip(np.minimum(rise, fall), 0, None)


def features_of(samples, bands):
    """One row of statistics of an utterance, level removed."""
    samples = (samples - samples.mean()) / (samples.std() + 1e-8)
    frames = np.lib.stride_tricks.sliding_window_view(samples, _WINDOW)[::_HOP]
    spectrum = np.abs(np.fft.rfft(frames * np.hanning(_WINDOW + 1)[:-1], 1024)) ** 2
    rows = np.log(1e-3 + spectrum @ bands.T)
    loudness = rows.mean(1)
    spoken = loudness > np.percentile(loudness, 95) - 5
    heard = rows[spoken]
    # Pitch by autocorrelation over the length of two windows, from the power spectrum of the longer frames.
    wide = np.lib.stride_tricks.sliding_window_view(np.pad(samples, (0, 640)), 1280)[::_HOP][: len(rows)]
    power = np.abs(np.fft.rfft(wide * np.hanning(1280), 4096)) ** 2
    correlation = np.fft.irfft(power)[:, SAMPLE_RATE // _PITCH_HIGHEST : SAMPLE_RATE // _PITCH_LOWEST]
    correlation = correlation / (power.mean(1, keepdims=True) + 1e-9)
    lag = correlation.argmax(1) + SAMPLE_RATE // _PITCH_HIGHEST
    strength = correlation.max(1)[: len(spoken)]
    voiced = spoken & (strength > 0.35)
    pitch = np.log(SAMPLE_RATE / lag)[: len(spoken)][voiced]
    if len(pitch) < 4:
        pitch = np.full(4, np.log(150.0))
    tail = pitch[-max(2, len(pitch) // 8) :].mean() - np.median(pitch)
    quartiles = np.percentile(pitch, [10, 25, 50, 75, 90])
    shaking = np.abs(np.fft.rfft((loudness - loudness.mean()) * np.hanning(len(loudness)), 256)) / np.sqrt(len(loudness))
    modulation = np.log(1e-3 + shaking[1:].reshape(16, 8).mean(1))
    steps = np.abs(np.diff(heard, axis=0)).mean(0) if len(heard) > 1 else np.zeros(_BANDS)
    return np.concatenate([heard.mean(0), heard.std(0), steps, quartiles, [pitch.std(), tail, strength[spoken].mean(), spoken.mean(), loudness[spoken].std()], modulation])


def classifier_report(corpus, most=4000, seed=0):
    """{split: (share of correct answers, confusion counts (8, 8) with a row for each true emotion)} for the
    splits of AT_LEAST."""
    bands, random = _mel_bands(), np.random.default_rng(seed)
    rows = {split: [row for row in corpus.rows if row["split"] == split] for split in ("train", *AT_LEAST)}
    rows["train"] = [rows["train"][index] for index in random.permutation(len(rows["train"]))[:most]]
    inputs = {split: np.stack([features_of(corpus.samples_of(row), bands) for row in part]) for split, part in rows.items()}
    labels = {split: torch.tensor([EMOTIONS.index(row["emotion"]) for row in part]) for split, part in rows.items()}
    mean, deviation = inputs["train"].mean(0), inputs["train"].std(0) + 1e-6
    tensors = {split: torch.tensor((values - mean) / deviation, dtype=torch.float32) for split, values in inputs.items()}
    torch.manual_seed(seed)
    network = torch.nn.Sequential(torch.nn.Dropout(0.2), torch.nn.Linear(len(mean), 64), torch.nn.GELU(), torch.nn.Dropout(0.4), torch.nn.Linear(64, len(EMOTIONS)))
    optimiser = torch.optim.AdamW(network.parameters(), 2e-3, weight_decay=0.05)
    for _ in range(40):
        for part in torch.randperm(len(labels["train"])).split(64):
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(network(tensors["train"][part]), labels["train"][part], label_smoothing=0.05).backward()
            optimiser.step()
    network.eval()
    report = {}
    for split in AT_LEAST:
        with torch.no_grad():
            told = network(tensors[split]).argmax(1)
        confusion = np.zeros((len(EMOTIONS), len(EMOTIONS)), int)
        np.add.at(confusion, (labels[split].numpy(), told.numpy()), 1)
        report[split] = float((told == labels[split]).float().mean()), confusion
    return report


def main():
    parser = argparse.ArgumentParser(prog="python -m corpus.emotions", description=__doc__)
    parser.add_argument("folder")
    try:
        corpus = Corpus(parser.parse_args().folder)
    except OSError as error:
        sys.exit(f"error: {error}")
    failed = False
    for split, (share, confusion) in classifier_report(corpus).items():
        print(f"{split}: {share:.1%} told right (at least {AT_LEAST[split]:.0%})")
        print(f"{'':11}" + "".join(f"{name:>10}" for name in EMOTIONS))
        for name, counts in zip(EMOTIONS, confusion):
            print(f"{name:11}" + "".join(f"{count:10}" for count in counts))
        failed |= share < AT_LEAST[split]
    sys.exit(failed)


if __name__ == "__main__":
    main()
