"""Whatever bytes come in: refused in words or understood, in bounded time and memory (P4, P11, P12, P15)."""

from __future__ import annotations

import random
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mutunode.protocol import channel, codec, crypto, forkfile, messages, notes, proof, signednote
from mutunode.protocol.entry import Header, parse_header
from mutunode.protocol.errors import Broken, MutunodeError
from mutunode.protocol.head import PUBLIC, Head, cosign, cosigned, sign_head, verify_cosignature, verify_head
from mutunode.protocol.identity import Chain, extend, parse_genesis, parse_op
from tests.fuzz.mutate import mutate, reshape
from tests.fuzz.targets import TARGETS, attempt, seeds
from tests.store.authors import Author

BYTES_MAX = 32 * 1_024 * 1_024
# Of processor time. Fifty milliseconds are promised, and `python -m tests.fuzz` tells what takes longer;
# beside other work the same bytes cost some times as much, and what is looked for here a hundred times.
SECONDS_MAX = 0.5
TRIES_MAX = 10
A_TARGET = 400


@pytest.mark.parametrize("name", TARGETS)
def test_everything_of_the_corpus_is_refused_or_understood_within_its_bounds(name: str) -> None:
    for data in seeds(name):
        check_bounds(name, data)


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_close_to_valid_is_refused_or_understood(name: str) -> None:
    chance, kept = random.Random(17), seeds(name)
    for _ in range(A_TARGET // 2):
        attempt(TARGETS[name], mutate(chance.choice(kept), kept, chance))
        attempt(TARGETS[name], reshape(chance.choice(kept), chance))


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=60, deadline=None, derandomize=True)
@given(data=st.binary(max_size=600))
def test_what_is_noise_is_refused(name: str, data: bytes) -> None:
    attempt(TARGETS[name], data)


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize(
    "data",
    [
        b"\xdd\xff\xff\xff\xff" + b"\x90" * 1_000_000,
        b"\x91" * 1_048_576,
        b"\x81\xa1a" * 300_000,
        b"\x95\x03" + b"\xdd\x00\x0f\xff\xff" + b"\x00" * 1_048_000,
        b"\x96\x06\x00\xc4\x20" + bytes(32) + b"\x00\x01\xc6\x00\x0f\xf0\x00" + b"\xff" * 1_044_480,
        b"\xdc\xff\xff" + b"\x98" * 65_535 + b"\x00" * 900_000,
        "é".encode() * 500_000,
    ],
    ids=["declares 4g", "deep", "deep maps", "a million heads", "noise to inflate", "wide", "text"],
)
def test_a_mebibyte_made_to_unfold_is_refused_within_its_bounds(name: str, data: bytes) -> None:
    check_bounds(name, data)


def check_bounds(name: str, data: bytes) -> None:
    """So much memory and processor time at most; the time without what watching allocations costs."""
    tracemalloc.start()
    try:
        attempt(TARGETS[name], data)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most <= BYTES_MAX, f"{most:,} bytes"
    spent: list[float] = []
    while not spent or (min(spent) > SECONDS_MAX and len(spent) < TRIES_MAX):
        began = time.process_time()
        attempt(TARGETS[name], data)
        spent.append(time.process_time() - began)
    assert min(spent) <= SECONDS_MAX, f"{min(spent):.3f} s"


