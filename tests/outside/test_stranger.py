"""The stranger itself, held against the published vectors: it must be right before it may judge."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.outside import page
from tests.outside.page import Wrong

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors/mutunode-1.json").read_text("utf-8")
)


def h(text: str) -> bytes:
    return bytes.fromhex(text)


def unhex(row: list[Any]) -> list[Any]:
    return [h(value) if isinstance(value, str) else value for value in row]


def test_it_reads_what_is_canonical_and_nothing_else() -> None:
    nodes = VECTORS["cm"]["limits"]["nodes"]
    for case in VECTORS["cm"]["accept"]:
        assert page.cm(page.uncm(h(case["bytes"]), nodes)) == h(case["bytes"]), case["note"]
    for case in VECTORS["cm"]["refuse"]:
        with pytest.raises(Wrong):
            page.uncm(h(case["bytes"]), nodes)


def test_it_writes_the_same_ids_and_leaves() -> None:
    logs = VECTORS["logs"]
    org = h(VECTORS["identity"]["org"])
    assert page.log_of(org) == h(logs["public"]) == page.unbase32(logs["public_text"])
    assert page.log_of(org, h(logs["circle"])) == h(logs["circle_log"])
    for case in VECTORS["entries"]:
        header, salt, body = page.entry(case["kind"], h(case["body"]), case["time"], h(case["salt"]))
        assert (header, salt) == (h(case["header"]), h(case["salt"]))
        assert page.leaf_hash(header) == h(case["leaf"])
        assert page.rec_of(h(logs["public"]), header) == h(case["rec"])
        page.check_item([header, salt, body])
    for text in VECTORS["id_text_refused"]:
        with pytest.raises(ValueError, match=r"padding|no id"):
            page.unbase32(text)


def test_it_builds_the_same_trees() -> None:
    leaves = [page.leaf_hash(bytes([i])) for i in range(len(VECTORS["trees"]["roots"]))]
    for size, root in enumerate(VECTORS["trees"]["roots"]):
        assert page.tree_root(leaves[:size]) == h(root)
    for case in VECTORS["trees"]["inclusion"]:
        proof = unhex(case["proof"])
        assert page.inclusion(leaves[: case["size"]], case["index"]) == proof
        assert page.included_root(h(case["leaf"]), case["index"], case["size"], proof) == h(case["root"])


def test_it_signs_and_checks_the_same_heads() -> None:
    identity = VECTORS["identity"]
    ops = [[h(identity["op"]), h(identity["op_signature"])]]
    states = page.check_chain(h(identity["org"]), h(identity["genesis"]), ops)
    for case in VECTORS["heads"]:
        wire = unhex(case["wire"])
        key = Ed25519PrivateKey.from_private_bytes(h(case["seed"]))
        assert page.check_text(wire).decode() == case["text"]
        assert page.signed_head(key, wire[:6], wire[6]) == wire
        if wire[1] == page.PUBLIC:
            page.check_head(wire, states)
    with pytest.raises(Wrong):
        page.check_head(unhex(VECTORS["fork"]["public_base_not_the_op_s"][0]), states)


def test_it_prints_ranges_alike() -> None:
    case = VECTORS["range"]
    hashed = b"".join(
        h(log) + page.eight(epoch) + page.eight(size) + h(root) + page.eight(day)
        for log, epoch, size, root, day in case["items"]
    )
    assert page.sha256(page.domain("range"), hashed)[:16] == h(case["print_all"])
    assert page.print_of([]) == h(case["print_none"])
