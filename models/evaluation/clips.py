"""Longer recordings of the unseen voices, three sentences in a row, for measuring streams: WAV files.

    cd models && python -m evaluation.clips --corpus DIR --out FOLDER
"""
import argparse
import itertools
import os
import wave

import numpy as np

from .cases import read_utterances

SENTENCES = 3
PAUSE = np.zeros(4_800, "<i2")
EMOTIONS = ["neutral", "happy", "sad", "angry", "surprised", "afraid"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", required=True, metavar="DIR", help="what `python -m corpus` wrote")
    parser.add_argument("--out", required=True, metavar="FOLDER", help="for the files, VOICE-EMOTION.wav")
    arguments = parser.parse_args()
    unseen = [u for u in read_utterances(arguments.corpus) if u["split"] == "unseen"]
    audio = np.memmap(os.path.join(arguments.corpus, "audio.i16"), "<i2", "r")
    os.makedirs(arguments.out, exist_ok=True)
    voices = sorted({u["voice"] for u in unseen})
    for voice, emotion in itertools.product(voices, EMOTIONS):
        said = [u for u in unseen if (u["voice"], u["emotion"]) == (voice, emotion)][:SENTENCES]
        pieces = [piece for u in said for piece in (audio[u["start"] : u["start"] + u["samples"]], PAUSE)]
        path = os.path.join(arguments.out, f"{voice}-{emotion}.wav")
        with wave.open(path, "wb") as file:
            file.setnchannels(1), file.setsampwidth(2), file.setframerate(16_000)
            file.writeframes(np.concatenate(pieces).astype("<i2").tobytes())
        print(f"{path}: {sum(map(len, pieces)) / 16_000:.1f} s")


if __name__ == "__main__":
    main()
