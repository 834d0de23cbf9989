"""``doctor --repair``: registers are made again what was signed, with what is left here and what others hold.

Headers that the disk has changed are asked from peers and taken when the signed tree says so; bodies that
are not their header's are dropped and asked for like any that is missing; what follows from both (kept
trees, projections, the search index) is made anew. Whatever nobody in reach holds stays missing, is shown
as such, and is had when somebody comes who holds it.
"""

from __future__ import annotations

import contextlib
import queue
import time
from collections.abc import Iterator
from functools import partial

import msgspec

from mutunode.protocol.effects import Effect
from mutunode.protocol.ledger import HeldLog
from mutunode.protocol.mending import PEERS_ASKED_MAX
from mutunode.protocol.node import Node
from mutunode.protocol.rivals import is_kept
from mutunode.service import readonly
from mutunode.service.desk import Desk
from mutunode.service.errors import Exit, Refusal, Trouble
from mutunode.service.params import Emit
from mutunode.store.interface import Damage, StoreError
from mutunode.store.search.index import SearchUnavailable
from mutunode.turns import Turn

LINK_SECONDS_MAX = 10.0  # for a first neighbour to be reached
ANSWER_SECONDS_MAX = 5.0
SETTLED_SECONDS = 3.0  # after a whole file was lost
QUIET_SECONDS_MAX = 8.0  # nothing more has come for so long: nobody in reach has it
STEP_SECONDS = 0.25
OWN_LACKS = ("asking", "stale", "behind")  # why we may not sign, when our own register is not all here
TROUBLES_TOLD_MAX = 20


class Repaired(msgspec.Struct, frozen=True):
    """Answer of ``doctor --repair``."""

    registers: int  # looked at
    damaged: int  # of these
    headers: int  # entries whose header was had from others
    bodies: int  # bodies that were dropped, and are back
    salvaged: str = ""  # where the broken file is now, if there was one


class _Report:
    """What was done so far."""

    def __init__(self) -> None:
        self.damaged: set[bytes] = set()
        self.headers = 0
        self.bodies = 0


def repair(desk: Desk, emit: Emit, salvaged: str = "") -> Repaired:
    """Put right what can be.

    Raises:
        Refusal: ``NOT_VERIFIED`` naming what nobody in reach holds; ``READ_ONLY`` when the file itself is
            broken, which takes a node that does not run.
    """
    report = _Report()
    if not desk.store.is_sound():
        raise broken_file()
    try:
        registers = _logs(desk)
        damages = _survey(desk, registers, emit)
        if salvaged:
            desk.act(lambda turn: turn.ledger.forget_cursors())
        report.damaged.update(damage.log for damage in damages)
        if damages or salvaged:
            if _is_somebody_there(desk):
                _lose_heads(desk, damages)
            for damage in damages:
                report.headers += _mend_headers(desk, damage)
            _lose_bodies(desk, _survey(desk, registers, emit), report)
        desk.act(lambda turn: turn.ledger.derive_again())
        with contextlib.suppress(SearchUnavailable):
            desk.index.rebuild()
        left = _wait_until_whole(desk, emit, all_again=bool(salvaged))
    except StoreError:
        raise broken_file() from None
    if left or desk.turns.sight.reason in OWN_LACKS:
        raise _not_whole(desk, left)
    return Repaired(len(_logs(desk)), len(report.damaged), report.headers, report.bodies, salvaged)


def broken_file() -> Refusal:
    """The file is damaged so that a running node cannot mend it."""
    words = readonly.READ_ONLY["damaged"]
    return Refusal("damaged", Exit.READ_ONLY, words.fr, words.en)


def _logs(desk: Desk) -> list[bytes]:
    return [each.log for each in desk.reader.organisations() if each.size]


def _survey(desk: Desk, logs: list[bytes], emit: Emit) -> list[Damage]:
    found = []
    for done, log in enumerate(logs):
        emit({"progress": {"done": done, "total": len(logs)}})
        damage = desk.store.damage(log)
        if damage is not None:
            found.append(damage)
    return found


def _lose_heads(desk: Desk, damages: list[Damage]) -> None:
    lost = [damage.log for damage in damages if damage.head]

    def job(turn: Turn) -> None:
        for log in lost:
            turn.ledger.lose_head(log)
        turn.ledger.derive_again()
        turn.ledger.forget_cursors()
        turn.tell(lambda node, now: node.repair(now))

    if lost:
        desk.act(job)


def _is_somebody_there(desk: Desk) -> bool:
    """Wait for a first neighbour."""
    end = time.monotonic() + LINK_SECONDS_MAX
    while time.monotonic() < end and not desk.is_stopping.is_set():
        if any(link.ready for link in desk.turns.sight.links):
            return True
        time.sleep(STEP_SECONDS)
    return False


# --- headers ----------------------------------------------------------------------------------------
def _mend_headers(desk: Desk, damage: Damage) -> int:
    """Ask for each span, and take the answers that the signed tree confirms; how many entries."""
    answers = {span: list(_ask(desk, damage, *span)) for span in damage.spans}
    mended = 0
    for attempt in range(PEERS_ASKED_MAX):
        runs = [(start, given[attempt]) for (start, _), given in answers.items() if attempt < len(given)]
        if runs:
            mended += desk.act(partial(_take, log=damage.log, runs=runs))
    return mended


