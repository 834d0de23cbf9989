"""Sealed records: one reader, and nobody else learns who."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from mutunode.protocol import codec, entry, sealed
from mutunode.protocol.concern import concern, opens_nothing
from mutunode.protocol.errors import Malformed
from mutunode.protocol.sealed import open_sealed, seal
from tests.vectors import mutunode

SEALED = mutunode("sealed")
PRIVATE, PUBLIC = bytes.fromhex(SEALED["recipient_private"]), bytes.fromhex(SEALED["recipient_public"])
LOG, ORG = bytes.fromhex(SEALED["author_log"]), bytes.fromhex(SEALED["recipient_org"])
BODY = entry.decode_body(bytes.fromhex(SEALED["body"]))
INNER = entry.decode_body(bytes.fromhex(SEALED["inner_body"]))


def test_the_published_record_opens() -> None:
    opened = open_sealed(BODY, LOG, ORG, [PRIVATE])
    assert opened == sealed.Opened(SEALED["kind"], INNER)
    assert sealed._plain(SEALED["kind"], INNER).hex() == SEALED["plain"]
    assert sealed._info(LOG, ORG).hex() == SEALED["info"]


def test_an_older_sealing_key_still_opens() -> None:
    assert open_sealed(BODY, LOG, ORG, [b"\1" * 32, PRIVATE]) is not None


@given(st.dictionaries(st.sampled_from("abc"), st.binary(max_size=600)))
def test_what_is_sealed_opens_for_its_reader_alone(body: dict[str, Any]) -> None:
    box = seal("usage", body, LOG, ORG, PUBLIC)
    assert open_sealed(box, LOG, ORG, [PRIVATE]) == sealed.Opened("usage", body)
    assert open_sealed(box, LOG, ORG, [b"\1" * 32]) is None
    assert open_sealed(box, bytes(32), ORG, [PRIVATE]) is None
    assert open_sealed(box, LOG, bytes(32), [PRIVATE]) is None


@given(st.integers(0, 700))
def test_lengths_show_only_in_steps_of_256(length: int) -> None:
    box = seal("usage", {"a": bytes(length)}, LOG, ORG, PUBLIC)["box"]
    assert (len(box) - 32 - 16) % 256 == 0


def test_every_box_is_another_one() -> None:
    assert seal("usage", {}, LOG, ORG, PUBLIC) != seal("usage", {}, LOG, ORG, PUBLIC)


@pytest.mark.parametrize("kind", ["sealed", "", "Usage", "a" * 65])
def test_some_kinds_cannot_be_sealed(kind: str) -> None:
    with pytest.raises(Malformed, match="cannot be sealed"):
        seal(kind, {}, LOG, ORG, PUBLIC)


def test_a_body_too_long_for_its_box_is_refused_before_it_is_signed() -> None:
    with pytest.raises(Malformed, match="65,536"):
        seal("usage", {"text": "x" * 65_500}, LOG, ORG, PUBLIC)


def test_nothing_is_sealed_for_a_key_of_low_order() -> None:
    with pytest.raises(Malformed, match="low order"):
        seal("usage", {}, LOG, ORG, bytes(32))


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"box": b"", "suite": 1},
        {"box": bytes(32), "suite": 1},
        {"box": bytes(48), "suite": 1},
        {"box": b"\2" * 400, "suite": 1},
        {"box": BODY["box"], "suite": 2},
        {"box": BODY["box"], "suite": 1, "to": ORG},
        {"box": "text", "suite": 1},
        {"box": BODY["box"][:-1], "suite": 1},
    ],
)
def test_what_does_not_open_is_nothing_to_us(body: dict[str, Any]) -> None:
    assert open_sealed(body, LOG, ORG, [PRIVATE]) is None


def _box(plain: bytes) -> dict[str, Any]:
    public = X25519PublicKey.from_public_bytes(PUBLIC)
    return {"box": sealed._suite.encrypt(plain, public, info=sealed._info(LOG, ORG)), "suite": 1}


GOOD = sealed._plain("usage", {"a": 1})
INSIDE: dict[str, bytes] = {
    "no CM": b"\xc0",
    "another shape": codec.encode({"kind": "usage"}),
    "too little padding": codec.encode(["usage", {"a": 1}, b""]),
    "a block too much": codec.encode(["usage", {"a": 1}, bytes(len(codec.decode(GOOD)[2]) + 255)]),
    "padding that says something": codec.encode(["usage", {"a": 1}, b"\1" * len(codec.decode(GOOD)[2])]),
    "an element more": codec.encode([*codec.decode(GOOD), 1]),
    "sealed in sealed": GOOD.replace(b"\xa5usage", b"\xa6sealed")[:-1].replace(b"\xc4\xf3", b"\xc4\xf2"),
    "too many values": codec.encode(["usage", {"a": [1] * 1_000}, b""]),
}


@pytest.mark.parametrize("plain", INSIDE.values(), ids=INSIDE)
def test_what_opens_and_is_not_right_is_malformed(plain: bytes) -> None:
    with pytest.raises(Malformed):
        open_sealed(_box(plain), LOG, ORG, [PRIVATE])


# --- whom a record concerns ------------------------------------------------------------------------
anything = st.recursive(
    st.one_of(st.booleans(), st.integers(0, 2**53 - 1), st.text(max_size=9), st.binary(max_size=40)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text("abc", max_size=3), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(
    st.sampled_from(["usage", "invite", "sealed", "x"]), st.dictionaries(st.text("abo", max_size=3), anything)
)
def test_a_body_that_cites_nothing_of_ours_concerns_nobody_whatever_it_holds(
    kind: str, body: dict[str, Any]
) -> None:
    def opens(log: bytes, given_body: dict[str, Any]) -> sealed.Opened | None:
        return open_sealed(given_body, log, ORG, [PRIVATE])

    assert concern(kind, body, bytes(32), ORG, LOG, opens) is None


@given(st.dictionaries(st.text("abc", min_size=1, max_size=3), anything), st.booleans())
def test_a_reference_to_our_log_concerns_us_in_a_field_or_a_list(body: dict[str, Any], in_list: bool) -> None:
    ref = [LOG, 3, bytes(32)]
    found = concern("usage", {**body, "z": [1, ref] if in_list else ref}, bytes(32), ORG, LOG, opens_nothing)
    assert found is not None
    assert (found.kind, found.inside) == ("usage", b"")
    again = concern(
        "usage", {"y": 1, "z": ref, "type": body.get("type", "")}, bytes(32), ORG, LOG, opens_nothing
    )
    assert again is not None
    assert len(again.about) == 32
