"""Entries: headers that travel as they came, bodies that can be erased."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mutunode.protocol import codec, entry
from mutunode.protocol.entry import Header, Unreadable, check_batch, make_entry, parse_header
from mutunode.protocol.errors import Blame, Broken, Invalid, Malformed
from mutunode.protocol.limits import BODY_BYTES_MAX, INTEGER_MAX
from mutunode.protocol.merkle import leaf_hash
from tests.vectors import mutunode

HASH = b"h" * 32
SALT = b"s" * 16
KINDS = st.from_regex(r"[a-z][a-z0-9_]{0,63}", fullmatch=True)
BODIES = st.dictionaries(
    st.text(st.characters(exclude_characters="\0", codec="utf-8")), st.binary() | st.booleans()
)


@pytest.mark.parametrize("case", mutunode("entries"), ids=lambda case: case["kind"])
def test_published_entries(case: dict[str, Any]) -> None:
    body = bytes.fromhex(case["body"])
    made = make_entry(case["kind"], entry.decode_body(body), case["time"], bytes.fromhex(case["salt"]))
    assert made.body == body
    assert made.header.hex() == case["header"]
    assert made.leaf.hex() == case["leaf"]
    assert entry.body_hash(made.salt, made.body).hex() == case["body_hash"]
    log = bytes.fromhex(mutunode("logs")["public"])
    assert entry.rec_id(log, made.leaf).hex() == case["rec"]


@given(KINDS, BODIES, st.integers(0, INTEGER_MAX), st.binary(min_size=16, max_size=16))
def test_what_is_made_reads_back(kind: str, body: dict[str, Any], time: int, salt: bytes) -> None:
    made = make_entry(kind, body, time, salt)
    header = parse_header(made.header)
    assert isinstance(header, Header)
    assert (header.kind, header.time, header.body_len) == (kind, time, len(made.body))
    assert entry.read_body(header, made.body) == body
    entry.check_body(header, made.salt, made.body)
    assert codec.encode(codec.decode(made.header)) == made.header


@pytest.mark.parametrize("kind", ["", "Resource", "1a", "a-b", "a\n", "a" * 65, "é"])
def test_kinds_are_small_plain_words(kind: str) -> None:
    with pytest.raises(Malformed, match="kind"):
        make_entry(kind, {}, 0, SALT)


@pytest.mark.parametrize("time", [-1, INTEGER_MAX + 1])
def test_times_are_whole_numbers(time: int) -> None:
    with pytest.raises(Malformed, match="time"):
        make_entry("resource", {}, time, SALT)


def test_a_salt_has_sixteen_bytes() -> None:
    with pytest.raises(Malformed, match="salt"):
        make_entry("resource", {}, 0, b"short")


def test_bodies_have_their_limits() -> None:
    with pytest.raises(Malformed, match="65,536"):
        make_entry("resource", {"text": "x" * BODY_BYTES_MAX}, 0, SALT)
    with pytest.raises(Malformed, match="more values"):
        make_entry("resource", {"list": [1] * 1_000}, 0, SALT)
    with pytest.raises(Malformed, match="float"):
        make_entry("resource", {"price": 1.5}, 0, SALT)


LATER = [
    [2, "resource", 0, HASH, 0],
    [1],
    [1, "resource", 0, HASH],
    [1, "resource", 0, HASH, 0, 0],
    [1, "Resource", 0, HASH, 0],
    [1, "resource", "0", HASH, 0],
    [1, "resource", 0, HASH[1:], 0],
    [1, "resource", 0, HASH, True],
    [INTEGER_MAX],
]


@pytest.mark.parametrize("fields", LATER, ids=repr)
def test_other_headers_are_leaves_without_a_record(fields: list[Any]) -> None:
    assert parse_header(codec.encode(fields)) == Unreadable(fields[0])


BROKEN = [
    b"",
    b"\x80",
    b"\x90",
    codec.encode([0]),
    codec.encode(["resource"]),
    codec.encode([True]),
    codec.encode([[1]]),
    codec.encode([1, "resource", 0, HASH, 0])[:-1],
    codec.encode([1, "resource", 0, HASH, 0]) + b"\0",
    codec.encode([1, "resource", 0, HASH, 0])[:-1] + b"\xcc\0",  # a zero in two bytes
    codec.encode([1, "x" * 300, 0, HASH, 0]),
    codec.encode([2, "x" * 300]),
    b"\x91" * 200 + b"\1",
    b"\x92\x01\xc0",
    b"\x95\x01\xa1\xff\x00\xc4\x00\x00",
]


@pytest.mark.parametrize("raw", BROKEN, ids=lambda raw: raw[:12].hex())
def test_headers_that_nobody_can_take_stop_a_log_and_blame_its_author(raw: bytes) -> None:
    with pytest.raises(Broken, match="header") as caught:
        parse_header(raw)
    assert caught.value.blame is Blame.AUTHOR


@given(st.binary(max_size=300))
def test_every_byte_string_is_a_header_or_a_leaf_or_broken(raw: bytes) -> None:
    try:
        header = parse_header(raw)
    except Broken:
        return
    assert codec.encode(codec.decode(raw)) == raw
    assert isinstance(header, Header | Unreadable)


def _row(number: int) -> entry.Row:
    made = make_entry("resource", {"n": number}, number, SALT)
    return made.header, made.salt, made.body


def test_a_batch_gives_leaves_and_headers_in_order() -> None:
    rows = [_row(number) for number in range(5)]
    rows[1] = (rows[1][0], b"", b"")  # a body that the sender does not hold
    rows[2] = (codec.encode([2, "later"]), SALT, b"dropped")
    batch = check_batch(rows)
    assert batch.leaves == [leaf_hash(row[0]) for row in rows]
    assert batch.rows == [*rows[:2], (rows[2][0], b"", b""), *rows[3:]]
    assert [header and header.time for header in batch.headers] == [0, 1, None, 3, 4]


def test_a_batch_stops_at_the_header_that_stops_the_log() -> None:
    rows = [_row(0), _row(1), (b"\x90", b"", b""), _row(3)]
    with pytest.raises(Broken) as caught:
        check_batch(rows)
    assert caught.value.index == 2
    assert len(check_batch(rows[:2]).leaves) == 2


@pytest.mark.parametrize("salt", [SALT, b"t" * 16, b"s" * 15, b"s" * 17])
def test_a_body_that_is_not_the_author_s_blames_the_sender(salt: bytes) -> None:
    header, _, body = _row(0)
    with pytest.raises(Invalid, match="not the one") as caught:
        check_batch([(header, salt, body if salt != SALT else body + b"\0")])
    assert caught.value.blame is Blame.SENDER


def test_bytes_cannot_move_from_the_salt_into_the_body() -> None:
    header, salt, body = _row(0)
    with pytest.raises(Invalid):
        check_batch([(header, salt[:-1], salt[-1:] + body)])


@pytest.mark.parametrize("raw", [b"\x90", b"\x81", codec.encode({"a": [1] * 1_000}), b"\x81\xa1a\xc0"])
def test_a_body_that_matches_and_breaks_a_limit_is_opaque(raw: bytes) -> None:
    header = Header("resource", 0, entry.body_hash(SALT, raw), len(raw))
    entry.check_body(header, SALT, raw)
    assert entry.read_body(header, raw) is None


def test_a_body_of_another_length_than_its_header_says_is_opaque() -> None:
    raw = codec.encode({})
    assert entry.read_body(Header("resource", 0, entry.body_hash(SALT, raw), 2), raw) is None


def test_references_are_found_as_fields_and_in_lists_there_and_nowhere_deeper() -> None:
    log, leaf = b"l" * 32, b"f" * 32
    ref = [log, 7, leaf]
    body = {
        "resource": ref,
        "based_on": [[log, 8, leaf], "text", {"ref": [log, 9, leaf], "relation": "remix"}],
        "nested": {"resource": [log, 10, leaf]},
        "deeper": [[[log, 11, leaf]]],
        "too_short": [log[1:], 1, leaf],
        "not_a_number": [log, True, leaf],
        "text": "ref",
    }
    assert entry.find_refs(body) == [(log, 7, leaf), (log, 8, leaf), (log, 9, leaf)]


def test_the_published_usage_cites_its_resource() -> None:
    body = entry.decode_body(bytes.fromhex(mutunode("entries")[3]["body"]))
    assert entry.find_refs(body) == [(bytes(32), 7, b"\1" * 32)]
