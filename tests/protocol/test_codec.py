"""Canonical MessagePack: what is accepted is exactly what encoding produces."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mutunode.protocol import codec
from mutunode.protocol.errors import Malformed
from mutunode.protocol.limits import INTEGER_MAX, NODES_BODY_MAX
from tests.vectors import load, mutunode

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
SCALARS = st.integers(0, INTEGER_MAX) | st.booleans() | TEXTS | st.binary()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=60)


@pytest.mark.parametrize("case", mutunode("cm")["accept"], ids=lambda case: case["note"])
def test_canonical_bytes_are_accepted_and_encode_to_themselves(case: dict[str, str]) -> None:
    raw = bytes.fromhex(case["bytes"])
    assert codec.encode(codec.decode(raw, nodes_max=NODES_BODY_MAX), nodes_max=NODES_BODY_MAX) == raw


@pytest.mark.parametrize("case", mutunode("cm")["refuse"], ids=lambda case: case["why"])
def test_everything_else_is_refused(case: dict[str, str]) -> None:
    with pytest.raises(Malformed):
        codec.decode(bytes.fromhex(case["bytes"]), nodes_max=NODES_BODY_MAX)


def _suite() -> list[tuple[str, list[bytes]]]:
    groups = load("msgpack-test-suite.json")
    cases = [(name, case) for name, group in groups.items() for case in group]
    return [
        (name, [bytes.fromhex(form.replace("-", "")) for form in case["msgpack"]]) for name, case in cases
    ]


@pytest.mark.parametrize(("group", "forms"), _suite())
def test_of_all_forms_of_a_value_one_is_accepted_and_none_of_what_cm_lacks(
    group: str, forms: list[bytes]
) -> None:
    accepted = [form for form in forms if _accepts(form)]
    lacking = ("10.nil", "21.number-negative", "22.number-float", "50.timestamp", "60.ext")
    huge = group.startswith("23") and not any(form[:1] == b"\xcf" and form[1:3] < b"\0\x20" for form in forms)
    shuffled = group.startswith("41") and len(forms[0]) > 9  # a map whose keys the suite does not sort
    if group.startswith(lacking) or huge:
        assert accepted == []
    elif not shuffled:
        assert len(accepted) == 1


def _accepts(raw: bytes) -> bool:
    try:
        return codec.encode(codec.decode(raw)) == raw
    except Malformed:
        return False


@given(VALUES)
def test_values_come_back_as_they_were(value: Any) -> None:
    assert codec.decode(codec.encode(value)) == value


@given(st.dictionaries(TEXTS, VALUES, min_size=1, max_size=4), st.data())
def test_the_short_way_takes_only_what_the_long_way_takes_and_gives_the_same(
    value: dict[str, Any], data: st.DataObject
) -> None:
    raw = bytearray(codec.encode(value))
    for at in data.draw(st.sets(st.integers(0, len(raw) - 1), max_size=2)):
        raw[at] = data.draw(st.integers(0, 255))
    short = codec._decode_shallow(bytes(raw))
    if short is not None:
        assert codec._decode_any(bytes(raw), NODES_BODY_MAX * 100) == short


@given(st.binary(max_size=200))
@example(b"\x81\xa1a\x01")
def test_whatever_is_accepted_encodes_to_the_same_bytes(raw: bytes) -> None:
    try:
        value = codec.decode(raw)
    except Malformed:
        return
    assert codec.encode(value) == raw


@given(VALUES, st.data())
def test_one_changed_byte_is_refused_or_means_something_else(value: Any, data: st.DataObject) -> None:
    raw = bytearray(codec.encode(value))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    try:
        changed = codec.decode(bytes(raw))
    except Malformed:
        return
    assert codec.encode(changed) == bytes(raw)


@pytest.mark.parametrize("text", [text for text in load("blns.json") if "\0" not in text])
def test_naughty_strings_pass_untouched(text: str) -> None:
    assert codec.decode(codec.encode({text: [text]})) == {text: [text]}


def test_files_that_are_not_messagepack_are_refused_without_any_other_error() -> None:
    for case in load("json-test-suite.jsonl"):
        raw = case.get("input", "").encode("utf-8", "surrogatepass")
        if _accepts(raw):
            assert len(raw) == 1  # one ASCII byte is a small number


@pytest.mark.parametrize(
    "value",
    [
        None,
        1.5,
        float("nan"),
        -1,
        INTEGER_MAX + 1,
        2**70,
        "a\0b",
        {"a\0b": 1},
        {1: 2},
        {b"a": 1},
        {1, 2},
    ],
    ids=repr,
)
def test_encoding_refuses_what_cm_does_not_have(value: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        codec.encode([value])


def test_text_that_is_no_unicode_cannot_be_encoded() -> None:
    with pytest.raises(ValueError, match="surrogate"):
        codec.encode("\ud800")


def test_depth_is_counted_in_values_of_any_type() -> None:
    value: Any = 1
    for _ in range(15):
        value = [value]
    assert codec.decode(codec.encode(value)) == value
    with pytest.raises(ValueError, match="deeper than 16"):
        codec.encode([value])


BOMBS = {
    "a million empty arrays": b"\xdd\x00\x0f\xff\x00" + b"\x90" * 1_048_320,
    "fifteen large arrays of empty ones": b"\x9f" + (b"\xdd\x00\x01\x00\x00" + b"\x90" * 65_536) * 15,
    "fifteen large arrays of nil": b"\x9f" + (b"\xdd\x00\x01\x00\x00" + b"\xc0" * 65_536) * 15,
    "a million arrays in each other": b"\x91" * 1_000_000,
    "half a million equal keys": b"\xdf\x00\x07\xa1\x20" + b"\xa0\x90" * 500_000,
    "two maps of equal keys": b"\x92" + (b"\xdf\x00\x01\x86\xa0" + b"\xa0\x90" * 100_000) * 2,
    "a declared length of four billion": b"\xc6\xff\xff\xff\xff",
    "more than a frame": b"\xc6\x00\x10\x00\x00" + bytes(1_048_576),
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_bombs_are_refused_before_they_unfold(bomb: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(Malformed):
            codec.decode(bomb)
        assert tracemalloc.get_traced_memory()[1] < 12_000_000
    finally:
        tracemalloc.stop()


def test_a_frame_may_hold_more_values_than_a_body() -> None:
    frame = codec.encode([[1] * 999] * 99)
    assert len(codec.decode(frame)) == 99
    with pytest.raises(Malformed, match="more values"):
        codec.decode(frame, nodes_max=NODES_BODY_MAX)
