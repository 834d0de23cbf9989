"""What is kept and what is let go: from who cites which file, what was promised, what the settings allow.

A file is here because it was added here, because a person asked for it, because we promised to keep copies,
or because a rule fetched it. Only what a rule fetched is let go to make room; what nothing cites any more,
since its record was erased, is let go whatever the reason.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from mutunode.protocol.entry import decode_body
from mutunode.protocol.errors import Malformed
from mutunode.protocol.head import PUBLIC
from mutunode.protocol.ids import blob_text, parse
from mutunode.protocol.limits import FILE_BYTES_MAX, ID_BYTES, LIST_ITEMS_MAX
from mutunode.service import rules
from mutunode.service.desk import Desk
from mutunode.store.interface import REASONS, Cite, File, Reason, Stored
from mutunode.turns import Turn

PRESERVE, SEALED = "preserve", "sealed"
FRESH_SECONDS = 86_400  # between adding a file and publishing the record that cites it
CITES_A_STEP = 500
FILE_KEY = b"\xa4blob"  # the key of a file, as it stands in the bytes of a body
ALL_A_STEP = 1_000


class Promises(msgspec.Struct, frozen=True):
    """What our own current ``preserve`` records say."""

    orgs: frozenset[bytes] = frozenset()
    recs: frozenset[bytes] = frozenset()  # every version of them

    def cover(self, cite: Cite) -> bool:
        """Whether we promised to keep this."""
        return cite.org in self.orgs or cite.rec in self.recs


def own_promises(desk: Desk) -> list[Stored]:
    """Our own current ``preserve`` records."""
    return desk.reader.of_kind(PRESERVE, desk.org, limit=10_000)


def is_promised(desk: Desk, stored: Stored) -> bool:
    """Whether one of them covers this record; what the others are about is not looked up."""
    if any(promise.fields().get("org") == stored.org for promise in own_promises(desk)):
        return True
    return any(
        promise.org == desk.org and _stands(promise)
        for version in rules.versions(desk, stored)
        for promise in desk.reader.mentions(version.log, version.index, (PRESERVE,))
    )


def promises(desk: Desk) -> Promises:
    """Read them."""
    orgs, recs = set(), set()
    for promise in own_promises(desk):
        fields = promise.fields()
        if isinstance(org := fields.get("org"), bytes):
            orgs.add(org)
        target = fields.get("record")
        record = rules.cited(desk, target) if isinstance(target, list) and len(target) == 3 else None
        if record is not None:
            recs |= {version.rec for version in rules.versions(desk, record)}
    return Promises(frozenset(orgs), frozenset(recs))


def _stands(stored: Stored) -> bool:
    return stored.state == "ok" and stored.superseded_by is None and stored.withdrawn_by is None


# --- who cites what -------------------------------------------------------------------------------
def cites_of(stored: Stored) -> list[Cite]:
    """The files a record cites; an erased or unreadable one cites none."""
    if not stored.body or FILE_KEY not in stored.body:
        return []
    try:
        body = decode_body(stored.body)
    except Malformed:
        return []
    current = _stands(stored)
    public = stored.space == PUBLIC and not stored.sealed
    return [
        Cite(blob, stored.rec, stored.org, size, public, current)
        for blob, size in list(files_in(body))[:LIST_ITEMS_MAX]
    ]


def files_in(value: Any) -> Iterable[tuple[bytes, int]]:
    """(id, size) of every file described anywhere in a body."""
    if isinstance(value, dict):
        blob, size = value.get("blob"), value.get("size")
        if isinstance(blob, bytes) and len(blob) == ID_BYTES and type(size) is int and size <= FILE_BYTES_MAX:
            yield blob, size
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from files_in(item)


def follow(desk: Desk, after: int) -> tuple[int, bool]:
    """Read on in the feed; (the number reached, whether promises of ours are among what changed)."""
    changes = desk.reader.changes(after, CITES_A_STEP, FILE_KEY, (PRESERVE,))
    if not changes:
        return after, False
    reached = changes[-1][0]
    # What a record sealed by us cites was noted when it was signed: nobody reads it here again.
    readable = [stored for _, stored in changes if stored.kind != SEALED or stored.state != "ok"]
    now_cited = {stored.rec: cites_of(stored) for stored in readable}
    before = desk.reader.cited_by(list(now_cited))
    citing = {cite.rec for cite in before}
    new = {rec: cites for rec, cites in now_cited.items() if cites or rec in citing}
    if new:
        cites = [cite for each in new.values() for cite in each]
        desk.act(lambda turn: turn.ledger.put_cites(list(new), cites, reached))
        desk.uploads.difference_update(cite.blob for cite in cites)
        lost = {cite.blob for cite in before} - {cite.blob for cite in cites}
        let_go(desk, [blob for blob in lost if not desk.reader.cites(blob)])
        want(desk, [cite for cite in cites if cite.public and cite.current], are_new=True)
        make_room(desk)
    promised = any(stored.org == desk.org and stored.kind == PRESERVE for _, stored in changes)
    return reached, promised


# --- what is wanted -------------------------------------------------------------------------------
def want(
    desk: Desk, cites: Iterable[Cite], promised: Promises | None = None, *, are_new: bool = False
) -> None:
    """Have fetched what should be here, as far as there is room for it.

    ``are_new``: also beyond the room for what a rule fetches; what was fetched longest ago makes room for it.
    What was let go so does not come back by itself, or one would push out the other for ever.
    """
    promised = promised or promises(desk)
    purse = Purse(desk, lends=are_new)
    accepted = Accepted(desk)
    chosen: dict[bytes, File] = {}
    for cite in cites:
        reason = reason_of(desk, cite, promised, accepted)
        held = chosen.get(cite.blob) or desk.reader.file(cite.blob)
        if reason is None or (held is not None and rank(held.reason) >= rank(reason)):
            continue
        size = held.size if held is not None else cite.size
        if purse.pays(size, reason, held):
            is_here = held.held if held is not None else desk.library.size(cite.blob) == size
            chosen[cite.blob] = File(cite.blob, size, is_here, reason, desk.now())
    if chosen:
        put(desk, chosen.values())


def put(desk: Desk, files: Iterable[File]) -> None:
    """Note files as held or wanted, and have the core look."""

    def job(turn: Turn) -> None:
        for file in files:
            turn.ledger.put_file(file)
        turn.tell(lambda node, now: node.files_wanted(now))

    desk.act(job)


def rank(reason: Reason) -> int:
    """Of several reasons the highest counts."""
    return REASONS.index(reason)


class Accepted:
    """Whether a person accepted an organisation, each looked up once."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._known: dict[bytes, bool] = {}

    def __call__(self, org: bytes) -> bool:
        if org not in self._known:
            found = self._desk.reader.organisation(org)
            self._known[org] = found is not None and found.accepted and not found.blocked
        return self._known[org]


