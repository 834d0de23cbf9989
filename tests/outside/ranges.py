"""Reconciling two sets of heads by ranges of log ids, from both ends of the conversation (type 4 and 20)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from tests.outside.page import Head, log_of, print_of

FIRST_LOG, LAST_LOG = bytes(32), b"\xff" * 32
HEADS_A_ROW_MAX = 16
PARTS = 16
RANGES_A_REQUEST_MAX = 256
ROUNDS_MAX = 8


class Held(Protocol):
    """Whatever has a newest head, and may be frozen by evidence."""

    head: Head
    frozen: bool


Shelf = Mapping[bytes, Held]
Ask = Callable[[list[Any]], Awaitable[list[Any]]]


def within(shelf: Shelf, first: bytes = FIRST_LOG, last: bytes = LAST_LOG) -> list[Head]:
    """The heads whose logs lie in a range, in order."""
    return [shelf[log].head for log in sorted(shelf) if first <= log <= last]


def row(shelf: Shelf, first: bytes = FIRST_LOG, last: bytes = LAST_LOG) -> list[Any]:
    """A range as it is asked: its bounds, how many logs, and what they print."""
    heads = within(shelf, first, last)
    frozen = tuple(log for log, held in shelf.items() if held.frozen)
    return [first, last, len(heads), print_of(heads, frozen)]


def answer(shelf: Shelf, asked: list[Any]) -> list[Any]:
    """Where we differ: heads when they are few, else parts."""
    rows: list[Any] = []
    for first, last, count, printed in asked:
        heads = within(shelf, first, last)
        if [count, printed] == row(shelf, first, last)[2:]:
            continue
        if len(heads) <= HEADS_A_ROW_MAX:
            rows.append([first, last, heads])
        else:
            rows += parts(shelf, first, last)
    return rows


def parts(shelf: Shelf, first: bytes, last: bytes) -> list[Any]:
    """A range cut into 16 that meet, of nearly as many logs each."""
    logs = [log_of(*head[:2]) for head in within(shelf, first, last)]
    cuts = [logs[len(logs) * part // PARTS] for part in range(1, PARTS)]
    ends = [(int.from_bytes(cut) - 1).to_bytes(32) for cut in cuts]
    return [row(shelf, low, high) for low, high in zip([first, *cuts], [*ends, last], strict=True)]


async def converse(shelf: Shelf, ask: Ask) -> tuple[list[Head], list[Head], int]:
    """Ask until nothing differs: heads of theirs that are ahead, of ours that are ahead, rounds taken."""
    taken: list[Head] = []
    ahead: list[Head] = []
    differing, rounds = [row(shelf)], 0
    while differing and rounds < ROUNDS_MAX:
        rounds += 1
        rows = []
        for start in range(0, len(differing), RANGES_A_REQUEST_MAX):
            rows += await ask(differing[start : start + RANGES_A_REQUEST_MAX])
        differing = []
        for answered in rows:
            first, last = answered[:2]
            if len(answered) == 3:
                theirs, ours = _compare(shelf, first, last, answered[2])
                taken += theirs
                ahead += ours
            elif row(shelf, first, last)[2:] != answered[2:]:
                differing.append(row(shelf, first, last))
    return taken, ahead, rounds


def _compare(shelf: Shelf, first: bytes, last: bytes, theirs: list[Head]) -> tuple[list[Head], list[Head]]:
    ours = {log_of(*head[:2]): head for head in within(shelf, first, last)}
    named = {log_of(*head[:2]): head for head in theirs}
    taken = [head for log, head in named.items() if log not in ours or _order(head) > _order(ours[log])]
    ahead = [head for log, head in ours.items() if log not in named or _order(head) > _order(named[log])]
    return taken, ahead


def _order(head: Head) -> tuple[int, int, int]:
    return head[2], head[4], head[6]
