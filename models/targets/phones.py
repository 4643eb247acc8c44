"""Phones of every synthesizer to 27 viseme classes: labels at 50 a second, and segments in seconds.

An utterance is a line of the corpus (`utterances.jsonl`): `phones` is a list of [name, start, end] in
seconds, and `alphabet` is the phone set of the names.
"""
import unicodedata
from functools import lru_cache

import numpy as np

from .phone_sets import ARPA, IPA, IPA_ONE_SOUND, PAUSES

CLASSES = (
    ["sil", "AA", "AE", "AH", "AX", "AO", "OW", "EH", "ER", "IH", "IY", "UH", "UW", "YY"]
    + ["B", "M", "F", "W", "R", "L", "TH", "T", "S", "SH", "K", "Y", "H"]
)
INDEX = {name: i for i, name in enumerate(CLASSES)}
VOWELS = CLASSES[1:14]
LABELS_A_SECOND = 50
SAMPLE_RATE = 16_000
SHORT_GAP = 0.06  # s: a nameless stretch up to this length is a glide of the previous phone, a longer one is a pause
FIRST_OF_TWO = 0.55  # share of a diphthong's time for its first vowel


class UnknownPhone(ValueError):
    """A phone name that is in no table."""


@lru_cache(maxsize=None)
def classes_of(phone, alphabet):
    """The viseme classes of one phone, in order: two for a diphthong; ("sil",) for a pause; () for a nameless
    stretch."""
    name = unicodedata.normalize("NFC", phone.strip())
    if name in PAUSES:
        return ("sil",)
    if not any(unicodedata.category(letter) in ("Ll", "Lu", "Lo") for letter in name):
        return ()
    if alphabet not in ("ipa", "arpa"):
        raise UnknownPhone(f"phone {phone!r}: its utterance has the alphabet {alphabet!r}; expected ipa or arpa; name the phones in one of them")
    found = ipa(name) if alphabet == "ipa" else ARPA.get(name.lower().rstrip("0123456789"))
    if not found:
        raise UnknownPhone(f"phone {phone!r}: expected a name of the alphabet {alphabet}, found none of its letters; add it to {alphabet.upper()} in targets/phone_sets.py")
    return tuple(found)


def ipa(name):
    for pair, one in IPA_ONE_SOUND.items():
        name = name.replace(pair, one)
    found = []
    for letter in name:
        if letter in IPA and IPA[letter] not in found[-1:]:
            found.append(IPA[letter])
    return found[:3]


def segments_of(utterance):
    """[(class name, start, end)] in seconds, without gaps or overlaps, from 0 to the utterance's end;
    neighbouring pauses are joined."""
    end_of_all = utterance["samples"] / SAMPLE_RATE
    out = []

    def add(name, start, end):
        start = max(start, out[-1][2] if out else 0.0)
        end = min(end, end_of_all)
        if end - start < 1e-4:
            return
        gap = start - (out[-1][2] if out else 0.0)
        if gap > 1e-4:
            add("sil", start - gap, start)
        if name == "sil" and out and out[-1][0] == "sil":
            out[-1] = ("sil", out[-1][1], end)
        else:
            out.append((name, start, end))

    phones = utterance["phones"]
    for number, (phone, start, end) in enumerate(phones):
        found = classes_of(phone, utterance["alphabet"])
        if not found:
            if not out or end - start > SHORT_GAP or number == len(phones) - 1:
                found = ("sil",)
            else:
                out[-1] = (out[-1][0], out[-1][1], max(out[-1][2], min(end, end_of_all)))
        edges = cuts(start, end, len(found))
        for name, a, b in zip(found, edges, edges[1:]):
            add(name, a, b)
    add("sil", out[-1][2] if out else 0.0, end_of_all)
    return out


def cuts(start, end, parts):
    if parts == 2:
        return [start, start + FIRST_OF_TWO * (end - start), end]
    return [start + (end - start) * k / parts for k in range(parts + 1)] if parts else [start]


def labels_of(utterance):
    """(2 * frames,) int64: the class at (j + 0.5) / 50 s; frames = samples // 640."""
    segments = segments_of(utterance)
    count = 2 * (utterance["samples"] // 640)
    ends = np.array([end for _, _, end in segments])
    classes = np.array([INDEX[name] for name, _, _ in segments], np.int64)
    at = np.searchsorted(ends, (np.arange(count) + 0.5) / LABELS_A_SECOND, side="right")
    return classes[np.minimum(at, len(classes) - 1)] if len(classes) else np.zeros(count, np.int64)