def reason_of(desk: Desk, cite: Cite, promised: Promises, accepted: Accepted) -> Reason | None:
    """Why a file that is cited so should be here; None: nothing says that it should."""
    allowance = desk.allowance
    if cite.org == desk.org:
        return "added"  # ours: on another machine of ours it was
    if promised.cover(cite):
        return "promised"
    if cite.org in allowance.everything_of:
        return "automatic"
    small = 0 < allowance.file_bytes_max >= cite.size
    return "automatic" if small and accepted(cite.org) else None


class Purse:
    """How much room is left for what a rule fetches, and for what was promised."""

    def __init__(self, desk: Desk, *, lends: bool) -> None:
        self._lent = desk.allowance.total_bytes_max if lends else 0
        self._left = {
            "automatic": desk.allowance.total_bytes_max,
            "promised": desk.allowance.promised_bytes_max,
        }
        for file in desk.reader.files():
            if file.reason in self._left:
                self._left[file.reason] -= file.size

    def pays(self, size: int, reason: Reason, before: File | None) -> bool:
        """Take room for a file, if there is any."""
        if before is not None and before.reason in self._left:
            self._left[before.reason] += size
        if reason not in self._left:
            return True
        if self._left[reason] < size and not (reason == "automatic" and size <= self._lent):
            return False
        self._left[reason] -= size
        return True


