"""Predictors of motions: the runtime (as users run it), and the PyTorch twin."""
import os
import shutil
import subprocess
import tempfile
import wave

import numpy as np

_BATCH = 64  # recordings in one run of the program


class Runtime:
    """`deeptalk-rt run` on files."""

    def __init__(self, binary, model, device="cpu"):
        self.binary, self.model, self.device = os.path.abspath(binary), os.path.abspath(model), device
        if not os.path.exists(self.binary):
            raise SystemExit(f"{binary}: expected the program deeptalk-rt, found no file; build it with `cargo build --release`, or give --binary or --twin")

    def motions(self, clips):
        """(frames, 53) for each of the clips, (n,) float32 at 16 kHz."""
        return [takes[0] for takes in self.takes(clips)]

    def takes(self, clips, count=1, options=()):
        """`count` motions for each clip; `options` of `deeptalk-rt run` make the takes differ."""
        out = []
        for start in range(0, len(clips), _BATCH):
            with tempfile.TemporaryDirectory() as folder:
                paths = [os.path.join(folder, f"{k:04d}.wav") for k in range(len(clips[start : start + _BATCH]))]
                for path, samples in zip(paths, clips[start : start + _BATCH]):
                    write_wav(path, samples)
                self.run(paths, folder, ["--samples", str(count), *options])
                for path in paths:
                    stem = os.path.splitext(path)[0]
                    names = [stem + ".npz"] if count == 1 else [f"{stem}-{take + 1}.npz" for take in range(count)]
                    out.append([read_motion(name) for name in names])
        return out

    def recording(self, path):
        """The motion of a WAV file."""
        with tempfile.TemporaryDirectory() as folder:
            copy = os.path.join(folder, "recording.wav")
            shutil.copyfile(path, copy)
            self.run([copy], folder, [])
            return read_motion(os.path.join(folder, "recording.npz"))

    def run(self, paths, folder, options):
        command = [self.binary, "run", *paths, "--model", self.model, "--out-dir", folder, "--progress", "none", "--device", self.device, *options]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{self.binary} run failed with exit code {done.returncode}: {done.stderr.strip()}")


class Twin:
    """The PyTorch twin, without sampling."""

    def __init__(self, model):
        import torch
        from twin.deeptalk import pad
        from twin.files import load

        self.torch, self.pad = torch, pad
        self.model = load(model)

    def motions(self, clips):
        return [self.motion(samples) for samples in clips]

    def motion(self, samples):
        with self.torch.no_grad():
            actor = self.torch.zeros(1, dtype=self.torch.int64)
            motion = self.model(self.pad(self.torch.from_numpy(np.asarray(samples, np.float32))[None]), actor).motion[0].numpy()
        return motion[: max(1, len(samples) // 640)]

    def recording(self, path):
        return self.motion(read_sound(path))

    def emotions_of_speech(self, clips):
        """(clips, width): means of the emotion of the speech."""
        return self.stacked(self.model.emotion_of(self.pad(self.torch.from_numpy(samples)[None])).mu for samples in clips)

    def emotions_of_motion(self, motions):
        """(clips, width): means of the emotion of the motion."""
        return self.stacked(self.model.motion_emotion(self.torch.from_numpy(np.asarray(motion, np.float32))[None]).mu for motion in motions)

    def stacked(self, rows):
        with self.torch.no_grad():
            return np.concatenate([row.numpy() for row in rows])

    def reconstruct(self, motion):
        """A motion decoded from its codes, and the top and bottom codes."""
        whole = self.torch.from_numpy(np.asarray(motion[: len(motion) // 4 * 4], np.float32))[None]
        with self.torch.no_grad():
            again, codes = self.model.motion_prior.reconstruct(whole)
        return again[0].numpy(), codes.top[0].numpy(), codes.bottom[0].numpy()


def read_motion(path):
    with np.load(path) as file:
        return file["motion"]


def write_wav(path, samples):
    with wave.open(path, "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())


def read_sound(path):
    """(n,) float32 at 16 kHz of a WAV file of any rate."""
    from math import gcd

    from scipy.io import wavfile
    from scipy.signal import resample_poly

    rate, samples = wavfile.read(path)
    scale = {np.dtype("int16"): 32768, np.dtype("int32"): 2147483648}.get(samples.dtype, 1)
    samples = (samples.astype(np.float32) - (128 if samples.dtype == np.uint8 else 0)) / (128 if samples.dtype == np.uint8 else scale)
    samples = samples.mean(1) if samples.ndim > 1 else samples
    divisor = gcd(rate, 16000)
    return resample_poly(samples, 16000 // divisor, rate // divisor).astype(np.float32)
