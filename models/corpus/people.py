"""Recordings of people on disk as rows: folders with utterances.jsonl, and LibriSpeech and CREMA-D in the
layouts of their publishers.

A row has id, voice (the speaker), sex, language, kind ("read", "acted" or "burst"), source, text, emotion,
intensity, alphabet, phones, and path. `phones` is [] if they are unknown; `emotion` is one of the eight. Rows
of other moods are left out.
"""

import json
from pathlib import Path

from .prosody import EMOTIONS

# Intensity if the source does not give it: actors and vocal bursts show a mood clearly.
ACTED, BURST = 0.8, 0.8
CREMA_D_EMOTIONS = {"ANG": "angry", "DIS": "disgusted", "FEA": "afraid", "HAP": "happy", "NEU": "neutral", "SAD": "sad"}
CREMA_D_LEVELS = {"LO": 0.4, "MD": 0.65, "HI": 1.0, "XX": 0.7}
CREMA_D_SENTENCES = {
    "IEO": "it's eleven o'clock", "TIE": "that is exactly what happened", "IOM": "i'm on my way to the meeting", "IWW": "i wonder what this is about",
    "TAI": "the airplane is almost full", "MTI": "maybe tomorrow it will be cold", "IWL": "i would like a new alarm clock",
    "ITH": "i think i have a doctor's appointment", "DFA": "don't forget a jacket", "ITS": "i think i've seen this before",
    "TSI": "the surface is slick", "WSI": "we'll stop in a couple of minutes",
}  # fmt: skip


class PeopleError(ValueError):
    """A folder or a recording that cannot be used; the text says what was expected and found."""


def rows_of(folder):
    """The rows of a folder in any of the known layouts. Raises PeopleError for a folder in none of them."""
    folder = Path(folder)
    if (folder / "utterances.jsonl").exists():
        return listed(folder)
    if any(folder.glob("**/*.trans.txt")):
        return libri_speech(folder)
    if any(folder.glob("**/AudioWAV/*.wav")):
        return crema_d(folder)
    raise PeopleError(f"{folder}: expected utterances.jsonl, LibriSpeech (*.trans.txt) or CREMA-D (AudioWAV/*.wav), found none of them")


def row(id, voice, path, **known):
    """A row with defaults for all fields that are not in `known`."""
    defaults = {"sex": "?", "language": "en", "kind": "read", "source": "", "text": "", "emotion": "neutral", "intensity": 0.0, "alphabet": "arpa", "phones": []}
    return {"id": id, "voice": voice, "path": Path(path), **defaults, **known}


def listed(folder):
    """utterances.jsonl: a line has id, file, and voice or speaker; other fields are optional."""
    found = []
    with open(folder / "utterances.jsonl", encoding="utf8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                given = json.loads(line)
                id, voice, file = given["id"], given.get("voice") or given["speaker"], given["file"]
            except (json.JSONDecodeError, KeyError, AttributeError) as error:
                raise PeopleError(f"{folder / 'utterances.jsonl'}, line {number}: expected an object with id, file, and voice or speaker, found {error!r}") from error
            emotion = given.get("emotion")
            if emotion not in EMOTIONS:
                continue
            kind = {"speech": "acted", "vocal_burst": "burst"}.get(given.get("kind"), "read")
            intensity = given.get("intensity")
            if intensity is None:
                intensity = BURST if kind == "burst" else ACTED
            found.append(
                row(
                    id, voice, folder / file, sex=given.get("sex") or "?", language=given.get("language") or "en", kind=kind,
                    source=given.get("source") or folder.name, text=given.get("text") or given.get("transcript") or "", emotion=emotion,
                    intensity=0.0 if emotion == "neutral" else float(intensity), alphabet=given.get("alphabet") or "arpa", phones=given.get("phones") or [],
                )
            )  # fmt: skip
    return found


def libri_speech(folder):
    """SPEAKER/CHAPTER/SPEAKER-CHAPTER.trans.txt, with a FLAC file for each of its lines; SPEAKERS.TXT, if
    present, gives the sex."""
    sexes = {}
    for path in folder.glob("**/SPEAKERS.TXT"):
        for line in path.read_text("utf8", errors="replace").splitlines():
            fields = [field.strip() for field in line.split("|")]
            if len(fields) > 1 and fields[0].isdigit():
                sexes[fields[0]] = fields[1].lower()
    found = []
    for transcript in sorted(folder.glob("**/*.trans.txt")):
        for line in transcript.read_text("utf8").splitlines():
            name, _, text = line.partition(" ")
            speaker = name.split("-")[0]
            if name:
                found.append(row(name, f"libri-{speaker}", transcript.with_name(f"{name}.flac"), sex=sexes.get(speaker, "?"), source="LibriSpeech", text=text.lower()))
    return found


def crema_d(folder):
    """AudioWAV/ACTOR_SENTENCE_EMOTION_LEVEL.wav."""
    found = []
    for path in sorted(folder.glob("**/AudioWAV/*.wav")):
        fields = path.stem.split("_")
        if len(fields) != 4 or fields[2] not in CREMA_D_EMOTIONS:
            raise PeopleError(f"{path}: expected ACTOR_SENTENCE_EMOTION_LEVEL.wav with one of {', '.join(CREMA_D_EMOTIONS)}, found {path.name}")
        actor, sentence, emotion, level = fields
        emotion = CREMA_D_EMOTIONS[emotion]
        intensity = 0.0 if emotion == "neutral" else CREMA_D_LEVELS.get(level, CREMA_D_LEVELS["XX"])
        found.append(row(path.stem, f"crema-d-{actor}", path, kind="acted", source="CREMA-D", text=CREMA_D_SENTENCES.get(sentence, ""), emotion=emotion, intensity=intensity))
    return found