# --- what is let go -------------------------------------------------------------------------------
def let_go(desk: Desk, blobs: Iterable[bytes]) -> int:
    """Forget files: first that we hold them, then the files; how many were."""
    gone = [blob for blob in blobs if desk.reader.file(blob) is not None]
    if not gone:
        return 0

    def job(turn: Turn) -> None:
        for blob in gone:
            turn.ledger.drop_file(blob)
            turn.tell(lambda node, now, blob=blob: node.file_unwanted(blob, now))  # type: ignore[misc]

    desk.act(job)
    for blob in gone:  # a crash before leaves files that nothing speaks of: ``sweep`` finds them
        desk.library.drop(blob)
        picture_place(desk, blob).unlink(missing_ok=True)
    return len(gone)


def picture_place(desk: Desk, blob: bytes) -> Path:
    """Where a small picture of a file is kept; it goes with the file."""
    return desk.folder / "pictures" / f"{blob_text(blob)}.png"


def look_at_all(desk: Desk) -> None:
    """Judge everything again: somebody was accepted, a promise made or taken back, a setting changed."""
    promised = promises(desk)
    after = (b"", b"")
    while cites := desk.reader.current_cites(after, ALL_A_STEP):
        want(desk, [cite for cite in cites if cite.public], promised)
        after = (cites[-1].blob, cites[-1].rec)
    _step_down(desk, promised)
    make_room(desk)


def _step_down(desk: Desk, promised: Promises) -> None:
    """What is not promised any more is kept as what a rule fetched, and goes when room is needed."""
    for file in desk.reader.files():
        if file.reason == "promised" and not any(map(promised.cover, desk.reader.cites(file.blob))):
            put(desk, [msgspec.structs.replace(file, reason="automatic")])


def make_room(desk: Desk) -> None:
    """Let go of what a rule fetched, beyond its room: what no current record cites first, then the oldest."""
    files = [file for file in desk.reader.files() if file.reason == "automatic"]
    over = sum(file.size for file in files) - desk.allowance.total_bytes_max
    if over <= 0:
        return
    files.sort(key=lambda file: (_is_current(desk, file), max(file.used, file.since)))
    gone = []
    for file in files:
        if over <= 0:
            break
        gone.append(file.blob)
        over -= file.size
    let_go(desk, gone)


def _is_current(desk: Desk, file: File) -> bool:
    return any(cite.current for cite in desk.reader.cites(file.blob))


def sweep(desk: Desk, *, fresh_seconds: int = FRESH_SECONDS) -> int:
    """Remove what nothing speaks of: files no record cites, and what stops in the middle left; how many."""
    drafted = {blob for draft in desk.reader.drafts() for blob in _blobs_in_input(draft.input)}
    old = desk.now() - fresh_seconds
    lonely = [
        file.blob
        for file in desk.reader.uncited()
        if (file.since <= old or file.reason != "added") and file.blob not in drafted | desk.uploads
    ]
    removed = let_go(desk, lonely)
    known = {file.blob: file for file in desk.reader.files()}
    for blob, _ in list(desk.library.each()):
        if blob not in known and desk.reader.file(blob) is None and blob not in desk.uploads:
            desk.library.drop(blob)
            removed += 1
    return removed + desk.library.clean({blob for blob, file in known.items() if not file.held})


def _blobs_in_input(value: Any) -> Iterable[bytes]:
    if isinstance(value, dict):
        if isinstance(text := value.get("blob"), str):
            with contextlib.suppress(Malformed):
                yield parse(text, "blob")
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _blobs_in_input(item)


def missing(desk: Desk) -> list[File]:
    """Files that should be held and are not on the disk."""
    return [file for file in desk.reader.files() if file.held and desk.library.size(file.blob) != file.size]


def tidy(desk: Desk) -> tuple[int, int]:
    """(leftovers removed, files that were missing and are asked for again): what `doctor` does for files."""
    desk.follow_files()
    lost = missing(desk)
    for file in lost:
        desk.mend(file.blob, file.size)
    return sweep(desk, fresh_seconds=0), len(lost)