def _take(turn: Turn, log: bytes, runs: list[tuple[int, list[bytes]]]) -> int:
    return turn.ledger.mend_headers(log, runs)


def _ask(desk: Desk, damage: Damage, start: int, end: int) -> Iterator[list[bytes]]:
    """What each of a few peers says stands there, if it says all of it."""
    answers: queue.SimpleQueue[list[bytes]] = queue.SimpleQueue()
    asked: queue.SimpleQueue[int] = queue.SimpleQueue()

    def ask(node: Node, now: float) -> list[Effect]:
        count, effects = node.ask_headers(damage.log, damage.epoch, start, end, answers.put, now)
        asked.put(count)
        return effects

    desk.act(lambda turn: turn.tell(ask))
    with contextlib.suppress(queue.Empty):
        for _ in range(asked.get(timeout=ANSWER_SECONDS_MAX)):
            headers = answers.get(timeout=ANSWER_SECONDS_MAX)
            if len(headers) == end - start:
                yield headers


# --- bodies -----------------------------------------------------------------------------------------
def _lose_bodies(desk: Desk, damages: list[Damage], report: _Report) -> None:
    """Those under headers that are right; where a header is still wrong, its body may be the right one."""

    def job(turn: Turn) -> None:
        for damage in damages:
            indices = [index for index in damage.bodies if not _is_within(index, damage.spans)]
            turn.ledger.lose_bodies(damage.log, indices)
            report.bodies += len(indices)

    desk.act(job)


def _is_within(index: int, spans: tuple[tuple[int, int], ...]) -> bool:
    return any(start <= index < end for start, end in spans)


def _wait_until_whole(desk: Desk, emit: Emit, *, all_again: bool) -> list[Damage | bytes]:
    """Have the core ask for what is missing, until it is here or nothing more comes; what is left.

    ``all_again``: whole registers may be gone, of which nothing here tells: what still comes is waited for.
    """
    desk.act(_ask_again)
    seen, since, most = _state(desk), time.monotonic(), 1
    while time.monotonic() < since + QUIET_SECONDS_MAX and not desk.is_stopping.is_set():
        missing, _ = seen
        if not missing and not (all_again and time.monotonic() < since + SETTLED_SECONDS):
            break
        most = max(most, missing)
        emit({"progress": {"done": most - missing, "total": most}})
        time.sleep(STEP_SECONDS)
        if (now := _state(desk)) != seen:
            seen, since = now, time.monotonic()
            desk.act(_ask_again)
    logs = _logs(desk)
    return [*_survey(desk, logs, emit), *(log for log in logs if _missing(desk, [log]))]


def _ask_again(turn: Turn) -> None:
    turn.tell(lambda node, now: node.repair(now))


def _state(desk: Desk) -> tuple[int, int]:
    """How much is known to be missing, and how much is here."""
    held = [each for each in desk.reader.organisations() if each.size or each.org == desk.org]
    own_lacks = desk.turns.sight.reason in OWN_LACKS
    return _missing(desk, [each.log for each in held]) + own_lacks, sum(each.size for each in held)


def _missing(desk: Desk, logs: list[bytes]) -> int:
    """Bodies that should be here and are not; a head that is gone counts as one."""

    def job(turn: Turn) -> int:
        held = [turn.ledger.log(log) for log in logs]
        return sum(each.missing + _lacks_head(turn, each) for each in held if each is not None)

    return desk.act(job)


def _lacks_head(turn: Turn, held: HeldLog) -> bool:
    """It does, unless a new start keeps just this, of which its author has shown no register yet."""
    chain = turn.ledger.chain(held.org)
    return held.head is None and not (
        chain is not None and held.size and is_kept(chain, turn.ledger.frontier(held.log))
    )


def _not_whole(desk: Desk, left: list[Damage | bytes]) -> Refusal:
    names = {each.log: desk.name_of(each.org, each) for each in desk.reader.organisations()}
    logs = {each.log if isinstance(each, Damage) else each for each in left}
    troubles = [_lacks(names.get(log, ""), _missing(desk, [log])) for log in logs]
    return Refusal(
        "not_whole",
        Exit.NOT_VERIFIED,
        "Réparé en partie : personne, parmi les voisines joignables, n’a le reste. Ce qui manque n’est ni "
        "montré ni transmis ; recommencez quand d’autres voisines sont là, ou remettez une sauvegarde.",
        "Repaired in part: no neighbour in reach holds the rest. What is missing is neither shown nor "
        "passed on; try again when other neighbours are there, or put a backup back.",
        tuple(troubles[:TROUBLES_TOLD_MAX]),
    )


def _lacks(name: str, count: int) -> Trouble:
    if not count:
        return Trouble(name, "des entrées diffèrent encore.", "entries still differ.")
    return Trouble(name, f"{count} contenu(s) manquent encore.", f"{count} content(s) still missing.")
