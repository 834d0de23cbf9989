"""A second recovery key with a friend: for the day when phrase and computer are both lost.

The friend's key for us grows from the friend's own phrase and our id, so that nothing new has to be kept: not
here, not there. It stands last among our roots, so that whatever it signs can be undone with our phrase for
thirty days. On the day, we make a new phrase and ask; the friend signs the op that hands the organisation to
that phrase, and ``recover`` does the rest (docs/keys.md).
"""

from __future__ import annotations

from typing import Any

import msgspec

from mutunode.protocol import crypto, ids
from mutunode.protocol.errors import Malformed, MutunodeError
from mutunode.protocol.head import PUBLIC, log_id
from mutunode.protocol.identity import Base, Chain, make_op, sign_op
from mutunode.protocol.ids import key_text, org_text, root_text
from mutunode.protocol.limits import ROOTS_MAX
from mutunode.service import epochs, lookup, phrases, succession
from mutunode.service.desk import Desk, words_of
from mutunode.service.errors import Exit, Refusal, Trouble
from mutunode.service.phrases import Phrase
from mutunode.turns import Turn

SHAPE = "request/1"


class RootKey(msgspec.Struct, frozen=True):
    """Answer of ``key root``: what a friend gives to who wants to entrust a key to it."""

    root: str
    org: str  # whom it would be for
    keeper: str  # who keeps it


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked of the friend on the day; nothing in it is secret."""

    mutunode: str
    org: str
    root: str
    operating: str
    sealing: str  # hexadecimal


class Handed(msgspec.Struct, frozen=True):
    """Answer of ``epoch open --with-entrusted``."""

    org: str
    name: str
    epoch: int
    base: int
    root: str
    operating: str


def key_for(desk: Desk, given: Phrase, text: str) -> RootKey:
    """The public root key that this organisation would keep for another one."""
    phrases.must_be_of(desk.safe.chain, given, desk.name_of(desk.org))
    org = lookup.organisation(desk, text, unknown=True)
    return RootKey(root_text(given.entrusted_root(org)), org_text(org), org_text(desk.org))


def entrust(desk: Desk, given: Phrase, text: str, *, reason: str, remove: bool) -> epochs.Epoch:
    """Open an epoch with a friend's key behind our own roots, or without it any more."""
    root = _root(text)
    held = desk.reader.organisation(desk.org)
    chain = held.chain if held is not None and held.chain is not None else desk.safe.chain
    others = [each for each in chain.roots if each != root]
    if remove and (len(others) == len(chain.roots) or given.root == root):
        raise _wrong("Cette clé n’est pas une clé confiée.", "This is not an entrusted key.")
    if not remove and len(others) >= ROOTS_MAX:
        raise _wrong(
            f"Pas plus de {ROOTS_MAX} clés de secours à la fois.", f"No more than {ROOTS_MAX} roots at once."
        )
    return epochs.open_epoch(desk, given, reason=reason, roots=others if remove else [*others, root])


def _root(text: str) -> bytes:
    try:
        return ids.parse(text, "root")
    except Malformed:
        raise _wrong(
            "Donnez la clé entière, comme votre partenaire la lit avec « mutunode key root » : root_…",
            "Give the whole key, as your partner reads it with `mutunode key root`: root_…",
        ) from None


def _wrong(fr: str, en: str) -> Refusal:
    return Refusal("usage", Exit.USAGE, fr, en, (Trouble("root", fr, en),))


def request(given: Phrase, org: str) -> Request:
    """What to give to the friend, for a new phrase."""
    sealing = crypto.sealing_public_of(given.sealing(0))
    return Request(SHAPE, org, root_text(given.root), key_text(given.handed), sealing.hex())


def words_of_request(asked: Request) -> dict[str, str]:
    """Six words that both sides compare by voice before anything is signed."""
    return words_of(ids.parse(asked.root, "root"))


def read_request(text: str) -> Request:
    """A request as it came.

    Raises:
        Refusal: it is none.
    """
    try:
        asked = msgspec.json.decode(text, type=Request)
        ids.parse(asked.org, "org")
        ids.parse(asked.root, "root")
        ids.parse(asked.operating, "key")
        bytes.fromhex(asked.sealing)
        if asked.mutunode == SHAPE:
            return asked
    except (msgspec.DecodeError, msgspec.ValidationError, MutunodeError, ValueError):
        pass
    fr = "Ce fichier n’est pas une demande écrite par « mutunode key request »."
    en = "This file is not a request written by `mutunode key request`."
    raise Refusal("not_a_request", Exit.NOT_VERIFIED, fr, en)


def hand_back(desk: Desk, given: Phrase, text: str, reason: str) -> Handed:
    """As the friend: sign the op that hands an organisation to a new phrase, and keep it to be shown.

    Raises:
        Refusal: not our phrase, or no key of ours stands among that organisation's roots (4).
    """
    phrases.must_be_of(desk.safe.chain, given, desk.name_of(desk.org))
    asked = read_request(text)
    org = lookup.organisation(desk, asked.org, unknown=False)
    name = desk.name_of(org)

    def job(turn: Turn) -> Handed:
        chain = turn.ledger.chain(org)
        if chain is None or given.entrusted_root(org) not in chain.roots:
            raise Refusal(
                "not_entrusted",
                Exit.REFUSED,
                f"« {name} » n’a pas de clé de secours confiée à votre organisation.",
                f"`{name}` has no recovery key entrusted to your organisation.",
            )
        handed = _signed(turn, chain, given, asked, reason)
        turn.ledger.put_chain(handed)
        turn.tell(lambda node, now: node.identity_changed(chain, now))  # the old key ends everywhere at once
        return Handed(
            org=org_text(org),
            name=name,
            epoch=handed.epoch,
            base=handed.base(handed.epoch),
            root=asked.root,
            operating=asked.operating,
        )

    return desk.act(job)


def _signed(turn: Turn, chain: Chain, given: Phrase, asked: Request, reason: str) -> Chain:
    log = log_id(chain.org, PUBLIC)
    held = turn.ledger.log(log)
    base = succession.agreed(turn, chain, held) if held is not None else 0
    try:
        op = make_op(
            chain,
            operating=ids.parse(asked.operating, "key"),
            roots=[ids.parse(asked.root, "root"), given.entrusted_root(chain.org)],
            sealing=bytes.fromhex(asked.sealing),
            base=Base(base, turn.ledger.root_at(log, base)),
            reason=reason,
        )
    except Malformed as error:
        fr, en = f"Cette demande ne peut pas être signée : {error}.", f"This cannot be signed: {error}."
        raise Refusal("bad_op", Exit.REFUSED, fr, en) from None
    return sign_op(chain, op, lambda message: given.sign_entrusted(chain.org, message), int(turn.now))


def as_json(asked: Request) -> dict[str, Any]:
    """A request as it is written."""
    written: dict[str, Any] = msgspec.to_builtins(asked)
    return written