# --- every signed kind of bytes, shown as every other kind -------------------------------------------------
class Signer:
    """One key that signs one of everything; each kind as (what was signed, its signature)."""

    def __init__(self) -> None:
        self.author, self.other = Author("alice"), Author("bob")
        self.author.write(("resource", {"n": 1}))
        self.sign = self.author._operating.sign
        self.public = self.author._operating.public_key().public_bytes_raw()
        self.root = self.author._root
        self.head = self.author.head()
        self.successor = Author("alice")
        self.successor.write(("resource", {"n": 1}))
        self.successor.open_epoch(keeps=1)
        self.successor.open_epoch(keeps=1)
        op = self.successor.chain.ops[0].op.raw
        hellos = b"client's hello", b"server's hello", bytes(32)
        self.signed = {
            "head": self.head.signed(),
            "head of a circle": self._otherwise(space=b"\x05" * 32).signed(),
            "head of another epoch": self._otherwise(epoch=1).signed(),
            "head of another base": self._otherwise(epoch=1, base=1).signed(),
            "head of another size": self._otherwise(size=2).signed(),
            "head of another organisation": self._otherwise(org=self.other.org).signed(),
            "witness": cosigned(self.head, self.head.time + 1),
            "witness of a circle": cosigned(self._otherwise(space=b"\x05" * 32), self.head.time + 1),
            "plain note": self.head.text().encode(),
            "identity op": b"mutunode/identity/1\0" + op,
            "identity op of another epoch": b"mutunode/identity/1\0" + self.successor.chain.ops[1].op.raw,
            "auth of a client": channel.auth_signed(channel.CLIENT, *hellos),
            "auth of a server": channel.auth_signed(channel.SERVER, *hellos),
            "auth on another channel": channel.auth_signed(channel.CLIENT, *hellos[:2], b"\x01" * 32),
            "genesis": self.author.chain.genesis.raw,
        }

    def _otherwise(self, **other: Any) -> Head:
        return msgspec.structs.replace(self.head, **other)


SIGNER = Signer()
KINDS = sorted(SIGNER.signed)


@pytest.mark.parametrize("shown", KINDS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_signature_over_one_kind_of_bytes_is_none_over_another(kind: str, shown: str) -> None:
    signature = SIGNER.sign(SIGNER.signed[kind])
    assert crypto.verify(SIGNER.public, signature, SIGNER.signed[shown]) == (kind == shown)


@pytest.mark.parametrize("kind", KINDS)
def test_signed_bytes_of_one_kind_do_not_read_as_another(kind: str) -> None:
    raw = SIGNER.signed[kind]
    readers: dict[str, Callable[[bytes], object]] = {
        "genesis": parse_genesis,
        "op": parse_op,
        "frame": messages.decode,
        "proof": proof.read,
        "fork": forkfile.read,
        "note": lambda raw: signednote.read(raw.decode("utf-8", "replace")),
        "value": codec.decode,
    }
    for name, read in readers.items():
        if (kind, name) in (("genesis", "genesis"), ("genesis", "value")):
            continue
        with pytest.raises(MutunodeError):
            read(raw)
    with pytest.raises(Broken):
        parse_header(raw)


@pytest.mark.parametrize("kind", KINDS)
def test_no_signature_of_another_kind_makes_a_head_a_witness_or_an_epoch(kind: str) -> None:
    if kind not in ("head", "witness"):
        forged = sign_head(
            SIGNER.author.org, PUBLIC, epoch=0, base=0, size=1, root=SIGNER.head.root, time=SIGNER.head.time,
            sign=lambda _: SIGNER.sign(SIGNER.signed[kind]),
        )  # fmt: skip
        with pytest.raises(MutunodeError):
            verify_head(forged, SIGNER.author.chain)
        witness = cosign(SIGNER.head, SIGNER.author.org, 0, 9, lambda _: SIGNER.sign(SIGNER.signed[kind]))
        with pytest.raises(MutunodeError):
            verify_cosignature(SIGNER.head, witness, SIGNER.author.chain)
    if kind != "identity op":
        op = SIGNER.successor.chain.ops[0].op
        with pytest.raises(MutunodeError):
            extend(Chain(SIGNER.author.chain.genesis), op, SIGNER.root.sign(SIGNER.signed[kind]), 0)


def test_an_operating_key_opens_no_epoch_and_a_root_key_signs_no_head() -> None:
    op = SIGNER.successor.chain.ops[0].op
    with pytest.raises(MutunodeError):
        extend(Chain(SIGNER.author.chain.genesis), op, SIGNER.sign(SIGNER.signed["identity op"]), 0)
    forged = sign_head(
        SIGNER.author.org, PUBLIC, epoch=0, base=0, size=1, root=SIGNER.head.root, time=1,
        sign=SIGNER.root.sign,
    )  # fmt: skip
    with pytest.raises(MutunodeError):
        verify_head(forged, SIGNER.author.chain)


def test_a_note_signed_plainly_is_no_head_and_the_other_way_round() -> None:
    name = SIGNER.head.origin
    assert notes.key_id(name, notes.COSIGNATURE, SIGNER.public) != notes.key_id(name, b"\x01", SIGNER.public)
    assert isinstance(parse_header(SIGNER.author.entries[PUBLIC][0].header), Header)
