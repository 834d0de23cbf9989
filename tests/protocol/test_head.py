"""Heads: one signature for a whole log."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from mutunode.protocol import codec, crypto
from mutunode.protocol.errors import Invalid, Malformed
from mutunode.protocol.head import (
    PUBLIC,
    Cosignature,
    Head,
    circle_id,
    cosign,
    cosigned,
    log_id,
    sign_head,
    verify_cosignature,
    verify_head,
)
from mutunode.protocol.identity import Chain, extend, parse_genesis, parse_op
from tests.vectors import mutunode


def _bytes(value: Any) -> Any:
    if isinstance(value, list):
        return [_bytes(item) for item in value]
    return bytes.fromhex(value) if isinstance(value, str) else value


def _chain() -> Chain:
    identity = mutunode("identity")
    chain = Chain(parse_genesis(_bytes(identity["genesis"])))
    return extend(chain, parse_op(_bytes(identity["op"])), _bytes(identity["op_signature"]), 0)


CHAIN = _chain()
HEADS = [Head.from_wire(_bytes(case["wire"])) for case in mutunode("heads")]
WIRE = HEADS[0].to_wire()


@pytest.mark.parametrize("case", mutunode("heads"), ids=lambda case: case["text"].split()[0])
def test_published_heads_read_sign_and_verify(case: dict[str, Any]) -> None:
    head = Head.from_wire(_bytes(case["wire"]))
    assert head.text() == case["text"]
    assert head.signed().decode() == case["signed"]
    assert codec.encode(head.to_wire()).hex() == case["wire_cm"]
    verify_head(head, CHAIN)
    again = sign_head(
        head.org,
        head.space,
        epoch=head.epoch,
        base=head.base,
        size=head.size,
        root=head.root,
        time=head.time,
        sign=lambda message: crypto.sign(_bytes(case["seed"]), message),
    )
    assert again == head


def test_logs_and_circles_have_the_published_ids() -> None:
    logs, org = mutunode("logs"), CHAIN.org
    assert log_id(org, PUBLIC).hex() == logs["public"]
    circle = circle_id(org, _bytes(logs["circle_nonce"]))
    assert circle.hex() == logs["circle"]
    assert log_id(org, circle).hex() == logs["circle_log"]


def test_a_witness_signs_the_same_text_at_its_own_time() -> None:
    case = mutunode("witness")
    head = HEADS[case["of_head"]]
    witness = Chain(parse_genesis(_bytes(case["genesis"])))
    given = msgspec.convert(_bytes(case["wire"]), Cosignature)
    assert cosigned(head, given.time).decode() == case["signed"]
    verify_cosignature(head, given, witness)
    seed = _bytes(case["seed"])
    assert cosign(head, witness.org, 0, given.time, lambda message: crypto.sign(seed, message)) == given
    with pytest.raises(Invalid, match="does not verify"):
        verify_cosignature(HEADS[1 - case["of_head"]], given, witness)
    with pytest.raises(Invalid, match="organisation or epoch"):
        verify_cosignature(head, given, CHAIN)


@pytest.mark.parametrize("name", ["equal_sizes", "other_sizes", "none_but_looks_so", "two_bases"])
def test_both_heads_of_an_equivocation_verify_alone(name: str) -> None:
    for wire in mutunode("fork")[name][:2]:
        verify_head(Head.from_wire(_bytes(wire)), CHAIN)


def test_a_public_head_keeps_what_its_op_says() -> None:
    for wire in mutunode("fork")["public_base_not_the_op_s"]:
        head = Head.from_wire(_bytes(wire))
        if head.base == CHAIN.base(head.epoch):
            verify_head(head, CHAIN)
        else:
            with pytest.raises(Invalid, match="base"):
                verify_head(head, CHAIN)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("org", bytes(32)),
        ("space", bytes(31) + b"\1"),
        ("epoch", 1),
        ("epoch", 2),
        ("base", 1),
        ("base", 6),
        ("size", 6),
        ("root", bytes(32)),
        ("time", 1),
        ("signature", bytes(64)),
    ],
)
def test_no_field_of_a_head_can_be_changed(field: str, value: Any) -> None:
    with pytest.raises(Invalid, match="head: "):
        verify_head(msgspec.structs.replace(HEADS[0], **{field: value}), CHAIN)


@pytest.mark.parametrize(
    "wire",
    [
        None,
        [],
        {},
        HEADS[0].to_wire()[:7],
        [*HEADS[0].to_wire()[:6], -1, bytes(64)],
        [bytes(31), *HEADS[0].to_wire()[1:]],
    ],
)
def test_arrays_of_another_shape_are_refused(wire: Any) -> None:
    with pytest.raises(Malformed, match="head"):
        Head.from_wire(wire)


def test_elements_after_the_known_ones_are_ignored() -> None:
    assert Head.from_wire([*WIRE, "later"]) == HEADS[0]


def test_heads_compare_by_epoch_then_size_then_time() -> None:
    assert HEADS[1].size < HEADS[0].size
    assert HEADS[1].order > HEADS[0].order
    renewal = msgspec.structs.replace(HEADS[0], time=HEADS[0].time + 1)
    assert renewal.order > HEADS[0].order
    assert renewal.tree == HEADS[0].tree
