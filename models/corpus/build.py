"""Makes a corpus folder: jobs run in parallel, finished jobs are kept, and the complete folder is moved into
place at the end."""

import json
import multiprocessing
import shutil
import sys
import time
from pathlib import Path

import numpy as np

from . import plan
from .render import rendered
from .speech import SAMPLE_RATE


def _work(task):
    """Synthesizes one job and leaves the result as a pair of files. Returns the seconds made and the number
    of utterances left out."""
    stem, requests, checkpoint = task
    rows = Path(f"{stem}.jsonl")
    if rows.exists():
        lines = [json.loads(line) for line in rows.read_text("utf8").splitlines()]
    else:
        finished = rendered(requests, checkpoint)
        lines = [row for row, _ in finished]
        samples = [samples for _, samples in finished]
        np.concatenate(samples or [np.zeros(0, "<i2")]).tofile(f"{stem}.i16")
        unfinished = Path(f"{stem}.unfinished")
        unfinished.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in lines), "utf8")
        unfinished.rename(rows)
    return sum(row["samples"] for row in lines) / SAMPLE_RATE, len(requests) - len(lines)


def build(folder, hours, jobs, seed):
    """Writes `folder`/audio.i16 and utterances.jsonl, about `hours` of speech. An interrupted run resumes
    where it stopped.

    Raises FileExistsError if `folder` exists, SynthesizerMissing if a voice is not installed.
    """
    folder = Path(folder)
    if folder.exists():
        raise FileExistsError(f"{folder} exists already: give another --out or remove it")
    return spoken(folder, plan.requests(hours, seed), jobs)


def spoken(folder, requests, jobs, checkpoint=None, before=None):
    """Writes the utterances of `requests` to `folder`, after those of the corpus folder `before`.
    `checkpoint`: see `rendered`."""
    work = folder.with_name(f"{folder.name}.{plan.fingerprint(requests):08x}.unfinished")
    work.mkdir(parents=True, exist_ok=True)
    tasks = [(str(work / f"job-{number:05d}"), part, checkpoint) for number, part in enumerate(plan.jobs(requests))]
    # The slow voices come first, so that no worker is left with one of them at the end.
    order = sorted(range(len(tasks)), key=lambda number: tasks[number][1][0].synthesizer not in ("flite", "festival-hts"))
    begun, seconds, left_out = time.monotonic(), 0.0, 0
    # espeak-ng carries phases of its oscillators from one utterance to the next. So each job runs in its own
    # process, forked from a process that has never spoken: the corpus is the same for any order of the jobs.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["corpus.render"])
    with context.Pool(jobs, maxtasksperchild=1) as pool:
        for done, (made, missing) in enumerate(pool.imap_unordered(_work, [tasks[number] for number in order]), 1):
            seconds, left_out = seconds + made, left_out + missing
            rest = (time.monotonic() - begun) / done * (len(tasks) - done)
            print(f"\r{done}/{len(tasks)} jobs, {seconds / 3600:.2f} h of speech, {rest / 60:.1f} min left ", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    _joined(work, [Path(stem) for stem, _, _ in tasks], before)
    work.rename(folder)
    return {"hours": seconds / 3600, "utterances": len(requests) - left_out, "left out": left_out, "minutes taken": (time.monotonic() - begun) / 60}


def _joined(work, stems, before):
    start = 0
    with open(work / "audio.i16", "wb") as audio, open(work / "utterances.jsonl", "w", encoding="utf8") as lines:
        if before:
            with open(before / "audio.i16", "rb") as part:
                shutil.copyfileobj(part, audio)
            start = audio.tell() // 2
            lines.write((before / "utterances.jsonl").read_text("utf8"))
        for stem in stems:
            with open(f"{stem}.i16", "rb") as part:
                shutil.copyfileobj(part, audio)
            for line in Path(f"{stem}.jsonl").read_text("utf8").splitlines():
                row = json.loads(line)
                row["start"] = start
                start += row["samples"]
                lines.write(json.dumps(row, ensure_ascii=False) + "\n")
    for stem in stems:
        Path(f"{stem}.i16").unlink()
        Path(f"{stem}.jsonl").unlink()
