"""Times of phones in recordings of which only the words are known: PocketSphinx's English acoustic model and
dictionary.

`python -m corpus.align_words --corpus DIR` measures the error on synthetic voices whose phone times are
known.
"""

import argparse
import re
import sys

import numpy as np

from .speech import PAUSES, SAMPLE_RATE

_SILENCES = {"SIL", "+SPN+", "+NSN+"}
_FRAMES_A_SECOND = 100


class WordAligner:
    """Words to phones with times; English."""

    def __init__(self):
        from pocketsphinx import Decoder  # only needed here

        # No language model: the words are given. The best path through the lattice of words may give a word
        # less time than its phones need.
        self.decoder = Decoder(lm=None, bestpath=False, beam=1e-60, pbeam=1e-60, wbeam=1e-40, loglevel="FATAL")

    def align(self, samples, text):
        """[[name, start, end]] in seconds without gaps, ARPAbet, of float32 `samples`; None if a word is not
        in the dictionary or the words are not found in the sound."""
        words = re.findall(r"[a-z']+", text.lower())
        if not words or re.search(r"\d", text) or any(self.decoder.lookup_word(word) is None for word in words):
            return None
        data = (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
        try:
            self.decoder.set_align_text(" ".join(words))
            self._hear(data)
            self.decoder.set_alignment()
            self._hear(data)
            alignment = self.decoder.get_alignment()
        except RuntimeError:
            return None
        phones = [
            ["pau" if phone.name in _SILENCES else phone.name.lower(), phone.start / _FRAMES_A_SECOND, (phone.start + phone.duration) / _FRAMES_A_SECOND]
            for word in alignment or ()
            for phone in word
        ]
        return gapless(phones, len(samples) / SAMPLE_RATE)

    def _hear(self, data):
        self.decoder.start_utt()
        self.decoder.process_raw(data, full_utt=True)
        self.decoder.end_utt()


def gapless(phones, seconds):
    """`phones` with a pause before, after and in every gap; neighbouring pauses are joined. None without
    phones."""
    if not phones:
        return None
    out = []
    for name, start, end in [*phones, ["pau", seconds, seconds]]:
        last = out[-1][2] if out else 0.0
        start, end = max(start, last), min(end, seconds)
        if start > last + 1e-6:
            out.append(["pau", last, start])
        if end > start:
            out.append([name, start, end])
    merged = []
    for name, start, end in out:
        if merged and name in PAUSES and merged[-1][0] in PAUSES:
            merged[-1][2] = end
        else:
            merged.append([name, start, end])
    return merged


def main():
    from .check import Corpus

    parser = argparse.ArgumentParser(prog="python -m corpus.align_words", description=__doc__)
    parser.add_argument("--corpus", required=True, help="folder that `python -m corpus` wrote")
    options = parser.parse_args()
    try:
        corpus = Corpus(options.corpus)
    except OSError as error:
        sys.exit(f"error: {error}")
    aligner = WordAligner()
    for split in ("selection", "unseen"):
        edges, middles, refused = [], [], 0
        for row in [row for row in corpus.rows if row["split"] == split]:
            found = aligner.align(corpus.samples_of(row), row["text"])
            heard = [phone for phone in found or () if phone[0] not in PAUSES]
            if found is None:
                refused += 1
                continue
            for name, start, end in row["phones"]:
                # Dictionaries differ in weak vowels: a phone is compared with the nearest phone of its name
                # within 0.15 s.
                same = [p for p in heard if p[0] == name and abs(p[1] - start) < 0.15]
                if name in PAUSES or not same:
                    continue
                nearest = min(same, key=lambda p: abs(p[1] - start))
                edges.append(1000 * abs(nearest[1] - start))
                if name in ("p", "b", "m"):
                    middles.append(500 * abs(nearest[1] + nearest[2] - start - end))
        print(
            f"{split}: {len(edges)} phones begin {np.median(edges):.0f} ms off (median; 90 %: {np.percentile(edges, 90):.0f} ms), "
            f"{np.mean(np.array(middles) <= 40):.1%} of {len(middles)} middles of p b m within 40 ms, {refused} utterances refused"
        )


if __name__ == "__main__":
    main()
