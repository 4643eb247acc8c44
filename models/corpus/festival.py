"""festival: one process speaks hundreds of sentences. Pitch is set between its own modules, on the Target
relation."""

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass

from scipy.io import wavfile

from .phone_sets import TO_IPA
from .speech import Speech, SynthesizerMissing, at_16_khz


@dataclass(frozen=True)
class FestivalVoice:
    """`command`: the name after `voice_`. `pitch_control`: True if the voice follows pitch targets."""

    command: str
    language: str
    alphabet: str
    package: str
    pitch_control: bool = True
    encoding: str = "latin-1"

    @property
    def synthesizer(self):
        return "festival-hts" if self.command.endswith("_hts") else "festival-diphone"


VOICES = {
    "kal": FestivalVoice("kal_diphone", "en", "arpa", "festvox-kallpc16k"),
    "ked": FestivalVoice("ked_diphone", "en", "arpa", "festvox-kdlpc16k"),
    "slt": FestivalVoice("cmu_us_slt_arctic_hts", "en", "arpa", "festvox-us-slt-hts", pitch_control=False),
    "lp": FestivalVoice("lp_diphone", "it", "ipa", "festvox-italp16k"),
    "pc": FestivalVoice("pc_diphone", "it", "ipa", "festvox-itapc16k"),
    "lj": FestivalVoice("suo_fi_lj_diphone", "fi", "ipa", "festvox-suopuhe-lj"),
    "mv": FestivalVoice("hy_fi_mv_diphone", "fi", "ipa", "festvox-suopuhe-mv"),
    "dita": FestivalVoice("czech_dita", "cs", "ipa", "festvox-czech-dita", encoding="iso-8859-2"),
    "machac": FestivalVoice("czech_machac", "cs", "ipa", "festvox-czech-machac", encoding="iso-8859-2"),
    "krb": FestivalVoice("czech_krb", "cs", "ipa", "festvox-czech-krb", encoding="iso-8859-2"),
    "ph": FestivalVoice("czech_ph", "cs", "ipa", "festvox-czech-ph", encoding="iso-8859-2"),
    "nsk-hi": FestivalVoice("hindi_NSK_diphone", "hi", "ipa", "festvox-hi-nsk festival-hi", encoding="utf-8"),
    "nsk-mr": FestivalVoice("marathi_NSK_diphone", "mr", "ipa", "festvox-mr-nsk festival-mr", encoding="utf-8"),
    "nsk-te": FestivalVoice("telugu_NSK_diphone", "te", "ipa", "festvox-te-nsk festival-te", encoding="utf-8"),
    "ona": FestivalVoice("upc_ca_ona_hts", "ca", "ipa", "festvox-ca-ona-hts festival-ca", pitch_control=False, encoding="utf-8"),
}

# Festival's own modules, in its order, with the pitch targets scaled before the wave is made.
_PROGRAM = """
(define (dt_scale targets mean pitch range semitones seconds last)
  (mapcar (lambda (i)
    (let ((f (parse-number (item.feat i "f0"))) (p (parse-number (item.feat i "pos"))))
      (if (> f 1)
        (let ((glide (- 1 (/ (- last p) seconds))))
          (if (< glide 0) (set! glide 0))
          (if (> glide 1) (set! glide 1))
          (set! f (* mean pitch (exp (+ (* range (log (/ f mean))) (* glide semitones 0.0577623)))))
          (if (< f 50) (set! f 50))
          (if (> f 550) (set! f 550))
          (item.set_feat i "f0" f)))))
    targets))
(define (dt_mean targets)
  (let ((total 0) (count 0))
    (mapcar (lambda (i) (if (> (parse-number (item.feat i "f0")) 1)
      (begin (set! total (+ total (log (parse-number (item.feat i "f0"))))) (set! count (+ count 1))))) targets)
    (if (> count 0) (exp (/ total count)) 100)))
(define (dt_say u controlled pitch range semitones seconds name)
  (if controlled
    (begin
      (Initialize u) (Text u) (Token_POS u) (Token u) (POS u) (Phrasify u) (Word u) (Pauses u) (Intonation u) (PostLex u) (Duration u) (Int_Targets u)
      (let ((targets (utt.relation.leafs u 'Target)))
        (if targets (dt_scale targets (dt_mean targets) pitch range semitones seconds (parse-number (item.feat (car (last targets)) "pos")))))
      (Wave_Synth u))
    (utt.synth u))
  (utt.save.wave u (string-append name ".wav") 'riff)
  (utt.save.segs u (string-append name ".seg")))
"""


