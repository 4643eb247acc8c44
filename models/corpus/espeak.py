"""espeak-ng through ctypes, with the times of its phones.

The library has one global state in a process: one synthesis at a time.
"""

import ctypes

import numpy as np

from .speech import Speech, SynthesizerMissing, at_16_khz

ACCENTS = ("en-us", "en", "en-gb-x-rp", "en-gb-scotland", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-029", "en-us-nyc")
# Timbres of espeak-ng 1.51, without robots, croaks and the two that only whisper.
VARIANTS = tuple(
    "Alex Alicia Andrea Andy Annie Denis Diogo Gene Gene2 Henrique Hugo Jacky Lee Marco Mario Michael Mike Nguyen adam anika announcer antonio "
    "aunty belinda benjamin boris caleb david ed edward edward2 f1 f2 f3 f4 f5 grandma grandpa gustave iven iven2 iven3 john kaukovalta klatt "
    "klatt2 klatt3 klatt4 klatt6 linda m1 m2 m3 m4 m5 m6 m7 m8 marcelo max michel miguel norbert pablo paul pedro quincy rob robert sandro "
    "shelby steph steph2 steph3 travis victor zac".split()
)
_SYNCHRONOUS, _PHONEME_EVENTS_IN_IPA_WITHOUT_EXIT = 2, 0x8003
_RATE, _PITCH, _RANGE = 1, 3, 4
_END_OF_LIST, _PHONEME = 0, 7
_SHORTEST_PAUSE = 0.06
# Words a minute, pitch and range (0..100) of the neutral delivery.
_WORDS_A_MINUTE, _NEUTRAL_RANGE = 165, 50


class _Event(ctypes.Structure):
    _fields_ = [("type", ctypes.c_int), ("identifier", ctypes.c_uint), ("position", ctypes.c_int), ("length", ctypes.c_int),
                ("milliseconds", ctypes.c_int), ("sample", ctypes.c_int), ("user", ctypes.c_void_p), ("string", ctypes.c_char * 8)]


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


class Espeak:
    def __init__(self):
        try:
            self.library = ctypes.CDLL("libespeak-ng.so.1")
        except OSError as error:
            raise SynthesizerMissing(f"libespeak-ng.so.1 was not found ({error}): apt-get install libespeak-ng1 espeak-ng-data") from error
        self.rate = self.library.espeak_Initialize(_SYNCHRONOUS, 0, None, _PHONEME_EVENTS_IN_IPA_WITHOUT_EXIT)
        if self.rate <= 0:
            raise SynthesizerMissing("espeak-ng found no data: apt-get install espeak-ng-data")
        self._blocks, self._starts = [], []
        self._callback = _Callback(self._collect)
        self.library.espeak_SetSynthCallback(self._callback)

    def _collect(self, samples, count, events):
        if count > 0 and samples:
            self._blocks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        index = 0
        while events[index].type != _END_OF_LIST:
            if events[index].type == _PHONEME:
                # The field holds eight bytes, fewer if a zero ends it.
                raw = ctypes.string_at(ctypes.addressof(events[index]) + _Event.string.offset, 8)
                self._starts.append((events[index].milliseconds / 1000, raw.split(b"\0")[0].decode("utf8", "ignore")))
            index += 1
        return 0

    def speak(self, text, voice, base_pitch, delivery):
        """`text` by `voice` (accent+variant). `base_pitch` 0..100 is the voice's own; the delivery scales it.

        Raises SynthesizerMissing for a voice that is not installed.
        """
        if self.library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise SynthesizerMissing(f"espeak-ng has no voice {voice!r}: apt-get install espeak-ng-data (1.51)")
        # espeak maps 0..100 to about an octave and a half around the voice's pitch.
        pitch = base_pitch + 62 * np.log2(delivery.pitch)
        for parameter, value, low, high in ((_RATE, _WORDS_A_MINUTE * delivery.rate, 80, 320), (_PITCH, pitch, 0, 99), (_RANGE, _NEUTRAL_RANGE * delivery.range, 0, 99)):
            self.library.espeak_SetParameter(parameter, int(np.clip(value, low, high)), 0)
        self._blocks.clear()
        self._starts.clear()
        encoded = text.encode()
        self.library.espeak_Synth(encoded, ctypes.c_size_t(len(encoded) + 1), 0, 1, 0, 1, None, None)
        samples = np.concatenate(self._blocks) if self._blocks else np.zeros(0, np.int16)
        return Speech(at_16_khz(samples.astype(np.float32) / 32768, self.rate), self._phones(len(samples) / self.rate))

    def _phones(self, total):
        phones = []
        for index, (start, name) in enumerate(self._starts):
            end = min(self._starts[index + 1][0] if index + 1 < len(self._starts) else total, total)
            if end <= start:
                continue
            letters = name.strip("ˈˌː_ ")
            if letters:
                phones.append([name, start, end])
            elif end - start > _SHORTEST_PAUSE or not phones or index + 1 == len(self._starts):
                phones.append(["_", start, end])
            else:
                phones[-1][2] = end  # a short nameless event is a glide or a length mark of the previous phone
        return phones
