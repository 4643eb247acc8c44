"""flite through ctypes, with the times of its phones. Its voices are only for testing: no model is trained on
them."""

import ctypes

import numpy as np

from .speech import Speech, SynthesizerMissing, at_16_khz

VOICES = ("rms", "awb")


class _Wave(ctypes.Structure):
    _fields_ = [("type", ctypes.c_char_p), ("rate", ctypes.c_int), ("count", ctypes.c_int), ("channels", ctypes.c_int), ("samples", ctypes.POINTER(ctypes.c_short))]


class _Voice(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("features", ctypes.c_void_p)]


_POINTER, _TEXT, _FLOAT = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_float
_SIGNATURES = {
    "flite_synth_text": (_POINTER, [_TEXT, _POINTER]),
    "utt_wave": (ctypes.POINTER(_Wave), [_POINTER]),
    "utt_relation": (_POINTER, [_POINTER, _TEXT]),
    "relation_head": (_POINTER, [_POINTER]),
    "item_next": (_POINTER, [_POINTER]),
    "item_feat_string": (_TEXT, [_POINTER, _TEXT]),
    "item_feat_float": (_FLOAT, [_POINTER, _TEXT]),
    "delete_utterance": (None, [_POINTER]),
    "feat_set_float": (None, [_POINTER, _TEXT, _FLOAT]),
}


def _load(name):
    try:
        return ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL)
    except OSError as error:
        raise SynthesizerMissing(f"{name} was not found ({error}): apt-get install libflite1") from error


class Flite:
    def __init__(self):
        for name in ("libflite.so.1", "libflite_usenglish.so.1", "libflite_cmulex.so.1"):
            self.library = _load(name)
        self.library = _load("libflite.so.1")
        self.library.flite_init()
        for name, (result, arguments) in _SIGNATURES.items():
            function = getattr(self.library, name)
            function.restype, function.argtypes = result, arguments
        self._voices = {}

    def _voice(self, name):
        if name not in self._voices:
            register = getattr(_load(f"libflite_cmu_us_{name}.so.1"), f"register_cmu_us_{name}")
            register.restype, register.argtypes = _POINTER, [_TEXT]
            self._voices[name] = register(None)
        return self._voices[name]

    def speak(self, text, voice, delivery):
        """`text` by `voice`, at the delivery's rate. vocoder.py changes the pitch, which these voices cannot
        control."""
        address = self._voice(voice)
        features = ctypes.cast(address, ctypes.POINTER(_Voice)).contents.features
        self.library.feat_set_float(features, b"duration_stretch", 1 / delivery.rate)
        utterance = self.library.flite_synth_text(text.encode(), address)
        wave = self.library.utt_wave(utterance).contents
        samples = np.ctypeslib.as_array(wave.samples, (wave.count,)).astype(np.float32) / 32768
        phones, start = [], 0.0
        item = self.library.relation_head(self.library.utt_relation(utterance, b"Segment"))
        while item:
            end = self.library.item_feat_float(item, b"end")
            phones.append([self.library.item_feat_string(item, b"name").decode(), start, end])
            start, item = end, self.library.item_next(item)
        rate = wave.rate
        self.library.delete_utterance(utterance)
        return Speech(at_16_khz(samples, rate), phones)