def speak_all(requests, voice_name):
    """`requests`: [(text, delivery)]. Returns a list of the same length, of Speech, or None if festival could
    not speak the text.

    Raises SynthesizerMissing if festival or the voice is not installed.
    """
    voice = VOICES[voice_name]
    if shutil.which("festival") is None:
        raise SynthesizerMissing("festival was not found: apt-get install festival")
    with tempfile.TemporaryDirectory() as folder:
        first = 0
        # A few texts crash festival itself: it is started again after such a text.
        while first < len(requests):
            crashed = _run(requests, first, voice, folder)
            if not crashed:
                break
            said = [index for index in range(first, len(requests)) if os.path.exists(f"{folder}/{index}.seg")]
            first = (said[-1] if said else first - 1) + 2
        return [_read(f"{folder}/{index}", voice) for index in range(len(requests))]


def _run(requests, first, voice, folder):
    """Speaks requests[first:]; each leaves INDEX.wav and INDEX.seg in `folder`. Returns True if festival
    crashed."""
    marker, script = os.path.join(folder, "voice-is-there"), os.path.join(folder, "script.scm")
    lines = [_PROGRAM, f"(voice_{voice.command})", f'(fclose (fopen "{marker}" "w"))']
    for index, (text, delivery) in enumerate(requests[first:], first):
        text = text.replace('"', "").replace("\\", "")
        control = "t" if voice.pitch_control else "nil"
        lines.append(f"(Parameter.set 'Duration_Stretch {1 / delivery.rate:.3f})")
        lines.append(
            f'(unwind-protect (dt_say (Utterance Text "{text}") {control} {delivery.pitch:.4f} {delivery.range:.4f} '
            f'{delivery.final_semitones:.3f} {delivery.final_seconds:.3f} "{folder}/{index}") nil)'
        )
    with open(script, "w", encoding=voice.encoding, errors="replace") as file:
        file.write("\n".join(lines))
    run = subprocess.run(["festival", "-b", script], capture_output=True)
    if not os.path.exists(marker):
        said = run.stderr.decode("utf8", "replace").strip()[:300]
        raise SynthesizerMissing(f"festival has no voice {voice.command}: apt-get install {voice.package} (festival said: {said})")
    return run.returncode != 0


def _read(stem, voice):
    try:
        rate, samples = wavfile.read(stem + ".wav")
        with open(stem + ".seg", encoding="latin-1") as file:
            rows = [line.split() for line in file]
    except (OSError, ValueError):
        return None
    phones, start = [], 0.0
    for row in rows:
        if len(row) >= 3 and row[0] != "#":
            end = float(row[0])
            if end > start:
                phones.append([_phone(row[2], voice), start, end])
                start = end
    return Speech(at_16_khz(samples.astype("float32") / 32768, rate), phones) if len(phones) > 2 else None


def _phone(name, voice):
    if voice.alphabet == "arpa":
        return "pau" if name in ("pau", "h#", "brth", "ssil") else name
    table = TO_IPA[voice.language]
    plain = re.sub(r"(?<=.)1$", "", name)  # a 1 marks stress in Italian and Catalan
    if plain not in table:
        raise ValueError(f"{voice.command}: phone {name!r} is not in phone_sets.py's table of {voice.language!r}; add it there")
    return table[plain]
