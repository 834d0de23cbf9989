"""The single writer: durable, then marked, then announced; and how it goes on after whatever fails."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mutunode.home import Home
from mutunode.protocol.core import Me, NodeSettings
from mutunode.protocol.effects import Effect, Send
from mutunode.protocol.entry import make_entry
from mutunode.protocol.head import Head
from mutunode.protocol.identity import Base, Chain, make_op, sign_op
from mutunode.protocol.ledger import Address
from mutunode.protocol.merkle import EMPTY_ROOT
from mutunode.protocol.node import Node
from mutunode.protocol.signing import Mark
from mutunode.store.interface import StoreFull
from mutunode.store.memory import MemoryStore
from mutunode.turns import CLOSE_ALL, Input, NotSigned, Outward, Stopping, Turn, Turns, Written, renew_if_old
from mutunode.turns.writer import (
    ANSWERING_SECONDS,
    BATCH_INPUTS,
    BATCH_SECONDS,
    GIVES_WAY_TIMES,
    INPUTS_PER_TURN_MAX,
    INPUTS_WHILE_READ_MAX,
)
from tests.store.authors import Author

WAIT_SECONDS = 10.0
SIGN = 0  # the link of what is no frame, but tells the test what the core does


class Disk:
    """A store in memory whose transactions can be made to fail, and are written down."""

    def __init__(self, store: MemoryStore, happened: list[str]) -> None:
        self.store = store
        self.happened = happened
        self.is_full = False
        self.turns = 0

    @property
    def ledger(self) -> Any:
        """The write side: everything as it is, but for the transaction."""
        return self

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store.ledger, name)

    @contextmanager
    def transaction(self, *, freeing: bool = False, hurried: bool = False) -> Iterator[None]:
        """As the store's own, with a disk that may be full at its end."""
        self.turns += 1
        with self.store.ledger.transaction(freeing=freeing, hurried=hurried):
            yield
            if self.is_full:
                raise StoreFull("the disk is full")
        self.happened.append("commit")


class Outside:
    """The outside mark, on a disk that can be made to refuse."""

    def __init__(self, home: Home, happened: list[str]) -> None:
        self.home = home
        self.happened = happened
        self.refuses = False

    def marks(self) -> Any:
        """What is marked."""
        return self.home.marks()

    def write_mark(self, log: bytes, epoch: int, size: int, root: bytes) -> None:
        """Raise a mark."""
        if self.refuses:
            raise OSError(28, "No space left on device")
        self.home.write_mark(log, epoch, size, root)
        self.happened.append(f"mark {size}")

    def reset_mark(self, log: bytes, epoch: int, size: int, root: bytes) -> None:
        """Put a mark back."""
        self.home.reset_mark(log, epoch, size, root)


class Speaking(Node):
    """A core that says when it starts and what it announces."""

    def start(self, now: float) -> list[Effect]:
        """As the core does, with a sign of it."""
        return [Send(SIGN, b"started"), *super().start(now)]

    def published(self, heads: Sequence[Head], now: float) -> list[Effect]:
        """As the core does, with a sign of it."""
        return [Send(SIGN, b"announced %d" % heads[0].size), *super().published(heads, now)]


