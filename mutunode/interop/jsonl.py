"""JSON Lines: one object a line. Numbers that a record cannot hold stay as the text they were written in."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any, BinaryIO, NoReturn

from mutunode.interop.lines import lines
from mutunode.interop.problem import Problem

_EXACT_DIGITS_MAX = 15  # 10^15 - 1 < 2^53 - 1, the largest whole number of a record

Row = dict[str, Any]


class _Flaw(ValueError):
    """Valid JSON that we do not take, or no JSON at all: why, in both languages."""

    def __init__(self, fr: str, en: str) -> None:
        super().__init__(en)
        self.fr = fr
        self.en = en


def read_jsonl(stream: BinaryIO) -> Iterator[tuple[int, Row | Problem]]:
    """Each line's number with its object, or with what is wrong. Empty lines are passed over."""
    for line in lines(stream):
        if line.problem:
            yield line.number, line.problem
        elif line.text.strip():
            yield line.number, _row(line.number, line.text)


def _row(number: int, text: str) -> Row | Problem:
    try:
        return parse_object(text)
    except _Flaw as flaw:
        return Problem(number, flaw.fr, flaw.en)


def parse_object(text: str) -> Row:
    """The object that ``text`` holds; raises a ``ValueError`` that says what it holds instead."""
    value = parse(text)
    if not isinstance(value, dict):
        raise _Flaw("n’est pas un objet JSON ({…})", "is not a JSON object ({…})")
    return value


def parse(text: str) -> Any:
    """JSON without its traps: no key twice, no NaN, no number losing digits, no half characters."""
    try:
        value = _DECODER.decode(text.strip())
    except json.JSONDecodeError as error:
        raise _Flaw(
            f"n’est pas du JSON (caractère {error.pos + 1})",
            f"is not JSON (character {error.pos + 1}: {error.msg})",
        ) from error
    except RecursionError as error:
        raise _Flaw("est trop imbriqué", "is nested too deeply") from error
    _check_texts(value)
    return value


def _check_texts(value: Any) -> None:
    """Escapes such as ``\\u0000`` and ``\\ud800`` write what no record may hold."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            waiting.extend(item)
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
        elif isinstance(item, str):
            _check_text(item)


def _check_text(text: str) -> None:
    if "\0" in text:
        raise _Flaw(
            "contient le caractère nul (U+0000), que les fiches n’acceptent pas",
            "contains the null character (U+0000), which records do not accept",
        )
    if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
        raise _Flaw("contient une moitié de caractère (\\ud800…)", "contains half a character (\\ud800…)")


def _once(pairs: list[tuple[str, Any]]) -> Row:
    row = dict(pairs)
    if len(row) == len(pairs):
        return row
    twice = next(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
    raise _Flaw(f"donne deux fois « {twice} »", f'gives "{twice}" twice')


def _whole(digits: str) -> int | str:
    return int(digits) if len(digits) <= _EXACT_DIGITS_MAX else digits


def _refuse_constant(name: str) -> NoReturn:
    raise _Flaw(f"contient {name}, qui n’est pas un nombre", f"contains {name}, which is not a number")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_once, parse_float=str, parse_int=_whole, parse_constant=_refuse_constant
)
