"""Lid, brow, cheek and nose shapes. Each takes a Brush; the vectors are (outwards, up, forward) in
decimetres."""
import numpy as np

from .proportions import smoothstep


def eye_blink(b):
    b.slide_lids(upper=-0.93, lower=0.12)
    b.add(b.spot((0.34, 0.20), (0.16, 0.07)) * b.map.off_lids, (0, -0.010, 0))


def eye_wide(b):
    b.slide_lids(upper=0.27, lower=-0.08)
    b.add(b.spot((0.34, 0.24), (0.18, 0.10)) * b.map.off_lids, (0, 0.014, 0))


def eye_squint(b):
    b.slide_lids(upper=-0.14, lower=0.36)
    b.add(b.spot((0.36, -0.17), (0.17, 0.08)) * b.map.off_lids, (0, 0.026, 0.014))
    b.add(b.spot((0.30, 0.22), (0.18, 0.08)) * b.map.off_lids, (0, -0.012, 0))


def eye_look_down(b):
    b.slide_lids(upper=-0.46, lower=-0.12)


def eye_look_up(b):
    b.slide_lids(upper=0.14, lower=0.08)


def brow_down(b):
    free = b.map.off_lids
    b.add(b.spot((0.20, 0.22), (0.17, 0.12)) * free, (-0.026, -0.060, 0.010))
    b.add(b.spot((0.42, 0.24), (0.14, 0.12)) * free, (0, -0.038, 0))
    b.add(b.spot((0.04, 0.12), (0.09, 0.15)) * free, (0, -0.020, 0.004))
    b.slide_lids(upper=-0.08)


def brow_inner_up(b):
    m = b.map
    w = np.exp(-((np.clip(np.abs(m.x) - 0.10, 0, 9) / 0.15) ** 2) - ((m.y - 0.27) / 0.17) ** 2)
    b.add(w * smoothstep(0.2, 0.5, m.z) * m.off_lids, (0, 0.085, 0.012))


def brow_outer_up(b):
    b.add(b.spot((0.42, 0.28), (0.18, 0.17)) * b.map.off_lids, (0.004, 0.085, -0.012))


def cheek_squint(b):
    b.add(b.spot((0.36, -0.20), (0.17, 0.11)) * b.map.off_lids, (0, 0.042, 0.022))
    b.slide_lids(lower=0.14)


def nose_sneer(b):
    m = b.map
    b.add(b.spot((0.11, -0.31), (0.07, 0.075)), (0.010, 0.040, -0.006))
    b.add(b.spot((0.08, -0.06), (0.07, 0.13)) * m.off_lids, (0, 0.022, 0.010))
    b.add(b.upper_lip * b.half * m.lip_middle, (0, 0.030, 0.004))
    b.add(b.spot((0.24, -0.36), (0.10, 0.10)), (0, 0.026, 0.012))
    b.add(b.spot((0.13, 0.21), (0.11, 0.13)) * m.off_lids, (-0.008, -0.016, 0.004))
