"""The analyser: from text to the words and stems that are indexed, asked for and highlighted.

One analyser serves all three, and decides what is found: stock French stemming misses "energie mutualisée" in
every engine. A word is lower-cased, freed of its elision (l'énergie → énergie), folded (é → e, œ → oe),
stemmed in its text's language and freed of the final e that an unaccented past participle leaves
(mutualisé → mutualis, mutualisée → mutualise → mutualis). Scripts that write no blanks are cut into
overlapping pairs.

Both forms are kept: *words* (folded, for prefixes, typos, phrases) and *stems* (for meaning). A stop word is
a word without a stem. Positions are those of the original text, so that highlights fall on what was written.
"""

from __future__ import annotations

import re
import sys
import threading
import unicodedata
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

import Stemmer

from mutunode.store.search import languages
from mutunode.store.search.folding import IGNORED, MARK_CLASS, MARKS, WORD_LENGTH_MAX, fold
from mutunode.store.search.wordlists import CLITICS, ELISIONS, IRREGULAR, STOP_WORDS, WHOLE

VERSION = f"2-{Stemmer.version()}-{unicodedata.unidata_version}"  # what an index holds depends on all three

MEMO_WORDS_MAX = 65_536  # × about 300 bytes = 20 MB for all languages
JOINED_PARTS_MAX = 3  # "peut-être", "arc-en-ciel": longer chains are addresses and dates

_LETTER = rf"[\w{MARK_CLASS}{IGNORED}]"
# "R.G.P.D." is one word, like "RGPD"; "B. A. Dupont" and "www.a.example" are several. Looked for after a
# letter and a dot only: at every word it would make the reading of texts a third slower.
_CAPITAL = "[a-zA-ZÀ-ÖØ-öø-ž]"
_ACRONYM = rf"\.(?<=\b{_CAPITAL}\.)(?:{_CAPITAL}\.)+(?:{_CAPITAL}(?!{_LETTER}))?(?!{_LETTER})"
_WORD = rf"{_LETTER}+(?:{_ACRONYM})?"
_SURFACE = re.compile(rf"{_WORD}(?:['’ʼ＇\-‐‑]{_WORD})*")
# "The", and what is written together with it: "and", "so", "with", "like".
_ARABIC_ARTICLE = re.compile("^[وفبك]?ال(?=.{3})")
_PARTS = re.compile(rf"({_WORD})(['’ʼ＇]?)")


class Token(NamedTuple):
    """One word of a text: where it stands there, how it folds, and its stem ("" for a stop word)."""

    start: int
    end: int
    word: str
    stem: str


class Spelled(NamedTuple):
    """A text as the index takes it: blank-separated folded words, stems, and compounds written as one."""

    words: str
    stems: str
    joined: str


_stemmers = threading.local()  # a Snowball stemmer is not safe to share between threads


def stem(word: str, language: str) -> str:
    """The stem of a folded word, "" for a stop word."""
    if word in STOP_WORDS:
        return ""
    language = languages.stemming_language(word, language)
    if not language:
        return word
    stemmer = getattr(_stemmers, language, None)
    if stemmer is None:
        stemmer = Stemmer.Stemmer(languages.STEMMERS[language], 0)  # the memo below is the cache
        setattr(_stemmers, language, stemmer)
    stemmed: str = stemmer.stemWord(_prepared(word, language)) or word
    return _shortened(stemmed, "ei" if language == "fr" else "e")


def _prepared(word: str, language: str) -> str:
    """What the stemmers of Snowball leave to others."""
    if language == "fr":
        return IRREGULAR.get(word, word)
    if language == "ar":  # so that a word is stemmed alike with and without its article
        return _ARABIC_ARTICLE.sub("", word)
    return word


def _shortened(stemmed: str, endings: str) -> str:
    """Without the endings folding left: mutualise(e) → mutualis; in French also salari(ée) → salar(ié)."""
    for ending in endings:
        if len(stemmed) > 4 and stemmed.endswith(ending):
            stemmed = stemmed[:-1]
    return stemmed


@lru_cache(maxsize=8_192)
def _pieces(surface: str, language: str) -> tuple[Token, ...]:
    """The tokens of one run of letters, apostrophes and hyphens; positions from its start."""
    return tuple(
        Token(start, end, word, stem(word, language))
        for start, end, letters in _parts(surface)
        for start, end, word in _cut(start, end, letters)
    )


def _parts(surface: str) -> Iterator[tuple[int, int, str]]:
    """What stands between apostrophes and hyphens, without elisions and English endings."""
    found = [
        (match.start(1), match.end(1), match[1].replace(".", ""), match[2])
        for match in _PARTS.finditer(surface)
    ]
    before, skip = "", False
    for place, (start, end, letters, apostrophe) in enumerate(found):
        folded = fold(letters)
        follower = fold(found[place + 1][2]) if apostrophe and place + 1 < len(found) else ""
        if skip or (follower and folded in ELISIONS) or (before and folded in CLITICS and not follower):
            skip, before = False, ""
            continue
        whole = WHOLE.get((folded, follower))
        if whole:
            end, letters, skip = found[place + 1][1], whole, True
        before = apostrophe
        yield start, end, letters


