"""The evidence of two registers as a file: three ways, each checkable with nothing else."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mutunode.protocol import codec, evidence, forkfile, messages
from mutunode.protocol.errors import Invalid, Malformed
from mutunode.protocol.head import sign_head
from mutunode.protocol.merkle import over, prove
from tests.store.authors import Author

CIRCLE = b"\x07" * 32


def two_faces(common: int, one: int, other: int) -> tuple[Author, Author]:
    """One organisation that wrote two registers with one beginning."""
    first, second = Author("mallory"), Author("mallory")
    second.write(*first.write(*(("resource", {"n": i}) for i in range(common))))
    first.write(*(("resource", {"one": i}) for i in range(one)))
    second.write(*(("resource", {"other": i}) for i in range(other)))
    return first, second


def by_sizes() -> tuple[Author, bytes]:
    first, second = two_faces(2, 3, 3)
    return first, messages.encode(evidence.of_heads(first.head(), second.head()))


def by_leaves() -> tuple[Author, bytes]:
    first, second = two_faces(2, 1, 4)
    sides = []
    for author in (first, second):
        leaves = [entry.leaf for entry in author.entries[bytes(32)]]
        sides.append((author.head(), leaves[2], prove(over(leaves), len(leaves), 2)))
    return first, messages.encode(evidence.of_leaves(2, *sides))


def by_bases() -> tuple[Author, bytes]:
    author = Author("mallory")
    author.write(("resource", {"n": 1}), space=CIRCLE)
    author.open_epoch(keeps=0)
    tree = author.tree(CIRCLE)
    heads = [
        sign_head(
            author.org, CIRCLE, epoch=1, base=base, size=1, root=tree.root(), time=1_700_000_009 + base,
            sign=author._operating.sign,
        )
        for base in (0, 1)
    ]  # fmt: skip
    return author, messages.encode(evidence.of_heads(*heads))


WAYS = {"sizes": by_sizes, "leaves": by_leaves, "bases": by_bases}


@pytest.mark.parametrize("way", WAYS)
def test_each_way_to_sign_two_registers_is_a_file_that_holds(way: str) -> None:
    author, frame = WAYS[way]()
    raw = forkfile.write(frame, author.chain)
    assert forkfile.is_one(raw)
    found = forkfile.read(raw)
    assert found.way == way
    assert found.chain.org == author.org
    assert found.first_index == {"sizes": 0, "leaves": 2, "bases": 0}[way]


def test_a_file_is_cut_at_the_epoch_it_is_about() -> None:
    author, frame = by_sizes()
    author.open_epoch(keeps=2)
    assert forkfile.read(forkfile.write(frame, author.chain)).chain.epoch == 0


LEAVES = (lambda made: (made[1], made[0].chain))(by_leaves())


@given(st.data())
def test_whatever_is_changed_in_it_it_does_not_hold_any_more(data: st.DataObject) -> None:
    raw = forkfile.write(*LEAVES)
    content = bytearray(base64.b64decode(raw.splitlines()[1]))
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    assert_refused(bytes(content))


def test_a_bit_anywhere_counts() -> None:
    content = base64.b64decode(forkfile.write(*LEAVES).splitlines()[1])
    for at in range(len(content)):
        assert_refused(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])


def assert_refused(content: bytes) -> None:
    with pytest.raises((Malformed, Invalid)):
        forkfile.read(forkfile.FIRST_LINE.encode() + b"\n" + base64.b64encode(content) + b"\n")


@given(st.binary(max_size=200))
def test_what_is_no_such_file_is_refused_in_words(raw: bytes) -> None:
    with pytest.raises(Malformed):
        forkfile.read(raw)
    with pytest.raises((Malformed, Invalid)):
        forkfile.read(forkfile.FIRST_LINE.encode() + b"\n" + base64.b64encode(raw) + b"\n")


def test_two_heads_of_an_honest_organisation_are_no_evidence() -> None:
    author = Author("alice")
    author.write(("resource", {"n": 1}))
    early = author.head()
    author.write(("resource", {"n": 2}))
    frame = messages.encode(evidence.of_heads(early, author.head()))
    with pytest.raises(Invalid):
        forkfile.read(forkfile.write(frame, author.chain))


def test_evidence_against_one_is_none_against_another() -> None:
    _, frame = by_sizes()
    alice = Author("alice")
    with pytest.raises(Invalid, match="another one"):
        forkfile.read(forkfile.write(frame, alice.chain))


def test_other_frames_are_no_evidence() -> None:
    author = Author("alice")
    head = messages.encode(messages.AskHead(1, author.log()))
    with pytest.raises(Malformed):
        forkfile.write(head, author.chain)
    held = {"fork": head, "genesis": author.chain.genesis.raw, "ops": [], "v": forkfile.FIRST_LINE}
    raw = f"{forkfile.FIRST_LINE}\n{base64.b64encode(codec.encode(held)).decode()}\n".encode()
    with pytest.raises(Malformed):
        forkfile.read(raw)
