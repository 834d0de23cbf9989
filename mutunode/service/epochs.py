"""Opening an epoch: a new operating key, and the register goes on from where a person says (PROTOCOL §2).

One act for everything that calls for it: the key is changed as a precaution, a thief has it, a copy of this
machine signed a second register. The phrase signs the op here and is forgotten; others hear of it as soon as
they meet us.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import msgspec

from mutunode.protocol.core import Me
from mutunode.protocol.effects import Effect
from mutunode.protocol.head import PUBLIC, log_id
from mutunode.protocol.identity import Chain
from mutunode.protocol.ids import key_text, org_text, rec_text, root_text
from mutunode.protocol.limits import NAME_BYTES_MAX, SEED_BYTES
from mutunode.protocol.node import Node
from mutunode.protocol.rivals import before_later_root, joined
from mutunode.service import naming, phrases
from mutunode.service.desk import Desk
from mutunode.service.errors import Exit, Refusal, Trouble
from mutunode.service.phrases import Phrase
from mutunode.service.succession import agreed, next_keys, signed
from mutunode.turns import NotSigned, Turn

DROPPED_SHOWN_MAX = 50
PARTED_SECONDS_MAX, PARTED_STEP_SECONDS = 3.0, 0.1  # who is linked has shown it within one
# Why nothing is signed, where a new epoch is no way out unless a person says how much it keeps.
NEEDS_A_BASE = frozenset({"asking", "behind", "stale", "unfinished"})
NO_WAY_OUT = frozenset({"full", "unmarked"})


class Dropped(msgspec.Struct, frozen=True):
    """A record that the new epoch leaves out."""

    id: str
    index: int
    kind: str
    title: str


class Epoch(msgspec.Struct, frozen=True):
    """Answer of ``epoch open`` and ``key rotate``."""

    org: str
    epoch: int
    reason: str
    base: int  # entries of the public register that stay
    size: int  # entries it had
    dropped: int
    dropped_records: tuple[Dropped, ...]  # at most 50
    operating: str  # the new public key; empty in a trial run
    roots: tuple[str, ...]
    opened: bool  # false: a trial run
    lacking: int = 0  # entries that the last new start keeps and that are not here, so that they leave


def foresee(desk: Desk) -> Epoch:
    """What opening an epoch now would keep and drop; for pages, which show it before anybody types a phrase.

    Where the last one keeps what is not here: with all that is. A person says whether nobody has the rest.

    Raises:
        Refusal: the store is not the one to go on from (8).
    """
    here = desk.act(lambda turn: turn.size()) if desk.turns.sight.reason == "unfinished" else None
    return open_epoch(desk, None, reason="", base=here, dry_run=True)


def open_epoch(
    desk: Desk,
    given: Phrase | None,
    *,
    reason: str,
    base: int | None = None,
    roots: Sequence[bytes] | None = None,
    undo: bool = False,
    dry_run: bool = False,
) -> Epoch:
    """Open the next epoch of our organisation with its phrase.

    ``undo``: in the place of what a later root key opened within thirty days, instead of after it.

    Raises:
        Refusal: not our phrase (4), no such base (2), or the store is not the one to go on from (8).
    """
    _check_reason(reason)
    operating = desk.random(SEED_BYTES)
    parted = _where_parted(desk) if base is None and desk.turns.sight.reason == "fork" else None

    def job(turn: Turn) -> Epoch:
        held = turn.ledger.chain(desk.org)
        assert held is not None, "our own chain is held from the start"
        chain = _before_later_root(held, given, int(turn.now)) if undo and given is not None else held
        if given is not None:
            _check_phrase(desk, turn, chain, given)
        size, keep = _sizes(turn, chain, base, parted)
        if undo and base is None:
            keep = _ours_before(turn, held, chain.epoch + 1, keep)
        told = _told(desk, chain, reason, roots, size, keep)
        told = msgspec.structs.replace(told, lacking=_lacking(turn, chain, size))
        if dry_run or given is None:
            return told
        keys = next_keys(chain, given, operating, desk.safe.keys.sealing)
        opened = joined(held, signed(turn, chain, given, keys, keep, reason, roots))
        me = Me(desk.org, keys.operating_public, keys.sign)
        turn.open_epoch(opened, me, lambda: desk.safe.replace_keys(opened, keys))
        return msgspec.structs.replace(told, operating=key_text(keys.operating_public), opened=True)

    before = desk.safe.chain
    try:
        return desk.act(job)
    except Refusal as refused:
        if desk.safe.chain != before:
            raise _open_but_unwritten(refused) from None
        raise


def _told(
    desk: Desk, chain: Chain, reason: str, roots: Sequence[bytes] | None, size: int, keep: int
) -> Epoch:
    """What will be, or would be."""
    return Epoch(
        org=org_text(desk.org),
        epoch=chain.epoch + 1,
        reason=reason,
        base=keep,
        size=size,
        dropped=size - keep,
        dropped_records=_dropped(desk, keep, size),
        operating="",
        roots=tuple(root_text(root) for root in roots or chain.roots),
        opened=False,
    )


def _before_later_root(chain: Chain, given: Phrase, now: int) -> Chain:
    """What our op goes on from, so that it takes the place of the one a later root signed."""
    before = before_later_root(chain, given.root, now)
    if before is None:
        raise Refusal(
            "nothing_to_undo",
            Exit.REFUSED,
            "Aucune reprise des trente derniers jours n’a été signée par une clé de rang inférieur à celle "
            "de cette phrase : il n’y a rien à défaire.",
            "No new start of the last thirty days was signed by a key that comes after this phrase's: there "
            "is nothing to undo.",
        )
    return before


def _ours_before(turn: Turn, chain: Chain, epoch: int, keep: int) -> int:
    """What is held may be of the branch that is undone: then only what that one kept is surely ours."""
    held = turn.ledger.log(log_id(chain.org, PUBLIC))
    is_theirs = held is not None and held.head is not None and held.head.epoch >= epoch
    return min(keep, chain.base(epoch)) if is_theirs else keep


def _open_but_unwritten(refused: Refusal) -> Refusal:
    return Refusal(
        "epoch_unwritten",
        refused.exit,
        f"La clé neuve est en place et l’ancienne ne signe plus. {refused.fr} "
        "Le nœud finit de lui-même dès qu’il le peut : ne recommencez pas.",
        f"The new key is in place and the old one signs no more. {refused.en} "
        "The node finishes by itself as soon as it can: do not start again.",
    )


def _check_reason(reason: str) -> None:
    if len(reason.encode("utf-8", "replace")) > NAME_BYTES_MAX or "\0" in reason:
        trouble = Trouble(
            "reason",
            f"La raison est trop longue : {NAME_BYTES_MAX} octets au plus, et tout le monde la lira.",
            f"The reason is too long: {NAME_BYTES_MAX} bytes at most, and everybody will read it.",
        )
        raise Refusal("usage", Exit.USAGE, trouble.fr, trouble.en, (trouble,))


def _check_phrase(desk: Desk, turn: Turn, chain: Chain, given: Phrase) -> None:
    owner = turn.ledger.org_of_root(given.root)
    name = desk.name_of(owner) if owner is not None and owner != desk.org else ""
    phrases.must_be_of(chain, given, desk.name_of(desk.org), name)
    if chain.disputed:
        raise Refusal(
            "disputed",
            Exit.CONFLICT,
            "Deux reprises du registre se disputent votre organisation : choisissez d’abord laquelle suivre, "
            "avec « mutunode peer follow », puis recommencez.",
            "Two new starts of the register dispute your organisation: first choose which one to follow, "
            "with `mutunode peer follow`, then try again.",
        )


def _sizes(turn: Turn, chain: Chain, base: int | None, parted: int | None) -> tuple[int, int]:
    """How many entries the public register has here, and how many stay."""
    held = turn.ledger.log(log_id(chain.org, PUBLIC))
    size = held.size if held is not None else 0
    if turn.closed in NO_WAY_OUT or (base is None and turn.closed in NEEDS_A_BASE):
        raise NotSigned(turn.closed)
    if base is None:
        return size, size if held is None else agreed(turn, chain, held, parted)
    if not 0 <= base <= size:
        trouble = Trouble(
            "base",
            f"Le registre a {size} entrées ici : on en garde de 0 à {size}.",
            f"The register has {size} entries here: from 0 to {size} can be kept.",
        )
        raise Refusal("usage", Exit.USAGE, trouble.fr, trouble.en, (trouble,))
    return size, base


def _lacking(turn: Turn, chain: Chain, size: int) -> int:
    """How many entries that the last new start keeps are not here; one, where ours are others."""
    if not chain.epoch:
        return 0
    base = chain.op(chain.epoch).op.base
    is_here = base.size <= size and turn.ledger.root_at(log_id(chain.org, PUBLIC), base.size) == base.root
    return 0 if is_here else max(1, base.size - size)


def _where_parted(desk: Desk) -> int | None:
    """What peers were seen to hold of our register instead of ours; they are given a moment to show it."""
    found: list[int] = []

    def look(node: Node, now: float) -> list[Effect]:
        index = node.parted(desk.own_log)
        found.extend([] if index is None else [index])
        return []

    until = time.monotonic() + PARTED_SECONDS_MAX
    while not found and time.monotonic() < until:
        desk.act(lambda turn: turn.tell(look))
        time.sleep(PARTED_STEP_SECONDS)
    return found[0] if found else None


def _dropped(desk: Desk, keep: int, size: int) -> tuple[Dropped, ...]:
    found = []
    for index in range(keep, min(size, keep + DROPPED_SHOWN_MAX)):
        stored = desk.reader.at(desk.own_log, index)
        if stored is not None:
            title = naming.title_of(desk, stored, desk.language)[0]
            found.append(Dropped(rec_text(stored.rec), index, stored.kind, title))
    return tuple(found)
