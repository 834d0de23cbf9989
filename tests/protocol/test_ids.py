"""Ids as people and files see them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mutunode.protocol import ids
from mutunode.protocol.errors import Malformed
from tests.vectors import mutunode


def test_published_ids_read_and_write() -> None:
    identity, logs, blob = mutunode("identity"), mutunode("logs"), mutunode("blob")
    published = {
        identity["org_text"]: (ids.org_text, identity["org"]),
        logs["public_text"]: (ids.log_text, logs["public"]),
        logs["circle_text"]: (ids.circle_text, logs["circle"]),
        blob["blob_text"]: (ids.blob_text, blob["blob"]),
    }
    for text, (write, raw) in published.items():
        assert ids.parse(text).hex() == raw
        assert write(bytes.fromhex(raw)) == text


@pytest.mark.parametrize("text", [*mutunode("id_text_refused"), "", "rec_", "rec_0", "org_" + "a" * 53])
def test_other_spellings_are_refused(text: str) -> None:
    with pytest.raises(Malformed, match=r"not an id|not a whole"):
        ids.parse(text)


@given(st.sampled_from(ids.PREFIXES), st.binary(min_size=32, max_size=32))
def test_every_id_comes_back(prefix: str, raw: bytes) -> None:
    assert ids.parse(ids.text(prefix, raw), prefix) == raw


@given(st.binary(min_size=32, max_size=32), st.integers(8, 52))
def test_a_shortened_id_spans_the_ids_that_begin_like_it(raw: bytes, length: int) -> None:
    text = ids.rec_text(raw)[: len("rec_") + length]
    prefix, low, high = ids.prefix_range(text)
    assert prefix == "rec"
    assert low <= raw <= high
    assert ids.rec_text(low).startswith(text)
    assert ids.rec_text(high).startswith(text)
    assert low == bytes(32) or not ids.rec_text(_minus_one(low)).startswith(text)


def _minus_one(raw: bytes) -> bytes:
    return (int.from_bytes(raw, "big") - 1).to_bytes(32, "big")


def test_a_shortened_id_needs_eight_characters_and_its_own_prefix() -> None:
    with pytest.raises(Malformed, match="at least 8"):
        ids.prefix_range("rec_abcdefg")
    with pytest.raises(Malformed, match="org_"):
        ids.prefix_range("rec_abcdefgh", "org")


def test_a_shortened_id_is_not_a_whole_one() -> None:
    with pytest.raises(Malformed, match="52 characters"):
        ids.parse("rec_abcdefgh")


def test_only_32_bytes_have_a_text_form() -> None:
    with pytest.raises(ValueError, match="31 bytes"):
        ids.rec_text(bytes(31))
