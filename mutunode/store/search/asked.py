"""What somebody typed, taken apart: words, "phrases", -exclusions. Nothing typed is ever an error.

Typing is read generously: a phrase may stay open, quotation marks may be French, a hyphen excludes only at
the beginning of a word. Each word is kept with the stems it may have in the languages it is read in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from mutunode.store.search import languages
from mutunode.store.search.analyser import stem, tokens
from mutunode.store.search.folding import WORD_LENGTH_MAX, fold
from mutunode.store.search.wordlists import ELISIONS, FAINT_WORDS

TEXT_LENGTH_MAX = 1_000  # characters: two paragraphs
WORDS_MAX = 24  # each costs a dozen look-ups in the index
PREFIX_LENGTH_MIN = 2  # one letter begins half the dictionary

_BEGINNINGS = " \t\r\n-'’\"“”«»„"
_PART = re.compile(
    r"""(?P<no>(?<!\S)-)?(?:["“”«„](?P<phrase>[^"“”»«„]*)(?:["“”»]|$)|(?P<plain>[^\s"“”«»„]+))"""
)


Phrase = tuple[str, ...]


class Word(msgspec.Struct, frozen=True):
    """A word to find: as it was typed (folded), its possible stems, and what it makes with its neighbours."""

    word: str
    stems: tuple[str, ...]
    joined: tuple[str, ...] = ()  # "auto entrepreneur" may be written in one
    prefix: bool = False  # still being typed
    faint: bool = False  # welcome beside other words, not required
    held: tuple[tuple[str, str], ...] = ()  # (field, term) by which the index finds it: see `query.weighed`
    telling: tuple[tuple[str, str], ...] = ()  # …and that speak for a record beside that
    far: int = 2  # letters that may be wrong, if it comes to that


class Asked(msgspec.Struct, frozen=True):
    """A query as it is understood."""

    text: str = ""
    named: tuple[tuple[str, str], ...] = ()  # see `query.SearchQuery`
    words: tuple[Word, ...] = ()
    phrases: tuple[Phrase, ...] = ()
    without: tuple[Word, ...] = ()
    without_phrases: tuple[Phrase, ...] = ()

    @property
    def everything(self) -> bool:
        """Nothing typed, or nothing yet."""
        return not self.text.strip(_BEGINNINGS)

    @property
    def nothing(self) -> bool:
        """Something typed, and no word in it: what consists of signs only is not in the index."""
        return not (self.words or self.phrases or self.without or self.without_phrases or self.everything)


def within(asked: Asked, far: int) -> Asked:
    """The same, with so many letters of a word wrong at most."""
    words = tuple(msgspec.structs.replace(word, far=far) for word in asked.words)
    return msgspec.structs.replace(asked, words=words)


def read(text: str, reader_language: str) -> Asked:
    """Take a typed text apart."""
    text = text[:TEXT_LENGTH_MAX].encode(errors="replace").decode()  # arguments of a shell may be no text
    plain: list[Word] = []
    phrases: list[Phrase] = []
    without: list[Word] = []
    without_phrases: list[Phrase] = []
    for match in _PART.finditer(text):
        if match["phrase"] is not None:
            phrase = _phrase(match["phrase"], reader_language)
            (without_phrases if match["no"] else phrases).extend([phrase] if phrase else [])
        elif not match["no"]:
            plain.extend(_words(match["plain"], reader_language))
        elif len(words := _words(match["plain"], reader_language)) > 1:  # -porte-monnaie
            without_phrases.append(tuple(word.word for word in words))
        else:
            without.extend(words)
    return Asked(
        text=text.strip(),
        words=_required(plain[:WORDS_MAX], typing=text[-1:].isalnum()),
        phrases=tuple(phrases[:WORDS_MAX]),
        without=tuple(without[:WORDS_MAX]),
        without_phrases=tuple(without_phrases[:WORDS_MAX]),
    )


def bare(text: str) -> str:
    """The words to be found, without quotation marks and exclusions."""
    return _joined_parts(
        match["phrase"] or match["plain"] for match in _PART.finditer(text) if not match["no"]
    )


def looser(text: str) -> tuple[str, ...]:
    """The same without quotation marks; and without what it excludes."""
    unquoted = _joined_parts(
        match[0] if match["no"] else match["phrase"] or match["plain"] for match in _PART.finditer(text)
    )
    as_typed = " ".join(text.split())
    return tuple(dict.fromkeys(each for each in (unquoted, bare(text)) if each and each != as_typed))


def _joined_parts(parts: Iterable[str | None]) -> str:
    return " ".join(" ".join(part or "" for part in parts).split())


def _phrase(text: str, reader_language: str) -> Phrase:
    return tuple(token.word for token in tokens(text, reader_language))[:WORDS_MAX]


def _words(text: str, reader_language: str) -> list[Word]:
    if text[-1] in "'’" and fold(text[:-1]) in ELISIONS:
        return []  # the word it belongs to is still to come
    return [Word(token.word, _stems(token.word, reader_language)) for token in tokens(text, reader_language)]


def _stems(word: str, reader_language: str) -> tuple[str, ...]:
    """What the word is in each language it is read in; none for a stop word."""
    readings = languages.reading_languages(word, languages.primary(reader_language))
    return tuple(dict.fromkeys(found for language in readings if (found := stem(word, language))))


def _required(words: list[Word], typing: bool) -> tuple[Word, ...]:
    """Without the words that mean nothing, unless there are no others; the last one may be unfinished."""
    meaning = [word for word in words if word.stems] or words
    faint = {word.word for word in meaning if word.word in FAINT_WORDS}
    if len(faint) == len({word.word for word in meaning}):
        faint = set()
    last = words[-1] if words else None
    return tuple(
        msgspec.structs.replace(
            word,
            joined=_joined(meaning, place),
            prefix=typing and word is last and _may_begin(word.word),
            faint=word.word in faint,
        )
        for place, word in enumerate(meaning)
    )


def _may_begin(word: str) -> bool:
    return len(word) >= PREFIX_LENGTH_MIN or languages.script(word[0]) == "unspaced"


def _joined(words: list[Word], place: int) -> tuple[str, ...]:
    """The word written in one with its neighbours: two together, and three ("open street map")."""
    if languages.script(words[place].word[0]) == "unspaced":
        return ()
    spans = [(start, length) for length in (2, 3) for start in range(place - length + 1, place + 1)]
    return tuple(
        "".join(word.word for word in words[start : start + length])[:WORD_LENGTH_MAX]
        for start, length in spans
        if start >= 0 and start + length <= len(words)
    )