def _cut(start: int, end: int, letters: str) -> Iterator[tuple[int, int, str]]:
    """One word as it is; a run without blanks (Chinese, Japanese, Korean, Thai) as overlapping pairs."""
    if letters.isascii() or all(languages.script(letter) != "unspaced" for letter in letters):
        word = fold(letters)
        if word:
            yield start, end, word
        return
    for run_start, run_end, unspaced in _runs(letters):
        if not unspaced:  # whole, also with a mark in it that belongs to the other manner of writing
            if word := fold(letters[run_start:run_end]):
                yield start + run_start, start + run_end, word
            continue
        # a vowel sign or tone mark stays with its letter
        starts = [at for at in range(run_start, run_end) if at == run_start or letters[at] not in MARKS]
        ends = [*starts[1:], run_end]
        for first, end in zip(starts, ends[1:] or ends, strict=False):
            yield start + first, start + end, fold(letters[first:end])


def _runs(letters: str) -> Iterator[tuple[int, int, bool]]:
    """(start, end, unspaced) of the stretches of one manner of writing; a mark belongs to its letter."""
    start, unspaced = 0, languages.script(letters[0]) == "unspaced"
    for at, letter in enumerate(letters):
        here = languages.script(letter) == "unspaced"
        if here != unspaced and letter not in MARKS:
            yield start, at, unspaced
            start, unspaced = at, here
    yield start, len(letters), unspaced


class _Memo(dict[str, Spelled]):
    """What stands between two blanks → what the index takes: a text is one split and one look-up a piece.

    Texts are split at blanks because that is what Python does at the speed of C; a piece that is more than a
    word ("(énergie,") is taken apart once, and the word in it is remembered for other pieces.
    """

    held = 0  # pieces in all memos together

    def __init__(self, language: str) -> None:
        self.language = language

    def __missing__(self, piece: str) -> Spelled:
        surfaces = _SURFACE.findall(piece)
        if surfaces != [piece]:
            spelled = _together([self[surface] for surface in surfaces])
        elif piece.isalpha() and max(piece) < "\u0e00":
            spelled = self._of_word(piece)
        else:
            spelled = self._of(piece)
        if len(piece) <= WORD_LENGTH_MAX:
            _make_room()
            self[piece] = spelled
        return spelled

    def _of(self, surface: str) -> Spelled:
        found = _pieces.__wrapped__(surface, self.language)  # what comes out is remembered here
        words = "".join(f"{token.word} " for token in found)
        stems = "".join(f"{token.stem} " for token in found if token.stem)
        return Spelled(words, words if stems == words else stems, _joined(surface, found))

    def _of_word(self, surface: str) -> Spelled:
        """The same for letters alone, in scripts that write blanks: nearly all there is."""
        word = fold(surface)
        if not word:
            return _NOTHING
        stemmed, words = stem(word, self.language), f"{word} "
        return Spelled(words, words if stemmed == word else f"{stemmed} " if stemmed else "", "")


_NOTHING = Spelled("", "", "")


def _together(spelled: list[Spelled]) -> Spelled:
    """One after the other."""
    if len(spelled) <= 1:
        return spelled[0] if spelled else _NOTHING  # the same one, not another like it
    words, stems, joined = zip(*spelled, strict=True)
    return Spelled("".join(words), "".join(stems), "".join(joined))


_memos: dict[str, _Memo] = {}


def _make_room() -> None:
    """Forget everything when the memo is full: what is frequent is back within one text."""
    _Memo.held += 1
    if _Memo.held > MEMO_WORDS_MAX:
        _Memo.held = 0
        for memo in list(_memos.values()):
            memo.clear()


def _joined(surface: str, tokens: tuple[Token, ...]) -> str:
    """ "e-mail" is also looked for as "email"."""
    if not 2 <= len(tokens) <= JOINED_PARTS_MAX or not any(hyphen in surface for hyphen in "-‐‑"):
        return ""
    return "".join(token.word for token in tokens)[:WORD_LENGTH_MAX] + " "


def spellings(language: str) -> Mapping[str, Spelled]:
    """What stands between two blanks → how it is spelled; of anything, remembered for what is frequent."""
    language = sys.intern(languages.primary(language))
    memo = _memos.get(language)
    return _memos.setdefault(language, _Memo(language)) if memo is None else memo


def spell(text: str, language: str) -> Spelled:
    """A text's words, stems and joined compounds, as the index takes them."""
    memo = spellings(language)
    pieces = text.replace("_", " ").split()  # a letter to a regular expression, a blank to people
    if len(pieces) == 1:
        return memo[pieces[0]]
    return _together(list(map(memo.__getitem__, pieces)))


def tokens(text: str, language: str) -> Iterator[Token]:
    """The tokens of a text, in order, with their positions in it."""
    language = languages.primary(language)
    for at, surface in surfaces(text):
        for start, end, word, stemmed in _pieces(surface, language):
            yield Token(at + start, at + end, word, stemmed)


def surfaces(text: str) -> list[tuple[int, str]]:
    """The runs of letters, apostrophes and hyphens in a text, with their positions."""
    return [(match.start(), match[0]) for match in _SURFACE.finditer(text.replace("_", " "))]


def pieces(surface: str, language: str) -> tuple[Token, ...]:
    """The tokens of one such run; positions from its start."""
    return _pieces(surface, languages.primary(language))
