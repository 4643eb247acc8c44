"""Measures the targets and fails if a limit is exceeded: python -m targets.check [--corpus DIR] [--binary
deeptalk-rt]."""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import wave

import numpy as np

from .coarticulation import frame_times
from .emotion import EMOTIONS
from .geometry import JAW_OPEN, PATH, Head
from .invented import envelope, utterance
from .loudness import envelope_of
from .motion import motion_of
from .phones import CLASSES, INDEX, UnknownPhone, labels_of, segments_of

MILLIMETRE = 1e-3


class Report:
    def __init__(self):
        self.failed = 0

    def check(self, passed, text):
        print(("ok    " if passed else "FAIL  ") + text)
        self.failed += not passed


class Clips:
    """Utterances with their targets and the measured lips of the head."""

    def __init__(self, head, items):
        self.head = head
        self.items = [(utt, env, motion_of(utt, number, env)) for number, (utt, env) in enumerate(items)]
        self.openings = [head.mouth_opening(motion) for _, _, motion in self.items]
        self.segments = [segments_of(utt) for utt, _, _ in self.items]

    def each(self, names):
        """(clip number, nearest frame, start, end) of the segments of some classes."""
        for number, segments in enumerate(self.segments):
            frames = len(self.openings[number])
            for name, start, end in segments:
                if name in names:
                    middle = start + (0.42 if name == "B" else 0.5) * (end - start)
                    yield number, min(int(middle * 25), frames - 1), start, end


def check_closures(clips, report):
    openings = [clips.openings[n][frame] / clips.openings[n].max() for n, frame, _, _ in clips.each(("B", "M"))]
    report.check(max(openings) < 0.01, f"/p b m/: the lips meet in the nearest frame, {len(openings)} times; at most {100 * max(openings):.2f} % of the clip's largest opening (limit 1)")
    shortest = [end - start for _, _, start, end in clips.each(("B", "M"))]
    report.check(min(shortest) < 0.05, f"the shortest of them lasts {1e3 * min(shortest):.0f} ms")
    tucked = [clips.head.tuck(clips.items[n][2][[frame]])[0] for n, frame, _, _ in clips.each(("F",))]
    report.check(min(tucked) > 3 * MILLIMETRE, f"/f v/: the lower lip lies {min(tucked) / MILLIMETRE:.1f} mm or more behind the upper one, {len(tucked)} times (limit 3)")
    open_vowels = [clips.openings[n][frame] for n, frame, start, end in clips.each(("AA", "AE")) if end - start > 0.1]
    report.check(min(open_vowels) > 5 * MILLIMETRE, f"/a/ longer than 100 ms opens the mouth by {min(open_vowels) / MILLIMETRE:.1f} mm or more, {len(open_vowels)} times (limit 5)")
    rounded = [clips.head.protrusion(clips.items[n][2][[frame]])[0] for n, frame, start, end in clips.each(("UW", "W")) if end - start > 0.1]
    report.check(min(rounded) > 3 * MILLIMETRE, f"/u w/ longer than 100 ms push the lips {min(rounded) / MILLIMETRE:.1f} mm or more forward, {len(rounded)} times (limit 3)")


def check_rest(clips, report):
    worst, moving, late = 0.0, 0, 0
    for opening, segments in zip(clips.openings, clips.segments):
        times = frame_times(len(opening))
        first, last = segments[0][2], segments[-1][1]
        rest = (times < first - 0.16) | (times > last + 0.28)
        worst = max(worst, (opening[rest] / opening.max()).max(initial=0))
        if segments[1][0] not in ("B", "M"):
            moving += 1
            late += opening[np.searchsorted(times, first)] <= 0
    report.check(worst < 0.01, f"silence before and after speech: lips together, opening at most {100 * worst:.2f} % (limit 1)")
    report.check(late == 0, f"the mouth opens before the sound: {late} of {moving} utterances start shut")
    pauses = [clips.openings[n][frame] / clips.openings[n].max() for n, frame, start, end in clips.each(("sil",)) if end - start > 0.4]
    report.check(max(pauses) < 0.01, f"pauses longer than 0.4 s: lips together in the middle, {len(pauses)} times; at most {100 * max(pauses):.2f} % (limit 1)")


def check_rounding_ahead(head, report):
    phones = [["pau", 0, 0.5], ["s", 0.5, 0.9], ["uw", 0.9, 1.2], ["s", 1.2, 1.6], ["pau", 1.6, 2.0]]
    utt = dict(id="", alphabet="arpa", language="en", emotion="neutral", intensity=0.0, samples=32000, phones=phones)
    forward = head.protrusion(motion_of(utt, 0))
    ahead = 0.9 - frame_times(50)[np.argmax(forward > 0.2 * forward.max())]
    report.check(0.08 <= ahead <= 0.22, f"lips begin to round {1e3 * ahead:.0f} ms before /u/ (80 .. 220)")


