"""Whatever is done to them, in whatever order, the stores answer alike.

Two authors write, revise, withdraw, cite each other, repeat themselves, lose bodies, open epochs and sign
two trees, seal things, and have things brought; after every step the SQLite store is compared with the
reference in everything it can be asked.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from mutunode.protocol.entry import Entry, Header, body_hash, encode_body, rec_id
from mutunode.protocol.head import PUBLIC, circle_id
from mutunode.protocol.ledger import Delivered, Outgoing, Stance
from mutunode.store import Store, Stored, StoreLedger, open_store
from mutunode.store.interface import Reader
from mutunode.store.private import PrivateReader
from mutunode.store.sqlite import SqliteStore
from tests.store.authors import Author, append

CIRCLE = circle_id(bytes(32), bytes(16))
SPACES = (PUBLIC, PUBLIC, CIRCLE)
KINDS = ("resource", "usage", "withdrawal", "vouch", "profile", "note")
EXAMPLES = int(os.environ.get("MUTUNODE_TEST_STORES", "30"))  # 1,000 in `make soak`
SHOWN_AT_COMMIT = 3  # instead of hundreds, so that short runs reach the bounded steps

places = st.tuples(st.integers(0, 1), st.integers(0, 12))
who = st.integers(0, 1)
spaces = st.sampled_from(SPACES)


class Undone(Exception):
    """A turn that goes wrong at its very end."""


class Plan(msgspec.Struct, frozen=True):
    """One entry, in terms of what stands when it is written."""

    what: str
    target: tuple[int, int]
    flag: bool
    key: str

    def write(self, machine: StoresAgree, author: Author, space: bytes) -> Entry:
        ref = machine.ref(self.target, space, right=self.flag or self.key == "a")
        own = machine.ref((machine.authors.index(author), self.target[1]), space, right=self.key == "a")
        match self.what:
            case "resource":
                return author.entry("resource", {"external_ref": self.key, "based_on": [ref]})
            case "revision":
                return author.entry("resource", {"external_ref": self.key, "supersedes": own})
            case "usage":
                return author.entry("usage", {"resource": ref})
            case "withdrawal":
                return author.entry("withdrawal", {"target": own, "erase": self.flag})
            case "person":
                org = machine.authors[self.target[0]].org
                body = {"org": org, "endpoints": [f"{self.key}:1"], "listed": self.flag}
                return author.entry("vouch" if self.flag else "profile", body)
            case "sealed":
                return author.entry("sealed", {"box": self.key.encode() * 40, "suite": 1})
            case "again":
                ever = machine.ever[author.log(space)]
                return ever[self.target[1] % len(ever)] if ever else author.entry("note", {})
        return odd_entry(self.target[1], self.flag)


plans = st.builds(
    Plan,
    st.sampled_from(("resource", "revision", "usage", "withdrawal", "person", "sealed", "again", "odd")),
    places,
    st.booleans(),
    st.sampled_from("ab"),
)


kept_states = st.sampled_from(("waiting", "kept", "answered", "ignored", "settled", "erased"))
batches = st.lists(plans, min_size=2, max_size=8)


def odd_entry(number: int, opaque: bool) -> Entry:
    """A header of another version, or a body that nobody can read."""
    if not opaque:
        return Entry(msgspec.msgpack.encode([2, number]), b"", b"")
    salt, body = bytes([number]) * 16, b"\xc0"
    return Entry(msgspec.msgpack.encode(Header("note", number, body_hash(salt, body), 1)), salt, body)


class StoresAgree(RuleBasedStateMachine):
    """The same steps in both."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        kept = SqliteStore(Path(self.folder.name) / "store.db", clock=lambda: 1_700_000_000.0)
        kept._db.execute("PRAGMA synchronous = OFF")  # nothing is lost here, and hundreds of turns are taken
        self.stores: list[Store] = [open_store("memory:", clock=lambda: 1_700_000_000.0), kept]
        self.authors = [Author("alice"), Author("bob")]
        self.followers: list[dict[bytes, Stored]] = [{}, {}]
        self.followed = [0, 0]
        self.recs: set[bytes] = set()
        self.ever: dict[bytes, list[Entry]] = defaultdict(list)  # by log, also what epochs dropped

    def teardown(self) -> None:
        for store in self.stores:
            store.close()
        self.folder.cleanup()

    # --- helpers -------------------------------------------------------------------------------
    def ref(self, place: tuple[int, int], space: bytes, right: bool) -> list[Any]:
        author = self.authors[place[0]]
        written = author.entries.get(space, [])
        index = place[1] % (len(written) + 1)  # mostly one that stands
        leaf = written[index].leaf if right and index < len(written) else bytes(32)
        return [author.log(space), index, leaf]

    def note(self, author: Author, space: bytes, entries: list[Entry]) -> None:
        self.recs.update(rec_id(author.log(space), entry.leaf) for entry in entries)
        self.ever[author.log(space)] += entries

    def turn(self, step: Callable[[StoreLedger], Any], undo: bool = False) -> list[Any]:
        answers = []
        for store in self.stores:
            with contextlib.suppress(Undone), store.ledger.transaction(hurried=len(self.recs) % 3 == 2):
                answers.append(step(store.ledger))
                if undo:
                    raise Undone
        return answers

    def committed(self, author: Author, space: bytes) -> int:
        with self.stores[0].ledger.transaction():
            held = self.stores[0].ledger.log(author.log(space))
        return held.size if held else 0

    def compose(self, author: Author, space: bytes, writes: list[Plan], size: int) -> list[Entry]:
        """Entries after the first ``size``; each may be about those before it."""
        author.entries[space] = author.entries.get(space, [])[:size]
        for plan in writes:
            author.write(plan.write(self, author, space), space=space)
        return author.entries[space][size:]

    # --- steps ---------------------------------------------------------------------------------
    @initialize(first=batches, second=batches)
    def meet(self, first: list[Plan], second: list[Plan]) -> None:
        for author, writes in zip(self.authors, (first, second), strict=True):
            self.turn(lambda ledger, chain=author.chain: ledger.put_chain(chain))  # type: ignore[misc]
            self.publish(self.authors.index(author), PUBLIC, writes, None)

    @rule(by=who, space=spaces, writes=batches, lacking=st.none() | st.integers(0, 4))
    def publish(self, by: int, space: bytes, writes: list[Plan], lacking: int | None) -> None:
        author = self.authors[by]
        entries = self.compose(author, space, writes, self.committed(author, space))
        self.note(author, space, entries)
        head, tree = author.head(space), author.tree(space)
        if lacking is not None:
            entries[lacking:] = [Entry(entry.header, b"", b"") for entry in entries[lacking:]]

        def step(ledger: StoreLedger) -> None:
            ledger.drop_pending(author.log(space))
            append(ledger, author, entries, space)
            ledger.commit(head, tree)

        self.turn(step)

    @rule(by=who, space=spaces, writes=batches, ending=st.sampled_from(("stop", "undo", "drop")))
    def begin_to_publish(self, by: int, space: bytes, writes: list[Plan], ending: str) -> None:
        author = self.authors[by]
        size = self.committed(author, space)
        entries = self.compose(author, space, writes, size)
        author.entries[space] = author.entries[space][:size]

        def step(ledger: StoreLedger) -> None:
            ledger.drop_pending(author.log(space))
            append(ledger, author, entries, space)
            if ending == "drop":
                ledger.drop_pending(author.log(space))

        self.turn(step, undo=ending == "undo")

    @rule(by=who, keeps=st.integers(0, 12), writes=batches, undo=st.booleans(), lacking=st.booleans())
    def open_epoch(self, by: int, keeps: int, writes: list[Plan], undo: bool, lacking: bool) -> None:
        author = self.authors[by]
        size = self.committed(author, PUBLIC)
        keeps %= size + 1
        if size == 0:
            return
        if undo:
            self.turn(lambda ledger: ledger.cut(author.log(), keeps), undo=True)
            return
        author.open_epoch(keeps)
        entries = self.compose(author, PUBLIC, writes, keeps)
        self.note(author, PUBLIC, entries)
        head, tree = author.head(), author.tree()
        if lacking:
            entries = [Entry(entry.header, b"", b"") for entry in entries]

        def step(ledger: StoreLedger) -> None:
            ledger.put_chain(author.chain)
            ledger.cut(author.log(), keeps)
            append(ledger, author, entries)
            ledger.commit(head, tree)

        self.turn(step)

    @rule(by=who, space=spaces, pick=st.integers(0, 5), undo=st.booleans())
    def fill(self, by: int, space: bytes, pick: int, undo: bool) -> None:
        author = self.authors[by]

        def step(ledger: StoreLedger) -> list[int]:
            lacking = ledger.missing(author.log(space), 0, 10)
            for index in lacking[pick : pick + 1]:
                entry = author.entries[space][index]
                ledger.fill(author.log(space), index, entry.salt, entry.body)
            return lacking

        ours, theirs = self.turn(step, undo)
        assert ours == theirs

    @rule(limit=st.integers(1, 8))
    def show_some(self, limit: int) -> None:
        ours, theirs = self.turn(lambda ledger: ledger.project_some(limit))
        assert ours == theirs

    @rule(by=who, space=spaces, what=st.sampled_from(("fork", "break", "mend", "own")), at=st.integers(0, 5))
    def happen(self, by: int, space: bytes, what: str, at: int) -> None:
        author = self.authors[by]
        log, org, epoch = author.log(space), author.org, author.chain.epoch

        def step(ledger: StoreLedger) -> None:
            if what == "fork":
                ledger.freeze(log, org, space, epoch, bytes([at]), at)
            elif what == "own":
                ledger.put_own(org)
            else:
                ledger.mark_broken(log, org, space, epoch, at if what == "break" else None)

        self.turn(step)

    @rule(by=who, accepted=st.booleans(), blocked=st.booleans(), undo=st.booleans())
    def decide(self, by: int, accepted: bool, blocked: bool, undo: bool) -> None:
        self.turn(lambda ledger: ledger.put_stance(self.authors[by].org, Stance(accepted, blocked)), undo)

    @rule(by=who, pick=st.integers(0, 5), cites=places, ours=st.booleans(), undo=st.booleans())
    def open_sealed(self, by: int, pick: int, cites: tuple[int, int], ours: bool, undo: bool) -> None:
        """Some of what waits to be tried opens; the rest need not be tried again."""
        author = self.authors[by]
        waiting, theirs = (to_be_tried(store.reader()) for store in self.stores)
        assert waiting == theirs
        body = encode_body({"resource": self.ref(cites, PUBLIC, right=True), "type": "used"})
        opened = [each for each in waiting[pick : pick + 2] if each.log == author.log()]

        def step(ledger: StoreLedger) -> None:
            for each in opened:
                reader = self.authors[1 - by].org if ours else None
                ledger.put_opened(each.log, each.index, each.leaf, "usage", body, reader)
            ledger.sealed_tried([(each.log, each.index) for each in waiting])

        self.turn(step, undo)

    @rule(key=st.sampled_from((b"1" * 32, b"2" * 32)))
    def get_a_key(self, key: bytes) -> None:
        ours, theirs = self.turn(lambda ledger: ledger.try_sealed_with([key]))
        assert ours == theirs

    @rule(by=who, pick=st.integers(0, 8), state=kept_states, stranger=st.booleans(), undo=st.booleans())
    def bring(self, by: int, pick: int, state: Any, stranger: bool, undo: bool) -> None:
        """A record of an author, whose register may be here, is brought, or decided on."""
        author = self.authors[by]
        ever = [each for each in self.ever[author.log()] if each.body]
        if not ever:
            return
        index = pick % len(ever)
        entry = ever[index]
        rec = rec_id(author.log(), entry.leaf)
        self.recs.add(rec)
        brought = Delivered(
            rec, author.org, index, entry.header, entry.salt, entry.body, "usage",
            entry.body if stranger else b"", bytes([pick % 2]) * 32, f"10.0.{by}.0/24", stranger,
            1_000 + pick, ("a:1",), state,
        )  # fmt: skip
        self.turn(lambda ledger: ledger.put_delivered(brought), undo)

    @rule(by=who, index=st.integers(0, 9), state=st.sampled_from(("waiting", "taken", "given_up", "dropped")))
    def send(self, by: int, index: int, state: Any) -> None:
        author, reader = self.authors[by], self.authors[1 - by].org
        outgoing = Outgoing(author.log(), index, reader, 1_000 + index, state, index, 2_000, "")
        self.turn(lambda ledger: ledger.put_outgoing(outgoing))
        self.turn(lambda ledger: ledger.put_passed_on(reader, index))

    # --- comparing -----------------------------------------------------------------------------
    @invariant()
    def ledgers_answer_alike(self) -> None:
        ours, theirs = self.turn(self.ask_ledger)
        assert ours == theirs

    def ask_ledger(self, ledger: StoreLedger) -> list[Any]:
        answers: list[Any] = [
            ledger.newest_cursor(),
            ledger.heads_since(0, 3),
            ledger.range_items(bytes(32), b"\xff" * 32),
            ledger.logs_missing(5),
            ledger.accepted(),
            ledger.outgoing(),
            ledger.strangers_waiting(),
            [ledger.delivered(rec) for rec in sorted(self.recs)],
        ]
        for by, author in enumerate(self.authors):
            answers += [ledger.strangers_from(f"10.0.{by}.0/24", since) for since in (0, 1_003)]
            answers += [ledger.delivered_about(author.org, bytes([about]) * 32) for about in (0, 1)]
            answers += [ledger.left_by(author.org), ledger.passed_on(author.org)]
            answers += [self.passed_on(ledger, author.org)]
        for author in self.authors:
            answers += [ledger.logs_of(author.org), ledger.vouches(author.org, 9), ledger.stance(author.org)]
            answers += [ledger.endpoints(author.org), ledger.profile_entry(author.org)]
            for space in (PUBLIC, CIRCLE):
                log = author.log(space)
                held = ledger.log(log)
                size = held.size if held else 0
                answers += [held, ledger.frontier(log).to_bytes(), ledger.evidence(log, 0)]
                answers += [ledger.root_at(log, size // 2) if size else None]
                answers += [ledger.leaves(log, 1, 5), ledger.entries(log, 0, 99, False, 10**6)]
        return answers

    def passed_on(self, ledger: StoreLedger, org: bytes) -> list[Any]:
        """What is to be passed on, and in which order; each store counts arrivals in its own way."""
        found = ledger.to_pass_on(org, 0, 9)
        assert all(arrival <= ledger.newest_arrival() for arrival, _, _ in found)
        for number, (arrival, _, _) in enumerate(found[:2]):
            assert ledger.to_pass_on(org, arrival, 9)[: 8 - number] == found[number + 1 :]
        return [place for _, *place in found]

    @invariant()
    def readers_answer_alike(self) -> None:
        ours, theirs = (self.ask_reader(store) for store in self.stores)
        assert ours == theirs

    def ask_reader(self, store: Store) -> list[Any]:
        reader = store.reader()
        answers: list[Any] = [
            reader.organisations(),
            reader.counts(),
            reader.records_like(bytes(32), b"\xff" * 32),
        ]
        for kind in KINDS:
            for space in (PUBLIC, CIRCLE):
                for current in (True, False):
                    answers.append(reader.of_kind(kind, space=space, current=current, limit=4, offset=1))
                    answers.append(reader.of_kind(kind, self.authors[0].org, space, current=current))
        for author in self.authors:
            answers += [reader.by_external_ref(author.org, "resource", key) for key in "ab"]
            for log in (author.log(), author.log(CIRCLE)):
                answers += [reader.at(log, index) for index in range(12)]
                answers += [reader.mentions(log, index) for index in range(12)]
                answers += [reader.mentioning_log(log), reader.mentioning_log(log, ("usage",), 2, 1)]
                answers += [list(reader.log_walk(log))]
        return answers + self.ask_of_what_is_private(reader)

    def ask_of_what_is_private(self, reader: Reader) -> list[Any]:
        answers: list[Any] = [to_be_tried(reader), reader.delivered_waiting()]
        for rec in sorted(self.recs):
            answers += [reader.delivered_record(rec), reader.delivered_state(rec)]
        for current in (True, False):
            answers.append(reader.opened_of_kind("usage", limit=3, offset=1, current=current))
        private = PrivateReader(reader)
        for author in self.authors:
            log = author.log()
            answers += [reader.opened_of_kind("usage", author.org), private.of_kind("usage", author.org)]
            answers += [reader.opened_mentioning_log(log, ("usage",), 3), private.mentioning_log(log)]
            for index, entry in enumerate(author.entries.get(PUBLIC, [])[:9]):
                answers += [reader.opened_at(log, index), reader.outgoing_of(log, index)]
                answers += [reader.opened_mentions(log, index, entry.leaf), private.mentions(log, index)]
                answers += [reader.citing(log, index, entry.leaf), private.at(log, index)]
        return answers

    @invariant()
    def whoever_follows_the_feed_knows_every_record(self) -> None:
        for number, store in enumerate(self.stores):
            reader, follower = store.reader(), self.followers[number]
            while page := reader.changes(self.followed[number], 5):
                for change, stored in page:
                    assert change > self.followed[number]
                    self.followed[number] = change
                    follower[stored.rec] = msgspec.structs.replace(stored, contested=False)
            assert self.followed[number] == reader.newest_change()
            for rec in self.recs:
                stored_now = reader.record(rec)
                expected = msgspec.structs.replace(stored_now, contested=False) if stored_now else None
                assert follower.get(rec) == expected


def to_be_tried(reader: Reader) -> list[Stored]:
    """What is sealed and was not tried yet; each store has an order of its own."""
    return sorted(reader.sealed_waiting(99), key=lambda each: (each.log, each.index))


@pytest.fixture(autouse=True)
def _short_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("memory", "sqlite"):
        monkeypatch.setattr(f"mutunode.store.{module}.PROJECTED_AT_COMMIT_MAX", SHOWN_AT_COMMIT)


TestStoresAgree = StoresAgree.TestCase
TestStoresAgree.settings = settings(
    max_examples=EXAMPLES,
    phases=(Phase.generate,),
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
