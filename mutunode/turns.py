"""The single writer: drain the inbox, one transaction, commit, and only then let anything leave.

Everything that changes the node — a frame from a peer, a publish, an accept, a timer — is an input of a
*turn*. Inputs from the network share turns, so that a burst costs one commit; an act of a person has a turn
of its own, so that it stands or falls whole. What a crash leaves is always the end of some earlier turn,
and nothing that was not durable has been announced (PROTOCOL §3).
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, Protocol, TypeVar

import msgspec
import structlog

from mutunode.protocol.effects import Changed, Effect, WakeAt
from mutunode.protocol.entry import Entry, rec_id
from mutunode.protocol.head import PUBLIC, Head, log_id, sign_head
from mutunode.protocol.merkle import leaf_hash
from mutunode.protocol.node import LinkInfo, Node
from mutunode.store.interface import Store, StoreLedger

T = TypeVar("T")
Input = Callable[[Node, float], list[Effect]]

INPUTS_PER_TURN_MAX = 64  # 64 frames of 1 MiB are the most one transaction holds back
PROJECTED_PER_TURN_MAX = 2_000  # about 0.1 s of work, so that a publish waits no longer than that
IDLE_SECONDS_MAX = 60.0
RENEWAL_SECONDS = 20 * 3_600  # a head is renewed once a day while online; before its day is over

log = structlog.get_logger("turns")


class Mark(Protocol):
    """The outside mark: highest (epoch, size, root) of own logs, kept beside the database."""

    def write_mark(self, log: bytes, epoch: int, size: int, root: bytes) -> None: ...


class Written(msgspec.Struct, frozen=True):
    """Where an entry of ours now stands."""

    log: bytes
    index: int
    leaf: bytes
    rec: bytes


class Sight(msgspec.Struct, frozen=True):
    """What the core knew at the end of the last turn: for pages, which must not touch the core itself."""

    links: tuple[LinkInfo, ...] = ()
    holders: dict[
        bytes, tuple[int, int, int]
    ] = {}  # organisation → newest head of our log it was known to hold
    may_sign: bool = False
    reason: str = "asking"


class NotSigned(Exception):
    """The node may not sign now; ``reason`` is the code ``Node.signing`` gave."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"this node may not sign now: {reason}")
        self.reason = reason


class Turn:
    """What an act may use while its transaction is open."""

    def __init__(self, ledger: StoreLedger, node: Node, now: float) -> None:
        self.ledger = ledger
        self.node = node
        self.now = now
        self.effects: list[Effect] = []
        self.heads: list[Head] = []
        self._new: dict[bytes, list[Entry]] = {}

    def size(self, space: bytes = PUBLIC) -> int:
        """Entries of our log in this space, this turn's included."""
        held = self.ledger.log(log_id(self.node.me.org, space))
        return (held.size if held else 0) + len(self._new.get(space, ()))

    def append(self, entry: Entry, space: bytes = PUBLIC) -> Written:
        """Add an entry to our log; it is signed with the others at the end of the turn.

        Raises:
            NotSigned: the node may not sign now (PROTOCOL §3).
        """
        standing = self.node.signing(self.now)
        if not standing.allowed:
            raise NotSigned(standing.reason)
        index = self.size(space)
        self._new.setdefault(space, []).append(entry)
        own = log_id(self.node.me.org, space)
        leaf = leaf_hash(entry.header)
        return Written(own, index, leaf, rec_id(own, leaf))

    def sign(self) -> None:
        """One signature for all that was appended, and its commit to the ledger."""
        for space, entries in self._new.items():
            self._sign_log(space, entries)
        self._new.clear()
        if self.heads:
            self.effects += self.node.published(self.heads, self.now)

    def renew(self, space: bytes = PUBLIC) -> None:
        """Sign the same tree again with a newer time: "we are still here"."""
        self._sign_log(space, [])
        self.effects += self.node.published(self.heads, self.now)

    def _sign_log(self, space: bytes, entries: Sequence[Entry]) -> None:
        me, ledger = self.node.me, self.ledger
        own = log_id(me.org, space)
        chain = ledger.chain(me.org)
        if chain is None:
            raise AssertionError("a node without its own identity chain has nothing to sign with")
        held = ledger.log(own)
        leaves = [leaf_hash(entry.header) for entry in entries]
        frontier = ledger.frontier(own)
        if entries:
            rows = [(entry.header, entry.salt, entry.body) for entry in entries]
            ledger.append(me.org, space, frontier.size, rows, leaves)
            frontier.extend(leaves)
        base = held.head.base if held and held.head and held.head.epoch == chain.epoch else 0
        head = sign_head(
            me.org,
            space,
            epoch=chain.epoch,
            base=base,
            size=frontier.size,
            root=frontier.root(),
            time=int(self.now),
            sign=me.sign,
        )
        ledger.commit(head, frontier)
        self.heads.append(head)


