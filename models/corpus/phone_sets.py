"""festival's phone names of each language, and the letters of the languages that only RHVoice speaks, as
International Phonetic Alphabet.

A pause is `_`.
"""


def _table(text):
    return dict(pair.split("=") for pair in text.split())


_FINNISH = _table(
    "##=_ #=_ a=ɑ e=e i=i o=o u=u y=y @=æ 7=ø &=ə p=p t=t k=k b=b d=d g=ɡ f=f T=θ D=ð s=s z=z S=ʃ Z=ʒ h=h v=ʋ m=m n=n N=ŋ w=w l=l L=ʎ r=r j=j"
)
_FINNISH.update({name + ":": sound + "ː" for name, sound in list(_FINNISH.items()) if sound != "_"})

_NSK = _table(
    "pau=_ x=_ a=ʌ aa=ɑː ih=ɪ iy=iː uh=ʊ uw=uː eh=ɛ ee=eː ay=aɪ oh=ɔ oo=oː aw=aʊ f=f k=k g=ɡ ch=tʃ T=ʈ D=ɖ N=ɳ th=t dh=d n=n p=p b=b m=m y=j r=r l=l "
    "v=ʋ L=ɭ R=ɾ s=s sh=ʃ j=dʒ h=h ksh=kʃ sri=ʃr kh=k gh=ɡ td=ʈ tth=ʈ ddh=ɖ bh=b zh=ʒ @=æ w=w"
)

TO_IPA = {
    "it": _table(
        "#=_ i=i e=e E=ɛ a=a o=o O=ɔ u=u j=j w=w p=p t=t k=k b=b d=d g=ɡ f=f s=s S=ʃ v=v z=z Z=ʒ ts=ts tS=tʃ dz=dz dZ=dʒ m=m n=n J=ɲ ng=ŋ nf=ɱ l=l L=ʎ r=r"
    ),
    "fi": _FINNISH,
    "cs": _table(
        "#=_ _=_ a=a a:=aː b=b c=ts c~=tʃ ch=x d=d d~=ɟ dz=dz dz~=dʒ e=ɛ e:=ɛː f=f g=ɡ h=ɦ i=ɪ i:=iː j=j k=k l=l m=m n=n n*=ŋ n~=ɲ o=o o:=oː p=p r=r r~=r̝ "
        "r~*=r̝ s=s s~=ʃ t=t t~=c u=u u:=uː v=v z=z z~=ʒ"
    ),
    "hi": _NSK,
    "mr": _NSK,
    "te": _NSK,
    "ca": _table(
        "pau=_ _=_ #=_ ax=ə a=a b=b d=d e=e E=ɛ f=f g=ɡ i=i j=j J=ɲ k=k l=l L=ʎ m=m n=n o=o O=ɔ p=p r=ɾ rr=r s=s S=ʃ t=t u=u w=w z=z Z=ʒ N=ŋ"
    ),
    "eo": _table("a=a e=e i=i o=o u=u ŭ=w j=j p=p b=b t=t d=d k=k g=ɡ m=m n=n l=l r=r s=s ŝ=ʃ z=z ĵ=ʒ f=f v=v h=h c=ts ĉ=tʃ ĝ=dʒ ,=_ .=_ ?=_"),
    "uk": _table("а=a е=ɛ и=ɪ і=i о=o у=u п=p б=b т=t д=d к=k г=ɦ м=m н=n л=l р=r с=s ш=ʃ з=z ж=ʒ ф=f х=x ц=ts ч=tʃ ,=_ .=_ ?=_"),
}