class World:
    """One node's writer, and everything around it."""

    def __init__(self, folder: Path) -> None:
        self.author = Author("Jardin")
        self.happened: list[str] = []
        self.ahead_seconds = 0.0
        self.store = MemoryStore(self.clock)
        self.disk = Disk(self.store, self.happened)
        self.home = Home(folder)
        folder.mkdir()
        self.outside = Outside(self.home, self.happened)
        with self.store.ledger.transaction():
            self.store.ledger.put_own(self.author.org)
            self.store.ledger.put_chain(self.author.chain)
        self.seeds: tuple[Address, ...] = ()
        self.turns = self.make()

    def clock(self) -> float:
        """The time."""
        return time.time() + self.ahead_seconds

    def make(self) -> Turns:
        """The process starts: a writer on what store and mark hold."""
        operating = self.author._operating
        me = Me(self.author.org, operating.public_key().public_bytes_raw(), operating.sign)
        draws = itertools.count()

        def draw(size: int) -> bytes:
            return (b"%d" % next(draws)).zfill(size)

        def make_node(me: Me) -> Node:
            marks = [Mark(log, m.epoch, m.size, m.root) for log, m in self.home.marks().items()]
            return Speaking(me, self.disk.ledger, NodeSettings(seeds=self.seeds), draw, marks)

        return Turns(me, self.disk, self.outside, make_node, self.clock, self.perform)

    def perform(self, effects: Sequence[Outward]) -> None:
        """What would leave."""
        for effect in effects:
            if effect is CLOSE_ALL:
                self.happened.append("close all")
            elif isinstance(effect, Send) and effect.link == SIGN:
                self.happened.append(effect.frame.decode())

    def restarts(self) -> None:
        """The process is gone, and begins again on what was durable."""
        self.turns.stop()
        self.happened.clear()
        self.turns = self.make()
        self.turns.start()

    def publish(self, title: str = "Une fiche") -> Written:
        """An act that signs one record."""
        written = self.act(lambda turn: turn.append(self.entry(title)))
        assert isinstance(written, Written)
        return written

    def entry(self, title: str = "Une fiche") -> Any:
        """A record."""
        return make_entry("resource", {"title": {"fr": title}}, int(self.clock()), bytes(16))

    def act(self, job: Callable[[Turn], Any]) -> Any:
        """An act, and its answer."""
        return self.turns.act(job).result(WAIT_SECONDS)

    def size(self) -> int:
        """How much our register holds."""
        held = self.store.reader().organisation(self.author.org)
        return held.size if held else 0

    def mark(self) -> int | None:
        """The size that is marked."""
        marked = self.home.marks().get(self.author.log())
        return marked.size if marked else None

    def settle(self) -> None:
        """Whatever was posted has been taken."""
        self.act(lambda turn: None)

    def until(self, holds: Callable[[], Any]) -> None:
        """Wait for something."""
        end = time.monotonic() + WAIT_SECONDS
        while not holds():
            assert time.monotonic() < end, self.happened
            time.sleep(0.005)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A writer that runs, and has said what it says at its start."""
    made = World(tmp_path / "home")
    made.turns.start()
    made.happened.clear()
    yield made
    made.turns.stop()


def bug(node: Node, now: float) -> list[Effect]:
    """An input that the core cannot take."""
    raise ZeroDivisionError("a bug")


def note(told: list[Any], what: Callable[[], Any]) -> Input:
    """An input that leaves a note when it is taken."""

    def given(node: Node, now: float) -> list[Effect]:
        told.append(what())
        return []

    return given


def nothing(node: Node, now: float) -> list[Effect]:
    """An input without consequences."""
    return []


# --- the order of things -----------------------------------------------------------------------------
def test_what_is_published_is_durable_then_marked_then_announced(world: World) -> None:
    world.publish()
    assert world.happened[:2] == ["commit", "mark 1"]
    assert world.happened.index("announced 1") > world.happened.index("mark 1")
    assert (world.size(), world.mark()) == (1, 1)


def test_the_answer_comes_when_all_of_it_is_durable(world: World) -> None:
    for number in range(1, 4):
        written = world.publish(f"Fiche {number}")
        assert (world.size(), world.mark(), written.index) == (number, number, number - 1)


def test_a_commit_that_fails_announces_nothing_marks_nothing_and_keeps_nothing(world: World) -> None:
    world.disk.is_full = True
    with pytest.raises(StoreFull):
        world.publish()
    world.disk.is_full = False
    assert world.happened == []
    assert (world.size(), world.mark()) == (0, 0)
    world.publish()
    assert [said for said in world.happened if said.startswith("announced")] == ["announced 1"]
    assert "close all" not in world.happened, "an act that fails is no reason to leave the others"


def test_one_act_is_one_turn_and_one_signature_for_all_it_wrote(world: World) -> None:
    written = world.act(lambda turn: [turn.append(world.entry(f"Fiche {n}")) for n in range(5)])
    assert [each.index for each in written] == [0, 1, 2, 3, 4]
    assert [said for said in world.happened if said.startswith("announced")] == ["announced 5"]
    world.publish()
    assert world.size() == 6


def test_an_act_that_raises_leaves_nothing_and_harms_nobody(world: World) -> None:
    def act(turn: Turn) -> None:
        turn.append(world.entry())
        turn.tell(bug)
        raise LookupError("changed its mind")

    before, failing, after = world.turns.act(nothing_at_all), world.turns.act(act), world.turns.act(size_of)
    assert before.result(WAIT_SECONDS) is None
    with pytest.raises(LookupError):
        failing.result(WAIT_SECONDS)
    assert after.result(WAIT_SECONDS) == 0
    assert "close all" not in world.happened


def nothing_at_all(turn: Turn) -> None:
    """An act that does nothing."""


def size_of(turn: Turn) -> int:
    """An act that looks."""
    return turn.size()


def test_the_core_hears_of_an_act_only_once_it_is_durable(world: World) -> None:
    heard: list[str] = []

    def act(turn: Turn) -> None:
        turn.tell(note(heard, lambda: f"told at {world.size()}"))
        turn.append(world.entry())
        heard.append("act")

    world.act(act)
    assert heard == ["act", "told at 1"]


# --- inputs ------------------------------------------------------------------------------------------
def hold(world: World) -> tuple[threading.Event, Future[None]]:
    """Have the writer wait, so that things pile up before it."""
    release, begun = threading.Event(), threading.Event()

    def act(turn: Turn) -> None:
        begun.set()
        release.wait(WAIT_SECONDS)

    future = world.turns.act(act)
    begun.wait(WAIT_SECONDS)
    return release, future


def test_inputs_that_pile_up_share_turns(world: World) -> None:
    release, _ = hold(world)
    taken: list[int] = []
    for number in range(200):
        world.turns.post(note(taken, partial(int, number)))
    before = world.disk.turns
    release.set()
    world.settle()
    assert taken == list(range(200))
    assert world.disk.turns - before <= 200 // INPUTS_PER_TURN_MAX + 4


def test_answers_leave_while_others_are_made_but_what_is_written_is_one_turn(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(node: Node, now: float) -> list[Effect]:
        until = time.thread_time() + 1.1 * ANSWERING_SECONDS
        while time.thread_time() < until:
            pass
        return [Send(SIGN, b"answer")]

    def answered() -> list[str]:
        release, held = hold(world)
        over = threading.Event()
        for _ in range(3):
            world.turns.post(slow, over.set)
        release.set()
        held.result(WAIT_SECONDS)
        world.settle()
        assert over.is_set()
        first = world.happened.index("answer")
        happened = world.happened[first : first + 5]
        world.happened.clear()
        return happened

    assert answered() == ["answer", "commit", "answer", "commit", "answer"]
    written = itertools.count()
    monkeypatch.setattr(world.disk, "written", lambda: next(written), raising=False)
    assert answered()[:3] == ["answer"] * 3


def test_whoever_brings_much_at_once_keeps_others_waiting_for_a_moment(world: World) -> None:
    assert not world.turns.is_busy
    for number, is_busy in ((BATCH_INPUTS - 1, False), (BATCH_INPUTS, True)):
        gate, held = hold(world)
        for _ in range(number):
            world.turns.post(nothing)
        gate.set()
        held.result(WAIT_SECONDS)
        world.settle()
        assert world.turns.is_busy is is_busy
    world.ahead_seconds = BATCH_SECONDS
    assert not world.turns.is_busy


def test_while_somebody_waits_for_an_answer_turns_are_small_with_pauses_between(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.turns, "_is_read", lambda: True)
    release, held = hold(world)
    for _ in range(10 * INPUTS_WHILE_READ_MAX):
        world.turns.post(nothing)
    before = world.disk.turns
    release.set()
    held.result(WAIT_SECONDS)
    world.settle()
    assert world.disk.turns - before >= 10
    began: list[float] = []

    def slow(node: Node, now: float) -> list[Effect]:
        began.append(time.monotonic())
        until = time.thread_time() + 0.02
        while time.thread_time() < until:
            pass
        return []

    for _ in range(4):
        over = threading.Event()
        world.turns.post(slow, over.set)
        assert over.wait(WAIT_SECONDS)
    assert all(
        later - earlier >= 0.02 * (1 + GIVES_WAY_TIMES) for earlier, later in itertools.pairwise(began)
    )


def test_inputs_and_acts_keep_their_order(world: World) -> None:
    release, _ = hold(world)
    order: list[str] = []
    for name in ("input 1", "act 2", "input 3", "act 4"):
        if name.startswith("act"):
            world.turns.act(partial(_note_act, order, name))
        else:
            world.turns.post(note(order, partial(str, name)))
    release.set()
    world.settle()
    assert order == ["input 1", "act 2", "input 3", "act 4"]


def _note_act(order: list[str], name: str, turn: Turn) -> None:
    order.append(name)


def test_whoever_posted_is_told_when_the_turn_is_over_also_when_it_failed(world: World) -> None:
    over: list[str] = []
    world.turns.post(nothing, lambda: over.append("first"))
    world.settle()
    world.turns.post(bug, lambda: over.append("second"))
    world.turns.post(nothing, lambda: over.append("third"))
    world.settle()
    assert over == ["first", "second", "third"]


# --- failures of the core ----------------------------------------------------------------------------
def test_after_a_bug_all_links_are_closed_and_a_new_core_starts_on_the_same_store(world: World) -> None:
    world.publish()
    world.happened.clear()
    world.turns.post(bug)
    world.until(lambda: "started" in world.happened)
    assert world.happened.index("close all") < world.happened.index("started")
    assert world.publish("Après").index == 1


def test_a_bug_undoes_its_whole_turn(world: World) -> None:
    address = Address("atelier.example:7447", None, "person")
    release, _ = hold(world)
    world.turns.post(note([], lambda: world.store.ledger.put_address(address)))
    world.turns.post(bug)
    release.set()
    assert world.act(lambda turn: list(turn.ledger.addresses())) == []


def test_a_bug_that_comes_back_does_not_take_the_machine(world: World) -> None:
    end = time.monotonic() + 1.0
    while time.monotonic() < end:
        world.turns.post(bug)
        time.sleep(0.002)
    assert world.happened.count("started") <= 4


def test_a_bug_in_announcing_loses_nothing_that_was_acknowledged(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Speaking, "published", lambda self, heads, now: bug(self, now))
    assert world.publish().index == 0
    monkeypatch.undo()
    world.until(lambda: "started" in world.happened)
    assert (world.size(), world.mark()) == (1, 1)
    assert world.publish().index == 1


def test_effects_that_cannot_be_handed_out_are_a_failure_like_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def perform(effects: Sequence[Outward]) -> None:
        raise RuntimeError("nobody is there")

    monkeypatch.setattr(world.turns, "_perform", perform)
    assert world.publish().index == 0
    monkeypatch.undo()
    world.until(lambda: "started" in world.happened)
    assert world.publish().index == 1


def test_a_clock_set_back_makes_the_core_plan_anew(world: World) -> None:
    world.settle()
    world.ahead_seconds = -3_600.0
    world.turns.post(nothing)
    world.until(lambda: "started" in world.happened)
    world.publish()


# --- a full disk -------------------------------------------------------------------------------------
def test_a_full_disk_pauses_the_core_refuses_to_sign_and_heals_by_itself(world: World) -> None:
    world.disk.is_full = True
    world.turns.post(nothing)
    world.until(lambda: "close all" in world.happened)
    with pytest.raises(NotSigned) as refused:
        world.publish()
    assert refused.value.reason == "full"
    assert world.turns.sight.reason == "full"
    world.disk.is_full = False
    assert world.publish().index == 0, "a person does not wait for the next try"
    assert world.turns.sight.may_sign


def test_a_core_that_is_paused_tries_again_without_being_asked(world: World) -> None:
    world.disk.is_full = True
    world.turns.post(nothing)
    world.until(lambda: "close all" in world.happened)
    world.disk.is_full = False
    world.until(lambda: "started" in world.happened)


# --- the outside mark --------------------------------------------------------------------------------
def test_what_cannot_be_marked_is_kept_and_shown_to_nobody_until_it_can(world: World) -> None:
    world.outside.refuses = True
    assert world.publish().index == 0
    assert world.size() == 1
    assert world.happened == ["commit", "close all"]
    with pytest.raises(NotSigned) as refused:
        world.publish()
    assert refused.value.reason == "unmarked"
    world.outside.refuses = False
    world.until(lambda: "started" in world.happened)
    assert world.happened.index("mark 1") < world.happened.index("started")
    assert world.publish().index == 1


def test_a_crash_between_commit_and_mark_is_mended_before_anything_leaves(world: World) -> None:
    world.publish()
    world.outside.refuses = True
    world.publish()
    world.turns.stop()
    world.outside.refuses = False
    world.restarts()
    assert (world.size(), world.mark()) == (2, 2)
    assert world.happened.index("mark 2") < world.happened.index("started")
    assert world.publish().index == 2


def test_before_the_first_entry_nothing_is_marked_as_such(world: World) -> None:
    marked = world.home.marks()[world.author.log()]
    assert (marked.epoch, marked.size, marked.root) == (0, 0, EMPTY_ROOT)


def test_a_crash_between_the_first_commit_and_its_mark_does_not_lock_the_node(world: World) -> None:
    world.outside.refuses = True
    world.publish()
    world.outside.refuses = False
    world.restarts()
    assert world.publish().index == 1


def test_an_old_copy_of_the_store_signs_nothing_and_the_mark_stays(world: World) -> None:
    world.publish("Un")
    old = world.store.state
    world.publish("Deux")
    world.turns.stop()
    world.store.state = old
    world.restarts()
    with pytest.raises(NotSigned) as refused:
        world.publish("Deux, autrement")
    assert refused.value.reason == "stale"
    assert (world.turns.sight.may_sign, world.turns.sight.reason) == (False, "stale")
    assert (world.size(), world.mark()) == (1, 2)


def test_a_store_with_entries_and_no_mark_is_not_taken_at_its_word(world: World) -> None:
    world.publish()
    world.turns.stop()
    (world.home.path / "mark").unlink()
    world.home = world.outside.home = Home(world.home.path)
    world.restarts()
    with pytest.raises(NotSigned) as refused:
        world.publish()
    assert refused.value.reason == "stale"


@pytest.mark.parametrize("kept", [0, 1])
def test_a_person_who_answers_for_an_old_copy_is_asked_once_only(world: World, kept: int) -> None:
    states = [world.store.state]
    for title in ("Un", "Deux", "Trois"):
        world.publish(title)
        states.append(world.store.state)
    world.turns.stop()
    world.store.state = states[kept]
    world.restarts()
    world.act(Turn.trust_store)
    assert world.publish("Autrement").index == kept
    assert world.mark() == kept + 1
    world.restarts()
    assert world.publish("Encore").index == kept + 1


def test_with_peers_to_ask_nothing_is_signed_before_they_had_their_time(world: World) -> None:
    world.seeds = (Address("atelier.example:7447", None, "seed"),)
    world.restarts()
    with pytest.raises(NotSigned) as refused:
        world.publish()
    assert refused.value.reason == "asking"
    assert world.turns.sight.reason == "asking"
    world.ahead_seconds = 6.0
    world.until(lambda: world.turns.sight.may_sign)
    assert world.publish().index == 0


# --- renewing ----------------------------------------------------------------------------------------
def test_a_head_is_renewed_once_it_is_a_day_old_and_the_tree_stays(world: World) -> None:
    world.act(renew_if_old)
    assert world.happened.count("announced 0") == 0, "there is nothing to renew"
    world.publish()
    first = head(world)
    world.act(renew_if_old)
    assert head(world) == first
    world.ahead_seconds = 21 * 3_600.0
    world.act(renew_if_old)
    second = head(world)
    assert (second.size, second.root) == (first.size, first.root)
    assert second.time - first.time >= 21 * 3_600
    assert "announced 1" in world.happened
    world.act(renew_if_old)
    assert head(world) == second


def test_a_node_that_may_not_sign_renews_nothing(world: World) -> None:
    world.publish()
    world.publish()
    world.turns.stop()
    world.home.reset_mark(world.author.log(), 0, 3, bytes(32))
    world.restarts()
    world.ahead_seconds = 21 * 3_600.0
    before = head(world)
    world.act(renew_if_old)
    assert head(world) == before
    with pytest.raises(NotSigned):
        world.act(Turn.renew)


def head(world: World) -> Head:
    """The newest of ours."""
    held = world.store.reader().organisation(world.author.org)
    assert held is not None
    assert held.head is not None
    return held.head


# --- the end -----------------------------------------------------------------------------------------
def test_stopping_finishes_the_turn_in_hand_and_refuses_what_waits(world: World) -> None:
    release, held = hold(world)
    stopping = threading.Thread(target=world.turns.stop)
    stopping.start()
    world.until(lambda: world.turns._inbox.qsize() == 1)
    late = world.turns.act(nothing_at_all)
    release.set()
    stopping.join(WAIT_SECONDS)
    assert held.result(WAIT_SECONDS) is None
    for refused in (late, world.turns.act(nothing_at_all)):
        with pytest.raises(Stopping):
            refused.result(WAIT_SECONDS)


def test_pages_see_what_the_core_knew_at_the_end_of_the_last_turn(world: World) -> None:
    assert (world.turns.sight.may_sign, world.turns.sight.reason, world.turns.sight.links) == (True, "", ())
    world.turns.post(
        lambda node, now: node.opened(1, True, "atelier.example:7447", bytes(32), False, None, now)
    )
    world.settle()
    [link] = world.turns.sight.links
    assert (link.link, link.ready, link.address) == (1, False, "atelier.example:7447")


# --- another epoch -----------------------------------------------------------------------------------
class Successor:
    """The next key of the world's organisation, and what became of keeping it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.kept: Chain | None = None
        self.breaks = False
        self.key = Ed25519PrivateKey.generate()

    @property
    def me(self) -> Me:
        """Who signs from then on."""
        return Me(self.world.author.org, self.key.public_key().public_bytes_raw(), self.key.sign)

    def opens(self, base: int) -> Future[Any]:
        """Have the epoch opened that keeps so many leaves."""
        return self.world.turns.act(lambda turn: self.open(turn, base))

    def open(self, turn: Turn, base: int) -> None:
        """The act."""
        author, chain = self.world.author, turn.ledger.chain(self.world.author.org)
        assert chain is not None
        op = make_op(
            chain,
            operating=self.me.operating,
            roots=chain.roots,
            sealing=chain.sealing,
            base=Base(base, turn.ledger.root_at(author.log(), base)),
            reason="",
        )
        opened = sign_op(chain, op, author._root.sign, int(turn.now))

        def keep() -> None:
            if self.breaks:
                raise OSError(28, "No space left on device")
            self.kept = opened
            self.world.happened.append("keys")

        turn.open_epoch(opened, self.me, keep)

    def restarts(self) -> None:
        """The process begins again, with what the key file holds."""
        if self.kept is not None:
            with self.world.store.ledger.transaction():
                self.world.store.ledger.put_chain(self.kept)
            self.world.author._operating = self.key
        self.world.restarts()


