"""Phone names to viseme classes, one table a phone set. Two classes ("AA UW") are a diphthong."""

PAUSES = {"pau", "ssil", "sil", "brth", "h#", "#", "##", "_", "_:", "__", "SIL", "|"}

_ARPA = {
    "AA": "aa", "AE": "ae", "AH": "ah", "AX": "ax", "AO": "ao", "EH": "eh", "ER": "er axr", "IH": "ih ix", "IY": "iy", "UH": "uh", "UW": "uw ux",
    "AA UW": "aw", "AA IH": "ay", "EH IY": "ey", "OW UW": "ow", "OW IY": "oy",
    "B": "b p", "M": "m em", "F": "f v", "W": "w", "R": "r", "L": "l el", "TH": "th dh", "T": "t d n dx nx en", "S": "s z", "SH": "sh zh ch jh",
    "K": "k g ng", "Y": "y", "H": "hh hv h q",
}  # fmt: skip
ARPA = {phone: classes.split() for classes, phones in _ARPA.items() for phone in phones.split()}

# Letters; diacritics, stress and length marks are not here and so do not count.
_IPA = {
    "AA": "aɑ", "AE": "æ", "AH": "ʌ", "AX": "əɐ", "AO": "ɔɒ", "OW": "oɵ", "EH": "eɛ", "ER": "ɜɝɚ", "IH": "ɪɨᵻ", "IY": "i", "UH": "ʊɤɯᵿ", "UW": "uʉ", "YY": "yøœʏ",
    "B": "pbɓβ", "M": "m", "F": "fvʋɱɸ", "W": "wʍ", "R": "ɹrɻɽ", "L": "lɫʎɭɬ", "TH": "θð", "T": "tdnɾʈɖɳɟɲ", "S": "sz", "SH": "ʃʒɕʑʂʐ",
    "K": "kɡgŋxɣqcχʀʁ", "Y": "jçʝ", "H": "hɦʔɥħʕ",
}  # fmt: skip
IPA = {letter: name for name, letters in _IPA.items() for letter in letters}
IPA_AFFRICATES = {a + b: b for a in "td" for b in "ʃʒszɕʑʂʐ"}

_FINNISH = {
    "AA": "a", "AE": "& ä", "EH": "e", "IY": "i", "OW": "o", "UW": "u", "YY": "y 7 ö", "AX": "@",
    "B": "p b", "M": "m", "F": "f v", "W": "w", "L": "l L", "R": "r", "T": "t d n", "TH": "T D", "S": "s z", "SH": "S Z", "K": "k g N", "Y": "j", "H": "h",
}  # fmt: skip
_ITALIAN = {
    "AA": "a", "EH": "e E", "IY": "i", "OW": "o", "AO": "O", "UW": "u",
    "B": "p b", "M": "m", "F": "f v nf", "W": "w", "L": "l L", "R": "r", "T": "t d n J", "S": "s z ts dz", "SH": "S Z tS dZ", "K": "k g ng", "Y": "j",
}  # fmt: skip
_CZECH = {
    "AA": "a", "EH": "e", "IY": "i", "OW": "o", "UW": "u",
    "B": "p b", "M": "m", "F": "f v", "L": "l", "R": "r", "T": "t d n t~ d~ n~", "S": "s z c dz", "SH": "s~ z~ c~ dz~ r~", "K": "k g ch n*", "Y": "j", "H": "h",
}  # fmt: skip
_RUSSIAN = {
    "AA": "aa", "AX": "a ae ay", "EH": "e ee", "IY": "ii", "IH": "i y yy", "OW": "oo", "UW": "uu", "UH": "u ur",
    "B": "p pp b bb", "M": "m mm", "F": "f ff v vv", "L": "l ll", "R": "r rr", "T": "t tt d dd n nn", "S": "s ss z zz c", "SH": "sh sch zh ch",
    "K": "k kk g gg h hh", "Y": "j",
}  # fmt: skip
_CATALAN = {
    "AA": "a", "AX": "ax", "EH": "e E", "IY": "i", "OW": "o", "AO": "O", "UW": "u",
    "B": "p b", "M": "m", "F": "f v", "W": "w", "L": "l L", "R": "r rr", "T": "t d n J", "S": "s z", "SH": "S Z", "K": "k g", "Y": "j",
}  # fmt: skip
_INDIAN = {  # the diphones of the Hindi, Marathi and Telugu voices; aspirated stops are stops
    "AA": "aa", "AH": "a", "AX": "@ x", "EH": "eh ee", "IH": "ih", "IY": "iy", "OW": "oh oo", "UH": "uh", "UW": "uw", "AA IH": "ay", "AA UH": "aw",
    "B": "p b ph bh", "M": "m", "F": "f v", "L": "l L", "R": "r sri", "R IY": "R", "T": "t d n td tth T D th dh ddh N", "S": "s z", "SH": "sh ch j zh", "K": "k g kh gh",
    "K SH": "ksh", "Y": "y", "H": "h",
}  # fmt: skip


def _table(groups):
    return {phone: classes for classes, phones in groups.items() for phone in phones.split()}


OTHER = {language: _table(groups) for language, groups in {"fi": _FINNISH, "it": _ITALIAN, "cs": _CZECH, "cz": _CZECH, "ru": _RUSSIAN, "ca": _CATALAN}.items()}
OTHER |= {language: _table(_INDIAN) for language in ("hi", "mr", "te")}
