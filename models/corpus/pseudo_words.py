"""Texts for the voices of other languages: strings of syllables in the language's own spelling, only for
their sounds.

Syllables avoid sound pairs that the voices have no recording of. Bilabials and labiodentals are more frequent
than in the language.
"""

from .sentences import _distinct

_ALPHABETIC = {
    "it": ("p b t d c g m n l r s f v z p b m f v gl sc ch gn qu", "a e i o u", "n r l s"),
    "fi": ("p t k m n l r s h v j p m v", "a e i o u y ä ö aa oo uu ii ää ei ou", "n l s"),
    "cs": ("p b t d k g m n l r s z f v h ch c j p b m f v š č ž ř", "a e i o u a e o á é í ou", "n l s k"),
    "ca": ("p b t d c g m n l r s f v p b m f ll ny x", "a e i o u a o u", "n r l s"),
    "eo": ("p b t d k g m n l r s ŝ z ĵ f v h c ĉ ĝ j p b m f v", "a e i o u a o u aŭ ej oj", "n r l s"),
    "uk": ("п б т д к г м н л р с ш з ж ф х ц ч п б м ф м", "а о у е и і а о у", "н р л с"),
}
# Devanagari and Telugu: the consonant sign, then a vowel sign ("" is the inherent a).
_INDIC = {
    "hi": ("प ब म फ व त द न ल र स श क ग ट ड ज च ह य प ब म फ व", ("", "ा", "ि", "ी", "ु", "ू", "े", "ो", "ा", "ो", "ू")),
    "mr": ("प ब म फ व त द न ल र स श क ग ट ड ज च ह य प ब म फ व", ("", "ा", "ि", "ी", "ु", "ू", "े", "ो", "ा", "ो", "ू")),
    "te": ("ప బ మ ఫ వ త ద న ల ర స శ క గ ట డ జ చ హ య ప బ మ ఫ వ", ("", "ా", "ి", "ీ", "ు", "ూ", "ె", "ో", "ా", "ో", "ూ")),
}
LANGUAGES = tuple(_ALPHABETIC) + tuple(_INDIC)


def _text(language, chooser):
    words = []
    for _ in range(chooser.randint(3, 9)):
        word = ""
        for _ in range(chooser.randint(1, 4)):
            if language in _ALPHABETIC:
                onsets, vowels, codas = (part.split() for part in _ALPHABETIC[language])
                word += chooser.choice(onsets) + chooser.choice(vowels) + (chooser.choice(codas) if chooser.random() < 0.2 else "")
            else:
                consonants, vowels = _INDIC[language]
                word += chooser.choice(consonants.split()) + chooser.choice(vowels)
        words.append(word)
    if len(words) > 5 and chooser.random() < 0.4 and language in _ALPHABETIC:
        words[len(words) // 2] += ","
    return " ".join(words) + ("?" if language in _ALPHABETIC and chooser.random() < 0.15 else ".")


def pseudo_sentences(language, split, count, seed):
    """`count` different texts of `split` in `language`."""
    return _distinct(lambda chooser: _text(language, chooser), split, count, f"{language} {seed}")
