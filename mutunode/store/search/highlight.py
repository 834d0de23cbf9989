"""What to mark in a title, and which part of a text to show: the words that were found, as they stand there.

A text is read with the analyser that indexed it, so "énergie" is marked in "l'énergie" when "energies" was
asked for. Marks are [start, end) in characters of the plain text returned; escaping is left to who shows it.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import msgspec
from rapidfuzz.distance import OSA

from mutunode.store.search import languages
from mutunode.store.search.analyser import pieces, spellings, surfaces
from mutunode.store.search.asked import Phrase, Word
from mutunode.store.search.query import Found, likeness

SNIPPET_LENGTH = 240  # characters: three lines of a card
LEAD_SHARE = 4  # a quarter of them stands before the first mark
SCAN_LENGTH = 4_000  # after the first mark: a better place further down is not worth the time
READ_LENGTH = 16_000  # of a text, six pages: ten of 64 kB that somebody made of rare signs would take seconds
WORD_BREAK_LENGTH = 30  # how far to look for a blank to cut at

T = TypeVar("T")

_GLUED = "\u200d\ufe0e\ufe0f"  # what joins the character before it to the next, or chooses its picture
_SKIN_TONES = range(0x1F3FB, 0x1F400)
_FLAG_LETTERS = range(0x1F1E6, 0x1F200)


class Marked(msgspec.Struct, frozen=True):
    """A text to show, with the places to mark; ``before`` and ``after`` tell whether more stands there."""

    text: str
    marks: list[tuple[int, int]]
    language: str
    before: bool = False
    after: bool = False


class Memo(dict[str, T]):
    """What was worked out once for a text."""

    def __init__(self, work_out: Callable[[str], T]) -> None:
        self._work_out = work_out

    def __missing__(self, text: str) -> T:
        found = self[text] = self._work_out(text)
        return found


class Sought:
    """The words of a search, ready to be recognised in texts."""

    def __init__(self, found: Found) -> None:
        words = [word for word in found.asked.words if not word.faint]
        self._phrases = found.asked.phrases
        self._of_phrases = {word for phrase in self._phrases for word in phrase}
        self._words = {form for word in words for form in (word.word, *word.joined)}
        self._heads = {form[:end] for form in self._words for end in range(1, len(form))}
        self._stems = {stem for word in words for stem in word.stems}
        self._beginnings = tuple(word.word for word in words if word.prefix)
        self._like = [word for word in words if word.word in found.misspelt]
        self._resembling = Memo(lambda text: any(_resembles(text, word) for word in self._like))
        # as the index spells what stands between two blanks: nearly always one word, and a blank
        self._spelled = {f"{form} " for form in self._words | self._heads | self._of_phrases}
        self._spelled_stems = {f"{stem} " for stem in self._stems}

    def marks(self, text: str, language: str) -> Iterator[tuple[int, int]]:
        """The places of the sought words in a text, in order; overlapping ones may follow one another."""
        spelled = spellings(language)  # of the index: most of what stands in a text is there
        known, known_stems = self._spelled, self._spelled_stems
        beginnings, like = self._beginnings, self._like
        before, before_at, before_surface = "", 0, ""  # a word that may begin one written apart here
        run = _Run(self._phrases)
        for at, surface in surfaces(text):
            words, stems, _ = spelled[surface]
            if not (
                before
                or words in known
                or stems in known_stems
                or words.startswith(beginnings)
                or words.find(" ") < len(words) - 1  # several: perhaps
                or (like and words and self._resembling[words[:-1]])
            ):
                if run.places:
                    yield from run.end()
                continue  # nearly all there is
            for token in pieces(surface, language):
                start, end = at + token.start, at + token.end
                is_sought = self._is_sought(token.word, token.stem)
                if not is_sought and before and before + token.word in self._words:
                    start = before_at + _start(before_surface, before, language)
                    is_sought = True  # "e-mail", asked for as "email"
                if token.word in self._of_phrases:
                    run.goes_on(start, end, token.word, is_sought)
                else:
                    if run.places:
                        yield from run.end()
                    if is_sought:
                        yield start, end
                before = token.word if token.word in self._heads else ""
                before_at, before_surface = at, surface
        yield from run.end()

    def _is_sought(self, word: str, stem: str) -> bool:
        return (
            word in self._words
            or (bool(stem) and stem in self._stems)
            or word.startswith(self._beginnings)
            or (bool(self._like) and self._resembling[word])
        )


class _Run:
    """Words of phrases that stand side by side: to be marked where they are a whole one, or sought anyway."""

    def __init__(self, phrases: tuple[Phrase, ...]) -> None:
        self._phrases = phrases
        self.places: list[tuple[int, int]] = []
        self._words: list[str] = []
        self._marked: list[bool] = []

    def goes_on(self, start: int, end: int, word: str, is_sought: bool) -> None:
        """One more."""
        self.places.append((start, end))
        self._words.append(word)
        self._marked.append(is_sought)
        for phrase in self._phrases:
            if tuple(self._words[-len(phrase) :]) == phrase:
                self._marked[-len(phrase) :] = [True] * len(phrase)

    def end(self) -> list[tuple[int, int]]:
        """Another word follows: what is to be marked of these."""
        marks = [place for place, is_marked in zip(self.places, self._marked, strict=True) if is_marked]
        self.places, self._words, self._marked = [], [], []
        return marks


def _start(surface: str, word: str, language: str) -> int:
    """Where the last token of this word begins."""
    return [token.start for token in pieces(surface, language) if token.word == word][-1]


def _resembles(text: str, word: Word) -> bool:
    """Is it this word with a letter or two wrong, or the beginning of it while it is being typed?"""
    far, length = likeness(word), len(word.word)
    forms = {text[:end] for end in range(length - far, length + far + 1)} if word.prefix else {text}
    return any(OSA.distance(word.word, form, score_cutoff=far) <= far for form in forms)


def mark(text: str, language: str, sought: Sought) -> Marked:
    """A short text, whole."""
    return Marked(text, _merged(sought.marks(text, language)), language)


def _merged(marks: Iterator[tuple[int, int]]) -> list[tuple[int, int]]:
    """Overlapping and touching places as one, up to ``SCAN_LENGTH`` after the first."""
    merged: list[tuple[int, int]] = []
    for start, end in marks:
        if merged and start <= merged[-1][1]:
            merged[-1] = (min(start, merged[-1][0]), max(end, merged[-1][1]))
        else:
            merged.append((start, end))
        if start > merged[0][0] + SCAN_LENGTH:
            break
    return merged


def snippet(
    texts: Sequence[tuple[str, str]], reader_language: str, sought: Sought, length: int = SNIPPET_LENGTH
) -> Marked | None:
    """The part to show of a record's texts [(language, text)]; None when there is no text.

    The reader's language comes first, then English and French, then whichever text holds the words; without
    any, a beginning.
    """
    read = (languages.primary(reader_language), "en", "fr")
    ordered = sorted(
        ((language, text) for language, text in texts if text.strip()),
        key=lambda given: read.index(of) if (of := languages.primary(given[0])) in read else len(read),
    )
    for language, text in ordered:
        marks = _merged(sought.marks(text[:READ_LENGTH], language))
        if marks:
            return _cut(text, marks, language, length)
    return _cut(ordered[0][1], [], ordered[0][0], length) if ordered else None


def _cut(text: str, marks: list[tuple[int, int]], language: str, length: int) -> Marked:
    """The stretch of the text with the most marks, from blank to blank."""
    lead = length // LEAD_SHARE
    first = _densest(marks, length - lead) if marks else 0
    start = _break_after(text, max(first - lead, 0), first)
    end = _break_before(text, start + length, start)
    shown = [(max(at, start) - start, min(to, end) - start) for at, to in marks if at < end and to > start]
    return Marked(text[start:end], shown, language, start > 0, bool(text[end:].strip()))


def _densest(marks: list[tuple[int, int]], length: int) -> int:
    """Where the stretch begins that holds the most marks, the first such."""
    starts = [start for start, _ in marks]
    return max(starts, key=lambda at: bisect_left(starts, at + length) - bisect_left(starts, at))


def _break_after(text: str, at: int, latest: int) -> int:
    """The first beginning of a word from ``at`` on, or ``at`` itself where no blank is near."""
    if at == 0:
        return 0
    for place in range(at, min(at + WORD_BREAK_LENGTH, latest + 1)):
        if text[place - 1].isspace() and not text[place].isspace():
            return place
    return _whole(text, at)


def _break_before(text: str, at: int, earliest: int) -> int:
    """The last end of a word up to ``at``, or ``at`` itself where no blank is near."""
    if at >= len(text):
        return len(text)
    for place in range(at, max(at - WORD_BREAK_LENGTH, earliest), -1):
        if text[place].isspace():
            return place
    return _whole(text, at)


def _whole(text: str, at: int) -> int:
    """``at``, moved back to where no character is torn from its accent, its joiner or its flag."""
    while 0 < at < len(text) and _is_glued(text, at):
        at -= 1
    return at


def _is_glued(text: str, at: int) -> bool:
    """Does the character here belong to the one before it?"""
    here = text[at]
    if here in _GLUED or text[at - 1] == "\u200d" or ord(here) in _SKIN_TONES:
        return True
    if ord(here) in _FLAG_LETTERS:
        run = at
        while run and ord(text[run - 1]) in _FLAG_LETTERS:
            run -= 1
        return (at - run) % 2 == 1
    return unicodedata.category(here).startswith("M")