def head_of(world: World) -> Head:
    """The newest head of our register."""
    held = world.store.reader().organisation(world.author.org)
    assert held is not None
    assert held.head is not None
    return held.head


@pytest.mark.parametrize("base", [0, 1, 2])
def test_an_epoch_is_kept_then_committed_then_marked_and_a_new_core_begins_with_it(
    world: World, base: int
) -> None:
    world.publish("Une")
    world.publish("Deux")
    world.happened.clear()
    Successor(world).opens(base).result(WAIT_SECONDS)
    order = [said for said in world.happened if said in ("keys", "commit", f"mark {base}", "started")]
    assert order[:4] == ["keys", "commit", f"mark {base}", "commit"]
    assert "close all" in world.happened, "others meet the new key"
    head = head_of(world)
    assert (head.epoch, head.base, head.size) == (1, base, base)
    world.publish("Après")
    head = head_of(world)
    assert (head.epoch, head.base, head.size, world.mark()) == (1, base, base + 1, base + 1)


def test_keys_that_cannot_be_kept_open_nothing(world: World) -> None:
    world.publish("Une")
    next_ = Successor(world)
    next_.breaks = True
    with pytest.raises(OSError, match="No space"):
        next_.opens(1).result(WAIT_SECONDS)
    world.publish("Deux")
    assert (head_of(world).epoch, world.size()) == (0, 2)


