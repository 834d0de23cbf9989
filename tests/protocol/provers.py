"""Organisations whose every byte is fixed: for proofs, exports of registers, and the vectors of both."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import msgspec

from mutunode.protocol import crypto, proof
from mutunode.protocol.entry import Entry, make_entry
from mutunode.protocol.head import PUBLIC, Head, cosign, sign_head
from mutunode.protocol.identity import Base, Chain, make_genesis, make_op, sign_op
from mutunode.protocol.merkle import Compact, over, prove

START = 1_767_225_600  # 2026-01-01


class Prover:
    """One organisation, its keys and its public register."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.entries: list[Entry] = []
        self.base = 0
        self.chain = Chain(
            make_genesis(
                name=name,
                created=START,
                nonce=self.seed("nonce")[:16],
                operating=crypto.public_of(self.seed("operating 0")),
                roots=[crypto.public_of(self.seed("root"))],
                sealing=crypto.sealing_public_of(self.seed("sealing 0")),
            )
        )

    def seed(self, what: str) -> bytes:
        """32 bytes that are always the same."""
        return sha256(f"{self.name} {what}".encode()).digest()

    def sign(self, message: bytes) -> bytes:
        """By the operating key of the current epoch."""
        return crypto.sign(self.seed(f"operating {self.chain.epoch}"), message)

    def publish(self, kind: str, body: dict[str, Any]) -> Entry:
        """One entry more."""
        number = len(self.entries)
        self.entries.append(make_entry(kind, body, START + 60 * number, self.seed(f"salt {number}")[:16]))
        return self.entries[-1]

    def open_epoch(self, reason: str = "") -> None:
        """New keys, and the whole register stays."""
        number = self.chain.epoch + 1
        self.base = len(self.entries)
        op = make_op(
            self.chain,
            operating=crypto.public_of(self.seed(f"operating {number}")),
            roots=self.chain.roots,
            sealing=crypto.sealing_public_of(self.seed(f"sealing {number}")),
            base=Base(self.base, Compact.of(self.leaves()).root()),
            reason=reason,
        )
        self.chain = sign_op(self.chain, op, lambda message: crypto.sign(self.seed("root"), message), START)

    def leaves(self) -> list[bytes]:
        """The leaves of its register."""
        return [entry.leaf for entry in self.entries]

    def head(self, sign: Callable[[bytes], bytes] | None = None, **other: Any) -> Head:
        """Its register, signed; ``other`` fields make what no honest organisation would sign."""
        fields: dict[str, Any] = {
            "epoch": self.chain.epoch,
            "base": self.base,
            "size": len(self.entries),
            "root": Compact.of(self.leaves()).root(),
            "time": START + 86_400,
            **other,
        }
        return sign_head(self.chain.org, other.pop("space", PUBLIC), sign=sign or self.sign, **fields)

    def prove(self, index: int, *witnesses: Prover) -> proof.Proof:
        """A proof of one of its records; each witness saw it an hour after the one before."""
        head, entry = self.head(), self.entries[index]
        path = tuple(prove(over(self.leaves()), head.size, index))
        seen = tuple(each.witness(head, hours) for hours, each in enumerate(witnesses, 1))
        return proof.Proof(
            self.chain, head, index, path, entry.header, entry.salt, entry.body, witnesses=seen
        )

    def witness(self, head: Head, hours: int) -> proof.Witness:
        """It saw a head some hours after it was signed."""
        cosignature = cosign(head, self.chain.org, self.chain.epoch, head.time + 3_600 * hours, self.sign)
        return proof.Witness(self.chain, cosignature)


def changed(found: proof.Proof, **fields: Any) -> proof.Proof:
    """A proof with other fields, written as if it were one."""
    return msgspec.structs.replace(found, **fields)
