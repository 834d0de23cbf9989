"""Which stemmer belongs to which language, and which language a word is taken for when its text does not say.

A word's script decides before the language its text was labelled with: an English product name in an Arabic
text is stemmed as English, and a Cyrillic query finds what a Cyrillic text holds.
"""

from __future__ import annotations

from functools import lru_cache

STEMMERS = {
    "ar": "arabic",
    "ca": "catalan",
    "cs": "czech",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "eo": "esperanto",
    "es": "spanish",
    "et": "estonian",
    "eu": "basque",
    "fi": "finnish",
    "fr": "french",
    "ga": "irish",
    "hi": "hindi",
    "hu": "hungarian",
    "hy": "armenian",
    "id": "indonesian",
    "it": "italian",
    "lt": "lithuanian",
    "nb": "norwegian",
    "ne": "nepali",
    "nl": "dutch",
    "nn": "norwegian",
    "no": "norwegian",
    "pl": "polish",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "st": "sesotho",
    "sv": "swedish",
    "ta": "tamil",
    "tr": "turkish",
}
HOME = ("fr", "en")  # the languages of this commons: every query in Latin letters is read in both

# The first code point after each block that matters here, and the script that block belongs to.
_BLOCKS = (
    (0x0250, "latin"),
    (0x0370, "latin"),
    (0x0400, "greek"),
    (0x0530, "cyrillic"),
    (0x0590, "armenian"),
    (0x0600, "hebrew"),
    (0x0700, "arabic"),
    (0x0750, "other"),
    (0x0780, "arabic"),
    (0x0900, "other"),
    (0x0980, "devanagari"),
    (0x0B80, "other"),
    (0x0C00, "tamil"),
    (0x0E00, "other"),
    (0x0F00, "unspaced"),  # Thai and Lao
    (0x1000, "other"),
    (0x10A0, "unspaced"),  # Burmese
    (0x1100, "other"),
    (0x1200, "unspaced"),  # Hangul letters
    (0x1780, "other"),
    (0x1800, "unspaced"),  # Khmer
    (0x1E00, "other"),
    (0x1F00, "latin"),
    (0x2000, "greek"),
    (0x2E80, "other"),
    (0xA4D0, "unspaced"),  # Chinese and Japanese
    (0xAC00, "other"),
    (0xD7B0, "unspaced"),  # Hangul syllables
    (0xF900, "other"),
    (0xFB00, "unspaced"),  # compatibility ideographs
    (0x20000, "other"),
    (0x323B0, "unspaced"),  # rarer ideographs
)
_DEFAULTS = {
    "arabic": "ar",
    "armenian": "hy",
    "cyrillic": "ru",
    "devanagari": "hi",
    "greek": "el",
    "tamil": "ta",
}
_SCRIPT_OF = {**{language: script for script, language in _DEFAULTS.items()}, "ne": "devanagari"}
_UNSTEMMED = {"bg", "be", "fa", "mk", "mr", "sr", "uk", "ur"}  # no stemmer, and not their script's default


def script(character: str) -> str:
    """The script a letter is written in: ``latin``, ``arabic``, …, ``unspaced`` (no blanks between words)."""
    point = ord(character)
    for end, name in _BLOCKS:
        if point < end:
            return name
    return "other"


@lru_cache(4_096)
def primary(language: str) -> str:
    """``fr`` of ``fr-CA``, ``zh`` of ``zh_CN``; lower-case."""
    return language.replace("_", "-").split("-", 1)[0].lower()


def stemming_language(word: str, language: str) -> str:
    """The language whose stemmer takes this folded word of a text in ``language``; "" for none."""
    of_word = script(word[0])
    if of_word == _SCRIPT_OF.get(language, "latin"):
        return language if language in STEMMERS else ""
    if of_word == "latin":
        return "en"
    return "" if language in _UNSTEMMED else _DEFAULTS.get(of_word, "")


def reading_languages(word: str, reader: str) -> tuple[str, ...]:
    """The languages a query's word is read in: the two of this commons and the reader's own."""
    if script(word[0]) == "latin":
        return tuple(dict.fromkeys((*HOME, reader)))
    return tuple(dict.fromkeys((reader, "")))
