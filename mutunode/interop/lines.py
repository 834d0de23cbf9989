"""A file as numbered lines of text, never more of it in memory than one bounded line.

UTF-8 only. A file in another encoding would be read as garbage that somebody then signs, so it is refused
in words that say how to save it again. One bad line is one `Problem`: the lines around it are still good.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import BinaryIO, NamedTuple

from mutunode.interop.problem import Problem, Unreadable

LINE_BYTES_MAX = 16 * 64 * 1024  # 16 × the largest record: columns that are not imported need room too
LINES_MAX = 1_000_000

_BOM = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


class Line(NamedTuple):
    """One line, its end included; with a ``problem`` the text is only good for counting quotes."""

    number: int
    text: str
    problem: Problem | None = None


def lines(stream: BinaryIO) -> Iterator[Line]:
    """The lines of ``stream``, from 1. Stops with a problem after ``LINES_MAX``."""
    for number in count(1):
        raw = stream.readline(LINE_BYTES_MAX + 1)
        if number == 1:
            raw = _without_mark(raw, stream)
        if not raw:
            return
        if number > LINES_MAX:
            yield Line(number, "", _too_many(number))
            return
        yield _line(number, raw, stream)


def _without_mark(raw: bytes, stream: BinaryIO) -> bytes:
    """The first line without a byte order mark; the mark of UTF-16 ends everything here."""
    if raw.startswith(_UTF_16):
        raise Unreadable(
            "Ce fichier est en UTF-16. Enregistrez-le en UTF-8 puis recommencez.",
            "This file is in UTF-16. Save it as UTF-8 and try again.",
        )
    if not raw.startswith(_BOM):
        return raw
    return raw[len(_BOM) :] or stream.readline(LINE_BYTES_MAX + 1)


def _line(number: int, raw: bytes, stream: BinaryIO) -> Line:
    if len(raw) > LINE_BYTES_MAX and not raw.endswith(b"\n"):
        _skip_rest(stream)
        return Line(number, "\n", _too_long(number))
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        return Line(number, raw.decode(errors="replace"), _not_utf_8(number, raw, error))
    return Line(number, text, _with_nul(number, text))


def _skip_rest(stream: BinaryIO) -> None:
    while rest := stream.readline(LINE_BYTES_MAX):
        if rest.endswith(b"\n"):
            return


def _with_nul(number: int, text: str) -> Problem | None:
    if "\0" not in text:
        return None
    return Problem(
        number,
        "contient le caractère nul (U+0000), que les fiches n’acceptent pas",
        "contains the null character (U+0000), which records do not accept",
    )


def _not_utf_8(number: int, raw: bytes, error: UnicodeDecodeError) -> Problem:
    byte = f"0x{raw[error.start]:02X}"
    return Problem(
        number,
        f"n’est pas en UTF-8 (octet {byte} en position {error.start + 1}) ;"
        " enregistrez le fichier en UTF-8, il est peut-être en Latin-1 ou Windows-1252",
        f"is not UTF-8 (byte {byte} at position {error.start + 1});"
        " save the file as UTF-8, it may be in Latin-1 or Windows-1252",
    )


def _too_long(number: int) -> Problem:
    return Problem(
        number,
        f"dépasse {LINE_BYTES_MAX // 1024} Kio, une fiche tient dans 64 Kio (un long texte est un fichier)",
        f"is longer than {LINE_BYTES_MAX // 1024} KiB; a record fits in 64 KiB (a long text is a file)",
    )


def _too_many(number: int) -> Problem:
    return Problem(
        number,
        f"le fichier dépasse {LINES_MAX} lignes : la suite n’a pas été lue, partagez-le en plusieurs",
        f"the file has more than {LINES_MAX} lines: the rest was not read, split it",
    )
