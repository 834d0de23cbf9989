"""Organisations for the store's tests: they publish real entries under real signatures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from mutunode.protocol.entry import Entry, make_entry, rec_id
from mutunode.protocol.head import PUBLIC, Head, log_id, sign_head
from mutunode.protocol.identity import Base, Chain, make_genesis, make_op, sign_op
from mutunode.protocol.merkle import Compact
from mutunode.store.interface import Store, StoreLedger

START = 1_700_000_000

Said = tuple[str, dict[str, Any]]


class Author:
    """One organisation, with its keys and its logs as it knows them."""

    def __init__(self, name: str, *, roots: int = 1) -> None:
        self.name = name
        self._roots: list[Ed25519PrivateKey] = [
            _key(name, f"root {place}" if place else "root") for place in range(roots)
        ]
        self._operating = _key(name, "operating 0")
        self.sealing_private = _seed(name, "sealing")
        sealing = X25519PrivateKey.from_private_bytes(self.sealing_private)
        self._sealing = sealing.public_key().public_bytes_raw()
        genesis = make_genesis(
            name=name,
            created=START,
            nonce=_seed(name, "nonce")[:16],
            operating=self._operating.public_key().public_bytes_raw(),
            roots=[key.public_key().public_bytes_raw() for key in self._roots],
            sealing=self._sealing,
        )
        self.chain = Chain(genesis)
        self.org = self.chain.org
        self.sealing_public = self._sealing
        self.entries: dict[bytes, list[Entry]] = {}
        self.time = START
        self._salts = 0

    @property
    def _root(self) -> Ed25519PrivateKey:
        return self._roots[0]

    def log(self, space: bytes = PUBLIC) -> bytes:
        """The id of its log in a space."""
        return log_id(self.org, space)

    def rec(self, index: int, space: bytes = PUBLIC) -> bytes:
        """The id of the record at an index."""
        return rec_id(self.log(space), self.entries[space][index].leaf)

    def ref(self, index: int, space: bytes = PUBLIC) -> list[Any]:
        """What others write to cite the record at an index."""
        return [self.log(space), index, self.entries[space][index].leaf]

    def entry(self, kind: str, body: dict[str, Any]) -> Entry:
        """A new entry, not in the log yet."""
        self._salts += 1
        return make_entry(kind, body, self.time, _seed(self.name, f"salt {self._salts}")[:16])

    def head(self, space: bytes = PUBLIC, size: int | None = None, tree: Compact | None = None) -> Head:
        """A signed head over the first ``size`` entries (or a tree at hand), newer than the one before."""
        self.time += 1
        tree = tree or self.tree(space, size)
        return sign_head(
            self.org,
            space,
            epoch=self.chain.epoch,
            base=self.chain.base(self.chain.epoch) if space == PUBLIC else 0,
            size=tree.size,
            root=tree.root(),
            time=self.time,
            sign=self._operating.sign,
        )

    def tree(self, space: bytes = PUBLIC, size: int | None = None) -> Compact:
        """The tree over the first ``size`` entries."""
        return Compact.of(entry.leaf for entry in self.entries.get(space, [])[:size])

    def write(self, *said: Said | Entry, space: bytes = PUBLIC) -> list[Entry]:
        """Add entries to the log, without a head yet."""
        new = [item if isinstance(item, Entry) else self.entry(*item) for item in said]
        self.entries.setdefault(space, []).extend(new)
        return new

    def open_epoch(self, keeps: int, *, by: int = 0, root: bytes | None = None, machine: str = "") -> None:
        """Open the next epoch with a new key and the root key ``by``, keeping so many public entries.

        ``root``: of the entries that stay, where somebody else knows them better; each ``machine`` has a
        key of its own.
        """
        kept = self.entries.get(PUBLIC, [])[:keeps]
        self.entries[PUBLIC] = kept
        epoch = self.chain.epoch + 1
        self._operating = _key(self.name, f"operating {epoch}{machine}" + (f" by root {by}" if by else ""))
        op = make_op(
            self.chain,
            operating=self._operating.public_key().public_bytes_raw(),
            roots=[key.public_key().public_bytes_raw() for key in self._roots],
            sealing=self._sealing,
            base=Base(len(kept) if root is None else keeps, self.tree().root() if root is None else root),
            reason="",
        )
        self.chain = sign_op(self.chain, op, self._roots[by].sign, START)


def append(ledger: StoreLedger, author: Author, entries: Sequence[Entry], space: bytes = PUBLIC) -> None:
    """Hand entries over as a caller does: at the exact place, with their leaves."""
    held = ledger.log(author.log(space))
    start = held.size + held.pending if held else 0
    rows = [(entry.header, entry.salt, entry.body) for entry in entries]
    ledger.append(author.org, space, start, rows, [entry.leaf for entry in entries])


def take(
    store: Store,
    author: Author,
    space: bytes = PUBLIC,
    *,
    without: Callable[[int], bool] | None = None,
    hurried: bool = False,
) -> None:
    """Take everything an author wrote beyond what is held, in one turn; ``without`` the bodies it names."""
    ledger = store.ledger
    with ledger.transaction(hurried=hurried):
        ledger.put_chain(author.chain)
        held = ledger.log(author.log(space))
        start = held.size if held else 0
        new = [
            Entry(entry.header, b"", b"") if without and without(index) else entry
            for index, entry in enumerate(author.entries.get(space, []))
            if index >= start
        ]
        append(ledger, author, new, space)
        ledger.commit(author.head(space), author.tree(space))


def publish(store: Store, author: Author, *said: Said | Entry, space: bytes = PUBLIC) -> None:
    """Write and take in one go."""
    author.write(*said, space=space)
    take(store, author, space)


def _seed(*words: str) -> bytes:
    return sha256(" ".join(words).encode()).digest()


def _key(*words: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(_seed(*words))
