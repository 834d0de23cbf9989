"""What a record is about: one address however it is written, one file, one key of one source."""

from __future__ import annotations

from typing import Any

import pytest

from mutunode.service.things import THINGS_MAX, things

TITLE = {"fr": "Guide du compost"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"url": "https://www.a.example/x/"}, {"url": "http://A.example/x"}),
        ({"url": "https://a.example:443/x?y=1"}, {"url": "https://a.example/x?y=1"}),
        ({"files": [{"blob": b"1" * 32}]}, {"files": [{"blob": b"2" * 32}, {"blob": b"1" * 32}]}),
        ({"external_ref": "sill:5"}, {"external_ref": "sill:5", "url": "https://a.example/"}),
    ],
)
def test_two_records_of_one_thing_share_a_key(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert set(things(one, TITLE)) & set(things(other, TITLE))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"url": "https://a.example/page#one"}, {"url": "https://a.example/page#two"}),
        ({"url": "https://a.example/?id=1"}, {"url": "https://a.example/?id=2"}),
        ({"external_ref": "42"}, {"external_ref": "42"}),
        ({"external_ref": "fiche-42"}, {"external_ref": "fiche-42"}),
        ({"url": "not an address"}, {"url": "not an address"}),
        ({"url": "https://[broken"}, {"url": "https://[broken"}),
        ({"url": 7, "files": "x", "external_ref": None}, {"url": 7}),
    ],
)
def test_two_things_share_none(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert not set(things(one, TITLE)) & set(things(other, TITLE))


def test_the_key_of_a_source_holds_for_one_title_only() -> None:
    same, other = {"fr": "GUIDE  du compost"}, {"fr": "Registre des délibérations"}
    body = {"external_ref": "doc:1"}
    assert things(body, same) == things(body, TITLE)
    assert not set(things(body, TITLE)) & set(things(body, other))


def test_keys_are_bounded() -> None:
    body = {"files": [{"blob": bytes([number]) * 32} for number in range(100)]}
    assert len(things(body, TITLE)) == THINGS_MAX
