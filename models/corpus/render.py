"""Requests to the samples and phones of the corpus."""

from dataclasses import replace

import numpy as np

from . import festival, rhvoice
from .effects import expressed
from .espeak import Espeak
from .flite import Flite
from .prosody import PLAIN, delivery_of
from .speech import PAUSE, SAMPLE_RATE, padded, trimmed
from .vocoder import repitched

SHORTEST, LONGEST = 1.2, 12.0
_SILENCE = (0.1, 0.5)
_LOUDNESS_DB = (-27.0, -17.0)
_FLOOR_DB = (-78.0, -55.0)
_PEAK = 0.97
# Share of the training utterances with a longer or shorter vocal tract (vocoder.py), because few people
# recorded the diphones.
_OTHER_THROATS = {"espeak": 0.05, "festival-diphone": 0.2, "rhvoice": 0.2}
# Standard deviation of the logarithm of a speaker's pitch.
_OWN_PITCH = 0.09
_ESPEAK_PITCHES = (30, 62)


def rendered(requests, checkpoint=None):
    """[(row, samples int16)] of one job: requests of one synthesizer. `start` of a row is set later. Requests
    that no voice could speak are left out.

    `checkpoint`: that of the content encoder that finds RHVoice's phones.
    """
    generators = [np.random.default_rng([request.seed, 1]) for request in requests]
    deliveries = [delivery_of(request.emotion, request.intensity, random) for request, random in zip(requests, generators)]
    deliveries = [replace(delivery, pitch=delivery.pitch * float(np.exp(random.normal(0, _OWN_PITCH)))) for delivery, random in zip(deliveries, generators)]
    done = []
    for request, delivery, random, speech in zip(requests, deliveries, generators, _spoken(requests, deliveries, generators, checkpoint)):
        finished = speech and _finished(request, speech, delivery, random)
        if finished:
            done.append(finished)
    return done


def _spoken(requests, deliveries, generators, checkpoint):
    synthesizer = requests[0].synthesizer
    if synthesizer == "espeak":
        espeak = Espeak()
        for request, delivery, random in zip(requests, deliveries, generators):
            yield espeak.speak(request.text, request.voice, random.uniform(*_ESPEAK_PITCHES), delivery)
    elif synthesizer == "flite":
        flite = Flite()
        for request, delivery in zip(requests, deliveries):
            yield flite.speak(request.text, request.voice, delivery)
    elif synthesizer == "rhvoice":
        from .align import Aligner  # needs PyTorch, unlike the other synthesizers

        yield from rhvoice.speak_all([(request.text, delivery) for request, delivery in zip(requests, deliveries)], requests[0].voice, Aligner(checkpoint))
    else:
        yield from festival.speak_all([(request.text, delivery) for request, delivery in zip(requests, deliveries)], requests[0].voice)


def _alphabet(request):
    if request.synthesizer == "rhvoice":
        return rhvoice.VOICES[request.voice].alphabet
    return {"espeak": "ipa", "flite": "arpa"}.get(request.synthesizer) or festival.VOICES[request.voice].alphabet


def _throat(random):
    """Factors on resonances and pitch."""
    formants = float(np.exp(random.uniform(-0.16, 0.18)))
    return formants, formants**1.5 * float(np.exp(random.normal(0, 0.05)))


def _finished(request, speech, delivery, random):
    alphabet, own_glide = _alphabet(request), request.synthesizer != "espeak"
    try:
        speech = trimmed(speech)
    except ValueError:
        return None
    if request.synthesizer == "rhvoice":
        formants, pitch = _throat(random) if random.random() < _OTHER_THROATS["rhvoice"] else (1.0, 1.0)
        speech = repitched(speech, replace(delivery, pitch=delivery.pitch * pitch), formants)
    elif request.synthesizer == "flite" or (request.synthesizer.startswith("festival") and not festival.VOICES[request.voice].pitch_control):
        speech = repitched(speech, delivery)
    elif request.split == "train" and random.random() < _OTHER_THROATS[request.synthesizer]:
        formants, pitch = _throat(random)
        speech = repitched(speech, replace(PLAIN, pitch=pitch), formants)
    speech = expressed(speech, delivery, random, glide=not own_glide)
    before, after = random.uniform(*_SILENCE, 2)
    spoken = speech.seconds
    missing = max(0.0, SHORTEST - spoken - before - after)
    speech = padded(speech, before + missing / 2, after + missing / 2, PAUSE[alphabet])
    if speech.seconds > LONGEST or not np.isfinite(speech.samples).all():
        return None
    samples = speech.samples.astype(np.float64)
    level = np.sqrt(np.mean(samples**2) * speech.seconds / spoken)
    if level < 1e-4:
        return None
    samples *= min(10 ** (random.uniform(*_LOUDNESS_DB) / 20) / level, _PEAK / np.abs(samples).max())
    samples += 10 ** (random.uniform(*_FLOOR_DB) / 20) * random.standard_normal(len(samples))
    quantised = np.round(np.clip(samples, -1, 1) * 32767).astype("<i2")
    row = {
        "id": request.id, "synthesizer": request.synthesizer, "voice": request.voice, "language": request.language, "split": request.split,
        "text": request.text, "emotion": request.emotion, "intensity": request.intensity, "start": 0, "samples": len(quantised), "alphabet": alphabet,
        "phones": [[name, round(start, 4), round(min(end, len(quantised) / SAMPLE_RATE), 4)] for name, start, end in speech.phones],
    }  # fmt: skip
    return row, quantised
