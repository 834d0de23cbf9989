"""Two registers of one organisation, proven: written to a file that anybody can check, and checked.

The file accuses nobody of anything but of two signatures. Most often two computers used one copy.
"""

from __future__ import annotations

import msgspec

from mutunode.commons.words import LangMap
from mutunode.protocol import forkfile
from mutunode.protocol.errors import MutunodeError
from mutunode.protocol.head import PUBLIC, log_id
from mutunode.protocol.ids import log_text, org_text
from mutunode.protocol.phrase import check_words
from mutunode.service import lookup
from mutunode.service.desk import Desk
from mutunode.service.errors import Exit, Refusal
from mutunode.turns import Turn


class ForkTold(msgspec.Struct, frozen=True):
    """What such a file proves."""

    org: str
    org_name: str  # as it was born
    check_words: LangMap
    log: str
    epoch: int
    way: str  # sizes | leaves | bases
    sizes: tuple[int, int]
    signed_at: tuple[int, int]  # the author's claims
    first_index: int  # the first entry that is contested


class ForkProved(msgspec.Struct, frozen=True):
    """Answer of ``prove --fork``; ``proof`` is the file."""

    org: str
    proof: str
    fork: ForkTold


def prove(desk: Desk, text: str) -> ForkProved:
    """The evidence held against an organisation, the newest.

    Raises:
        Refusal: none is held.
    """
    org = lookup.organisation(desk, text)

    def evidence(turn: Turn) -> bytes | None:
        chain = turn.ledger.chain(org)
        for epoch in range(chain.epoch if chain is not None else 0, -1, -1):
            frame = turn.ledger.evidence(log_id(org, PUBLIC), epoch)
            if frame is not None and chain is not None:
                return forkfile.write(frame, chain)
        return None

    raw = desk.turns.act(evidence).result()
    if raw is None:
        name = desk.name_of(org)
        raise Refusal(
            "no_fork",
            Exit.NOT_FOUND,
            f"Rien ici ne montre deux registres de {name}.",
            f"Nothing here shows two registers of {name}.",
        )
    return ForkProved(org_text(org), raw.decode("ascii"), told(forkfile.read(raw)))


def verify(raw: bytes) -> ForkTold:
    """Check such a file.

    Raises:
        Refusal: ``NOT_VERIFIED``, naming what does not hold.
    """
    try:
        return told(forkfile.read(raw))
    except MutunodeError as error:
        raise Refusal(
            "not_verified_fork",
            Exit.NOT_VERIFIED,
            f"NON VÉRIFIÉ. Ce fichier ne montre pas deux registres d’une organisation ({error}).",
            f"NOT VERIFIED. This file does not show two registers of one organisation ({error}).",
        ) from None


def told(found: forkfile.ForkProof) -> ForkTold:
    """In plain figures."""
    one, other = found.heads
    org = found.chain.org
    return ForkTold(
        org=org_text(org),
        org_name=found.chain.name,
        check_words={language: " ".join(check_words(org, language)) for language in ("fr", "en")},
        log=log_text(one.log),
        epoch=one.epoch,
        way=found.way,
        sizes=(one.size, other.size),
        signed_at=(one.time, other.time),
        first_index=found.first_index,
    )