class Turns:
    """The writer's thread and its inbox."""

    def __init__(
        self,
        store: Store,
        mark: Mark,
        make_node: Callable[[], Node],
        clock: Callable[[], float],
        perform: Callable[[list[Effect]], None],
    ) -> None:
        """``perform`` is called in the writer's thread, after the commit, with the effects of one turn."""
        self._ledger = store.ledger
        self._mark = mark
        self._make_node = make_node
        self._clock = clock
        self._perform = perform
        self._inbox: queue.SimpleQueue[Input | _Act | None] = queue.SimpleQueue()
        self._wake_at = float("inf")
        self._thread = threading.Thread(target=self._run, name="turns", daemon=True)
        self._more_to_project = True
        self.node = make_node()
        self.sight = Sight()

    def start(self) -> None:
        """Start the core and the thread."""
        self.post(lambda node, now: node.start(now))
        self._thread.start()

    def stop(self, timeout_seconds: float = 5.0) -> None:
        """Finish the turn in hand and end; what is still in the inbox is refused."""
        self._inbox.put(None)
        if self._thread.ident is not None:
            self._thread.join(timeout_seconds)

    def post(self, given: Input) -> None:
        """Hand an input from the network or a timer to the core. Any thread."""
        self._inbox.put(given)

    def act(self, job: Callable[[Turn], T]) -> Future[T]:
        """Run a person's act in a turn of its own; the future is done when it is durable. Any thread."""
        future: Future[T] = Future()
        self._inbox.put(_Act(job, future))
        return future

    # --- the loop ------------------------------------------------------------------------------
    def _run(self) -> None:
        try:
            while self._step():
                pass
        finally:
            self._refuse_the_rest()

    def _step(self) -> bool:
        given = self._next()
        if given is None:
            return False
        if isinstance(given, _Act):
            self._take_act(given)
            return True
        inputs: list[Input] = [given] if given is not _tick else []
        act: _Act | None = None
        stop = False
        while len(inputs) < INPUTS_PER_TURN_MAX:
            try:
                following = self._inbox.get_nowait()
            except queue.Empty:
                break
            if following is None:
                stop = True
                break
            if isinstance(following, _Act):
                act = following
                break
            inputs.append(following)
        self._take_inputs(inputs)
        if act is not None:
            self._take_act(act)
        return not stop

    def _next(self) -> Input | _Act | None:
        """The next thing to do: what arrived, else the timer, else a bit of projecting."""
        try:
            if self._more_to_project:
                return self._inbox.get_nowait()
            wait = min(max(self._wake_at - self._clock(), 0.0), IDLE_SECONDS_MAX)
            return self._inbox.get(timeout=wait) if wait else self._inbox.get_nowait()
        except queue.Empty:
            return _tick

    def _take_inputs(self, inputs: Sequence[Input]) -> None:
        now = self._clock()
        effects: list[Effect] = []
        try:
            with self._ledger.transaction():
                for given in inputs:
                    effects += given(self.node, now)
                if now >= self._wake_at:
                    self._wake_at = float("inf")
                    effects += self.node.timer(now)
                self._more_to_project = self._ledger.project_some(PROJECTED_PER_TURN_MAX)
                self._look(now)
        except Exception:
            # Rolled back: the store is as it was before the turn, but the core's memory is not. A new core
            # on the same store is the one recovery path, the same as after a crash.
            log.exception("turn failed, the core starts again")
            self._restart_core()
            return
        self._finish(effects)

    def _take_act(self, act: _Act) -> None:
        if not act.future.set_running_or_notify_cancel():
            return
        turn = Turn(self._ledger, self.node, self._clock())
        try:
            with self._ledger.transaction():
                answer = act.job(turn)
                turn.sign()
                self._more_to_project = self._ledger.project_some(PROJECTED_PER_TURN_MAX)
                self._look(turn.now)
        except BaseException as error:
            act.future.set_exception(error)
            return
        # Committed, not yet announced: a crash here loses nothing, peers learn at the next link.
        for head in turn.heads:
            self._mark.write_mark(head.log, head.epoch, head.size, head.root)
        self._finish(turn.effects)
        act.future.set_result(answer)

    def _look(self, now: float) -> None:
        """Keep for the pages what the core sees; inside the turn, since the core reads the ledger for it."""
        standing = self.node.signing(now)
        holders = self.node.holders(log_id(self.node.me.org, PUBLIC))
        self.sight = Sight(tuple(self.node.links()), holders, standing.allowed, standing.reason)

    def _finish(self, effects: list[Effect]) -> None:
        outward: list[Effect] = []
        for effect in effects:
            if isinstance(effect, WakeAt):
                self._wake_at = min(self._wake_at, effect.time)
            else:
                outward.append(effect)
        if outward:
            self._perform(outward)

    def _restart_core(self) -> None:
        self.node = self._make_node()
        self._wake_at = float("inf")
        self._perform([RESTART])
        self.post(lambda node, now: node.start(now))

    def _refuse_the_rest(self) -> None:
        while True:
            try:
                left = self._inbox.get_nowait()
            except queue.Empty:
                return
            if isinstance(left, _Act):
                left.future.set_exception(RuntimeError("the node is stopping"))


class _Act:
    """A job with the future of whoever waits for it."""

    def __init__(self, job: Callable[[Turn], Any], future: Future[Any]) -> None:
        self.job = job
        self.future = future


def _tick(node: Node, now: float) -> list[Effect]:
    """Nothing arrived: the turn exists for the timer and for projecting."""
    return []


RESTART = Changed(b"")  # to the shell: the core forgot its links, close them all
