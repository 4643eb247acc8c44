"""python -m moods.measure --binary deeptalk-rt: shows every mood on neutral sentences, and reads it back with the targets' probe."""

import argparse
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from corpus.prosody import EMOTIONS
from evaluation.cases import Lips
from evaluation.probe import Probe, features
from targets.loudness import envelope_of
from targets.motion import motion_of

from .speech import clips, write_wav

HERE = Path(__file__).resolve().parent.parent
STRENGTHS = [0.0, 0.5, 1.0, 1.5]
SEED = 3_000_003  # no performance of training or evaluation
_CLOSED = ("p", "b", "m")


def motions(binary, folder, wavs, options=()):
    """The motions of recordings, (frames, 53) each."""
    out = Path(tempfile.mkdtemp(dir=folder))
    subprocess.run([binary, "run", *wavs, "--out-dir", out, *options], check=True, capture_output=True)
    return [np.load(out / f"{wav.stem}.npz")["motion"] for wav in wavs]


def closures(utterances, found):
    """The share of /p b m/ with a closed frame within 80 ms of their middle."""
    hits = []
    for row, motion in zip(utterances, found):
        closed = Lips(motion).closed
        for name, begin, end in row["phones"]:
            if name.strip("ːʲ") in _CLOSED and end - begin > 0.035:
                middle = 25 * (begin + end) / 2
                hits.append(closed[max(0, int(middle - 2)) : int(middle + 3)].any())
    return float(np.mean(hits))


def opening_r(found, plain):
    """The correlation of the mouth's opening with that of the same sentences without a mood."""
    rows = [np.concatenate([Lips(motion).opening for motion in some]) for some in (found, plain)]
    return float(np.corrcoef(*rows)[0, 1])


def main():
    parser = argparse.ArgumentParser(prog="python -m moods.measure", description=__doc__)
    parser.add_argument("--binary", default=HERE.parent / "target/release/deeptalk-rt", help="the program (default target/release/deeptalk-rt)")
    parser.add_argument("--sentences", type=int, default=40, help="neutral sentences (default 40)")
    parser.add_argument("--clips", type=int, default=16, help="sentences of each mood whose targets teach the probe (default 16)")
    options = parser.parse_args()
    taught = [(row, motion_of(row, SEED, envelope_of(samples))) for row, samples in clips("train", EMOTIONS, options.clips, 0.8, seed=5)]
    probe = Probe([motion for _, motion in taught], [row["emotion"] for row, _ in taught])
    neutral = np.mean([features(motion) for row, motion in taught if row["emotion"] == "neutral"], axis=0)
    spoken = clips("sentences", ["neutral"], options.sentences, 0.0, seed=6)
    rows = [row for row, _ in spoken]
    with tempfile.TemporaryDirectory() as folder:
        wavs = [write_wav(Path(folder) / f"{row['id']}.wav", samples) for row, samples in spoken]
        plain = motions(options.binary, folder, wavs)
        print(f"as heard: closures {closures(rows, plain):.3f}")
        print("mood        probe  opening r  closures  distance from neutral at strengths", " ".join(f"{s:g}" for s in STRENGTHS))
        shares = []
        for mood in EMOTIONS:
            found = {s: motions(options.binary, folder, wavs, ["--emotion", f"{mood}:{s:g}"]) for s in STRENGTHS}
            read = probe(found[1.0])
            shares.append(np.mean([name == mood for name in read]))
            apart = [np.mean([np.linalg.norm((features(m) - neutral)[:53] / probe.scale[:53]) for m in found[s]]) for s in STRENGTHS]
            others = {name: read.count(name) for name in EMOTIONS if name != mood and name in read}
            print(
                f"{mood:10s}  {shares[-1]:.3f}  {opening_r(found[1.0], plain):.3f}      {closures(rows, found[1.0]):.3f}     "
                f"{' '.join(f'{value:.2f}' for value in apart)}  {others or ''}"
            )
        print(f"all moods: {np.mean(shares):.3f}")


if __name__ == "__main__":
    main()
