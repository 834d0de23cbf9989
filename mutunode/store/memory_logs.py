"""The write side of logs in the reference store: it asserts whatever its caller promised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mutunode.protocol.entry import check_body, rec_id
from mutunode.protocol.head import Head, log_id
from mutunode.protocol.ledger import HeldLog, RangeItem, Row
from mutunode.protocol.merkle import Compact, over, prove
from mutunode.store.interface import promise
from mutunode.store.meaning import INTERESTING, WITHDRAWAL, header_of, leaf_of
from mutunode.store.memory_contents import Leaf, Log, Retracted, erased_by, without
from mutunode.store.memory_delivered import settle
from mutunode.store.memory_opened import forget_beyond
from mutunode.store.memory_turn import MemoryTurn

ROW_FRAMING_BYTES = 8  # what ``entries`` counts for the wrapping of a row


class MemoryLogs:
    """The part of the ledger that is about logs."""

    _turn: MemoryTurn

    # --- logs ----------------------------------------------------------------------------------
    def store_id(self) -> bytes:
        """Eight random bytes."""
        return self._turn.state.store_id

    def log(self, log: bytes) -> HeldLog | None:
        """What is held of a log, or None."""
        state, held = self._turn.state, self._turn.state.logs.get(log)
        if held is None or not (
            held.leaves or held.head or held.broken_at is not None or state.evidence_of(log)
        ):
            return None
        return HeldLog(
            log=log,
            org=held.org,
            space=held.space,
            head=held.head,
            size=held.committed,
            pending=held.pending,
            missing=len(held.missing),
            frozen=state.frozen_epoch(held) is not None,
            broken_at=held.broken_at,
            broken_epoch=held.broken_epoch,
            bytes=held.bytes,
        )

    def logs_of(self, org: bytes) -> list[bytes]:
        """Logs of one organisation of which something is held, by id."""
        return sorted(log for log, held in self._turn.state.logs.items() if held.org == org and self.log(log))

    def newest_cursor(self) -> int:
        """The cursor of the newest head committed, or of the newest evidence."""
        return max((held.cursor for held in self._turn.state.logs.values()), default=0)

    def heads_since(self, cursor: int, limit: int) -> tuple[list[Head], int, bool]:
        """Heads changed after ``cursor``, in order of change; the cursor reached; more?"""
        changed = [held for held in self._turn.state.logs.values() if held.head and held.cursor > cursor]
        changed.sort(key=lambda held: held.cursor)
        page = changed[:limit]
        heads = [held.head for held in page if held.head]
        return heads, page[-1].cursor if page else cursor, len(changed) > limit

    def range_items(self, first: bytes, last: bytes) -> list[RangeItem]:
        """Committed logs between two ids, ascending."""
        items = []
        for log, held in sorted(self._turn.state.logs.items()):
            head, frozen = held.head, self._turn.state.frozen_epoch(held)
            if not first <= log <= last or head is None:
                continue
            if frozen is not None:
                items.append(RangeItem(log, frozen, 0, bytes(32), 0))
            else:
                items.append(RangeItem(log, head.epoch, head.size, head.root, head.time // 86_400))
        return items

    def frontier(self, log: bytes, size: int | None = None) -> Compact:
        """The compact tree of the first ``size`` committed entries."""
        held = self._turn.state.logs.get(log)
        if held is None:
            promise(not size, "asked for a tree of a log that is not held")
            return Compact()
        return Compact.of(self._leaves(held, held.committed if size is None else size))

    def root_at(self, log: bytes, size: int) -> bytes:
        """Root of the first ``size`` leaves."""
        return self.frontier(log, size).root()

    def leaves(self, log: bytes, start: int, end: int) -> list[bytes]:
        """Leaf hashes of committed entries."""
        held = self._turn.state.logs.get(log)
        return [row.leaf for row in held.leaves[start : min(end, held.committed)]] if held else []

    def proof(self, log: bytes, size: int, index: int) -> list[bytes]:
        """Inclusion path of leaf ``index`` among the first ``size``."""
        return prove(over(self._leaves(self._turn.state.logs[log], size)), size, index)

    def _leaves(self, held: Log, size: int) -> list[bytes]:
        promise(0 <= size <= held.committed, f"asked for {size} leaves where {held.committed} are committed")
        return [row.leaf for row in held.leaves[:size]]

    def entries(self, log: bytes, start: int, end: int, bodies: bool, bytes_max: int) -> list[Row]:
        """Committed rows, cut before ``bytes_max``."""
        held = self._turn.state.logs.get(log)
        rows: list[Row] = []
        for leaf in held.leaves[start : min(end, held.committed)] if held else ():
            row = (leaf.header, leaf.salt, leaf.body) if bodies else (leaf.header, b"", b"")
            bytes_max -= sum(map(len, row)) + ROW_FRAMING_BYTES
            if bytes_max < 0 and rows:
                break
            rows.append(row)
        return rows

    def append(
        self, org: bytes, space: bytes, start: int, rows: Sequence[Row], leaves: Sequence[bytes]
    ) -> None:
        """Store rows as pending."""
        held = self._log_of(org, space)
        promise(start == len(held.leaves), f"appended at {start} where {len(held.leaves)} is next")
        promise([leaf_of(row[0]) for row in rows] == list(leaves), "leaves that are not those of the rows")
        for header, salt, body in rows:
            parsed = header_of(header)
            promise(parsed is not None or not (salt or body), "a body without a readable header")
            if parsed is not None and (salt or body):
                check_body(parsed, salt, body)
        new = tuple(
            Leaf(row[0], b"", b"", leaf) if leaf in held.erased else Leaf(*row, leaf)
            for row, leaf in zip(rows, leaves, strict=True)
        )
        self._turn.state.logs[held.log] = replace(held, leaves=held.leaves + new)

    def commit(self, head: Head, frontier: Compact) -> None:
        """Everything pending is now part of the log."""
        state, held = self._turn.state, self._log_of(head.org, head.space)
        promise(held.head is None or head.order > held.head.order, "a head that is not newer")
        promise(head.org in state.chains, "a head of an organisation whose chain is not held")
        promise(head.size == len(held.leaves), f"a head of {head.size} over {len(held.leaves)} entries")
        promise(frontier.size == head.size and frontier.root() == head.root, "a tree that is not the head's")
        tree = Compact.of(row.leaf for row in held.leaves)
        promise(tree.root() == head.root, "entries that do not give the head's root")
        state.cursors += 1
        held = replace(
            held, head=head, committed=head.size, cursor=state.cursors, received_at=int(self._turn.clock())
        )
        if held.log in self._turn.cut:
            self._turn.cut.remove(held.log)
            now = {
                rec: replace(item, by=head.epoch) if item.by is None else item
                for rec, item in held.retracted.items()
            }
            held = replace(held, retracted=now)
        state.logs[held.log] = held
        fresh = held.committed - held.projected
        if fresh <= self._turn.shown_at_commit_max or held.org == state.own:
            self._project(held, fresh)

    def drop_pending(self, log: bytes) -> None:
        """Forget entries beyond the committed size."""
        held = self._turn.state.logs.get(log)
        if held is not None:
            self._turn.state.logs[log] = replace(held, leaves=held.leaves[: held.committed])

    def cut(self, log: bytes, size: int) -> None:
        """Keep ``size`` leaves; the rest becomes retracted."""
        self.drop_pending(log)
        held = self._turn.state.logs[log]
        promise(size <= held.committed, f"cut at {size} of {held.committed}")
        self._project(held, held.committed - held.projected)
        held = self._turn.state.logs[log]
        gone = dict(held.retracted)
        for index, record in held.records.items():
            if index >= size:
                gone[record.rec] = Retracted(index, held.leaves[index], None)
        self._turn.state.logs[log] = replace(
            held,
            leaves=held.leaves[:size],
            committed=size,
            projected=size,
            arrivals=held.arrivals[:size],
            retracted=gone,
        )
        forget_beyond(self._turn.state, log, size)
        self._turn.cut.add(log)
        self._turn.stamp += 1

    def disown(self, log: bytes, epoch: int, keep: int = 0) -> None:
        """What nobody signed leaves the log; it has no head until its author's chain brings one."""
        state = self._turn.state
        promise(log in state.logs, "a log of which nothing is held")
        self.cut(log, keep)
        self._turn.cut.discard(log)
        held = state.logs[log]
        retracted = {
            rec: replace(gone, by=epoch) if gone.by is None else gone for rec, gone in held.retracted.items()
        }
        state.logs[log] = replace(held, head=None, broken_at=None, retracted=retracted)
        for of in [of for of in state.evidence if of[0] == log and of[1] >= epoch]:
            del state.evidence[of]

    def missing(self, log: bytes, start: int, limit: int) -> list[int]:
        """Indices of entries whose body should be held and is not."""
        held = self._turn.state.logs.get(log)
        if held is None:
            return []
        asked = 1 + max((other.asked for other in self._turn.state.logs.values()), default=0)
        self._turn.state.logs[log] = replace(held, asked=asked)
        return [index for index in held.missing if index >= start][:limit]

    def logs_missing(self, limit: int) -> list[bytes]:
        """Logs with missing bodies, those asked for least recently first."""
        lacking = [held for held in self._turn.state.logs.values() if held.missing]
        lacking.sort(key=lambda held: (held.asked, held.log))
        return [held.log for held in lacking[:limit]]

    def fill(self, log: bytes, index: int, salt: bytes, body: bytes) -> None:
        """Store a body that was missing."""
        held = self._turn.state.logs[log]
        promise(index in held.missing, f"nothing is missing at {index}")
        row = replace(held.leaves[index], salt=salt, body=body)
        header = header_of(row.header)
        assert header is not None
        check_body(header, salt, body)
        leaves = (*held.leaves[:index], row, *held.leaves[index + 1 :])
        filled = replace(held, leaves=leaves)
        gone = erased_by(filled, index)
        self._turn.state.logs[log] = without(filled, (gone,) if gone else ())
        self._turn.stamp += 1

    def freeze(
        self, log: bytes, org: bytes, space: bytes, epoch: int, evidence: bytes, first_index: int
    ) -> None:
        """Keep one FORK frame as evidence."""
        state, held = self._turn.state, self._log_of(org, space)
        promise(held.log == log, "a log that is not this organisation's")
        if (log, epoch) not in state.evidence:
            state.evidence[log, epoch] = (evidence, first_index)
            state.cursors += 1
            state.logs[log] = replace(held, cursor=state.cursors)

    def evidence(self, log: bytes, epoch: int) -> bytes | None:
        """The FORK frame kept."""
        held = self._turn.state.evidence.get((log, epoch))
        return held[0] if held else None

    def evidence_since(self, cursor: int, limit: int) -> list[bytes]:
        """The FORK frames that logs are frozen by and that came after ``cursor``, the newest first."""
        state = self._turn.state
        frozen = [
            (held.cursor, state.evidence[log, epoch][0])
            for log in {log for log, _ in state.evidence}
            if (held := state.logs[log]).cursor > cursor
            if (epoch := state.frozen_epoch(held)) is not None
        ]
        return [frame for _, frame in sorted(frozen, reverse=True)[:limit]]

    def mark_broken(self, log: bytes, org: bytes, space: bytes, epoch: int, index: int | None) -> None:
        """The log cannot be taken from ``index`` on in this epoch."""
        held = self._log_of(org, space)
        promise(held.log == log, "a log that is not this organisation's")
        self._turn.state.logs[log] = replace(held, broken_at=index, broken_epoch=epoch)

    def _log_of(self, org: bytes, space: bytes) -> Log:
        log = log_id(org, space)
        if log not in self._turn.state.logs:
            self._turn.state.logs[log] = Log(log=log, org=org, space=space)
        return self._turn.state.logs[log]

    # --- showing -------------------------------------------------------------------------------
    def project_some(self, limit: int) -> bool:
        """Show up to ``limit`` more entries."""
        for held in list(self._turn.state.logs.values()):
            todo = min(limit, held.committed - held.projected)
            if todo > 0:
                self._project(held, todo)
                limit -= todo
        return any(held.projected < held.committed for held in self._turn.state.logs.values())

    def _project(self, held: Log, count: int) -> None:
        """Show ``count`` entries more."""
        state, end = self._turn.state, held.projected + count
        leaves = list(held.leaves)
        for index in range(held.projected, end):
            leaves[index] = _with_its_body(held, leaves[index])
        arrivals = tuple(range(state.arrivals + 1, state.arrivals + 1 + count))
        state.arrivals += count
        settle(state, held.log, held.projected, end)
        shown = replace(held, leaves=tuple(leaves), projected=end, arrivals=held.arrivals + arrivals)
        for index in range(held.projected, end):
            record = shown.records.get(index)
            if record is None:  # gives up what came with it
                leaves[index] = replace(leaves[index], salt=b"", body=b"")
            elif record.header.kind in (*INTERESTING, WITHDRAWAL):
                self._turn.stamp += 1
        standing = {record.rec for record in shown.records.values()}
        retracted = {rec: item for rec, item in held.retracted.items() if rec not in standing}
        gone = {leaf for index in range(held.projected, end) if (leaf := erased_by(shown, index))}
        shown = replace(shown, leaves=tuple(leaves), retracted=retracted)
        state.logs[held.log] = without(shown, gone)


def _with_its_body(held: Log, leaf: Leaf) -> Leaf:
    """A leaf that stands again has the body that it had, when it came without."""
    kept = held.retracted.get(rec_id(held.log, leaf.leaf))
    return leaf if leaf.body or kept is None else replace(leaf, salt=kept.row.salt, body=kept.row.body)
