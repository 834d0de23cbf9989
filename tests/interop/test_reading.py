"""What files may hold, and what is said of the lines that cannot be taken."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from mutunode.interop import lines as bounded
from mutunode.interop.csvfile import read_csv
from mutunode.interop.jsonl import read_jsonl
from mutunode.interop.problem import Problem, Unreadable

Rows = list[tuple[int, Any]]


def csv_rows(data: bytes) -> Rows:
    return list(read_csv(io.BytesIO(data)))


def json_rows(data: bytes) -> Rows:
    return list(read_jsonl(io.BytesIO(data)))


def reason(rows: Rows, line: int) -> str:
    """What is said, in English, of the row that starts on ``line``."""
    problem = dict(rows)[line]
    assert isinstance(problem, Problem), problem
    assert problem.line == line
    assert problem.fr
    return problem.en


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_marks_and_line_ends_are_no_part_of_the_text(mark: bytes, end: bytes) -> None:
    assert csv_rows(mark + end.join([b"title,url", b"Pot commun,x", b""])) == [
        (2, {"title": "Pot commun", "url": "x"})
    ]
    assert json_rows(mark + end.join([b'{"title": "a"}', b"", b'{"title": "b"}'])) == [
        (1, {"title": "a"}),
        (3, {"title": "b"}),
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_heading_tells_what_separates_the_cells(delimiter: str) -> None:
    heading = delimiter.join(["titre", '"a, b; c"', "note"])
    row = delimiter.join(["x", '"1' + delimiter + '2"', ""])
    assert csv_rows(f"{heading}\n{row}\n".encode()) == [
        (2, {"titre": "x", "a, b; c": f"1{delimiter}2", "note": ""})
    ]


def test_a_row_over_several_lines_is_known_by_its_first() -> None:
    rows = csv_rows(b'a,b\r\n"one\r\ntwo",x\r\nlast,y\r\n')
    assert rows == [(2, {"a": "one\r\ntwo", "b": "x"}), (4, {"a": "last", "b": "y"})]


@pytest.mark.parametrize(
    ("read", "first", "good"),
    [
        (csv_rows, b"lieu,note\n", b"caf\xc3\xa9,x\n"),
        (json_rows, b"{}\n", b'{"t": "caf\xc3\xa9"}\n'),
    ],
)
def test_one_line_of_latin_1_is_refused_and_the_others_are_taken(
    read: Callable[[bytes], Rows], first: bytes, good: bytes
) -> None:
    bad = good.replace(b"\xc3\xa9", b"\xe9")
    rows = read(first + good + bad + good)
    assert "0xE9" in reason(rows, 3)
    assert "UTF-8" in reason(rows, 3)
    assert [number for number, row in rows if not isinstance(row, Problem)][-2:] == [2, 4]


@pytest.mark.parametrize("read", [csv_rows, json_rows])
def test_utf_16_is_refused_at_once(read: Callable[[bytes], Rows]) -> None:
    with pytest.raises(Unreadable, match="UTF-16"):
        read("title\nx\n".encode("utf-16"))


def test_the_null_character_is_refused_written_or_escaped() -> None:
    assert "U+0000" in reason(csv_rows(b"a,b\nx\0y,z\nok,z\n"), 2)
    assert "U+0000" in reason(json_rows(b'{"a": "x\\u0000y"}\n'), 1)
    assert "U+0000" in reason(json_rows(b'{"a": [{"b\\u0000": 1}]}\n'), 1)


def test_other_control_characters_stay_as_they_are() -> None:
    assert json_rows(b'{"a": "\\u0001\\u200b\\u00a0"}\n') == [(1, {"a": "\x01\u200b\xa0"})]
    assert csv_rows("a\nx\x01\u200by\n".encode()) == [(2, {"a": "x\x01\u200by"})]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"not json", "not JSON"),
        (b"[1, 2]", "not a JSON object"),
        (b'{"a": 1, "a": 2}', '"a" twice'),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": "\\ud800"}', "half a character"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_json_that_is_a_trap_is_refused_by_name(line: bytes, why: str) -> None:
    rows = json_rows(b'{"a": 1}\n' + line + b'\n{"a": 3}\n')
    assert why in reason(rows, 2)
    assert rows[0] == (1, {"a": 1})
    assert rows[2] == (3, {"a": 3})


def test_numbers_keep_every_digit() -> None:
    rows = json_rows(b'{"price": 0.10, "big": 12345678901234567890, "n": 42}\n')
    assert rows == [(1, {"price": "0.10", "big": "12345678901234567890", "n": 42})]


def test_a_line_too_long_is_refused_without_being_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded, "LINE_BYTES_MAX", 64)
    rows = json_rows(b'{"a": "' + b"x" * 1_000 + b'"}\n{"a": 2}\n')
    assert "longer than" in reason(rows, 1)
    assert rows[1] == (2, {"a": 2})


def test_a_line_of_exactly_the_limit_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    line = b'{"a": "xyz"}'
    monkeypatch.setattr(bounded, "LINE_BYTES_MAX", len(line))
    assert json_rows(line + b"\n" + line) == [(1, {"a": "xyz"}), (2, {"a": "xyz"})]


def test_reading_stops_after_too_many_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded, "LINES_MAX", 2)
    rows = json_rows(b'{"a": 1}\n' * 4)
    assert len(rows) == 3
    assert "split it" in reason(rows, 3)


@pytest.mark.parametrize("tail", [b"", b"swallowed,row\n" * 100])
def test_a_quote_never_closed_does_not_swallow_the_file_in_silence(tail: bytes) -> None:
    rows = csv_rows(b'a,b\nx,y\n"open,y\n' + tail)
    assert rows[0] == (2, {"a": "x", "b": "y"})
    assert "never closed" in reason(rows, 3)
    assert len(rows) == 2


def test_a_row_longer_than_any_row_ends_the_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mutunode.interop.csvfile.ROW_CHARS_MAX", 50)
    rows = csv_rows(b'a,b\n"open,y\n' + b"more and more\n" * 100)
    assert len(rows) == 1
    assert "never closed" in reason(rows, 2)


def test_rows_that_do_not_fit_the_heading_are_refused() -> None:
    rows = csv_rows(b"a,b\n1\n1,2,3\n1,2,\n,\n\n1,2\n")
    assert "1 cells where the first line names 2" in reason(rows, 2)
    assert "3 cells where the first line names 2" in reason(rows, 3)
    assert [row for row in rows if not isinstance(row[1], Problem)] == [
        (4, {"a": "1", "b": "2"}),
        (7, {"a": "1", "b": "2"}),
    ]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b",,\n1,2,3\n", "does not name the columns"),
        (b"a,a\n1,2\n", 'Two columns are called "a"'),
        (b"caf\xe9,b\n1,2\n", "Line 1, the heading, is not UTF-8"),
        (b",".join(b"c%d" % n for n in range(300)), "300 columns"),
    ],
)
def test_a_heading_that_cannot_be_used_ends_everything(data: bytes, why: str) -> None:
    with pytest.raises(Unreadable) as caught:
        csv_rows(data)
    assert why in str(caught.value)
    assert caught.value.fr


def test_no_bytes_at_all_make_the_readers_fail_otherwise(naughty: list[bytes]) -> None:
    for data in naughty:
        for read in (csv_rows, json_rows):
            with contextlib.suppress(Unreadable):
                read(data)


@pytest.fixture
def naughty() -> list[bytes]:
    """Short files made of what breaks parsers."""
    bits = [
        b'"',
        b"\n",
        b"\r",
        b",",
        b";",
        b"\\",
        b"\0",
        b"\xff",
        b"\xef\xbb\xbf",
        b"{",
        b'{"a":1}',
        b"'=1",
        b"1e999",
    ]
    return [first + second + third for first in bits for second in bits for third in bits] + [
        json.dumps({"a": "\U0010ffff"}).encode()
    ]
