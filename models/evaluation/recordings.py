"""Real recordings without known phones: the correlation of the mouth's opening with the sound."""
import os

import numpy as np

from targets.loudness import envelope_of

from .cases import Lips
from .measures import correlation
from .table import Row

_GOAL, _SILENT, _LOUD = 0.75, 0.15, 0.6


def measure(path, samples, motion):
    """Rows of a recording: `samples` (n,) float32 at 16 kHz."""
    lips, envelope = Lips(motion), envelope_of(samples)
    length = min(len(envelope), len(motion))
    opening, envelope = lips.opening[:length], envelope[:length]
    name = f"recording {os.path.basename(path)}"
    fits = {lag: correlation(opening[max(lag, 0) : length + min(lag, 0)], envelope[max(-lag, 0) : length - max(lag, 0)]) for lag in range(-4, 5)}
    largest = max(opening.max(initial=0), 1e-9)
    out = [
        Row(name, "recording", "mouth opening and loudness, Pearson r", fits[0], ">=", _GOAL),
        Row(name, "lag", "frames that the opening is late where it fits best", max(fits, key=fits.get), "|<=|", 2),
        Row(name, "range", "mouth opening, 95th percentile (mm)", 1e3 * float(np.percentile(opening, 95))),
    ]
    for title, chosen in (("quiet", envelope < _SILENT), ("loud", envelope > _LOUD)):
        if chosen.any():
            out.append(Row(name, title, f"mean opening in {title} frames, share of the largest", float(opening[chosen].mean() / largest)))
    return out
