"""python -m unittest corpus.test_people: recordings of people, in folders that the tests make."""

import importlib.util
import json
import tempfile
import unittest
import wave
from pathlib import Path

import numpy as np

from .add_people import PeopleError, add, checked_phones, splits_of
from .align_words import gapless
from .people import row, rows_of
from .speech import SAMPLE_RATE
from .whisper import whispered

READS_SOUND = importlib.util.find_spec("soundfile") is not None


def _write(path, seconds=1.0, rate=SAMPLE_RATE, level=0.1):
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = level * np.sin(np.arange(int(seconds * rate)) * 0.1)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes((samples * 32767).astype("<i2").tobytes())


def _listed(folder, lines):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "utterances.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), "utf8")


class Splits(unittest.TestCase):
    def test_a_speaker_is_in_one_split_and_every_split_of_a_large_source_has_both_sexes(self):
        rows = [row(f"{voice}-{k}", f"v{voice}", "x", sex="mf"[voice % 2], source="a") for voice in range(60) for k in range(3)]
        splits = splits_of(rows, 0)
        self.assertEqual(len(splits), 60)
        for split, share in (("people-test", 12), ("people-selection", 6)):
            chosen = [voice for voice, its in splits.items() if its == split]
            self.assertEqual(len(chosen), share)
            self.assertEqual({int(voice[1:]) % 2 for voice in chosen}, {0, 1})

    def test_the_split_of_a_speaker_does_not_depend_on_how_many_recordings_there_are_or_their_order(self):
        rows = [row(f"{voice}-{k}", f"v{voice}", "x", source="a") for voice in range(17) for k in range(2)]
        self.assertEqual(splits_of(rows, 3), splits_of(rows[::-2], 3))

    def test_speakers_without_names_are_trained_on(self):
        rows = [row(str(voice), f"v{voice}", "x", source="a") for voice in range(9)] + [row("u", "crowd-unknown", "x", source="a")]
        self.assertEqual(splits_of(rows, 0)["crowd-unknown"], "train")


