"""Heads as C2SP tools read them."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import pytest

from mutunode.protocol import crypto, notes
from mutunode.protocol.head import Cosignature, Head, cosigned
from mutunode.protocol.identity import parse_genesis
from tests.vectors import mutunode


def _bytes(wire: list[Any]) -> list[Any]:
    return [bytes.fromhex(value) if isinstance(value, str) else value for value in wire]


@pytest.mark.parametrize("case", mutunode("heads"), ids=lambda case: f"epoch {case['epoch']}")
def test_published_notes(case: dict[str, Any]) -> None:
    head, seed = Head.from_wire(_bytes(case["wire"])), bytes.fromhex(case["seed"])
    public = crypto.public_of(seed)
    assert notes.note(head, public, lambda text: crypto.sign(seed, text)) == case["note"]
    assert notes.verifier_key(head.origin, public) == case["vkey_cosignature"]


def test_a_witness_adds_its_line() -> None:
    witness = mutunode("witness")
    head = Head.from_wire(_bytes(mutunode("heads")[witness["of_head"]]["wire"]))
    cosignature = msgspec.convert(_bytes(witness["wire"]), Cosignature)
    genesis = parse_genesis(bytes.fromhex(witness["genesis"]))
    assert notes.witness_name(genesis.org) == witness["key_name"]
    line = notes.note(head, head.org, witnesses=[(cosignature, genesis.operating)]).splitlines()[-1]
    dash, name, signature = line.split(" ")
    raw = base64.b64decode(signature)
    assert (dash, name) == ("—", witness["key_name"])
    assert raw[:4].hex() == notes.verifier_key(name, genesis.operating).split("+")[1]
    assert int.from_bytes(raw[4:12], "big") == cosignature.time
    assert crypto.verify(genesis.operating, raw[12:], cosigned(head, cosignature.time))
