"""The trees of RFC 6962, against a definition written out and against published proofs."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mutunode.protocol import merkle
from mutunode.protocol.errors import Malformed
from mutunode.protocol.merkle import Compact, leaf_hash, node_hash, verify_inclusion
from tests.vectors import load, mutunode

LEAVES = [leaf_hash(number.to_bytes(2, "big")) for number in range(257)]


def _root(leaves: list[bytes]) -> bytes:
    """The definition of RFC 6962, word for word."""
    if not leaves:
        return merkle.EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(_root(leaves[:split]), _root(leaves[split:]))


def test_published_roots() -> None:
    leaves = [leaf_hash(bytes([number])) for number in range(20)]
    for size, root in enumerate(mutunode("trees")["roots"]):
        assert Compact.of(leaves[:size]).root().hex() == root


@pytest.mark.parametrize("case", mutunode("trees")["inclusion"])
def test_published_inclusion_proofs(case: dict[str, Any]) -> None:
    leaves = [leaf_hash(bytes([number])) for number in range(20)]
    proof = [bytes.fromhex(each) for each in case["proof"]]
    assert merkle.prove(merkle.over(leaves), case["size"], case["index"]) == proof
    assert verify_inclusion(
        bytes.fromhex(case["leaf"]), case["index"], case["size"], proof, bytes.fromhex(case["root"])
    )


def _hash(text: str | None) -> bytes:
    return base64.b64decode(text or "")


@pytest.mark.parametrize(
    "case",
    [case for case in load("merkle-proofs.jsonl") if "/inclusion/" in case["path"]],
    ids=lambda c: c["path"],
)
def test_inclusion_proofs_of_others(case: dict[str, Any]) -> None:
    proof = [_hash(each) for each in case["proof"] or []]
    verified = verify_inclusion(
        _hash(case["leafHash"]), case["leafIdx"], case["treeSize"], proof, _hash(case["root"])
    )
    assert verified is not case["wantErr"]


def test_every_size_to_257_has_the_root_of_the_definition() -> None:
    growing = Compact()
    for size in range(258):
        assert growing.root() == _root(LEAVES[:size])
        assert merkle.run_root(merkle.over(LEAVES), 0, size) == growing.root()
        if size < 257:
            growing.append(LEAVES[size])


@pytest.mark.parametrize("size", [*range(1, 34), 63, 64, 65, 127, 128, 129, 255, 256, 257])
def test_every_leaf_is_proven_and_no_other_in_its_place(size: int) -> None:
    root = Compact.of(LEAVES[:size]).root()
    for index in range(size):
        proof = merkle.prove(merkle.over(LEAVES), size, index)
        assert len(proof) <= (size - 1).bit_length()
        assert verify_inclusion(LEAVES[index], index, size, proof, root)
        assert not verify_inclusion(LEAVES[index], index + 1, size, proof, root)
        assert not verify_inclusion(LEAVES[index - 1 if index else 1], index, size, proof, root)
        assert not verify_inclusion(LEAVES[index], index, size, [*proof, LEAVES[0]], root)
        if proof:
            assert not verify_inclusion(LEAVES[index], index, size, proof[:-1], root)


def test_a_node_cannot_pass_for_a_leaf() -> None:
    tree = merkle.over(LEAVES)
    root = Compact.of(LEAVES[:4]).root()
    assert not verify_inclusion(tree(1, 0), 0, 4, [tree(1, 1)], root)


def test_indices_outside_the_tree_prove_nothing() -> None:
    assert not verify_inclusion(LEAVES[0], 0, 0, [], merkle.EMPTY_ROOT)
    assert not verify_inclusion(LEAVES[0], -1, 1, [], LEAVES[0])
    with pytest.raises(ValueError, match="no leaf 1"):
        merkle.inclusion_path(1, 1)


@given(st.integers(0, 257), st.integers(0, 257))
def test_a_tree_grows_alike_in_one_step_and_in_two(first: int, second: int) -> None:
    low, high = sorted((first, second))
    tree = Compact.of(LEAVES[:low])
    kept = tree.copy()
    tree.extend(LEAVES[low:high])
    assert (tree.size, tree.root()) == (high, Compact.of(LEAVES[:high]).root())
    assert (kept.size, kept.root()) == (low, Compact.of(LEAVES[:low]).root())
    assert Compact.from_bytes(tree.to_bytes()).root() == tree.root()


@pytest.mark.parametrize("raw", [b"", bytes(7), bytes(40), (3).to_bytes(8, "big") + bytes(32)])
def test_a_damaged_compact_tree_is_refused(raw: bytes) -> None:
    with pytest.raises(Malformed, match="tree"):
        Compact.from_bytes(raw)
