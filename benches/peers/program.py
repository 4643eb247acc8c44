"""Calls of the program that is measured."""

import subprocess
import sys
from pathlib import Path


def call(binary: Path, *words) -> str:
    """Runs the program and returns its output; ends this script if it fails."""
    done = subprocess.run([binary, *map(str, words)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{binary} {' '.join(map(str, words))}\n{done.stderr}")
    return done.stdout