def check_numbers(clips, report):
    values = np.concatenate([motion for _, _, motion in clips.items])
    channels, jaw = values[:, :50], values[:, 50] / JAW_OPEN
    good = np.isfinite(values).all() and channels.min() >= 0 and channels.max() <= 1 and jaw.min() >= 0 and jaw.max() <= 1
    report.check(good, f"channels lie in 0 .. 1, jawOpen in 0 .. {jaw.max():.2f}, everything finite ({len(values)} frames)")
    peaks = [motion[:, 50].max() / JAW_OPEN for _, _, motion in clips.items]
    report.check(0.4 < np.median(peaks) < 0.7, f"jawOpen peaks at {np.median(peaks):.2f} in the middle utterance (0.4 .. 0.7)")
    shapes = all(motion.shape == (utt["samples"] // 640, 53) and motion.dtype == np.float32 and len(labels_of(utt)) == 2 * len(motion) for utt, _, motion in clips.items)
    report.check(shapes, "frames = samples // 640, two labels each")
    utt, env, motion = clips.items[0]
    report.check(np.array_equal(motion_of(utt, 0, env), motion), "same seed, same numbers")
    report.check(not np.array_equal(motion_of(utt, 1, env), motion), "another seed, another performance")


def check_speed(clips, report):
    best = 0.0
    for _ in range(5):
        begin = time.process_time()
        for number, (utt, env, _) in enumerate(clips.items[:40]):
            motion_of(utt, number, env)
        best = max(best, sum(utt["samples"] for utt, _, _ in clips.items[:40]) / 16000 / (time.process_time() - begin))
    report.check(best > 2000, f"{best:.0f} times faster than real time, by processor time (limit 2000)")


def check_dimensions(clips, report):
    """Checks that a quantised code of a few bits a frame can represent the motions."""
    values = np.concatenate([motion for _, _, motion in clips.items]).astype(np.float64)
    root = np.linalg.cholesky(clips.head.metric())
    weighted = (values - values.mean(0)) @ root
    shares = np.sort(np.linalg.eigvalsh(np.cov(weighted.T)))[::-1]
    enough = int(np.searchsorted(np.cumsum(shares) / shares.sum(), 0.95)) + 1
    report.check(enough <= 10, f"{enough} principal components hold 95 % of the variance on the head (limit 10)")
    steps = np.concatenate([np.diff(motion, n=2, axis=0) for _, _, motion in clips.items]) @ root
    rough = (steps**2).sum() / (weighted**2).sum()
    report.check(rough < 1.0, f"second differences carry {rough:.2f} of the variance (limit 1; white noise 6)")


def check_emotions(clips, report):
    """Checks a linear probe on mean and spread of each channel, trained on one half of the clips and tested
    on the other; only strong emotions."""
    asked = [(utt, motion) for utt, _, motion in clips.items if utt["emotion"] == "neutral" or utt["intensity"] >= 0.35]
    features = np.array([np.concatenate([motion.mean(0), motion.std(0)]) for _, motion in asked])
    names = np.array([EMOTIONS.index(utt["emotion"]) for utt, _ in asked])
    features = (features - features.mean(0)) / (features.std(0) + 1e-3)
    features = np.hstack([features, np.ones((len(features), 1))])
    half = len(features) // 2
    train, wanted = features[:half], np.eye(len(EMOTIONS))[names[:half]]
    weights = np.linalg.solve(train.T @ train + 3.0 * np.eye(train.shape[1]), train.T @ wanted)
    right = ((features[half:] @ weights).argmax(1) == names[half:]).mean()
    report.check(right >= 0.90, f"a linear probe reads the emotion of {100 * right:.1f} % of {half} other clips (limit 90)")


def check_geometry(head, report):
    rng = np.random.default_rng(1)
    blink = np.zeros((2, 53))
    blink[1, [head.index["eyeBlinkLeft"], head.index["eyeBlinkRight"]]] = 1
    gap = head.eye_opening(blink)
    report.check(gap[1] < 0.05 * gap[0], f"a blink takes the lids from {gap[0] / MILLIMETRE:.1f} to {gap[1] / MILLIMETRE:.1f} mm")
    metric = head.metric()
    report.check(np.allclose(metric, metric.T) and np.linalg.eigvalsh(metric)[0] > 0, "the metric is symmetric and positive definite")
    a = motion_of(utterance(rng, "metric", "happy", 0.8), 0)
    b = a + 0.05 * rng.normal(size=a.shape) * np.r_[np.ones(50), np.full(3, JAW_OPEN)]
    said = np.einsum("fc,cd,fd->f", b - a, metric, b - a)
    weights = head.vertex_weights()
    moved = head.vertices(b) - head.vertices(a)
    seen = ((moved**2).sum(2) * weights).sum(1) / weights.sum()
    r = np.corrcoef(np.sqrt(said), np.sqrt(seen))[0, 1]
    report.check(r > 0.85, f"distances by the metric and on the mesh correlate by {r:.3f} (limit 0.85; the metric counts the lips' distance and a floor besides)")


def check_phones(report):
    report.check(all(INDEX[name] == number for number, name in enumerate(CLASSES)) and CLASSES[0] == "sil", f"{len(CLASSES)} classes, sil is 0")
    utt = dict(id="", alphabet="ipa", language="en", samples=16000, phones=[["_", 0, 0.2], ["tʃ", 0.2, 0.3], ["ˈaɪ", 0.3, 0.5], ["", 0.5, 0.54], ["m", 0.54, 0.7], ["", 0.7, 1.0]])
    names = [name for name, _, _ in segments_of(utt)]
    report.check(names == ["sil", "SH", "AA", "IH", "M", "sil"], f"IPA: affricates are one class, diphthongs two, nameless stretches glides or pauses: {names}")
    ends = [edge for _, start, end in segments_of(utt) for edge in (start, end)]
    report.check(ends[0] == 0 and ends[-1] == 1 and ends[1:-1:2] == ends[2::2], "segments follow each other without gaps")
    try:
        segments_of(utt | {"alphabet": "arpa"})
        report.check(False, "an unknown phone is refused")
    except UnknownPhone as error:
        report.check("phone_sets.py" in str(error), f"an unknown phone is refused: {error}")


def check_runtime(head, binary, report):
    """Compares the vertices that the runtime computes for a motion with those computed here."""
    with tempfile.TemporaryDirectory() as folder:
        speech, model, out = (os.path.join(folder, name) for name in ("speech.wav", "model.safetensors", "talk.npz"))
        with wave.open(speech, "wb") as file:
            file.setparams((1, 2, 16000, 0, "NONE", ""))
            file.writeframes((np.random.default_rng(0).normal(size=32000) * 3000).astype("<i2").tobytes())
        subprocess.run([binary, "synth-model", "--size", "tiny", "-o", model], check=True, stderr=subprocess.DEVNULL)
        subprocess.run([binary, "run", speech, "--model", model, "--face", PATH, "-o", out], check=True, stderr=subprocess.DEVNULL)
        with np.load(out) as file:
            motion, vertices = file["motion"], file["vertices"]
    error = np.abs(head.vertices(motion) - vertices).max()
    report.check(error < 1e-6, f"the runtime's vertices of {len(motion)} frames differ from ours by at most {1e3 * error:.6f} mm (limit 0.001)")


def corpus(folder, count):
    """`count` utterances spread over the corpus, with the loudness of their sound."""
    with open(os.path.join(folder, "utterances.jsonl"), encoding="utf8") as file:
        utterances = [json.loads(line) for line in file]
    audio = np.memmap(os.path.join(folder, "audio.i16"), "<i2", "r")
    chosen = np.random.default_rng(0).permutation(len(utterances))[:count]
    return [(utt, envelope_of(audio[utt["start"] : utt["start"] + utt["samples"]])) for utt in (utterances[k] for k in chosen)]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", metavar="DIR", help="check utterances of this corpus, not invented ones")
    parser.add_argument("--binary", metavar="FILE", help="the runtime: compare its vertices with ours")
    parser.add_argument("--count", type=int, default=400, help="how many utterances (default %(default)s)")
    arguments = parser.parse_args()
    report, head = Report(), Head()
    if arguments.corpus:
        items = corpus(arguments.corpus, arguments.count)
    else:
        rng = np.random.default_rng(0)
        utterances = [utterance(rng, str(k)) for k in range(arguments.count)]
        items = [(utt, envelope(utt, rng)) for utt in utterances]
    clips = Clips(head, items)
    check_phones(report)
    for check in (check_closures, check_rest, check_numbers, check_speed, check_dimensions, check_emotions):
        check(clips, report)
    check_rounding_ahead(head, report)
    check_geometry(head, report)
    if arguments.binary:
        check_runtime(head, arguments.binary, report)
    print("all checks passed" if not report.failed else f"{report.failed} checks FAILED")
    sys.exit(1 if report.failed else 0)


if __name__ == "__main__":
    main()
