"""A proof of one record for somebody outside, with as many witnesses as can be had now.

Peers that hold the register as we do are asked to sign that they do. What is handed out was read back
first, by the same code that its reader will run.
"""

from __future__ import annotations

import queue
import time

import msgspec

from mutunode.protocol import proof
from mutunode.protocol.effects import Effect
from mutunode.protocol.head import PUBLIC, Head, cosign
from mutunode.protocol.ids import org_text, rec_text
from mutunode.protocol.limits import FRAME_BYTES_MAX
from mutunode.protocol.merkle import leaf_hash
from mutunode.protocol.node import Node
from mutunode.service import lookup
from mutunode.service.desk import Desk
from mutunode.service.errors import Exit, Refusal
from mutunode.service.params import Emit
from mutunode.service.verifying import Witnessed, witnessed
from mutunode.store.interface import Stored
from mutunode.turns import Turn

ANSWER_SECONDS_MAX = 5.0  # for a signature over what is held anyway
ROUND_SECONDS = 1.0  # between two rounds, when more witnesses are wanted than could be had
TIMEOUT_SECONDS_MAX = 3_600.0

Answers = queue.SimpleQueue[proof.Witness | None]


class Proved(msgspec.Struct, frozen=True):
    """Answer of ``prove``; ``proof`` is the file."""

    id: str
    org: str
    proof: str
    seen_by: int
    seen_at: int  # Unix seconds of the earliest witness, 0 without one
    witnesses: tuple[Witnessed, ...]


def prove(desk: Desk, text: str, witnesses: int, timeout: float, emit: Emit) -> Proved:
    """A proof of a record with at least ``witnesses`` witnesses, if they come within ``timeout`` seconds.

    Raises:
        Refusal: the record cannot be proved, or (``NOT_REPLICATED``) too few organisations hold it yet.
    """
    if witnesses < 0 or not 0 <= timeout <= TIMEOUT_SECONDS_MAX:
        raise Refusal(
            "usage",
            Exit.USAGE,
            "« witnesses » est un nombre d’organisations, « timeout » des secondes, une heure au plus.",
            "`witnesses` is a number of organisations, `timeout` seconds, an hour at most.",
        )
    stored = lookup.record(desk, text)
    _check(stored)
    end = time.monotonic() + timeout
    while True:
        made = _try(desk, stored)
        if len(made.witnesses) >= witnesses:
            return _answer(made)
        if time.monotonic() >= end:
            raise _too_few(len(made.witnesses), witnesses)
        emit({"progress": {"done": len(made.witnesses), "total": witnesses}})
        time.sleep(ROUND_SECONDS)


def _answer(made: proof.Proof) -> Proved:
    try:
        raw = proof.write(made)
        read = proof.read(raw)
    except ValueError as error:
        raise Refusal(
            "too_large",
            Exit.REFUSED,
            f"Cette preuve ne tient pas dans un fichier ({error}).",
            f"This proof does not fit a file ({error}).",
        ) from None
    except proof.Doubt as doubt:
        raise Refusal(
            "not_verified",
            Exit.NOT_VERIFIED,
            f"Ce que ce nœud détient ne correspond pas à ce qui a été signé ({doubt}) : "
            "voyez « mutunode log verify ».",
            f"What this node holds is not what was signed ({doubt}): see `mutunode log verify`.",
        ) from None
    return Proved(
        id=rec_text(made.rec),
        org=org_text(made.head.org),
        proof=raw.decode(),
        seen_by=len(read.witnesses),
        seen_at=read.seen_at or 0,
        witnesses=witnessed(read),
    )


