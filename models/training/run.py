"""Shared parts of all stages: a learning rate by time, checkpoints from which a stage resumes, curves on
disk."""

import argparse
import csv
import math
import os
import pathlib
import time

import numpy as np
import torch


def device():
    """A GPU, if there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def autocast(to):
    """bfloat16 products: on two CPU cores with AVX-512 they are five times as fast, with no difference in
    loss at equal steps."""
    return torch.autocast(to.type, torch.bfloat16)


def rng_of(seed, step):
    """The random numbers of a step: the same after a resume."""
    return np.random.default_rng([seed, step])


class Run:
    """A stage's loop: `for step in run: ... run.log(loss=...)`, until its minutes are over.

    The learning rate warms up, then falls with a cosine over the stage's *time*, not its steps, so that a
    stage of 40 minutes ends after 40 minutes on any machine. A checkpoint every few minutes contains the
    objects in `state`; a stopped stage resumes from it.
    """

    def __init__(self, name, folder, minutes, state, optimizer, rate, warm_up=200, seed=0, every=120.0):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.name, self.seconds, self.state, self.optimizer = name, minutes * 60, state, optimizer
        self.rate, self.warm_up, self.seed, self.every = rate, warm_up, seed, every
        self.step, self.elapsed, self.sums, self.count = 0, 0.0, {}, 0
        path = self.folder / f"{name}.pt"
        if path.exists():
            saved = torch.load(path, weights_only=True)
            for key, module in state.items():
                module.load_state_dict(saved["state"][key])
            optimizer.load_state_dict(saved["optimizer"])
            self.step, self.elapsed = saved["step"], saved["elapsed"]
            print(f"{name}: goes on from step {self.step}, {self.elapsed / 60:.1f} min", flush=True)

    def __iter__(self):
        self.since = self.saved = self.printed = time.monotonic()
        while True:
            now = time.monotonic()
            self.elapsed += now - self.since
            self.since = now
            if self.elapsed >= self.seconds:
                self.save()
                return
            if now - self.saved > self.every:
                self.save()
                self.saved = now
            self.progress = self.elapsed / self.seconds
            rate = min(1, (self.step + 1) / self.warm_up) * (0.5 + 0.5 * math.cos(math.pi * self.progress)) + 0.005
            for group in self.optimizer.param_groups:
                group["lr"] = self.rate * rate
            self.rng = rng_of(self.seed, self.step)
            torch.manual_seed(self.seed * 1_000_003 + self.step)
            yield self.step
            self.step += 1

    def save(self):
        """Writes the checkpoint under a temporary name and moves it into place."""
        path = self.folder / f"{self.name}.pt"
        state = {key: module.state_dict() for key, module in self.state.items()}
        torch.save({"state": state, "optimizer": self.optimizer.state_dict(), "step": self.step, "elapsed": self.elapsed}, f"{path}.part")
        os.replace(f"{path}.part", path)

    def log(self, **figures):
        """Adds a step's figures; prints and writes their means from time to time."""
        for key, value in figures.items():
            self.sums[key] = self.sums.get(key, 0.0) + float(value)
        self.count += 1
        if time.monotonic() - self.printed < 20:
            return
        means = {key: value / self.count for key, value in self.sums.items()}
        self.record(**means)
        self.sums, self.count, self.printed = {}, 0, time.monotonic()

    def record(self, **figures):
        """Prints a line and appends it to NAME.csv."""
        row = {"step": self.step, "minutes": round(self.elapsed / 60, 2), **{k: round(float(v), 5) for k, v in figures.items()}}
        print(f"{self.name}: " + "  ".join(f"{k} {v}" for k, v in row.items()), flush=True)
        path = self.folder / f"{self.name}-{'-'.join(figures)[:60]}.csv"
        new = not path.exists()
        with open(path, "a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, row)
            if new:
                writer.writeheader()
            writer.writerow(row)


def descend(loss, optimizer, parameters, largest=1.0):
    """One optimiser step, with the gradient's norm limited."""
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(parameters, largest)
    optimizer.step()


def adamw(parameters, rate, decay=0.01):
    """The optimiser of every stage."""
    return torch.optim.AdamW(parameters, rate, betas=(0.9, 0.98), weight_decay=decay)


def parser_of(description, minutes, rate, clips, clips_help):
    """The options of every stage."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", required=True, help="folder that `python -m corpus` wrote")
    parser.add_argument("--out", required=True, help="folder for checkpoints and curves, the same for every stage")
    parser.add_argument("--minutes", type=float, default=minutes, help="how long to train (default %(default)s)")
    parser.add_argument("--rate", type=float, default=rate, help="highest learning rate (default %(default)s)")
    parser.add_argument("--clips", type=int, default=clips, help=f"{clips_help} (default %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1, help="of the processor (default %(default)s)")
    return parser


def begin(arguments):
    """Sets threads and seed; returns the device for the training."""
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    return device()
