"""An organisation of the outside: its keys, its epochs, its public log, and every lie a test asks of it."""

from __future__ import annotations

import os
import time
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from tests.outside.page import (
    PUBLIC,
    Head,
    Item,
    check_chain,
    check_head,
    check_item,
    cm,
    domain,
    entry,
    inclusion,
    leaf_hash,
    log_of,
    rec_of,
    sha256,
    signed_head,
    tree_root,
)


def now() -> int:
    """The time of this machine, in whole seconds."""
    return int(time.time())


class Register:
    """One public log as somebody holds it: the chain of its organisation, its entries, its newest head."""

    def __init__(self, org: bytes, genesis: bytes = b"") -> None:
        self.org = org
        self.genesis = genesis
        self.ops: list[list[bytes]] = []
        self.items: list[Item] = []
        self.head: Head = []
        self.frozen = False
        self.log = log_of(org)

    def leaves(self) -> list[bytes]:
        """The leaves of its tree."""
        return [leaf_hash(item[0]) for item in self.items]

    def verify(self) -> None:
        """Everything, from nothing: chain, head, tree, bodies."""
        check_head(self.head, check_chain(self.org, self.genesis, self.ops))
        for item in self.items:
            check_item(item)
        size, root = self.head[4], self.head[5]
        assert (len(self.items), tree_root(self.leaves())) == (size, root), "the entries give another root"

    def ref(self, index: int) -> list[Any]:
        """What another record writes to cite the one at this index."""
        return [self.log, index, leaf_hash(self.items[index][0])]

    def rec(self, index: int) -> bytes:
        """The id of the record at this index."""
        return rec_of(self.log, self.items[index][0])


class Author(Register):
    """A register whose keys we have."""

    def __init__(self, name: str, *, roots: int = 1) -> None:
        self.name = name
        self.roots = [Ed25519PrivateKey.generate() for _ in range(roots)]
        self.operating = Ed25519PrivateKey.generate()
        self.signers: dict[bytes, Ed25519PrivateKey] = {}  # op → the key it names, where there are several
        self.sealing = X25519PrivateKey.generate()
        genesis = cm(
            {
                "created": now(),
                "name": name,
                "nonce": os.urandom(16),
                "operating": self.operating.public_key().public_bytes_raw(),
                "roots": [root.public_key().public_bytes_raw() for root in self.roots],
                "sealing": self.sealing.public_key().public_bytes_raw(),
                "v": 1,
            }
        )
        super().__init__(sha256(domain("genesis"), genesis), genesis)
        self.base = 0
        self.sign()

    @property
    def epoch(self) -> int:
        """The current epoch."""
        return len(self.ops)

    def add(self, kind: str, body: dict[str, Any] | bytes, *, at: int | None = None, version: int = 1) -> int:
        """One more record, not signed yet; its index."""
        raw = body if isinstance(body, bytes) else cm(body)
        self.items.append(entry(kind, raw, now() if at is None else at, os.urandom(16), version))
        return len(self.items) - 1

    def resource(self, title: str, **fields: Any) -> int:
        """A resource with this title."""
        ack = {"detail": "organisation", "policy": "welcome"}
        return self.add("resource", {"title": {"en": title}, "ack": ack, **fields})

    def sign(self, *, at: int | None = None) -> Head:
        """The head of everything so far: what the organisation now stands for."""
        self.head = self.head_of(self.items, at=at)
        return self.head

    def head_of(self, items: list[Item], *, at: int | None = None, base: int | None = None) -> Head:
        """A signed head of other entries: with those it signed before, an equivocation."""
        root = tree_root([leaf_hash(item[0]) for item in items])
        unsigned = [self.org, PUBLIC, self.epoch, self.base if base is None else base, len(items), root]
        return signed_head(self.operating, unsigned, now() if at is None else at)

    def op(self, size: int, *, by: int = 0, reason: str = "rotation", **other: Any) -> list[bytes]:
        """The op that would open the next epoch and keep so many leaves, signed by a root in force."""
        kept = tree_root(self.leaves()[:size])
        fields = {
            "base": [size, kept],
            "epoch": self.epoch + 1,
            "operating": other.pop("operating", Ed25519PrivateKey.generate()).public_key().public_bytes_raw(),
            "org": self.org,
            "prev": sha256(self.ops[-1][0] if self.ops else self.genesis),
            "reason": reason,
            "roots": [root.public_key().public_bytes_raw() for root in self.roots],
            "sealing": self.sealing.public_key().public_bytes_raw(),
            "v": 1,
        }
        raw = cm({**fields, **other})
        return [raw, self.roots[by].sign(domain("identity") + raw)]

    def open_epoch(self, base: int, *, by: int = 0) -> Head:
        """A new operating key, the first ``base`` leaves kept, and the first head of the epoch."""
        operating = Ed25519PrivateKey.generate()
        self.ops.append(self.op(base, by=by, operating=operating))
        self.operating, self.base = operating, base
        del self.items[base:]
        return self.sign()

    def fork_of_equal_sizes(self, items: list[Item]) -> list[Head]:
        """The evidence of two trees of one size, smaller root first."""
        return sorted([self.head, self.head_of(items)], key=lambda head: head[5])

    def fork_of_other_sizes(self, items: list[Item], index: int) -> list[Any]:
        """The evidence of two trees of two sizes that differ at an index."""
        pair = sorted([(self.head, self.items), (self.head_of(items), items)], key=lambda side: len(side[1]))
        evidence: list[Any] = [head for head, _ in pair] + [index]
        for _, side in pair:
            leaves = [leaf_hash(item[0]) for item in side]
            evidence += [leaves[index], inclusion(leaves, index)]
        return evidence
