"""python -m moods --binary deeptalk-rt: learns the built-in model's eight moods from synthetic speech, into emotions.safetensors."""

import argparse
import subprocess
import tempfile
from pathlib import Path

from corpus.prosody import EMOTIONS

from .speech import clips, write_wav

HERE = Path(__file__).resolve().parent.parent


def main():
    parser = argparse.ArgumentParser(prog="python -m moods", description=__doc__)
    parser.add_argument("--binary", default=HERE.parent / "target/release/deeptalk-rt", help="the program (default target/release/deeptalk-rt)")
    parser.add_argument("--model", default=HERE / "default.safetensors", help="the model that the moods are for (default default.safetensors)")
    parser.add_argument("--out", default=HERE / "emotions.safetensors", type=Path, help="the file to make (default emotions.safetensors)")
    parser.add_argument("--clips", type=int, default=24, help="sentences of each mood (default 24)")
    options = parser.parse_args()
    made = clips("train", EMOTIONS, options.clips, 1.0)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "emotions.safetensors"
        for mood in EMOTIONS:
            of_mood = [(row["id"], samples) for row, samples in made if row["emotion"] == mood]
            wavs = [write_wav(Path(folder) / f"{name}.wav", samples) for name, samples in of_mood]
            subprocess.run([options.binary, "emotion", "learn", mood, *wavs, "-o", out, "--model", options.model], check=True)
        options.out.write_bytes(out.read_bytes())


if __name__ == "__main__":
    main()
