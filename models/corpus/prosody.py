"""The sound of each emotion: one profile for each emotion, scaled by intensity, with random variation in each
utterance."""

from dataclasses import dataclass, fields, replace

import numpy as np

EMOTIONS = ("neutral", "happy", "sad", "angry", "surprised", "afraid", "disgusted", "contempt")
WEAKEST = 0.35


@dataclass(frozen=True)
class Delivery:
    """The manner in which a sentence is spoken. The defaults are plain speech.

    `pitch`, `range`, `rate`: factors on the mean pitch, on the spread of log pitch, on the tempo.
    `final_semitones`: pitch glide reached at the end, over the last `final_seconds`.
    `tilt`: brightness, dB an octave around 1 kHz. `bands`: resonances, (dB, Hz, width in octaves).
    `dynamics`: exponent of the loudness contour (> 1 exaggerates it). `pauses`: factor on inner pauses.
    `tremor`, `tremor_hz`: depth 0..1 of slow modulation of loudness; the pitch gets a twelfth of it.
    `roughness`, `roughness_hz`: depth 0..1 and rate of fast modulation.
    `breath`: noise that follows the voice, relative to it.
    `lilt`, `lilt_hz`: depth and rate of slow modulation of the pitch.
    `strain`: 0..1, saturation of a pressed voice.
    """

    pitch: float = 1.0
    range: float = 1.0
    rate: float = 1.0
    final_semitones: float = 0.0
    final_seconds: float = 0.5
    tilt: float = 0.0
    bands: tuple = ()
    dynamics: float = 1.0
    pauses: float = 1.0
    tremor: float = 0.0
    tremor_hz: float = 6.5
    roughness: float = 0.0
    roughness_hz: float = 50.0
    breath: float = 0.0
    lilt: float = 0.0
    lilt_hz: float = 3.0
    strain: float = 0.0


PLAIN = Delivery()
# At intensity 1. Directions follow the usual findings on vocal expression (Banse and Scherer 1996; Juslin and
# Laukka 2003); sizes are exaggerated, so that microphones and synthesizers do not hide them.
PROFILES = {  # fmt: skip
    "neutral": PLAIN,
    "happy": Delivery(
        pitch=1.38, range=1.9, rate=1.15, final_semitones=2.0, tilt=3.2, bands=((5.0, 3300, 0.6),), dynamics=1.2, pauses=0.7, lilt=0.075, lilt_hz=3.0,
    ),
    "sad": Delivery(pitch=0.84, range=0.4, rate=0.74, final_semitones=-2.0, final_seconds=0.8, tilt=-4.2, dynamics=0.8, pauses=1.8, breath=0.10),
    "angry": Delivery(
        pitch=1.12, range=1.45, rate=1.14, final_semitones=-1.0, tilt=3.0, bands=((8.0, 1600, 0.7),), dynamics=1.9, roughness=0.75, roughness_hz=60.0, strain=0.8,
    ),
    "surprised": Delivery(
        pitch=1.65, range=2.4, rate=0.95, final_semitones=9.0, final_seconds=0.8, tilt=1.0, bands=((7.0, 850, 0.45), (-8.0, 1700, 0.4), (4.0, 5000, 0.6)), dynamics=1.3,
    ),
    "afraid": Delivery(pitch=1.5, range=0.5, rate=1.28, tilt=-1.2, dynamics=0.85, tremor=0.65, tremor_hz=7.0, breath=0.16),
    "disgusted": Delivery(
        pitch=0.78, range=0.75, rate=0.8, final_semitones=-1.5, tilt=-1.5, bands=((7.0, 550, 0.6), (-7.0, 2200, 0.7)), dynamics=1.2, pauses=1.4,
        roughness=0.8, roughness_hz=34.0,
    ),
    "contempt": Delivery(
        pitch=0.88, range=0.3, rate=0.86, final_semitones=-4.0, final_seconds=0.7,
        bands=((9.0, 280, 0.4), (-11.0, 750, 0.4), (8.0, 1150, 0.3), (-6.0, 2800, 0.5)), dynamics=0.75, pauses=1.3,
    ),
}
_FACTORS = ("pitch", "range", "rate", "dynamics", "pauses")
# Standard deviation of the differences between utterances of one emotion and intensity: of the logarithm for
# factors.
_SPREAD = {"pitch": 0.04, "range": 0.12, "rate": 0.06, "dynamics": 0.05, "pauses": 0.1, "final_semitones": 0.5, "tilt": 0.4, "tremor_hz": 0.5, "lilt_hz": 0.3, "roughness_hz": 4.0}


def intensity_of(emotion, random):
    """0 for neutral; otherwise uniformly drawn from WEAKEST to 1, two decimals."""
    return 0.0 if emotion == "neutral" else round(float(random.uniform(WEAKEST, 1.0)), 2)


def delivery_of(emotion, intensity, random):
    """The delivery of one utterance. `random`: numpy Generator."""
    profile, values = PROFILES[emotion], {}
    for field in fields(Delivery):
        plain, full = getattr(PLAIN, field.name), getattr(profile, field.name)
        if field.name == "bands":
            values["bands"] = tuple((float(db * intensity * random.normal(1, 0.1)), float(hz * np.exp(random.normal(0, 0.05))), width) for db, hz, width in full)
        elif field.name in _FACTORS:
            values[field.name] = float((full / plain) ** intensity * plain * np.exp(random.normal(0, _SPREAD[field.name])))
        else:
            # The rates of tremor and roughness distinguish emotions: they do not depend on intensity.
            share = 1.0 if field.name in ("tremor_hz", "lilt_hz", "roughness_hz", "final_seconds") else intensity
            values[field.name] = float(plain + share * (full - plain) + random.normal(0, _SPREAD.get(field.name, 0.0)))
    return replace(PLAIN, **values)
