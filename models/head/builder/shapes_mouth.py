"""Mouth and jaw shapes. Each takes a Brush; the vectors are (outwards, up, forward) in decimetres."""
import numpy as np

from .proportions import JAW_JOINT, JAW_OPEN_DEGREES, MOUTH_Y, rotation, smoothstep

JAW_SIDEWAYS = 0.085
CLOSE_FORWARD = 0.02  # more would open the lips between jawOpen 0 and 1, where this path is straight and the jaw's is curved


def mouth_smile(b):
    m = b.map
    b.add(b.corner, (0.085, 0.082, -0.060))
    b.add(b.spot((0.37, -0.34), (0.17, 0.13)) * m.off_lids, (0.012, 0.060, 0.042))
    for centre, depth in (((0.21, -0.43), -0.013), ((0.28, -0.50), -0.012), ((0.33, -0.57), -0.005)):  # the fold from the nose
        b.add(b.spot(centre, (0.050, 0.080)) * (1 - m.near_mouth), (0, 0, depth))
    b.add(b.spot((0.39, -0.48), (0.09, 0.12)), (0.010, 0.006, 0.010))
    b.add(b.spot((0.34, -0.14), (0.16, 0.06)) * m.off_lids, (0, 0.018, 0.012))
    b.add(m.near_mouth * m.lip_middle * b.half, (0, 0.016, -0.014))
    b.slide_lids(lower=0.10)


def mouth_frown(b):
    b.add(b.corner, (0.012, -0.085, -0.015))
    b.add(b.lower_lip * b.map.lip_middle * b.half, (0, 0.010, 0.010))
    b.add(b.spot((0.20, -0.90), (0.14, 0.08)), (0, 0.012, 0.014))


def mouth_dimple(b):
    b.add(b.corner, (0.045, 0.012, -0.060))


def mouth_stretch(b):
    b.add(b.corner, (0.085, -0.040, -0.062))
    b.add(b.lower_lip * b.map.lip_middle * b.half, (0, -0.018, -0.01))
    b.add(b.spot((0.33, -0.85), (0.12, 0.12)), (0.02, -0.015, -0.01))


def mouth_sideways(b, direction):
    m = b.map
    toward = m.x * direction
    back = -0.1125 * np.clip(toward, 0, 1) + 0.02 * np.clip(-toward, 0, 1)
    b.moved += m.near_mouth[:, None] * np.stack([np.full_like(toward, 0.078 * direction), 0.02 * smoothstep(0, 0.25, toward), back], 1)


def mouth_left(b):
    mouth_sideways(b, 1.0)


def mouth_right(b):
    mouth_sideways(b, -1.0)


def mouth_pucker(b):
    m = b.map
    w = m.pout
    b.moved[:, 0] -= 0.46 * m.x * w**1.4
    full = np.where(m.lip, np.sin(0.5 * np.pi * np.clip(m.ring, 0, 1)), np.clip(2 - m.ring, 0, 1) * m.mouth * (m.ring > 1))
    b.moved[:, 1] += w * full * (2 * m.upper - 1) * 0.016 * m.lip_middle
    b.moved[:, 2] += w**1.7 * (0.075 + 0.28 * np.minimum(np.abs(m.x), 0.25))
    b.moved[:, 2] += np.where(m.lip, 0.030 * np.sin(np.pi * np.clip(m.ring, 0, 1)) * m.lip_middle, 0)


def mouth_funnel(b):
    m = b.map
    w = m.near_mouth
    b.moved[:, 0] -= 0.34 * m.x * w**1.4
    b.moved[:, 2] += w**1.7 * (0.075 + 0.24 * np.minimum(np.abs(m.x), 0.25))
    opening = np.clip(1 - m.across**2 * 0.85, 0, 1) * np.abs(2 * m.upper - 1)
    b.moved[:, 1] += np.where(m.upper > 0.5, b.upper_lip * 0.050, -b.lower_lip * 0.065) * opening
    b.moved[:, 2] += np.where(m.lip, 0.045 * (1 - np.clip(m.ring, 0, 1)) * m.lip_middle, 0)


def mouth_roll_lower(b):
    roll(b, b.lower_lip, 1.0, 0.070)


def mouth_roll_upper(b):
    roll(b, b.upper_lip, -1.0, 0.058)