def test_a_store_that_refuses_after_the_keys_were_kept_is_finished_later(world: World) -> None:
    for title in ("Une", "Deux", "Trois"):
        world.publish(title)
    next_ = Successor(world)
    world.disk.is_full = True
    with pytest.raises(StoreFull):
        next_.opens(2).result(WAIT_SECONDS)
    assert next_.kept is not None
    assert head_of(world).epoch == 0
    with pytest.raises((StoreFull, NotSigned)):
        world.publish("Sous l’ancienne clé")
    world.disk.is_full = False
    next_.restarts()
    world.until(lambda: head_of(world).epoch == 1)
    world.publish("Quatre")
    head = head_of(world)
    assert (head.base, head.size, world.mark()) == (2, 3, 3)


def test_a_mark_of_an_epoch_before_is_raised_at_the_next_start(world: World) -> None:
    for title in ("Une", "Deux", "Trois"):
        world.publish(title)
    next_ = Successor(world)
    world.outside.refuses = True
    next_.opens(1).result(WAIT_SECONDS)
    world.outside.refuses = False
    assert world.mark() == 3
    next_.restarts()
    world.publish("Quatre")
    assert (head_of(world).epoch, world.size(), world.mark()) == (1, 2, 2)


def test_an_epoch_that_keeps_what_an_old_store_lacks_waits_for_it(world: World) -> None:
    world.publish("Une")
    old = world.store.state.copy()
    world.publish("Deux")
    next_ = Successor(world)
    world.disk.is_full = True
    with pytest.raises(StoreFull):
        next_.opens(2).result(WAIT_SECONDS)
    world.disk.is_full = False
    world.turns.stop()
    world.store.state = old
    next_.restarts()
    with pytest.raises(NotSigned) as closed:
        world.publish("Trois")
    assert closed.value.reason == "unfinished"
    assert (head_of(world).epoch, world.size()) == (0, 1)


