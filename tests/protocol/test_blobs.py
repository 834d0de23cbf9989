"""Files by their content, chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mutunode.protocol import blobs, merkle
from mutunode.protocol.errors import Invalid
from mutunode.protocol.limits import CHUNK_BYTES
from tests.vectors import mutunode

BLOB = mutunode("blob")
CONTENT = bytes(range(256)) * 2_048 + b"the last chunk"
CHUNKS = [CONTENT[at : at + CHUNK_BYTES] for at in range(0, len(CONTENT), CHUNK_BYTES)]
PROOFS = [[bytes.fromhex(each) for each in proof] for proof in BLOB["proofs"]]


def test_the_published_file() -> None:
    blob, size, leaves = blobs.blob_of(CHUNKS)
    assert (blob.hex(), size) == (BLOB["blob"], BLOB["size"])
    assert [leaf.hex() for leaf in leaves] == BLOB["leaves"]
    assert merkle.Compact.of(leaves).root().hex() == BLOB["root"]
    for index, proof in enumerate(PROOFS):
        assert merkle.prove(merkle.over(leaves), len(leaves), index) == proof


def test_an_empty_file_has_no_chunk() -> None:
    blob, size, leaves = blobs.blob_of([])
    assert (blob.hex(), size, leaves) == (BLOB["empty_blob"], 0, [])
    assert blobs.chunk_count(0) == 0
    with pytest.raises(Invalid):
        blobs.check_chunk(blob, 0, 0, b"", [])


def test_a_file_of_one_zero_byte() -> None:
    blob, _, _ = blobs.blob_of([b"\0"])
    assert blob.hex() == BLOB["one_byte_zero"]
    blobs.check_chunk(blob, 1, 0, b"\0", [])


def test_every_chunk_is_checked_alone() -> None:
    blob = bytes.fromhex(BLOB["blob"])
    for index, chunk in enumerate(CHUNKS):
        blobs.check_chunk(blob, len(CONTENT), index, chunk, PROOFS[index])


def _lies() -> Iterator[tuple[int, int, bytes, list[bytes]]]:
    size = len(CONTENT)
    yield size, 2, b"The last chunk", PROOFS[2]
    yield size, 2, CHUNKS[2] + b"\0", PROOFS[2]
    yield size + 1, 2, CHUNKS[2] + b"\0", PROOFS[2]
    yield size, 3, CHUNKS[2], PROOFS[2]
    yield size, 2, CHUNKS[2], PROOFS[1]
    yield size, 2, CHUNKS[2], []
    yield size, 0, CHUNKS[0], PROOFS[0][:1]
    yield 2**53 - 1, 0, CHUNKS[0], PROOFS[0]


@pytest.mark.parametrize(("size", "index", "chunk", "proof"), [*_lies()])
def test_what_is_not_the_chunk_of_the_file_is_refused(
    size: int, index: int, chunk: bytes, proof: list[bytes]
) -> None:
    with pytest.raises(Invalid, match="chunk"):
        blobs.check_chunk(bytes.fromhex(BLOB["blob"]), size, index, chunk, proof)
