"""What state our keys are in, as a person may see it: nothing here is secret."""

from __future__ import annotations

import msgspec

from mutunode import keyfile
from mutunode.protocol.identity import Chain, Rival
from mutunode.protocol.ids import key_text, log_text, org_text, root_text
from mutunode.service.desk import Desk, words_of
from mutunode.service.errors import Exit, Refusal

PASSPHRASE_BYTES_MAX = 1_024  # a sentence, not a book


class Root(msgspec.Struct, frozen=True):
    """A key that may open the next epoch."""

    key: str
    place: int  # 1: before all others
    since_epoch: int


class EpochLine(msgspec.Struct, frozen=True):
    """One epoch that was opened."""

    epoch: int
    reason: str
    base: int
    operating: str
    check_words: dict[str, str]  # of that key, to compare by voice
    opened_by: str  # the root key that signed it
    place: int  # of that root among those in force before, from 1
    seen_at: int  # Unix seconds it was first held here


class RivalLine(msgspec.Struct, frozen=True):
    """An op that is not in the chain."""

    epoch: int
    standing: str  # "lost" | "tied" | "late" | "asked" | "decided"
    reason: str
    base: int
    operating: str
    check_words: dict[str, str]  # of that key, to compare by voice
    place: int
    seen_at: int
    ops: int  # how many there are in this branch


class KeysShown(msgspec.Struct, frozen=True):
    """Answer of ``key show``."""

    org: str
    name: str
    log: str
    check_words: dict[str, str]
    epoch: int
    operating: str  # what others verify with
    key_words: dict[str, str]  # of that key, to compare by voice
    operating_here: str  # the key of this machine
    words_here: dict[str, str]  # of that key
    current: bool  # both are the same, and nobody disputes it
    disputed: bool
    roots: tuple[Root, ...]
    sealing_epochs: tuple[int, ...]  # of which this machine opens what was sealed
    wrapped: bool  # a passphrase guards the key file
    epochs: tuple[EpochLine, ...]  # newest first
    rivals: tuple[RivalLine, ...]


def show(desk: Desk) -> KeysShown:
    """Public facts of our identity and of the keys of this machine."""
    me = desk.reader.organisation(desk.org)
    chain = me.chain if me is not None and me.chain is not None else desk.safe.chain
    keys = desk.safe.keys
    return KeysShown(
        org=org_text(desk.org),
        name=desk.name_of(desk.org, me),
        log=log_text(desk.own_log),
        check_words=words_of(desk.org),
        epoch=chain.epoch,
        operating=key_text(chain.operating),
        key_words=words_of(chain.operating),
        operating_here=key_text(keys.operating_public),
        words_here=words_of(keys.operating_public),
        current=chain.operating == keys.operating_public and not chain.disputed,
        disputed=chain.disputed,
        roots=_roots(chain),
        sealing_epochs=tuple(sorted(keys.sealing)),
        wrapped=desk.safe.needs_passphrase,
        epochs=epoch_lines(chain),
        rivals=tuple(rival_line(rival) for rival in chain.rivals),
    )


def _roots(chain: Chain) -> tuple[Root, ...]:
    def since(root: bytes) -> int:
        epoch = chain.epoch
        while epoch and root in chain.roots_before(epoch):
            epoch -= 1
        return epoch

    return tuple(Root(root_text(root), place, since(root)) for place, root in enumerate(chain.roots, 1))


def epoch_lines(chain: Chain) -> tuple[EpochLine, ...]:
    """The epochs of an organisation after its first, newest first."""
    return tuple(
        EpochLine(
            epoch=signed.op.epoch,
            reason=signed.op.reason,
            base=signed.op.base.size,
            operating=key_text(signed.op.operating),
            check_words=words_of(signed.op.operating),
            opened_by=root_text(chain.roots_before(signed.op.epoch)[signed.place]),
            place=signed.place + 1,
            seen_at=signed.held_since,
        )
        for signed in reversed(chain.ops)
    )


def rival_line(rival: Rival) -> RivalLine:
    """One rival, for people."""
    first = rival.ops[0]
    return RivalLine(
        epoch=rival.epoch,
        standing=str(rival.standing),
        reason=first.op.reason,
        base=first.op.base.size,
        operating=key_text(rival.ops[-1].op.operating),
        check_words=words_of(rival.ops[-1].op.operating),
        place=first.place + 1,
        seen_at=first.held_since,
        ops=len(rival.ops),
    )


class Guarded(msgspec.Struct, frozen=True):
    """Answer of ``key passphrase``."""

    wrapped: bool


def change_passphrase(desk: Desk, old: str, new: str) -> Guarded:
    """Guard the key file by another passphrase; by none when ``new`` is empty.

    Raises:
        Refusal: ``old`` is missing or wrong (4), ``new`` is no passphrase (2).
    """
    if len(new.encode("utf-8", "replace")) > PASSPHRASE_BYTES_MAX or "\0" in new:
        raise Refusal(
            "passphrase",
            Exit.USAGE,
            f"Un mot de passe de {PASSPHRASE_BYTES_MAX} octets au plus est attendu.",
            f"A passphrase of at most {PASSPHRASE_BYTES_MAX} bytes is expected.",
        )
    try:
        # in the writer's thread, which alone writes the key file
        desk.act(lambda turn: desk.safe.rewrap(old, new))
    except keyfile.PassphraseNeeded:
        raise Refusal(
            "passphrase_needed",
            Exit.REFUSED,
            "Les clés sont protégées : donnez d’abord le mot de passe actuel.",
            "The keys are guarded: first give the passphrase they have now.",
        ) from None
    except keyfile.PassphraseWrong:
        raise Refusal(
            "passphrase_wrong",
            Exit.REFUSED,
            "Ce n’est pas le mot de passe actuel des clés. Rien n’a été changé.",
            "This is not the passphrase that the keys have now. Nothing was changed.",
        ) from None
    return Guarded(bool(new))
