"""python -m corpus.add_rhvoice --corpus DIR --run RUN --hours 1.25 --out DIR2: a corpus, followed by
RHVoice's voices.

RHVoice does not report the times of its phones; a content encoder trained on the first corpus finds them
(align.py).
"""

import argparse
import sys
from pathlib import Path

from . import plan
from .build import spoken
from .check import Corpus
from .rhvoice import VOICES
from .speech import SynthesizerMissing


def main():
    parser = argparse.ArgumentParser(prog="python -m corpus.add_rhvoice", description=__doc__)
    parser.add_argument("--corpus", required=True, help="folder that `python -m corpus` wrote; it stays as it is")
    parser.add_argument("--run", required=True, help="folder with content.pt, which `python -m training.content` wrote")
    parser.add_argument("--hours", type=float, required=True, help="hours of speech by each voice, about")
    parser.add_argument("--voices", nargs="+", choices=VOICES, default=["bdl", "clb"], help="(default: bdl clb, which the built-in model has heard)")
    parser.add_argument("--out", required=True, help="folder to make; must not exist")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default 2)")
    parser.add_argument("--seed", type=int, default=0, help="the same seed, hours, voices and checkpoint give the same utterances (default 0)")
    options = parser.parse_args()
    if options.hours <= 0 or options.jobs < 1:
        parser.error(f"--hours must be above 0 and --jobs at least 1, found {options.hours:g} and {options.jobs}")
    checkpoint = Path(options.run) / "content.pt"
    try:
        if not checkpoint.exists():
            raise FileNotFoundError(f"{checkpoint} is not there: train the content encoder first (python -m training.content)")
        if Path(options.out).exists():
            raise FileExistsError(f"{options.out} exists already: give another --out or remove it")
        there = {row["voice"] for row in Corpus(options.corpus).rows if row["synthesizer"] == "rhvoice"} & set(options.voices)
        if there:
            parser.error(f"{options.corpus} holds {', '.join(sorted(there))} already: leave it out of --voices")
        requests = plan.rhvoice_requests(options.voices, options.hours, options.seed)
        made = spoken(Path(options.out), requests, options.jobs, str(checkpoint.resolve()), Path(options.corpus))
    except (SynthesizerMissing, OSError) as error:
        sys.exit(f"error: {error}")
    print(", ".join(f"{name} {value:.2f}" if isinstance(value, float) else f"{name} {value}" for name, value in made.items()))


if __name__ == "__main__":
    main()
