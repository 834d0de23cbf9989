"""The writer's thread: its inbox, its turns, and how it goes on after one that failed.

There is one way back from any failure that may have left the core's memory ahead of the store — a bug, a full
disk, a mark that cannot be written: all links are closed and a new core starts on the same store, as after a
crash. Until it runs nothing comes in, nothing leaves and nothing is signed; reading goes on.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

import msgspec
import structlog

from mutunode.protocol.core import Me
from mutunode.protocol.effects import Effect, WakeAt
from mutunode.protocol.head import PUBLIC, log_id
from mutunode.protocol.node import LinkInfo, Node
from mutunode.protocol.signing import Reason
from mutunode.store.interface import Store, StoreDamaged, StoreError, StoreFull
from mutunode.turns.act import Input, NotSigned, Turn, begin_epoch
from mutunode.turns.marks import Marked, Marks, OutsideMark

T = TypeVar("T")

INPUTS_PER_TURN_MAX = 64  # 64 frames of 1 MiB are the most one transaction holds back
INPUTS_WHILE_READ_MAX, PROJECTED_WHILE_READ_MAX = 16, 100  # while somebody waits for an answer of ours
ANSWERING_SECONDS = 0.004  # of processor, in which nothing was written: the answers leave, the rest follows
GIVES_WAY_TIMES = 2  # as long as what was done took, of processor…
GIVES_WAY_SECONDS_MIN, GIVES_WAY_SECONDS_MAX = 0.003, 0.05  # …if it took so much; and no longer
PROJECTED_PER_TURN_MAX = 500  # about 25 ms of work: neither a publish nor who sends us much waits longer
BATCH_INPUTS = 8  # in one turn: somebody brings much at once…
BATCH_SECONDS = 0.5  # …and goes on doing so, as a rule
QUIET_SECONDS = 0.05  # without an input, before what was committed is shown: first of all it is committed…
SHOWN_EVERY_SECONDS = 0.5  # …but so often at least: a first replication can be searched as it streams in
IDLE_SECONDS_MAX = 60.0
LOOKED_SECONDS = 0.05  # while turn follows turn and nothing is written, what pages show may be as old
SETTLE_SECONDS = 0.5  # while something erased may still be in a file, because a reader was busy with it
PROBE_SECONDS = 2.0  # between two tries of a disk that refuses
LOOK_SECONDS = 0.5  # while peers are asked: that their time is over comes with no input
RESTART_SECONDS, RESTART_SECONDS_MAX = 0.25, 10.0  # doubling: a bug that comes back takes no machine
RECOVERED_SECONDS = 60.0  # after so long without a failure, the next one is the first again
CLOCK_BACK_SECONDS_MAX = 5.0  # set back further, the core's appointments would lie too far ahead

ASKING = str(Reason.ASKING)

log = structlog.get_logger("turns")


class CloseAll(msgspec.Struct, frozen=True):
    """To the shell: the core forgot its links, end them all."""


CLOSE_ALL = CloseAll()
Outward = Effect | CloseAll


class Sight(msgspec.Struct, frozen=True):
    """What the core knew at the end of the last turn: for pages, which must not touch the core itself."""

    links: tuple[LinkInfo, ...] = ()
    holders: Mapping[bytes, tuple[int, int, int]] = {}  # organisation → newest head of ours it holds
    may_sign: bool = False
    reason: str = ASKING
    full: Mapping[bytes, str] = {}  # organisation → why nothing more of it is taken (``Shortage``)
    dialled_at: float = 0.0  # when somebody dialled us last, 0: nobody since the start


class _Posted(msgspec.Struct, frozen=True):
    """An input, and whom to tell when the turn that took it is over."""

    given: Input
    over: Callable[[], None] | None


class _Act(Generic[T]):
    """A job, and the future of whoever waits for it; ``freeing``: it gives room back (see the ledger)."""

    def __init__(self, job: Callable[[Turn], T], *, freeing: bool) -> None:
        self.job = job
        self.freeing = freeing
        self.future: Future[T] = Future()


class Stopping(Exception):
    """The node stops: nothing more is taken."""


class Turns:
    """The writer's thread and its inbox."""

    def __init__(
        self,
        me: Me,
        store: Store,
        mark: OutsideMark,
        make_node: Callable[[Me], Node],
        clock: Callable[[], float],
        perform: Callable[[Sequence[Outward]], None],
        is_read: Callable[[], bool] = lambda: False,
    ) -> None:
        """``perform`` is called in the writer's thread after every turn, with what it decided.

        ``is_read``: whether somebody waits for an answer of this node; what others bring takes a third of
        the time then, in small turns, since it holds the one lock of Python.
        """
        self._me = me
        self._ledger = store.ledger
        self._outside = mark
        self._marks = Marks(me, store.ledger, mark)
        self._make_node = make_node
        self._clock = clock
        self._perform = perform
        self._is_read = is_read
        self._inbox: queue.SimpleQueue[_Posted | _Act[Any] | None] = queue.SimpleQueue()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="turns", daemon=True)
        self._node: Node | None = None  # None: waiting to start, again or for the first time
        self._closed = ASKING  # why, while there is no core
        self._refused = ""  # why the disk took nothing, when somebody last tried
        self._probe_at = float("inf")
        self._failures = 0
        self._failed_at = float("-inf")
        self._latest = float("-inf")  # time of the latest turn
        self._wake_at = float("-inf")
        self._more_to_project = True
        self._is_quiet = True  # nothing came in the latest turn
        self._shown_at = float("-inf")
        self._batch_at = float("-inf")  # when much came at once
        self._epoch_due = False  # what was opened lacks its first heads, and they may be signed
        self._settled = False
        self._looked = (-1, float("-inf"))  # how much was written, and when
        self.sight = Sight()

    def start(self) -> None:
        """Start the thread, and in it the core; returns when that was done, or tried."""
        self._thread.start()
        self.act(lambda turn: None).result()

    def stop(self, timeout_seconds: float = 5.0) -> None:
        """Finish the turn in hand and end; what is still in the inbox is refused."""
        self._inbox.put(None)
        if self._thread.ident is not None:
            self._thread.join(timeout_seconds)

    def post(self, given: Input, over: Callable[[], None] | None = None) -> None:
        """Hand an input from the network to the core; ``over`` is called when its turn is. Any thread."""
        self._inbox.put(_Posted(given, over))

    def act(self, job: Callable[[Turn], T], *, freeing: bool = False) -> Future[T]:
        """Run a person's act in a turn of its own; the future is done when it is durable. Any thread."""
        act = _Act(job, freeing=freeing)
        self._inbox.put(act)
        if self._over.is_set():
            self._refuse_the_rest()
        return act.future

    @property
    def is_busy(self) -> bool:
        """Whether somebody brings much just now: what can wait does. Any thread."""
        return self._clock() < self._batch_at + BATCH_SECONDS

    # --- the loop ------------------------------------------------------------------------------
    def _run(self) -> None:
        try:
            while self._step():
                pass
        finally:
            self._over.set()
            self._refuse_the_rest()

    def _step(self) -> bool:
        """Take what waits: inputs together, up to the next act, which follows by itself."""
        given = self._next()
        inputs: list[_Posted] = []
        inputs_max = INPUTS_WHILE_READ_MAX if self._is_read() else INPUTS_PER_TURN_MAX
        while isinstance(given, _Posted):
            inputs.append(given)
            given = self._waiting() if len(inputs) < inputs_max else _NOTHING
        if inputs or given is _NOTHING:
            self._take_inputs(inputs)
        if self._epoch_due:
            self._epoch_due = False
            self._take_act(_Act(begin_epoch, freeing=False))
        if isinstance(given, _Act):
            self._take_act(given)
        self._settled = self._ledger.settle()
        return given is not None

    def _give_way(self, began: float) -> None:
        """Something was done since then, of this thread's processor time; who waits for an answer has twice
        as long to itself: where twenty wait, most of the time on the wall was theirs already.
        """
        took = time.thread_time() - began
        if took >= GIVES_WAY_SECONDS_MIN and self._is_read():
            time.sleep(min(GIVES_WAY_TIMES * took, GIVES_WAY_SECONDS_MAX))

    def _next(self) -> _Posted | _Act[Any] | _Nothing | None:
        """The next thing to do: what arrived, else (nothing arrived) the timer or a bit of projecting."""
        idle = LOOK_SECONDS if self.sight.reason == ASKING else IDLE_SECONDS_MAX
        idle = min(idle, PROBE_SECONDS) if self._refused else idle
        idle = idle if self._settled else min(idle, SETTLE_SECONDS)
        seconds = min(max(self._wake_at - self._clock(), 0.0), idle)
        if self._more_to_project and self._node is not None:
            seconds = min(seconds, self._seconds_until_shown())
        if not seconds:
            return self._waiting()
        try:
            return self._inbox.get(timeout=seconds)
        except queue.Empty:
            return _NOTHING

    def _seconds_until_shown(self) -> float:
        """How long to wait for an input before the next bit is projected."""
        if self._is_quiet:
            return 0.0
        due = self._shown_at + SHOWN_EVERY_SECONDS - self._clock()
        return min(QUIET_SECONDS, max(due, 0.0))

    def _waiting(self) -> _Posted | _Act[Any] | _Nothing | None:
        try:
            return self._inbox.get_nowait()
        except queue.Empty:
            return _NOTHING

    def _refuse_the_rest(self) -> None:
        while (left := self._waiting()) is not _NOTHING:
            if isinstance(left, _Act):
                left.future.set_exception(Stopping("the node is stopping"))

    # --- turns ---------------------------------------------------------------------------------
    def _take_inputs(self, posted: Sequence[_Posted]) -> None:
        self._look_at_clock()
        self._probe()
        if self._node is None:
            self._start_when_due()  # what came in meanwhile is of links that are being closed
        else:
            if len(posted) >= BATCH_INPUTS:
                self._batch_at = self._latest
            self._turns([each.given for each in posted])
        for each in posted:
            if each.over is not None:
                each.over()

    def _turns(self, inputs: Sequence[Input]) -> None:
        """Have the core take inputs: in one turn what is to become durable, in several what only asks.

        Who is given much would else wait for all its answers, while we wait for its next questions.
        """
        taken = self._turn(inputs, project=True)
        while taken < len(inputs) and self._node is not None:
            taken += self._turn(inputs[taken:], project=True)

    def _turn(self, inputs: Sequence[Input], *, project: bool) -> int:
        """Have the core take inputs, in one transaction; how many it took."""
        node, now, taken = self._node, self._clock(), 0
        if node is None:
            return 0
        effects: list[Effect] = []
        try:
            with self._ledger.transaction(hurried=len(inputs) > 1 or self._more_to_project):
                first, written = time.thread_time(), self._ledger.written()
                for given in inputs:
                    began = time.thread_time()
                    effects += given(node, now)
                    taken += 1
                    self._give_way(began)
                    if time.thread_time() > first + ANSWERING_SECONDS and self._ledger.written() == written:
                        break
                if now >= self._wake_at:
                    self._wake_at = float("inf")
                    effects += node.timer(now)
                if project and self._project(len(inputs), now):
                    effects += node.all_shown(now)
                due = {} if self._may_look_later(now) else self._look(node, now)
            self._marks.write(due)
            self._go_out(effects)
        except Exception as error:
            self._fail(error)
        return taken

    def _project(self, inputs: int, now: float) -> bool:
        """Show what was committed, in turns without inputs: first of all others get their answers.

        Whether it caught up: what waited since an earlier turn is shown.
        """
        was_behind = self._more_to_project
        self._is_quiet = not inputs
        is_time = self._is_quiet or now >= self._shown_at + SHOWN_EVERY_SECONDS
        began = time.thread_time()
        some = PROJECTED_WHILE_READ_MAX if self._is_read() else PROJECTED_PER_TURN_MAX
        if is_time or not was_behind:  # else it is behind still: asking for what waits looks at all that does
            self._more_to_project = self._ledger.project_some(some if is_time else 0)
        self._give_way(began)
        if is_time:
            self._shown_at = now
        return was_behind and not self._more_to_project

    def _take_act(self, act: _Act[Any]) -> None:
        if not act.future.set_running_or_notify_cancel():
            return
        if self._node is None:
            self._start()  # somebody waits: try now
        node, now = self._node, self._clock()
        turn: Turn | None = None
        try:
            with self._ledger.transaction(freeing=act.freeing):
                closed = str(node.signing(now).reason) if node is not None else self._closed
                turn = Turn(self._me, self._ledger, now, closed)
                answer = act.job(turn)
                turn.sign()
                marks = Marks(turn.me, self._ledger, self._outside)  # of whoever it signed as
                due = marks.due() if turn.heads else {}
                trusted = marks.due_of_trusted() if turn.is_store_trusted else {}
        except BaseException as error:
            if turn is not None and turn.successor is not None:
                self._become(turn.successor)  # its keys are kept, though the store refused: no way back
            elif isinstance(error, NotSigned):
                self._turn([], project=False)  # so that pages give the same reason
            elif isinstance(error, StoreError):
                self._disk_refuses(_reason(error))
            act.future.set_exception(error)
            return
        if turn.heads:
            self._refused = ""
        # Durable, not yet marked nor announced: a crash here loses nothing, the next start marks first.
        try:
            self._marks.reset(trusted)
            self._marks.write(due)
        except Exception as error:
            self._fail(error)  # kept, and shown to nobody before it can be marked
        else:
            self._go_on(turn)
        act.future.set_result(answer)

    def _disk_refuses(self, reason: str) -> None:
        """Say so on pages, until it takes something again; whoever wants to write may try at any time."""
        self._refused, self._probe_at = reason, self._clock() + PROBE_SECONDS
        self.sight = msgspec.structs.replace(self.sight, may_sign=False, reason=reason)

    def _probe(self) -> None:
        """Does the disk take something again? Nobody need ask, and nobody need restart anything."""
        if not self._refused or self._clock() < self._probe_at:
            return
        try:
            with self._ledger.transaction():
                self._ledger.touch()
            self._refused = ""
        except StoreError as error:
            self._disk_refuses(_reason(error))

    def _go_on(self, turn: Turn) -> None:
        """An act is durable and marked: the core hears of it, or a new one that begins with it."""
        if turn.successor is not None:
            self._turn([lambda node, now: node.show_identity(now)], project=False)
            self._become(turn.successor)
        published = tuple(turn.heads)
        told: list[Input] = [lambda node, now: node.published(published, now)] if published else []
        self._turn([*told, *turn.told], project=False)

    def _become(self, me: Me) -> None:
        """Another epoch, another key: a new core, and every link anew, so that others hear of the op."""
        me = self._me = msgspec.structs.replace(me, opens=self._me.opens)  # with the keys of all epochs
        self._marks = Marks(me, self._ledger, self._outside)
        self._node, self._closed = None, ASKING
        self.sight = Sight(reason=ASKING)
        self._start()

    def _look(self, node: Node, now: float) -> dict[bytes, Marked]:
        """Keep what the core sees, for the pages; what is to be marked. Both read the ledger."""
        self._looked = (self._ledger.written(), now)
        standing = node.signing(now)
        holders = node.holders(log_id(self._me.org, PUBLIC))
        self.sight = Sight(
            tuple(node.links()),
            holders,
            standing.allowed and not self._refused,
            self._refused or str(standing.reason),
            node.full(),
            node.dialled_at(),
        )
        self._epoch_due = standing.epoch_due
        return self._marks.due() if standing.allowed else {}

    def _may_look_later(self, now: float) -> bool:
        """Whether another turn follows at once, and this one left nothing to mark: a file that arrives is
        thousands of them, and looking is a quarter of each.
        """
        written, at = self._looked
        is_fresh = at <= now < at + LOOKED_SECONDS and written == self._ledger.written()
        return is_fresh and not self._inbox.empty()

    def _go_out(self, effects: Sequence[Outward]) -> None:
        outward: list[Outward] = []
        for effect in effects:
            if isinstance(effect, WakeAt):
                self._wake_at = min(self._wake_at, effect.time)
            else:
                outward.append(effect)
        self._perform(outward)

    # --- the core's life -----------------------------------------------------------------------
    def _start_when_due(self) -> None:
        if self._clock() >= self._wake_at:
            self._start()

    def _start(self) -> None:
        """A core on the store as it is; first of all the marks, since a core shows what it holds."""
        now = self._clock()
        try:
            with self._ledger.transaction():
                due = self._marks.due_at_start()
            self._marks.write(due)
            node = self._make_node(self._me)
            with self._ledger.transaction():
                effects = node.start(now)
                self._more_to_project = True
                due = self._look(node, now)
            self._marks.write(due)
            self._node, self._closed, self._wake_at = node, "", float("inf")
            self._go_out([CLOSE_ALL, *effects])
        except Exception as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        """The store is as it was before the turn, the core's memory is not: begin again with a new one."""
        log.error("turn failed, the core starts again", exc_info=error)
        self._node = None
        self._closed = _reason(error)
        if isinstance(error, StoreError):
            self._refused, self._probe_at = self._closed, self._clock() + PROBE_SECONDS
        self.sight = Sight(reason=self._closed)
        now = self._clock()
        self._failures = self._failures + 1 if now - self._failed_at < RECOVERED_SECONDS else 0
        self._failed_at = now
        self._wake_at = now + min(RESTART_SECONDS * 2**self._failures, RESTART_SECONDS_MAX)
        with contextlib.suppress(Exception):  # the next start says it again
            self._perform([CLOSE_ALL])

    def _look_at_clock(self) -> None:
        now = self._clock()
        if self._node is not None and now < self._latest - CLOCK_BACK_SECONDS_MAX:
            self._fail(ClockSetBack(f"the clock went back by {self._latest - now:.0f} s"))
        self._latest = now


class ClockSetBack(Exception):
    """What the core had planned lies too far ahead now."""


def _reason(error: Exception) -> str:
    """Why nothing is signed until the core runs again: a code for ``NotSigned``."""
    if isinstance(error, StoreFull):
        return "full"
    if isinstance(error, StoreDamaged):
        return "damaged"
    if isinstance(error, StoreError):
        return "disk"
    return "unmarked" if isinstance(error, OSError) else ASKING


class _Nothing:
    """Nothing arrived."""


_NOTHING = _Nothing()
