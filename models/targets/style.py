"""The style of a performance: drawn once for each utterance, constant in it."""
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Style:
    articulation: float  # factor on jaw and lip opening
    expression: float  # factor on the emotion
    variant: float  # -1 .. 1: between the two variants of an emotion
    lopsided: float  # > 0: the left half moves more
    brows: float  # factor on brow accents
    blinks: float  # factor on the rate of blinks
    lids: float  # lowering of the upper lids

    @classmethod
    def draw(cls, rng):
        normal = np.clip(rng.normal(size=7), -2, 2)
        return cls(
            articulation=float(np.exp(0.09 * normal[0])),
            expression=float(np.exp(0.12 * normal[1])),
            variant=float(np.clip(0.55 * normal[2], -1, 1)),
            lopsided=float(0.10 * normal[3]),
            brows=float(np.exp(0.35 * normal[4])),
            blinks=float(np.exp(0.30 * normal[5])),
            lids=float(0.03 + 0.02 * normal[6]),
        )
