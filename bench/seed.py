"""A store that holds what many organisations published, written as a first replication would have left it.

Signing a thousand registers through a thousand nodes would take hours; here each organisation is a key, its
entries and one head, put into the store by the interface that the core itself uses. Everything is signed: who
replicates it checks it like anything else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from bench.corpus import bodies
from mutunode.protocol.crypto import public_of, sealing_public_of, sign
from mutunode.protocol.entry import make_entry
from mutunode.protocol.head import PUBLIC, Head, log_id, sign_head
from mutunode.protocol.identity import Chain, make_genesis
from mutunode.protocol.ids import org_text
from mutunode.protocol.ledger import Stance
from mutunode.protocol.merkle import Compact, leaf_hash
from mutunode.store import open_store
from mutunode.store.interface import StoreLedger

ENTRIES_A_TURN = 2_000  # × 800 bytes: what a node itself would commit at once
BEGAN = 1_700_000_000


class Author(msgspec.Struct, frozen=True):
    """An organisation whose key is known here."""

    seed: bytes
    chain: Chain

    @property
    def org(self) -> str:
        """Its id, as people write it."""
        return org_text(self.chain.org)


def authors(count: int) -> list[Author]:
    """The same for the same count, others for another."""
    return [_author(number, count) for number in range(count)]


def _author(number: int, count: int) -> Author:
    seed = sha256(b"bench author %d of %d" % (number, count)).digest()
    genesis = make_genesis(
        name=f"Association {number}",
        created=BEGAN,
        nonce=seed[:16],
        operating=public_of(seed),
        roots=[public_of(sha256(b"root" + seed).digest())],
        sealing=sealing_public_of(sha256(b"sealing" + seed).digest()),
    )
    return Author(seed, Chain(genesis))


def accept(home: Path, known: Sequence[Author]) -> None:
    """A person here accepted all of these, whoever they are."""
    store = open_store(_url(home))
    with store.ledger.transaction():
        for author in known:
            store.ledger.put_stance(author.chain.org, Stance(accepted=True))
    store.close()


def fill(home: Path, known: Sequence[Author], records: int, *, seed: int = 1) -> None:
    """Put so many more records of these into the store of a home, equally many of each."""
    store = open_store(_url(home))
    written, size = bodies(records, seed), -(-records // len(known))
    for author, share in _shares(known, records, size):
        for first in range(0, share, ENTRIES_A_TURN):
            some = list(islice(written, min(ENTRIES_A_TURN, share - first)))
            with store.ledger.transaction():
                store.ledger.put_chain(author.chain)
                _publish(store.ledger, author, some)
                while store.ledger.project_some(ENTRIES_A_TURN):
                    pass
    store.close()


def _shares(known: Sequence[Author], records: int, size: int) -> Iterator[tuple[Author, int]]:
    for number, author in enumerate(known):
        share = min(size, records - number * size)
        if share > 0:
            yield author, share


def _publish(ledger: StoreLedger, author: Author, written: Sequence[dict[str, Any]]) -> None:
    """One turn of this organisation's: entries, tree, head."""
    org = author.chain.org
    log = log_id(org, PUBLIC)
    tree = ledger.frontier(log)
    held = ledger.log(log)
    time = BEGAN if held is None or held.head is None else held.head.time + 1
    entries = [
        make_entry("resource", body, time, sha256(b"%d" % at + author.seed).digest()[:16])
        for at, body in enumerate(written, tree.size)
    ]
    leaves = [leaf_hash(entry.header) for entry in entries]
    rows = [(entry.header, entry.salt, entry.body) for entry in entries]
    ledger.append(org, PUBLIC, tree.size, rows, leaves)
    tree.extend(leaves)
    ledger.commit(signed_head(author, tree, time), tree)


def signed_head(author: Author, tree: Compact, time: int) -> Head:
    """What it signs over a tree."""
    return sign_head(
        author.chain.org,
        PUBLIC,
        epoch=0,
        base=0,
        size=tree.size,
        root=tree.root(),
        time=time,
        sign=lambda message: sign(author.seed, message),
    )


def _url(home: Path) -> str:
    return f"sqlite:{home / 'records.sqlite'}"
