"""The strict reference: a store in plain dictionaries that holds its caller to every promise.

All values are immutable and a turn works on a copy of the dictionaries: rolling back is forgetting the
copy, and readers keep the state they began with. Nothing is indexed; what the other stores answer from
their indexes, this one finds by looking at everything (``memory_reader``).
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from mutunode.protocol.entry import check_body
from mutunode.protocol.errors import MutunodeError
from mutunode.protocol.head import PUBLIC, Head, log_id, verify_head
from mutunode.protocol.identity import Chain
from mutunode.protocol.ledger import Address, HeldLog, RangeItem, Row, Stance, Vouch
from mutunode.protocol.merkle import Compact, over, prove
from mutunode.store.interface import (
    PROJECTED_AT_COMMIT_MAX,
    BrokenPromise,
    Draft,
    Problem,
)
from mutunode.store.meaning import (
    INTERESTING,
    PROFILE,
    VOUCH,
    WITHDRAWAL,
    endpoints_of,
    header_of,
    leaf_of,
)
from mutunode.store.memory_reader import Contents, Leaf, Log, MemoryReader, Record, Retracted

ROW_FRAMING_BYTES = 8  # what ``entries`` counts for the wrapping of a row


def promise(kept: bool, what: str) -> None:
    """The caller's side of the contract."""
    if not kept:
        raise BrokenPromise(what)


