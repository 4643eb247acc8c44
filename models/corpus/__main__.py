"""python -m corpus --hours 12 --out DIR: makes the corpus of the default model."""

import argparse
import sys

from .build import build
from .speech import SynthesizerMissing


def main():
    parser = argparse.ArgumentParser(prog="python -m corpus", description=__doc__)
    parser.add_argument("--hours", type=float, required=True, help="hours of speech, about")
    parser.add_argument("--out", required=True, help="folder to make; must not exist")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default 2)")
    parser.add_argument("--seed", type=int, default=0, help="the same seed and hours give the same corpus (default 0)")
    options = parser.parse_args()
    if options.hours <= 0 or options.jobs < 1:
        parser.error(f"--hours must be above 0 and --jobs at least 1, found {options.hours:g} and {options.jobs}")
    try:
        made = build(options.out, options.hours, options.jobs, options.seed)
    except (SynthesizerMissing, OSError) as error:
        sys.exit(f"error: {error}")
    print(", ".join(f"{name} {value:.2f}" if isinstance(value, float) else f"{name} {value}" for name, value in made.items()))


if __name__ == "__main__":
    main()
