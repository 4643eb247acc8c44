"""python -m unittest corpus.test_corpus: tests that need no installed synthesizer."""

import tempfile
import unittest
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
from targets.phones import CLASSES, INDEX

from . import plan, rhvoice
from .align import _states_of, best_path
from .build import build, spoken
from .check import Corpus, kind_of
from .effects import expressed
from .phone_sets import TO_IPA
from .prosody import EMOTIONS, PLAIN, PROFILES, WEAKEST, delivery_of
from .pseudo_words import LANGUAGES, pseudo_sentences
from .sentences import SPLITS, WORDS_AT_LEAST, WORDS_AT_MOST, sentences
from .speech import SAMPLE_RATE, Speech, padded, trimmed


def _speech_with_bursts(times, seconds=2.03):
    """Silence with a burst of 20 ms at each time; each burst is a phone."""
    samples, phones, last = np.zeros(int(seconds * SAMPLE_RATE), np.float32), [], 0.0
    for time in times:
        first = int(time * SAMPLE_RATE)
        samples[first : first + 320] = np.sin(np.arange(320) * 0.4)
        phones += [["_", last, time], ["a", time, time + 0.02]]
        last = time + 0.02
    return Speech(samples, phones + [["_", last, len(samples) / SAMPLE_RATE]])


def _middle_of_bursts(speech):
    loud = np.flatnonzero(np.abs(speech.samples) > 0.05)
    return [part.mean() / SAMPLE_RATE for part in np.split(loud, np.flatnonzero(np.diff(loud) > 800) + 1)]


class Texts(unittest.TestCase):
    def test_the_same_seed_gives_the_same_sentences_and_another_seed_others(self):
        self.assertEqual(sentences("train", 37, 5), sentences("train", 53, 5)[:37])
        self.assertNotEqual(sentences("train", 37, 5), sentences("train", 37, 6))

    def test_no_sentence_is_in_two_splits_and_all_have_three_to_sixteen_words(self):
        parts = [sentences(split, 301, 0) for split in SPLITS]
        self.assertEqual(len(set().union(*parts)), 4 * 301)
        for text in sum(parts, []):
            self.assertTrue(WORDS_AT_LEAST <= len(text.split()) <= WORDS_AT_MOST, text)
            self.assertNotRegex(text, r"[{}_]|\ba [aeiou]")

    def test_every_language_but_english_has_pseudo_words_and_a_phone_table(self):
        self.assertEqual(set(LANGUAGES), set(TO_IPA))
        for language in LANGUAGES:
            self.assertEqual(len(set(pseudo_sentences(language, "train", 23, 1))), 23)


class Plan(unittest.TestCase):
    requests = plan.requests(1.3, 3)

    def test_emotions_are_balanced_over_splits_and_over_every_training_voice(self):
        for split in SPLITS:
            counts = Counter(request.emotion for request in self.requests if request.split == split)
            self.assertEqual(len(set(counts.values())), 1, split)
            self.assertEqual(set(counts), set(EMOTIONS))
        voices = Counter((request.voice, request.emotion) for request in self.requests if request.split == "train")
        for voice in {voice for voice, _ in voices}:
            self.assertEqual(len({voices[voice, emotion] for emotion in EMOTIONS}), 1, voice)

    def test_voices_of_selection_and_unseen_are_never_trained_on(self):
        voices = {split: {request.voice for request in self.requests if request.split == split} for split in SPLITS}
        self.assertEqual((voices["selection"], voices["unseen"]), ({"slt"}, {"rms", "awb"}))
        self.assertFalse(voices["train"] & (voices["selection"] | voices["unseen"]))
        self.assertFalse(voices["sentences"] - voices["train"])

    def test_jobs_hold_every_request_once_and_festival_jobs_one_voice(self):
        jobs = plan.jobs(self.requests)
        self.assertEqual(sorted(request.id for job in jobs for request in job), sorted({request.id for request in self.requests}))
        for job in jobs:
            if job[0].synthesizer != "espeak":
                self.assertEqual(len({request.voice for request in job}), 1)


    def test_rhvoice_trains_only_never_slt_and_more_hours_begin_with_fewer(self):
        few, many = (plan.rhvoice_requests(list(rhvoice.VOICES), hours, 3) for hours in (0.03, 0.05))
        self.assertFalse({"slt", "rms", "awb"} & set(rhvoice.VOICES))
        self.assertEqual({(request.synthesizer, request.split) for request in many}, {("rhvoice", "train")})
        voices = Counter((request.voice, request.emotion) for request in many)
        self.assertEqual(set(voices.values()), {voices["bdl", "neutral"]})
        self.assertLess(set(few), set(many))
        self.assertFalse({request.id for request in many} & {request.id for request in self.requests})

    def test_every_letter_of_rhvoices_pseudo_words_has_a_phone(self):
        for voice in rhvoice.VOICES.values():
            if voice.language != "en":
                letters = set("".join(pseudo_sentences(voice.language, "train", 99, 1))) - {" "}
                self.assertFalse(letters - set(TO_IPA[voice.language]))