def roll(b, weight, direction, height):
    """Turns a lip inwards over the teeth."""
    m = b.map
    lip = m.mouth & (m.ring <= 1)
    s = np.clip(m.ring, 0, 1)
    w = weight * m.lip_middle**0.6
    b.moved[:, 1] += direction * w * np.where(lip, np.where(m.ring >= 0, 0.010 + height * s**0.9, 0.012), 0.058)
    b.moved[:, 2] += w * np.where(lip, np.where(m.ring >= 0, -0.075 + 0.030 * s**2 - 0.02 * np.sin(np.pi * s), -0.060), -0.030)


def mouth_shrug_lower(b):
    m = b.map
    b.add(b.lower_lip * (0.35 + 0.65 * m.lip_middle), (0, 0.048, 0.030))
    b.add(b.upper_lip * m.lip_middle * np.exp(-((np.clip(m.ring, 0, 2) / 1.2) ** 2)), (0, 0.036, 0.016))
    b.add(np.exp(-((m.x / 0.20) ** 2) - ((m.y + 0.90) / 0.11) ** 2) * smoothstep(0.2, 0.5, m.z), (0, 0.045, 0.012))


def mouth_shrug_upper(b):
    b.add(b.upper_lip * (0.3 + 0.7 * b.map.lip_middle), (0, 0.040, 0.024))


def mouth_press(b):
    m = b.map
    middle = b.half * m.lip_middle**0.5
    b.add(b.upper_lip * middle, (0, -0.018, -0.020))
    b.add(b.lower_lip * middle, (0, 0.024, -0.022))
    b.add(b.corner, (0.010, 0.008, -0.025))


def mouth_lower_down(b):
    width = np.clip(1 - b.map.across**2 * 0.9, 0, 1)
    b.add(b.lower_lip * b.half * width * b.shallow, (0.008, -0.085, -0.012))
    b.add(b.spot((0.15, -0.84), (0.16, 0.10)), (0, -0.014, 0))


def mouth_upper_up(b):
    width = np.clip(1 - b.map.across**2 * 0.9, 0, 1)
    b.add(b.upper_lip * b.half * width * b.shallow, (0.006, 0.066, 0.004))
    b.add(b.spot((0.20, -0.40), (0.12, 0.10)) * (1 - b.upper_lip), (0.01, 0.022, 0.010))
    b.add(b.spot((0.12, -0.32), (0.06, 0.06)), (0.006, 0.016, -0.004))


def mouth_close(b):
    """Solved for the jaw: at jawOpen 1 every mouth vertex moves to its position with a jaw weight of 1/2."""
    m = b.map
    turn = rotation("x", JAW_OPEN_DEGREES)
    target = 0.5 * m.points + 0.5 * ((m.points - JAW_JOINT) @ turn.T + JAW_JOINT) + [0, 0, CLOSE_FORWARD]
    blended = np.eye(3) * (1 - m.jaw)[:, None, None] + turn * m.jaw[:, None, None]
    shifted = target - m.jaw[:, None] * (JAW_JOINT - turn @ JAW_JOINT)
    rest = np.linalg.solve(blended, shifted[..., None])[..., 0]
    fade = m.near_mouth * np.exp(-((np.clip(m.ring - 1, 0, 9) / 0.9) ** 2))
    weight = np.where(m.mouth & (m.ring <= 1), b.shallow, fade)
    b.moved += (rest - m.points) * weight[:, None]
    over_teeth = m.upper * m.lip_middle**0.5 * smoothstep(0, 0.5, m.ring) * weight * m.mouth
    b.moved[:, 2] += 0.055 * over_teeth


def jaw_sideways(b, direction):
    m = b.map
    b.moved[:, 0] += JAW_SIDEWAYS * direction * m.jaw
    b.moved[:, 2] -= 0.02 * np.clip(m.x * direction, 0, 1) * m.jaw


def jaw_left(b):
    jaw_sideways(b, 1.0)


def jaw_right(b):
    jaw_sideways(b, -1.0)


def cheek_puff(b):
    m = b.map
    w = np.exp(-(((np.abs(m.x) - 0.40) / 0.19) ** 2) - ((m.y + 0.52) / 0.19) ** 2) * smoothstep(0.1, 0.4, m.z)
    w = w * np.where(m.mouth & (m.ring <= 1), 0, 1) * smoothstep(0.2, 0.36, np.abs(m.x) + 0.25 * np.abs(m.y - MOUTH_Y))
    b.moved[:, 0] += 0.085 * np.sign(m.x) * w
    b.moved[:, 2] += 0.050 * w + 0.010 * m.near_mouth