# --- what can be proved -----------------------------------------------------------------------------
def _check(stored: Stored) -> None:
    if stored.space != PUBLIC:
        raise Refusal(
            "not_public",
            Exit.REFUSED,
            "Cette fiche n’est pas publique : la prouver au dehors la montrerait.",
            "This record is not public: proving it to outsiders would show it to them.",
        )
    if stored.state == "erased":
        raise Refusal(
            "erased",
            Exit.NOT_FOUND,
            "Son auteur a effacé le contenu de cette fiche : il n’y a plus rien à montrer. Le registre "
            "prouve toujours qu’elle s’y trouvait (« mutunode log verify ») ; une preuve écrite avant reste "
            "valable.",
            "Its author erased the content of this record: there is nothing left to show. The register still "
            "proves that it stood there (`mutunode log verify`); a proof written before still holds.",
        )
    if stored.body is None or stored.state == "missing":
        raise Refusal(
            "no_content",
            Exit.NOT_FOUND,
            "Le contenu de cette fiche n’est pas encore ici : il n’y a rien à montrer pour l’instant.",
            "The content of this record is not here yet: there is nothing to show so far.",
        )
    if stored.retracted_by is not None:
        raise Refusal(
            "retracted",
            Exit.REFUSED,
            f"Son auteur a rouvert son registre sans cette fiche (époque {stored.retracted_by}) : "
            "aucune page signée ne la contient plus.",
            f"Its author reopened its register without this record (epoch {stored.retracted_by}): "
            "no signed page holds it any more.",
        )
    if stored.contested:
        raise Refusal(
            "contested",
            Exit.CONFLICT,
            "Son auteur a signé deux registres qui se contredisent à cet endroit : une preuve tromperait.",
            "Its author signed two registers that contradict each other here: a proof would mislead.",
        )


def _too_few(found: int, wanted: int) -> Refusal:
    return Refusal(
        "not_replicated",
        Exit.NOT_REPLICATED,
        f"{found} organisation(s) sur {wanted} ont pu attester pour l’instant. "
        "Recommencez quand elles seront en liaison, ou demandez moins de témoins.",
        f"{found} of {wanted} organisation(s) could witness so far. "
        "Try again when they are connected, or ask for fewer witnesses.",
    )


# --- one round --------------------------------------------------------------------------------------
def _try(desk: Desk, stored: Stored) -> proof.Proof:
    """A proof under the newest head, with the witnesses who answer in time."""
    answers: Answers = queue.SimpleQueue()
    asked: list[int] = []

    def job(turn: Turn) -> proof.Proof:
        made = _alone(turn, stored)

        def ask(node: Node, now: float) -> list[Effect]:
            count, effects = node.ask_witnesses(made.head, answers.put, now)
            asked.append(count)
            return effects

        turn.tell(ask)
        return made

    made = desk.act(job)
    found = _collect(answers, sum(asked))
    return msgspec.structs.replace(made, witnesses=(*made.witnesses, *found))


def _alone(turn: Turn, stored: Stored) -> proof.Proof:
    """What our own store can say; of somebody else's register, we are a witness ourselves."""
    ledger, log = turn.ledger, stored.log
    held, chain = ledger.log(log), ledger.chain(stored.org)
    if held is None or chain is None or stored.index >= held.size:
        raise lookup.not_found(rec_text(stored.rec))
    if held.head is None:
        raise lookup.no_head()
    ((header, salt, body),) = ledger.entries(log, stored.index, stored.index + 1, True, FRAME_BYTES_MAX)
    if leaf_hash(header) != stored.leaf:  # reopened since it was looked up
        raise lookup.not_found(rec_text(stored.rec))
    path = tuple(ledger.proof(log, held.size, stored.index))
    ours = () if stored.org == turn.me.org else _ourselves(turn, held.head)
    return proof.Proof(
        proof.up_to(chain, held.head.epoch), held.head, stored.index, path, header, salt, body, ours
    )


def _ourselves(turn: Turn, head: Head) -> tuple[proof.Witness, ...]:
    chain = turn.ledger.chain(turn.me.org)
    if chain is None:
        return ()
    cosignature = cosign(head, turn.me.org, chain.epoch, int(turn.now), turn.me.sign)
    return (proof.Witness(proof.up_to(chain, chain.epoch), cosignature),)


def _collect(answers: Answers, asked: int) -> list[proof.Witness]:
    """The answers that come in time, one an organisation."""
    found: dict[bytes, proof.Witness] = {}
    end = time.monotonic() + ANSWER_SECONDS_MAX
    for _ in range(asked):
        try:
            witness = answers.get(timeout=max(0.0, end - time.monotonic()))
        except queue.Empty:
            break
        if witness is not None:
            found[witness.chain.org] = witness
    return list(found.values())
