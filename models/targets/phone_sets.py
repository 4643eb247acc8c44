"""Phone names to viseme classes: ARPAbet (flite, festival's English) and the letters of the International
Phonetic Alphabet (all others).

Two classes ("AA UW") are a diphthong.
"""

PAUSES = {"pau", "ssil", "sil", "brth", "h#", "#", "_", "_:"}

_ARPA = {
    "AA": "aa", "AE": "ae", "AH": "ah", "AX": "ax", "AO": "ao", "EH": "eh", "ER": "er axr", "IH": "ih ix", "IY": "iy", "UH": "uh", "UW": "uw ux",
    "AA UW": "aw", "AA IH": "ay", "EH IY": "ey", "OW UW": "ow", "OW IY": "oy",
    "B": "b p", "M": "m em", "F": "f v", "W": "w", "R": "r", "L": "l el", "TH": "th dh", "T": "t d n dx nx en", "S": "s z", "SH": "sh zh ch jh",
    "K": "k g ng", "Y": "y", "H": "hh hv h q",
}  # fmt: skip
ARPA = {phone: classes.split() for classes, phones in _ARPA.items() for phone in phones.split()}

# Letters; diacritics, stress and length marks are not listed and so are ignored.
_IPA = {
    "AA": "aɑ", "AE": "æ", "AH": "ʌ", "AX": "əɐ", "AO": "ɔɒ", "OW": "oɵ", "EH": "eɛ", "ER": "ɜɝɚ", "IH": "ɪɨᵻ", "IY": "i", "UH": "ʊɤɯᵿ", "UW": "uʉ", "YY": "yøœʏ",
    "B": "pbɓβ", "M": "m", "F": "fvʋɱɸ", "W": "wʍ", "R": "ɹɻɽ", "L": "lɫʎɭɬ", "TH": "θð", "T": "tdnrɾʈɖɳɟɲ", "S": "sz", "SH": "ʃʒɕʑʂʐ",
    "K": "kɡgŋxɣqcχʀʁ", "Y": "jçʝ", "H": "hɦʔɥħʕ",
}  # fmt: skip
IPA = {letter: name for name, letters in _IPA.items() for letter in letters}
# An affricate looks like its fricative, and so does the Czech raised r; a trilled r moves only the tongue.
IPA_ONE_SOUND = {a + b: b for a in "td" for b in "ʃʒszɕʑʂʐ"} | {"r̝": "ʒ"}