class MemoryStore:
    """A store that is gone with its process."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.state = Contents(secrets.token_bytes(8))
        self._ledger = MemoryLedger(self, clock)

    @property
    def ledger(self) -> MemoryLedger:
        """The write side."""
        return self._ledger

    def reader(self) -> MemoryReader:
        """The read side."""
        return MemoryReader(lambda: self.state)

    def verify(self, log: bytes) -> list[Problem]:
        """Recompute the tree and check the signature; the rest was checked when it came."""
        held = self.state.logs.get(log)
        if held is None or held.head is None:
            return [Problem(None, "nothing is held of this log")]
        chain = self.state.chains[held.org]
        problems = []
        if Compact.of(leaf_of(row.header) for row in held.leaves).root() != held.head.root:
            problems.append(Problem(None, "the tree does not give the root that was signed"))
        try:
            verify_head(held.head, chain)
        except MutunodeError as error:
            problems.append(Problem(None, str(error)))
        return problems

    def close(self) -> None:
        """Nothing to give back."""


class MemoryLedger:
    """The write side, for one thread."""

    def __init__(self, store: MemoryStore, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._open: Contents | None = None
        self._cut: set[bytes] = set()
        self._thread = 0
        self._stamp = 0

    # --- turns ---------------------------------------------------------------------------------
    @contextmanager
    def transaction(self, *, freeing: bool = False) -> Iterator[None]:
        """All or nothing."""
        promise(self._open is None, "a transaction is open already")
        self._open, self._thread = self._store.state.copy(), threading.get_ident()
        self._cut = set()
        try:
            yield
            promise(not self._cut, "a log was cut and no head of the new epoch committed")
            self._open.note_changes(since=self._store.state)
            self._store.state = self._open
        except BaseException:
            self._stamp += 1  # what was answered during this turn is not so
            raise
        finally:
            self._open = None

    @property
    def _state(self) -> Contents:
        promise(self._open is not None, "called outside a transaction")
        promise(self._thread == threading.get_ident(), "called from another thread than the turn's")
        assert self._open is not None
        return self._open

    def project_some(self, limit: int) -> bool:
        """Show up to ``limit`` more entries."""
        for held in list(self._state.logs.values()):
            todo = min(limit, held.committed - held.projected)
            if todo > 0:
                self._project(held, todo)
                limit -= todo
        return any(held.projected < held.committed for held in self._state.logs.values())

    def _project(self, held: Log, count: int) -> None:
        state = self._state
        end = held.projected + count
        arrivals = tuple(range(state.arrivals + 1, state.arrivals + 1 + count))
        state.arrivals += count
        shown = replace(held, projected=end, arrivals=held.arrivals + arrivals)
        state.logs[held.log] = shown
        # What turns out to be no record gives up what came with it.
        records = shown.records
        leaves = list(shown.leaves)
        for index in range(held.projected, end):
            if index not in records:
                leaves[index] = replace(leaves[index], salt=b"", body=b"")
            elif records[index].header.kind in (*INTERESTING, WITHDRAWAL):
                self._stamp += 1
        state.logs[held.log] = replace(shown, leaves=tuple(leaves))

    # --- organisations -------------------------------------------------------------------------
    def chain(self, org: bytes) -> Chain | None:
        """The identity chain held, or None."""
        return self._state.chains.get(org)

    def put_chain(self, chain: Chain) -> None:
        """Keep a verified chain."""
        self._state.chains[chain.org] = chain

    def org_of_root(self, root_key: bytes) -> bytes | None:
        """The organisation held first whose current roots hold this key."""
        for org, chain in self._state.chains.items():
            if root_key in chain.roots:
                return org
        return None

    # --- logs ----------------------------------------------------------------------------------
    def store_id(self) -> bytes:
        """Eight random bytes."""
        return self._state.store_id

    def log(self, log: bytes) -> HeldLog | None:
        """What is held of a log, or None."""
        state, held = self._state, self._state.logs.get(log)
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
            missing=len(self._missing(held)),
            frozen=state.frozen_epoch(held) is not None,
            broken_at=held.broken_at,
            broken_epoch=held.broken_epoch,
            bytes=sum(len(row.header) + len(row.salt) + len(row.body) for row in held.leaves),
        )

    def logs_of(self, org: bytes) -> list[bytes]:
        """Logs of one organisation of which something is held, by id."""
        return sorted(log for log, held in self._state.logs.items() if held.org == org and self.log(log))

    def newest_cursor(self) -> int:
        """The cursor of the newest head committed."""
        return max((held.cursor for held in self._state.logs.values()), default=0)

    def heads_since(self, cursor: int, limit: int) -> tuple[list[Head], int, bool]:
        """Heads changed after ``cursor``, in order of change; the cursor reached; more?"""
        changed = [held for held in self._state.logs.values() if held.head and held.cursor > cursor]
        changed.sort(key=lambda held: held.cursor)
        page = changed[:limit]
        heads = [held.head for held in page if held.head]
        return heads, page[-1].cursor if page else cursor, len(changed) > limit

    def range_items(self, first: bytes, last: bytes) -> list[RangeItem]:
        """Committed logs between two ids, ascending."""
        items = []
        for log, held in sorted(self._state.logs.items()):
            head, frozen = held.head, self._state.frozen_epoch(held)
            if not first <= log <= last or head is None:
                continue
            if frozen is not None:
                items.append(RangeItem(log, frozen, 0, bytes(32), 0))
            else:
                items.append(RangeItem(log, head.epoch, head.size, head.root, head.time // 86_400))
        return items

    def frontier(self, log: bytes, size: int | None = None) -> Compact:
        """The compact tree of the first ``size`` committed entries."""
        held = self._state.logs.get(log)
        if held is None:
            promise(not size, "asked for a tree of a log that is not held")
            return Compact()
        return Compact.of(self._leaves(held, held.committed if size is None else size))

    def root_at(self, log: bytes, size: int) -> bytes:
        """Root of the first ``size`` leaves."""
        return self.frontier(log, size).root()

    def leaves(self, log: bytes, start: int, end: int) -> list[bytes]:
        """Leaf hashes of committed entries."""
        held = self._state.logs.get(log)
        return [row.leaf for row in held.leaves[start : min(end, held.committed)]] if held else []

    def proof(self, log: bytes, size: int, index: int) -> list[bytes]:
        """Inclusion path of leaf ``index`` among the first ``size``."""
        return prove(over(self._leaves(self._state.logs[log], size)), size, index)

    def _leaves(self, held: Log, size: int) -> list[bytes]:
        promise(0 <= size <= held.committed, f"asked for {size} leaves where {held.committed} are committed")
        return [row.leaf for row in held.leaves[:size]]

    def entries(self, log: bytes, start: int, end: int, bodies: bool, bytes_max: int) -> list[Row]:
        """Committed rows, cut before ``bytes_max``."""
        held = self._state.logs.get(log)
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
        new = tuple(Leaf(*row, leaf) for row, leaf in zip(rows, leaves, strict=True))
        self._state.logs[held.log] = replace(held, leaves=held.leaves + new)

    def commit(self, head: Head, frontier: Compact) -> None:
        """Everything pending is now part of the log."""
        state, held = self._state, self._log_of(head.org, head.space)
        promise(held.head is None or head.order > held.head.order, "a head that is not newer")
        promise(head.org in state.chains, "a head of an organisation whose chain is not held")
        promise(head.size == len(held.leaves), f"a head of {head.size} over {len(held.leaves)} entries")
        promise(frontier.size == head.size and frontier.root() == head.root, "a tree that is not the head's")
        tree = Compact.of(row.leaf for row in held.leaves)
        promise(tree.root() == head.root, "entries that do not give the head's root")
        state.cursors += 1
        held = replace(
            held, head=head, committed=head.size, cursor=state.cursors, received_at=int(self._clock())
        )
        if held.log in self._cut:
            self._cut.remove(held.log)
            now = {
                rec: replace(item, by=head.epoch) if item.by is None else item
                for rec, item in held.retracted.items()
            }
            held = replace(held, retracted=now)
        state.logs[held.log] = held
        fresh = held.committed - held.projected
        if fresh <= PROJECTED_AT_COMMIT_MAX or held.org == state.own:
            self._project(held, fresh)

    def drop_pending(self, log: bytes) -> None:
        """Forget entries beyond the committed size."""
        held = self._state.logs.get(log)
        if held is not None:
            self._state.logs[log] = replace(held, leaves=held.leaves[: held.committed])

    def cut(self, log: bytes, size: int) -> None:
        """Keep ``size`` leaves; the rest becomes retracted."""
        self.drop_pending(log)
        held = self._state.logs[log]
        promise(size <= held.committed, f"cut at {size} of {held.committed}")
        self._project(held, held.committed - held.projected)
        held = self._state.logs[log]
        gone = dict(held.retracted)
        for index, record in held.records.items():
            if index >= size:
                gone[record.rec] = Retracted(index, held.leaves[index], None)
        self._state.logs[log] = replace(
            held,
            leaves=held.leaves[:size],
            committed=size,
            projected=size,
            arrivals=held.arrivals[:size],
            retracted=gone,
        )
        self._cut.add(log)
        self._stamp += 1

    def _missing(self, held: Log) -> list[int]:
        return [index for index, record in held.records.items() if record.state == "missing"]

    def missing(self, log: bytes, start: int, limit: int) -> list[int]:
        """Indices of entries whose body should be held and is not."""
        held = self._state.logs.get(log)
        if held is None:
            return []
        asked = 1 + max((other.asked for other in self._state.logs.values()), default=0)
        self._state.logs[log] = replace(held, asked=asked)
        return [index for index in self._missing(held) if index >= start][:limit]

    def logs_missing(self, limit: int) -> list[bytes]:
        """Logs with missing bodies, those asked for least recently first."""
        lacking = [held for held in self._state.logs.values() if self._missing(held)]
        lacking.sort(key=lambda held: (held.asked, held.log))
        return [held.log for held in lacking[:limit]]

    def fill(self, log: bytes, index: int, salt: bytes, body: bytes) -> None:
        """Store a body that was missing."""
        held = self._state.logs[log]
        promise(index in self._missing(held), f"nothing is missing at {index}")
        row = replace(held.leaves[index], salt=salt, body=body)
        header = header_of(row.header)
        assert header is not None
        check_body(header, salt, body)
        leaves = (*held.leaves[:index], row, *held.leaves[index + 1 :])
        self._state.logs[log] = replace(held, leaves=leaves)
        self._stamp += 1

    def freeze(
        self, log: bytes, org: bytes, space: bytes, epoch: int, evidence: bytes, first_index: int
    ) -> None:
        """Keep one FORK frame as evidence."""
        promise(self._log_of(org, space).log == log, "a log that is not this organisation's")
        self._state.evidence.setdefault((log, epoch), (evidence, first_index))

    def evidence(self, log: bytes, epoch: int) -> bytes | None:
        """The FORK frame kept."""
        held = self._state.evidence.get((log, epoch))
        return held[0] if held else None

    def mark_broken(self, log: bytes, org: bytes, space: bytes, epoch: int, index: int | None) -> None:
        """The log cannot be taken from ``index`` on in this epoch."""
        held = self._log_of(org, space)
        promise(held.log == log, "a log that is not this organisation's")
        self._state.logs[log] = replace(held, broken_at=index, broken_epoch=epoch)

    def _log_of(self, org: bytes, space: bytes) -> Log:
        log = log_id(org, space)
        if log not in self._state.logs:
            self._state.logs[log] = Log(log=log, org=org, space=space)
        return self._state.logs[log]

    # --- people's decisions --------------------------------------------------------------------
    def put_own(self, org: bytes) -> None:
        """This organisation is ours."""
        self._state.own = org
        self._stamp += 1

    def interest_stamp(self) -> int:
        """Changes whenever stances, vouches or profiles do."""
        return self._stamp

    def stance(self, org: bytes) -> Stance:
        """What a person decided."""
        return self._state.stances.get(org, (Stance(), 0))[0]

    def put_stance(self, org: bytes, stance: Stance) -> None:
        """Keep what a person decided."""
        self._state.stances[org] = (stance, int(self._clock()))
        self._stamp += 1

    def accepted(self) -> list[bytes]:
        """Organisations a person accepted, ours not included, by id."""
        state = self._state
        return sorted(
            org for org, (stance, _) in state.stances.items() if stance.accepted and org != state.own
        )

    def vouches(self, voucher: bytes, limit: int) -> list[Vouch]:
        """Current vouches, oldest first; of two for one organisation the newer."""
        last: dict[bytes, Vouch] = {}
        for record in self._current(voucher, VOUCH):
            if record.row.said and record.row.said.vouches_for:
                fields, org = record.fields(), record.row.said.vouches_for
                last.pop(org, None)
                last[org] = Vouch(voucher, org, endpoints_of(fields), fields.get("listed") is True)
        return list(last.values())[:limit]

    def endpoints(self, org: bytes) -> tuple[str, ...]:
        """``endpoints`` of the current profile."""
        profiles = self._current(org, PROFILE)
        return endpoints_of(profiles[-1].fields()) if profiles else ()

    def profile_entry(self, org: bytes) -> tuple[int, Row] | None:
        """The current profile."""
        profiles = self._current(org, PROFILE)
        if not profiles:
            return None
        row = profiles[-1].row
        return profiles[-1].index, (row.header, row.salt, row.body)

    def _current(self, org: bytes, kind: str) -> list[Record]:
        """Current records of a kind in the public log that can be read, oldest first."""
        held = self._state.logs.get(log_id(org, PUBLIC))
        records = held.records.values() if held else ()
        return [r for r in records if r.header.kind == kind and r.current and r.state == "ok"]

    # --- peers ---------------------------------------------------------------------------------
    def cursor(self, peer: bytes) -> tuple[bytes, int] | None:
        """How far a peer's changes were followed."""
        return self._state.peer_cursors.get(peer)

    def put_cursor(self, peer: bytes, store: bytes, cursor: int) -> None:
        """Remember how far a peer's changes were followed."""
        self._state.peer_cursors[peer] = (store, cursor)

    def forget_cursors(self) -> None:
        """Everybody must be asked from the beginning again."""
        self._state.peer_cursors.clear()

    def addresses(self) -> Iterator[Address]:
        """The address book, by address."""
        return iter([address for _, address in sorted(self._state.addresses.items())])

    def put_address(self, address: Address) -> None:
        """Add or replace by ``address``."""
        self._state.addresses[address.address] = address

    def score(self, peer: bytes) -> tuple[float, int]:
        """(local score, Unix seconds until which the peer is not dialled)."""
        return self._state.scores.get(peer, (0.0, 0))

    def put_score(self, peer: bytes, score: float, away_until: int) -> None:
        """Keep a peer's local score."""
        self._state.scores[peer] = (score, away_until)

    # --- drafts --------------------------------------------------------------------------------
    def put_draft(self, draft: Draft) -> None:
        """Add or replace a draft."""
        self._state.drafts[draft.id] = draft

    def drop_draft(self, id: str) -> None:
        """Forget a draft."""
        self._state.drafts.pop(id, None)
