"""News by USB key, inwards (PROTOCOL §9): take from a file of frames what we listen to.

Two offices that never share a network converge by carrying such a file both ways. It may come from anybody:
what is in it is checked by the core as from any peer, and what does not hold costs the file, never the
registers held.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable

import msgspec

from mutunode.commons.words import Words
from mutunode.protocol.effects import Effect
from mutunode.protocol.head import PUBLIC, Head
from mutunode.protocol.ids import org_text
from mutunode.protocol.limits import HEADS_PER_FRAME_MAX
from mutunode.protocol.node import Node
from mutunode.service import disk
from mutunode.service.courier import QUIET_SECONDS, Courier, Dismissed
from mutunode.service.desk import Desk
from mutunode.service.errors import Exit, Refusal, Trouble
from mutunode.service.files.carried import Taker
from mutunode.service.framefile import NotFrames
from mutunode.service.params import Emit
from mutunode.service.parcel import Parcel
from mutunode.service.readonly import files_fail
from mutunode.store.blobs import BlobError
from mutunode.store.interface import Organisation

STEP_SECONDS = 0.25
INTEREST_SECONDS = 1.5  # vouches that came may widen what is wanted: the core looks once a second
TROUBLES_TOLD_MAX = 20


class Read(msgspec.Struct, frozen=True):
    """Answer of ``sync --from``."""

    path: str
    registers: int  # in the file
    taken: int  # that brought something new
    known: int  # of which we held as much or more
    not_followed: int  # of organisations that nobody here accepted or vouched for
    files: int = 0  # files of records held here that came with it


def read_from(desk: Desk, path: str, emit: Emit) -> Read:
    """Take from a file what we listen to, through the core.

    Raises:
        Refusal: ``NOT_VERIFIED`` when something in it does not hold; what did hold is kept.
    """
    source = disk.absolute(path)
    try:
        with source.open("rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise Refusal(
                    "not_a_file", Exit.USAGE, f"{path} n’est pas un fichier.", f"{path} is not a file."
                )
            total = status.st_size
            parcel = Parcel(
                file, desk.random(8), lambda at: emit({"progress": {"done": at // 2, "total": total}})
            )
            before = _held(desk)
            parcel.leave_out({head.log for head in parcel.offered if _holds(before, head)})
            dismissed = _deliver(desk, parcel, total, emit)
            files = _take_files(desk, parcel)
            answer = _outcome(desk, parcel, path, before, dismissed)
            return msgspec.structs.replace(answer, files=files)
    except OSError as error:
        raise disk.refusal(path, error) from None
    except NotFrames:
        raise Refusal(
            "not_frames",
            Exit.NOT_VERIFIED,
            f"{path} n’a pas été écrit par « mutunode sync --to ».",
            f"{path} was not written by `mutunode sync --to`.",
        ) from None


def _take_files(desk: Desk, parcel: Parcel) -> int:
    """Chunks of files, each checked by its proof, once the records that cite them are there."""
    if not parcel.chunks:
        return 0
    taker = Taker(desk)
    taker.wait_for_records()
    try:
        for data in parcel.data():
            taker.take(data)
    except BlobError as error:
        fr, en = "Les fichiers de la clé n’ont pas tous été gardés", "Not all files of the key were kept"
        raise files_fail(error, fr, en) from None
    finally:
        taker.close()
    return taker.taken


def _deliver(desk: Desk, parcel: Parcel, total: int, emit: Emit) -> str:
    """Have the core ask the file for whatever it wants; why it stopped early, empty when it did not."""
    courier = Courier(desk.couriers, desk.turns, parcel.answer, desk.random, desk.now())

    def told() -> None:
        emit({"progress": {"done": (total + min(courier.said_bytes, total)) // 2, "total": total}})

    try:
        courier.begin()
        _serve(desk, courier, parcel.page(0).cursor, told)
        for start in range(HEADS_PER_FRAME_MAX, len(parcel.offered), HEADS_PER_FRAME_MAX):
            page = parcel.page(start)  # SINCE gave the first one
            courier.push(page)
            _serve(desk, courier, page.cursor, told)
    except Dismissed as dismissed:
        return str(dismissed)
    finally:
        courier.end()
    return ""


def _serve(desk: Desk, courier: Courier, cursor: int, told: Callable[[], None]) -> None:
    """Answer until the core has settled every head up to a cursor and wants nothing more."""
    heard = time.monotonic()
    while True:
        if desk.is_stopping.is_set():
            raise Dismissed("it stops")
        if courier.serve(STEP_SECONDS):
            heard = time.monotonic()
            told()
            continue
        quiet = time.monotonic() - heard
        if quiet > QUIET_SECONDS or (quiet > INTEREST_SECONDS and _is_settled(desk, courier, cursor)):
            return


def _is_settled(desk: Desk, courier: Courier, cursor: int) -> bool:
    """The core keeps a cursor once everything up to it is committed or refused (PROTOCOL §4, SINCE)."""
    kept = desk.act(lambda turn: turn.ledger.cursor(courier.org))
    return kept is not None and kept[1] >= cursor


# --- what came of it --------------------------------------------------------------------------------
def _held(desk: Desk) -> dict[bytes, Organisation]:
    return {each.org: each for each in desk.reader.organisations()}


def _outcome(
    desk: Desk, parcel: Parcel, path: str, before: dict[bytes, Organisation], dismissed: str
) -> Read:
    after = _held(desk)
    heads = list(parcel.heads.values())
    known = [head for head in heads if _holds(before, head)]
    taken = [head for head in heads if not _holds(before, head) and _holds(after, head)]
    left = [head for head in heads if not _holds(after, head)]
    strangers = _not_followed(desk, {head.org for head in left})
    refused = [head for head in left if head.org not in strangers and head.space == PUBLIC]
    answer = Read(path, len(heads), len(taken), len(known), len(left) - len(refused))
    troubles = [*_damages(parcel), *_dismissal(dismissed), *(_why(desk, head, after) for head in refused)]
    if troubles:
        raise _not_verified(answer, troubles)
    return answer


def _holds(held: dict[bytes, Organisation], head: Head) -> bool:
    found = held.get(head.org)
    if found is None or found.head is None or head.space != PUBLIC:
        return False
    return found.head.order >= head.order


def _not_followed(desk: Desk, orgs: set[bytes]) -> set[bytes]:
    found: set[bytes] = set()

    def look(node: Node, now: float) -> list[Effect]:
        found.update(org for org in orgs if node.distance(org) is None and org != desk.org)
        return []

    desk.act(lambda turn: turn.tell(look))
    return found


def _damages(parcel: Parcel) -> list[Trouble]:
    return [
        Trouble("file", f"octet {each.at} : {each.what.fr}.", f"byte {each.at}: {each.what.en}.")
        for each in parcel.damages
    ]


def _dismissal(reason: str) -> list[Trouble]:
    if not reason:
        return []
    return [
        Trouble("file", f"Lecture arrêtée par le nœud : {reason}.", f"The node stopped reading: {reason}.")
    ]


def _why(desk: Desk, head: Head, held: dict[bytes, Organisation]) -> Trouble:
    """Why nothing came of a register that we follow."""
    found = held.get(head.org)
    why = Words(
        "ce que le fichier en contient n’est pas ce que son auteur a signé, ou n’est pas entier",
        "what the file holds of it is not what its author signed, or not all of it",
    )
    if found is not None and (found.frozen or found.evidence):
        why = Words("son auteur a signé deux registres contradictoires", "its author signed two registers")
    elif found is not None and found.broken_at is not None:
        why = Words("il est illisible à partir d’une de ses entrées", "one of its entries cannot be read")
    name = desk.name_of(head.org)
    return Trouble(org_text(head.org), f"{name} : {why.fr}.", f"{name}: {why.en}.")


def _not_verified(answer: Read, troubles: list[Trouble]) -> Refusal:
    more = len(troubles) - TROUBLES_TOLD_MAX
    return Refusal(
        "not_verified",
        Exit.NOT_VERIFIED,
        f"{answer.taken} registre(s) reçus, {answer.known} déjà ici, {len(troubles)} défaut(s)"
        + (f", dont {TROUBLES_TOLD_MAX} ci-dessous." if more > 0 else "."),
        f"{answer.taken} register(s) taken, {answer.known} here already, {len(troubles)} fault(s)"
        + (f", {TROUBLES_TOLD_MAX} of them below." if more > 0 else "."),
        tuple(troubles[:TROUBLES_TOLD_MAX]),
    )