def test_a_log_of_a_circle_begins_the_epoch_with_all_it_has(world: World) -> None:
    circle = bytes(31) + b"c"
    world.publish("Publique")
    world.act(lambda turn: turn.append(world.entry("Entre nous"), circle))
    Successor(world).opens(0).result(WAIT_SECONDS)
    held = world.act(lambda turn: turn.ledger.log(world.author.log(circle)))
    assert held is not None
    assert held.head is not None
    assert (held.head.epoch, held.head.base, held.head.size) == (1, 1, 1)


def test_what_came_is_shown_once_nothing_more_comes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """In turns that follow one another, once in a while; answers that ask for more go first."""
    frozen, shown, more = world.clock(), list[int](), [True]

    def project_some(limit: int) -> bool:
        shown.extend([limit] if limit else [])
        return more[0]

    monkeypatch.setattr(world.turns, "_clock", lambda: frozen)
    monkeypatch.setattr(world.disk, "project_some", project_some, raising=False)
    gate, seen = threading.Event(), list[int]()

    def wait(node: Node, now: float) -> list[Effect]:
        assert gate.wait(WAIT_SECONDS)
        return []

    def look(node: Node, now: float) -> list[Effect]:
        seen.append(len(shown))
        return []

    world.turns.post(wait)
    for _ in range(5 * INPUTS_PER_TURN_MAX):
        world.turns.post(look)
    gate.set()
    world.until(lambda: len(seen) == 5 * INPUTS_PER_TURN_MAX)
    assert seen[-1] - seen[0] <= 1
    world.until(lambda: len(shown) > seen[-1] + 2)
    more[0] = False


def test_the_core_hears_once_that_all_that_waited_is_shown(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whom a record concerns is known when it is shown: who looked before that looks again."""
    more, turns, told = [False], list[int](), list[int]()

    def project_some(limit: int) -> bool:
        turns.append(limit)
        return more[0]

    def all_shown(node: Node, now: float) -> list[Effect]:
        told.append(len(turns))
        return []

    def comes(what: bool) -> None:
        more[0], before = what, len(turns)
        world.turns.post(lambda node, now: [])
        world.until(lambda: len(turns) > before + what)

    monkeypatch.setattr(world.disk, "project_some", project_some, raising=False)
    comes(False)  # whatever the start had left…
    comes(False)  # …was told by the turn before this one
    monkeypatch.setattr(Node, "all_shown", all_shown)
    comes(True)
    assert told == []
    comes(False)
    world.until(lambda: bool(told))
    comes(False)
    comes(False)
    assert len(told) == 1