class Prosody(unittest.TestCase):
    def test_intensity_is_nought_for_neutral_alone_and_grades_the_profile(self):
        for request in Plan.requests:
            self.assertTrue(request.intensity == 0 if request.emotion == "neutral" else WEAKEST <= request.intensity <= 1)
        mean = lambda intensity: np.mean([delivery_of("sad", intensity, np.random.default_rng(seed)).rate for seed in range(200)])
        self.assertTrue(PROFILES["sad"].rate < mean(0.9) < mean(0.4) < 1.0)


class Times(unittest.TestCase):
    def test_phones_follow_glides_tremor_lilt_and_stretched_pauses(self):
        for seed, delivery in enumerate(
            [replace(PLAIN, final_semitones=5, final_seconds=1.1), replace(PLAIN, tremor=0.9, tremor_hz=3.1), replace(PLAIN, lilt=0.2, lilt_hz=1.3), replace(PLAIN, pauses=1.9)]
        ):
            plain = _speech_with_bursts([0.31, 0.97, 1.523])
            warped = expressed(plain, delivery, np.random.default_rng(seed), glide=True)
            self.assertGreater(abs(warped.seconds - plain.seconds) + abs(warped.phones[3][1] - plain.phones[3][1]), 0.002)
            spoken = [(start + end) / 2 for name, start, end in warped.phones if name == "a"]
            np.testing.assert_allclose(_middle_of_bursts(warped), spoken, atol=0.004)
            self.assertAlmostEqual(warped.phones[-1][2], warped.seconds, places=3)

    def test_trimming_and_padding_keep_phones_on_their_sounds(self):
        speech = padded(trimmed(_speech_with_bursts([0.5, 1.1])), 0.217, 0.341, "_")
        spoken = [(start + end) / 2 for name, start, end in speech.phones if name == "a"]
        np.testing.assert_allclose(_middle_of_bursts(speech), spoken, atol=0.002)
        self.assertEqual(speech.phones[0][1], 0.0)
        for (_, _, end), (_, start, _) in zip(speech.phones, speech.phones[1:]):
            self.assertEqual(end, start)

    def test_kinds_of_phones_of_all_alphabets(self):
        found = [kind_of("ˈaɪ", "ipa"), kind_of("aa", "arpa"), kind_of("pau", "arpa"), kind_of("mː", "ipa"), kind_of("ʋ", "ipa"), kind_of("hh", "arpa")]
        self.assertEqual(found, ["vowel", "vowel", "pause", "m", "f v", "other"])


class Alignment(unittest.TestCase):
    def _starts(self, heard, names):
        """The starts of the names if the encoder is certain of the visemes `heard`, [(class, labels)]."""
        rows = np.full((sum(count for _, count in heard), len(CLASSES)), -8.0)
        rows[np.arange(len(rows)), np.repeat([INDEX[name] for name, _ in heard], [count for _, count in heard])] = -0.1
        states, owners = _states_of(names, "arpa")
        starts, score = best_path(rows, states)
        return [(owner if owner is None else names[owner], start) for owner, start in zip(owners, starts)], score

    def test_phones_begin_where_they_are_heard_and_an_unheard_pause_is_left_out(self):
        heard = [("sil", 20), ("M", 11), ("AA", 30), ("UW", 14), ("sil", 15), ("B", 9), ("IY", 22), ("sil", 30)]
        found, score = self._starts(heard, ["pau", "m", "aw", "pau", "b", "pau", "iy", "pau"])
        self.assertEqual(found, [(None, 0), ("m", 20), ("aw", 31), ("aw", 61), (None, 75), ("b", 90), (None, None), ("iy", 99), (None, 121)])
        self.assertAlmostEqual(score, -0.1)

    def test_a_phone_that_is_not_heard_gets_its_shortest_time_and_a_worse_score(self):
        found, score = self._starts([("sil", 20), ("M", 20), ("IY", 30), ("sil", 20)], ["m", "s", "iy"])
        self.assertEqual([start for _, start in found if start is not None][-3] + 6, dict(found)["iy"])
        self.assertLess(score, -0.5)


class Build(unittest.TestCase):
    def test_a_corpus_that_is_added_to_stays_as_it_is(self):
        with tempfile.TemporaryDirectory() as folder:
            before, after = Path(folder, "before"), Path(folder, "after")
            before.mkdir()
            np.arange(50, dtype="<i2").tofile(before / "audio.i16")
            (before / "utterances.jsonl").write_text('{"id": "ä", "start": 0, "samples": 50}\n', "utf8")
            spoken(after, [], 1, before=before)
            for name in ("audio.i16", "utterances.jsonl"):
                self.assertEqual((before / name).read_bytes(), (after / name).read_bytes())
            self.assertEqual(len(Corpus(after).rows), 1)

    def test_an_existing_folder_is_not_overwritten(self):
        with tempfile.TemporaryDirectory() as folder:
            with self.assertRaisesRegex(FileExistsError, "give another --out"):
                build(Path(folder), 0.1, 1, 0)


if __name__ == "__main__":
    unittest.main()
