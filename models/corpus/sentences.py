"""English sentences from seeded grammars over the lists of words.py. No text of other authors is used.

A template is a string; {slot} is replaced by a word of that list or by an expansion of another rule.
"""

import random
import re
import zlib

from .words import WORDS

SPLITS = ("train", "sentences", "selection", "unseen")
WORDS_AT_LEAST, WORDS_AT_MOST = 3, 16

PHRASES = {
    "noun_phrase": (
        "the {person}", "the {animal}", "the {thing}", "{possessive} {thing}", "{possessive} {adjective} {thing}", "the {adjective} {person}",
        "the {adjective} {animal}", "a {colour} {thing}", "{number} {things}", "the {stuff}", "the {ordinal} {thing}", "{name}",
        "the {person} from {place}", "the {thing} {relation} the {spot}", "some {adjective} {stuff}", "that {thing} of {possessive} {person}",
    ),
    "actor": ("{name}", "the {person}", "{possessive} {person}", "the {adjective} {person}", "the {animal}", "{name} and {name}", "the {person} from {place}"),
    "somewhere": ("in the {spot}", "near the {spot}", "{relation} the {spot}", "in {place}", "{relation} the {adjective} {spot}", "behind {possessive} {thing}"),
    "clause": (
        "{actor} {transitive} {noun_phrase}", "{actor} {intransitive}", "{actor} {intransitive} {somewhere}", "{noun_phrase} was {feeling}",
        "{subject_pronoun} {transitive} {object_pronoun}", "{actor} {modal} {base_verb} {noun_phrase}", "there was {stuff} {somewhere}",
        "{third_pronoun} {transitive} {noun_phrase}", "{possessive} {nominal} was {adjective}",
    ),
}

STATEMENTS = (
    "{clause}.", "{clause} {adverb}.", "{clause} {somewhere}.", "{clause} and {clause}.", "{clause}, but {clause}.", "{clause} because {clause}.",
    "{clause} before {clause}.", "when {clause}, {clause}.", "if {clause}, {subject_pronoun} {modal} {base_verb} {object_pronoun}.",
    "{name} {reporting} that {clause}.", "{subject_pronoun} {modal} {base_verb} {noun_phrase} {adverb}.", "{somewhere}, {clause}.",
    "my name is {name}, and I live in {place}.", "we met {name} and {name} in {place} on {day}.", "on {day} at {time}, {clause}.",
    "the {nominal} of {nominal} is {adjective}.", "{number} {things} and {number} {things} make {number} {things}.", "it was the {ordinal} of {month}.",
    "{noun_phrase} cost {number} pounds and {number} pence.", "please {base_verb} {noun_phrase} before {time}.",
    "the {thing}, the {thing} and the {thing} were {adjective}.", "{colour}, {colour}, {colour} and {colour}.",
    "the number is {digit}, {digit}, {digit}, {digit}, {digit}.", "my room is {number}, on the {ordinal} floor.", "{greeting}, {name}.",
    "{syllable}, {syllable}, {syllable}, {syllable}.", "{syllable} {syllable} {syllable} {syllable} {syllable}.", "spell it {letter}, {letter}, {letter}, {letter}.",
    "I feel {feeling} and {feeling} {adverb}.", "{actor} looked {feeling}, {feeling} and {adjective}.", "there is no {nominal} without {nominal}.",
    "we waited {somewhere} until {time}.", "both {things} and {things} move {relation} the {spot}.", "perhaps, {reporting} {name}, {clause}.",
)
QUESTIONS = (
    "did {actor} {base_verb} {noun_phrase}?", "why {modal} {subject_pronoun} {base_verb} {noun_phrase}?", "who {transitive} {noun_phrase}?",
    "where were the {things}, {name}?", "how {adjective} was {possessive} {thing}?", "what do you think about {noun_phrase}?",
    "would you {base_verb} {object_pronoun} {adverb}?", "have you ever been {somewhere}?", "{clause}, did you know?", "is {noun_phrase} {adjective}?",
    "which is more {adjective}, {nominal} or {nominal}?", "whose {thing} is {somewhere}?", "do {things} have {things}?", "may I {base_verb} {possessive} {thing}?",
)
EXCLAMATIONS = (
    "{exclamation}, {clause}!", "what a {adjective} {thing}!", "what {adjective} {things}, {name}!", "{exclamation}, how {adjective}!", "move {noun_phrase}, {name}!",
    "don't {base_verb} {noun_phrase}!", "look {somewhere}!", "{exclamation}, {exclamation}, {name}!", "stop! {clause}!", "I won't {base_verb} {object_pronoun}!",
    "give {object_pronoun} {possessive} {thing}!", "watch out for {noun_phrase}!", "you {modal} {base_verb} {object_pronoun}, you {adjective} {person}!",
)
# Two sentences in a row, for the pause between them.
PAIRS = (
    "{clause}. {clause}.", "did {actor} {base_verb} {noun_phrase}? {clause}.", "{clause}! {clause}.", "{exclamation}! {clause}, and {clause}.",
    "who {transitive} {noun_phrase}? it was {actor}.", "where were the {things}? {somewhere}, {name}.", "{clause}. is {noun_phrase} {adjective}?",
    "I {reporting} that {clause}. {clause}.", "no, {name}. {subject_pronoun} {modal} {base_verb} {noun_phrase}.", "yes, {name}, {clause} {adverb}. what a {adjective} {thing}!",
)
KINDS = ((STATEMENTS, 0.5), (QUESTIONS, 0.15), (EXCLAMATIONS, 0.13), (PAIRS, 0.22))
_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "double four", "double one")
_SLOT = re.compile(r"\{(\w+)\}")


def split_of(text):
    """The split of a sentence, determined by its letters: no sentence can be in two splits."""
    bucket = zlib.crc32(text.encode()) % 20
    return SPLITS[bucket + 1] if bucket < 3 else "train"


def _fill(slot, chooser):
    if slot == "digit":
        return chooser.choice(_DIGITS)
    if slot in PHRASES:
        return _expand(chooser.choice(PHRASES[slot]), chooser)
    return chooser.choice(WORDS[slot])


def _expand(template, chooser):
    return _SLOT.sub(lambda match: _fill(match.group(1), chooser), template)


def sentence(chooser):
    """One sentence drawn with `chooser` (random.Random), 3 to 16 words."""
    while True:
        templates = chooser.choices([kind for kind, _ in KINDS], [share for _, share in KINDS])[0]
        text = _expand(chooser.choice(templates), chooser)
        text = re.sub(r"\ba ([aeiou])", r"an \1", text)
        text = re.sub(r"(^|[.!?] )([a-z])", lambda match: match.group(1) + match.group(2).upper(), text)
        if WORDS_AT_LEAST <= len(text.split()) <= WORDS_AT_MOST:
            return text


def sentences(split, count, seed):
    """`count` different sentences of `split`; the same seed gives the same list, and a shorter list is the
    beginning of a longer one."""
    return _distinct(sentence, split, count, f"english {seed}")


def _distinct(make, split, count, seed):
    chooser, found = random.Random(seed), {}
    while len(found) < count:
        text = make(chooser)
        if split_of(text) == split:
            found[text] = None
    return list(found)