class Layouts(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.addCleanup(self.scratch.cleanup)
        self.folder = Path(self.scratch.name)

    def test_a_listed_folder_keeps_moods_and_phones_and_leaves_other_moods_out(self):
        _listed(self.folder, [
            {"id": "a", "file": "a.wav", "voice": "p", "emotion": "neutral", "phones": [["pau", 0, 1]]},
            {"id": "b", "file": "b.wav", "speaker": "q", "emotion": "sad", "kind": "speech", "intensity": None, "language": "de"},
            {"id": "c", "file": "c.wav", "speaker": "q", "emotion": None, "kind": "speech"},
        ])  # fmt: skip
        found = {r["id"]: r for r in rows_of(self.folder)}
        self.assertEqual(set(found), {"a", "b"})
        self.assertEqual((found["a"]["kind"], found["a"]["intensity"], found["a"]["phones"]), ("read", 0.0, [["pau", 0, 1]]))
        self.assertEqual((found["b"]["kind"], found["b"]["voice"], found["b"]["language"]), ("acted", "q", "de"))
        self.assertGreater(found["b"]["intensity"], 0.35)

    def test_a_line_without_a_speaker_is_named(self):
        _listed(self.folder, [{"id": "a", "file": "a.wav", "emotion": "sad"}])
        with self.assertRaisesRegex(PeopleError, "line 1.*speaker"):
            rows_of(self.folder)

    def test_libri_speech_and_crema_d_are_read_as_published(self):
        chapter = self.folder / "libri" / "train" / "19" / "198"
        chapter.mkdir(parents=True)
        (chapter / "19-198.trans.txt").write_text("19-198-0000 NORTHANGER ABBEY\n")
        (self.folder / "libri" / "SPEAKERS.TXT").write_text("; a comment\n19 | F | train | 25 | Kara\n")
        [read] = rows_of(self.folder / "libri")
        self.assertEqual((read["voice"], read["sex"], read["text"], read["path"].name), ("libri-19", "f", "northanger abbey", "19-198-0000.flac"))
        _write(self.folder / "crema" / "AudioWAV" / "1001_DFA_ANG_HI.wav")
        [acted] = rows_of(self.folder / "crema")
        self.assertEqual((acted["voice"], acted["emotion"], acted["intensity"], acted["text"]), ("crema-d-1001", "angry", 1.0, "don't forget a jacket"))

    def test_a_folder_in_no_layout_is_refused(self):
        with self.assertRaisesRegex(PeopleError, "expected utterances.jsonl"):
            rows_of(self.folder)

    @unittest.skipUnless(READS_SOUND, "soundfile is not installed")
    def test_a_corpus_grows_by_what_is_sound_and_tells_the_rest(self):
        _write(self.folder / "in" / "good.wav", rate=22_050)
        _write(self.folder / "in" / "silent.wav", level=0.0)
        line = {"emotion": "angry", "kind": "vocal_burst", "speaker": "p"}
        _listed(self.folder / "in", [{**line, "id": name, "file": f"{name}.wav"} for name in ("good", "silent", "missing")])
        (self.folder / "before").mkdir()
        np.arange(700, dtype="<i2").tofile(self.folder / "before" / "audio.i16")
        (self.folder / "before" / "utterances.jsonl").write_text('{"id": "s"}\n')
        counts, faults = add(self.folder / "before", [self.folder / "in"], self.folder / "out")
        self.assertEqual(counts["train"][0], 1)
        self.assertEqual(len(faults), 2)
        lines = [json.loads(text) for text in (self.folder / "out" / "utterances.jsonl").read_text().splitlines()]
        self.assertEqual((lines[0]["id"], lines[1]["start"], lines[1]["samples"], lines[1]["phones"]), ("s", 700, 16_000, []))
        self.assertEqual((self.folder / "out" / "audio.i16").stat().st_size, 2 * 16_700)
        with self.assertRaises(FileExistsError):
            add(None, [self.folder / "in"], self.folder / "out")


class Phones(unittest.TestCase):
    def test_gaps_become_pauses_and_neighbouring_pauses_are_one(self):
        found = gapless([["pau", 0.1, 0.3], ["b", 0.3, 0.4], ["aa", 0.55, 0.7]], 1.0)
        self.assertEqual([name for name, _, _ in found], ["pau", "b", "pau", "aa", "pau"])
        self.assertEqual([found[0][1], found[-1][2]], [0.0, 1.0])
        self.assertTrue(all(a[2] == b[1] for a, b in zip(found, found[1:])))
        self.assertIsNone(gapless([], 1.0))

    def test_phones_with_a_gap_or_an_unknown_name_are_refused(self):
        with self.assertRaisesRegex(PeopleError, "gap"):
            checked_phones(row("a", "v", "x", phones=[["b", 0, 0.2], ["aa", 0.4, 1.0]]), 1.0)
        with self.assertRaisesRegex(PeopleError, "xx"):
            checked_phones(row("a", "v", "x", phones=[["xx", 0, 1.0]]), 1.0)

    @unittest.skipUnless(importlib.util.find_spec("pocketsphinx"), "pocketsphinx is not installed")
    def test_words_that_no_dictionary_has_are_refused(self):
        from .align_words import WordAligner

        aligner, noise = WordAligner(), np.random.default_rng(0).normal(0, 0.01, 16_000)
        self.assertIsNone(aligner.align(noise, "xqzv"))
        self.assertIsNone(aligner.align(noise, "room 12"))
        self.assertIsNone(aligner.align(noise, ""))


class Whisper(unittest.TestCase):
    def test_a_whisper_has_the_length_and_level_of_the_voice_but_not_its_pitch(self):
        rng = np.random.default_rng(0)
        pulses = (np.arange(SAMPLE_RATE) % 125 == 0).astype(np.float32)  # 128 Hz
        heard = whispered(pulses, rng)
        self.assertEqual(len(heard), len(pulses))
        self.assertAlmostEqual(np.sqrt(np.mean(heard**2) / np.mean(pulses**2)), 1, places=3)
        periodic = lambda x: np.corrcoef(x[4000:8000], x[4125:8125])[0, 1]
        self.assertGreater(periodic(pulses), 0.9)
        self.assertLess(abs(periodic(heard)), 0.3)


class Transplant(unittest.TestCase):
    def test_a_change_of_pitch_and_tempo_arrives(self):
        from .transplant import Voice, changed

        seconds = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
        voice = sum(np.sin(2 * np.pi * 120 * k * seconds) / k for k in range(1, 20)).astype(np.float32) * 0.1
        bins = 513
        change = {"pitch": np.log(1.5), "range": 1.0, "colour": np.zeros(bins), "dynamics": 1.0, "breath": np.zeros(bins), "contour": np.zeros(4), "tempo": 1.25}
        made, tempo = changed(voice, change, np.random.default_rng(0), 1.0)
        self.assertAlmostEqual(len(voice) / len(made), tempo, places=6)
        self.assertAlmostEqual(tempo, 1.25, delta=0.2)
        heard = Voice.of(made).delivery()
        self.assertAlmostEqual(np.exp(heard["level"]), 180, delta=25)


if __name__ == "__main__":
    unittest.main()
