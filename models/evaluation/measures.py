"""Single figures of motions against cases. Every function takes (cases, motions as Lips) and gives a number."""
import numpy as np

LONG_ENOUGH = 0.035  # s: shorter phones are not measured
NEAR = 0.08  # s around the middle of a phone
FAR = 0.06  # s away from phones that may close the lips
ROUNDED = {"UW", "OW", "AO", "UH", "YY"}
MAY_CLOSE = {"B", "M", "F", "W", "sil"}
LAGS = range(-6, 7)  # frames
REST_AFTER = 0.30  # s after the last word


def opening_correlation(cases, motions, lag=0):
    """Pearson r of the mouth opening over all frames; lag > 0: the motion comes late."""
    ours, theirs = [], []
    for case, lips in zip(cases, motions):
        a, b = lips.opening, case.target.opening
        length = min(len(a), len(b))
        a, b = a[:length], b[:length]
        ours.append(a[max(lag, 0) : length + min(lag, 0)])
        theirs.append(b[max(-lag, 0) : length - max(lag, 0)])
    return correlation(np.concatenate(ours), np.concatenate(theirs))


def correlation(a, b):
    spread = a.std() * b.std()
    return float(((a - a.mean()) * (b - b.mean())).mean() / spread) if spread > 0 else 0.0


def best_lag(cases, motions):
    """The lag in frames of the motion (negative: early) with the best correlation."""
    return max(LAGS, key=lambda lag: (opening_correlation(cases, motions, lag), -abs(lag)))


def closures(cases, motions):
    """Share of /p b m/ with a frame of closed lips near."""
    return share(lips.closed[near].any() for case, lips in zip(cases, motions) for near in phones_near(case, lips, {"B", "M"}))


def tucked(cases, motions):
    """Share of /f v/ near which the lower lip tucks in at least half as far as in the target."""
    return reached(cases, motions, {"F"}, "tuck")


def protruded(cases, motions):
    """Share of rounded vowels near which the lips are pushed forward at least half as far as in the target."""
    return reached(cases, motions, ROUNDED, "protrusion", 1.5e-3)


def reached(cases, motions, names, quantity, least=0.0):
    asked = []
    for case, lips in zip(cases, motions):
        for near in phones_near(case, lips, names):
            wanted = getattr(case.target, quantity)[near].max()
            if wanted > least:
                asked.append(getattr(lips, quantity)[near].max() >= 0.5 * wanted)
    return share(asked)


def false_closures(cases, motions):
    """Share of frames far from /p b m f v w/ and pauses where the lips are closed."""
    closed = []
    for case, lips in zip(cases, motions):
        far = np.ones(length_of(case, lips), bool)
        for name, start, end in case.segments:
            if name in MAY_CLOSE:
                far[max(0, int((start - FAR) * 25)) : int((end + FAR) * 25) + 1] = False
        closed.append(lips.closed[: len(far)][far])
    return share(np.concatenate(closed))


def closed_at_the_end(cases, motions):
    """Share of frames from 0.3 s after the last word on where the lips are closed."""
    closed = []
    for case, lips in zip(cases, motions):
        spoken = [end for name, _, end in case.segments if name != "sil"]
        if spoken:
            closed.append(lips.closed[int(np.ceil((spoken[-1] + REST_AFTER) * 25)) : length_of(case, lips)])
    return share(np.concatenate(closed)) if closed else float("nan")


def phones_near(case, lips, names):
    """A slice of frames for every phone of these classes: those within `NEAR` of its middle."""
    length = length_of(case, lips)
    for name, start, end in case.segments:
        if name in names and end - start > LONG_ENOUGH:
            middle = (start + end) / 2
            first, last = int(np.ceil((middle - NEAR) * 25 - 0.5)), int(np.floor((middle + NEAR) * 25 - 0.5)) + 1
            first, last = max(first, 0), min(last, length)
            if first < last:
                yield slice(first, last)


def length_of(case, lips):
    return min(len(lips.motion), len(case.target.motion))


def share(answers):
    answers = list(answers)
    return float(np.mean(answers)) if len(answers) else float("nan")


def speaking_range(motions):
    """The 95th percentile of the mouth opening, metres."""
    return float(np.percentile(np.concatenate([lips.opening for lips in motions]), 95))
