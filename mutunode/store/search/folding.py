"""Folding: one written form for what people type in many (É, é, e + accent, ﬁ, œ, ß, vowel points).

Marks are dropped where readers leave them out: accents of Latin and Greek letters, Hebrew points, Arabic
vowels. They stay where they are letters: the й of Cyrillic, the vowels of Indian scripts.
"""

from __future__ import annotations

import re
import unicodedata

from mutunode.store.search import languages

WORD_LENGTH_MAX = 64  # characters; longer ones are digests and base64, which nobody types in full
# Before folding: four marks a letter. Unicode sorts a run of marks by comparing each with those before it: a
# second for the 64 kB that a record can hold.
UNFOLDED_LENGTH_MAX = 4 * WORD_LENGTH_MAX

MARKS = frozenset(
    chr(point) for point in range(0x300, 0x20000) if unicodedata.category(chr(point)).startswith("M")
)
# The same inside a regular expression's [ ]. Above the first plane whole regions stand for their marks: a
# hundred small ranges there would make matching twelve times as slow, for every text.
MARK_CLASS = "".join(sorted(mark for mark in MARKS if mark < "\U00010000")) + (
    "\U00010a00-\U00011fff\U0001e000-\U0001e95f"
)
IGNORED = "\u00ad\u200c\u200d\u2060"  # soft hyphen and joiners: inside a word, and no part of it
_ACCENTS = re.compile("[\u0300-\u036f]+")
# Points and vowel signs a reader of Hebrew or Arabic leaves out, and letters commonly typed for one another.
_PLAIN = (
    {"æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ł": "l", "ħ": "h", "ı": "i", "þ": "th", "ŋ": "n"}
    | {"ё": "е"}  # Cyrillic
    | {"ى": "ي", "أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا"}  # Arabic
)
_TRANSLATION = str.maketrans(
    {
        **dict.fromkeys([*range(0x0591, 0x05C8), *range(0x0610, 0x061B), *range(0x064B, 0x0660), 0x0670], ""),
        **dict.fromkeys(map(ord, IGNORED + "\u0640\u200e\u200f"), ""),
    }
    | {ord(letter): plain for letter, plain in _PLAIN.items()}
)


def fold(word: str) -> str:
    """Lower case, without accents, ligatures and vowel points; at most ``WORD_LENGTH_MAX`` characters."""
    if word.isascii():
        return word.lower()[:WORD_LENGTH_MAX]
    word = word[:UNFOLDED_LENGTH_MAX]
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", word).casefold())
    if folded and languages.script(folded[0]) == "cyrillic":  # й is a letter of its own, not an и with a mark
        folded = unicodedata.normalize("NFC", folded)
    folded = _ACCENTS.sub("", folded).translate(_TRANSLATION)
    return "".join(unicodedata.normalize("NFC", folded).split())[:WORD_LENGTH_MAX]  # ﷺ is four words
