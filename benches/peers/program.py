"""Calls of the program that is measured."""

import subprocess
import sys
from pathlib import Path


def call(binary: Path, *words) -> str:
    """What it prints; a failure of it ends this program too."""
    done = subprocess.run([binary, *map(str, words)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{binary} {' '.join(map(str, words))}\n{done.stderr}")
    return done.stdout
