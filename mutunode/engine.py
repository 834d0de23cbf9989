"""A node without doors: store, core, index and office put together, with or without a network around.

The daemon opens doors on it (peers, pages, control socket); a command with no daemon running uses it alone.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import structlog

from mutunode import __version__, memory
from mutunode.commons.registry import Registry, load
from mutunode.config import Settings
from mutunode.follower import Follower
from mutunode.home import Home
from mutunode.indexer import WORTH_CHANGES, Indexer
from mutunode.keyfile import Keys
from mutunode.protocol import ids
from mutunode.protocol.core import Me, NodeSettings
from mutunode.protocol.ledger import Address
from mutunode.protocol.limits import INTRODUCTIONS_BYTES_MAX, INTRODUCTIONS_DISK_PART
from mutunode.protocol.node import Node
from mutunode.protocol.rivals import joined
from mutunode.protocol.sealed import Opened, open_sealed
from mutunode.protocol.signing import Mark
from mutunode.service import brought
from mutunode.service.desk import Desk, LiveSide
from mutunode.service.documents import Documents
from mutunode.service.files.allowance import FileAllowance
from mutunode.service.files.keeper import Keeper
from mutunode.service.files.porter import Porter
from mutunode.service.noting import Noter
from mutunode.service.office import Office
from mutunode.service.opening import Opener
from mutunode.store import open_store
from mutunode.store.blobs import open_blobs
from mutunode.store.interface import Reader, Store
from mutunode.store.search.index import SearchIndex, SearchUnavailable
from mutunode.turns import Outward, Turns

FEED_YIELDS_TO_CHANGES = 100  # made during one step: somebody imports, or a first replication streams in
FEED_YIELDS = 4.0  # times as long as the step took
FEED_WAITS_SECONDS_MAX = 3.0  # for whole batches to end that come in: 100,000 records, as a rule
SEARCH_WAITS_FOR_CHANGES = 2_000  # what is indexed within a second
SEARCH_LOOK_SECONDS = 0.02

ALLOWANCE_SECONDS = 60.0

log = structlog.get_logger("engine")


class Feeder(Follower):
    """The thread that lets the search index follow the store; where much is new, by a process of its own.

    The index is rebuildable and never the truth.
    """

    name = "feeder"
    gather_seconds = 0.15  # what arrives together is indexed together: one commit of the index costs 80 ms

    def __init__(
        self, index: SearchIndex, reader: Reader, indexer: Indexer, is_busy: Callable[[], bool]
    ) -> None:
        """``is_busy``: whether somebody brings much just now, to whom the second core is of more use."""
        super().__init__()
        self._index = index
        self._reader = reader
        self._indexer = indexer
        self._is_busy = is_busy
        self._waits_until: float | None = None

    def stop(self) -> None:
        """End after the step in hand; another process, at once."""
        self._stopping.set()
        self._indexer.stop()
        super().stop()

    def step(self) -> bool:
        """One step; while the writer takes in whole batches it goes first, since both want the one lock of
        Python: an import ran three times as fast for it, and was searchable no later.
        """
        newest, behind, began = self._reader.newest_change(), self._reader.behind(), time.monotonic()
        left = behind + self._index.behind(newest)
        if self._waits(left):
            return True
        if left > WORTH_CHANGES and self._indexer.is_possible:
            folder = self._index.lend()
            if folder is not None:
                went_well = self._indexer.run(folder, self._committed)
                self._index.take_back(in_doubt=not went_well)
                return True
        elif behind and self._indexer.is_possible:
            self._stopping.wait(self.gather_seconds)  # it is shown in a moment, or is too much for us
            return True
        more = self._index.follow(self._reader)
        if self._reader.newest_change() > newest + FEED_YIELDS_TO_CHANGES:
            self._stopping.wait(FEED_YIELDS * (time.monotonic() - began))
        return more

    def _waits(self, left: int) -> bool:
        """A while, where much comes: what makes it searchable would make its coming slower.

        A few changes do not wait: somebody publishes while files come.
        """
        if left <= FEED_YIELDS_TO_CHANGES or not self._is_busy():
            self._waits_until = None
            return False
        now = time.monotonic()
        self._waits_until = self._waits_until or now + FEED_WAITS_SECONDS_MAX
        return now < self._waits_until and not self._stopping.wait(self.gather_seconds)

    def _committed(self) -> None:
        """The other process came further; whatever is being taken in meanwhile leaves holes in our heaps."""
        self._index.reread(self._reader)
        memory.give_back()

    def idle_seconds(self) -> float:
        """Until then the index has nothing to do by itself."""
        return min(super().idle_seconds(), self._index.idle_seconds)


class Allowance:
    """What may be stored by way of one accepted organisation: a part of the disk that is free now."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._bytes = INTRODUCTIONS_BYTES_MAX
        self._looked = float("-inf")

    def bytes(self) -> int:
        """So many; the disk is asked once a minute."""
        if time.monotonic() - self._looked > ALLOWANCE_SECONDS:
            free = shutil.disk_usage(self._folder).free
            self._bytes = min(INTRODUCTIONS_BYTES_MAX, int(free * INTRODUCTIONS_DISK_PART))
            self._looked = time.monotonic()
        return self._bytes


class Engine:
    """Everything of a node but its doors."""

    def __init__(
        self,
        home: Home,
        keys: Keys,
        settings: Settings,
        live: LiveSide,
        perform: Callable[[Sequence[Outward]], None],
        random: Callable[[int], bytes],
        seeds: tuple[Address, ...] = (),
        kinds: tuple[Path, ...] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.home = home
        self.settings = settings
        self._org = keys.org
        self._random = random
        self._seeds = seeds
        self._perform_outside = perform
        self._seen = (-1, False)  # of the last turn, by those who follow what is stored
        self.registry: Registry = load(extra=kinds)
        store = settings.store or f"sqlite:{home.path / 'records.sqlite'}"
        self.store: Store = open_store(store, clock)
        self.reader = self.store.reader()
        self._adopt_identity(own=True)
        home.marks()  # a damaged mark is said at the start, not found out at the first signature
        documents = Documents(self.registry, self.reader, home.language)
        edition = f"{__version__} {' '.join(self.registry)}"  # another version, or a new kind: index anew
        self.index = SearchIndex(home.path / "search", documents, clock, edition=edition)
        indexer = Indexer(store, home.language, kinds)
        self.feeder = Feeder(self.index, self.reader, indexer, lambda: self.turns.is_busy)
        me = Me(keys.org, keys.operating_public, keys.sign, opens=self._opens)
        self.index.in_doubt = self.feeder.poke
        self.turns = Turns(
            me, self.store, home, self._make_node, clock, self._perform, lambda: self.reader.is_read
        )
        self.library = open_blobs(settings.blobs, home.path)
        self.porter = Porter(self.library, self.turns.post)
        self.opener = Opener(
            keys.org,
            lambda: home.keys.sealing,
            self.reader,
            self.turns,
            lambda: brought.keep_quietly(self.office.desk.inside),
        )
        self.office = Office(self._desk(keys, live, random, clock))
        self.keeper = Keeper(self.office.desk)
        self.office.desk.look_at_files = self.keeper.look_again
        self.office.desk.follow_files = self.keeper.catch_up
        self.noter = Noter(self.office.desk)

    def _desk(
        self, keys: Keys, live: LiveSide, random: Callable[[int], bytes], clock: Callable[[], float]
    ) -> Desk:
        return Desk(
            org=keys.org,
            folder=self.home.path,
            are_keys_wrapped=self.home.needs_passphrase,
            language=self.home.language,
            store=self.store,
            reader=self.reader,
            registry=self.registry,
            turns=self.turns,
            index=self.index,
            live=live,
            safe=self.home,
            library=self.library,
            random=random,
            clock=clock,
            allowance=_file_allowance(self.settings),
            mend=self.porter.damaged,
        )

    def start(self) -> None:
        """Ready to answer when this returns; a damaged index is rebuilt while old results go on, and one that
        cannot even be begun, on a full disk say, is tried again by the feeder: all but searching goes on.
        """
        try:
            self.index.open()
        except SearchUnavailable as error:
            log.warning("search unavailable", why=str(error))
        self.porter.start()
        self.turns.start()
        self.feeder.start()
        self.keeper.start()
        self.opener.start()
        self.noter.start()

    def catch_up(self) -> None:
        """Have search find everything that is stored, for who asks once and leaves."""
        while self.index.follow(self.reader):
            pass

    def open_sealed(self) -> None:
        """Have everything tried that is sealed and came, for who asks once and leaves."""
        while self.opener.step():
            pass

    def let_search_follow(self, seconds_max: float) -> None:
        """Wait until search finds what is stored by now, unless that is the work of a whole rebuild."""
        wanted, until = self.reader.newest_change(), time.monotonic() + seconds_max
        while 0 < wanted - self.index.place.change <= SEARCH_WAITS_FOR_CHANGES:
            if time.monotonic() >= until or self.office.desk.is_stopping.wait(SEARCH_LOOK_SECONDS):
                return

    def announce_stop(self) -> None:
        """Have verbs that take long end soon; any thread, any number of times."""
        self.office.desk.is_stopping.set()

    def stop(self) -> None:
        """Finish the turn in hand, close the index, then the store, then give the home back."""
        self.announce_stop()
        self.noter.stop()
        self.opener.stop()
        self.keeper.stop()
        self.turns.stop()
        self.porter.stop()
        self.feeder.stop()
        self.index.close()
        self.store.close()

    def _opens(self, log: bytes, body: dict[str, Any]) -> Opened | None:
        """What a sealed record holds for us; ``Malformed`` when it is not right."""
        privates = [private for _, private in sorted(self.home.keys.sealing.items(), reverse=True)]
        return open_sealed(body, log, self._org, privates)

    def _adopt_identity(self, *, own: bool = False) -> None:
        """The store knows us as the key file does; ops that only the key file holds were just opened."""
        ledger = self.store.ledger
        with ledger.transaction():
            if own:
                ledger.put_own(self._org)
            chain = ledger.chain(self._org)
            if chain is None:
                ledger.put_chain(self.home.chain)
            elif (known := joined(chain, self.home.chain)) != chain:
                ledger.put_chain(known)

    def _make_node(self, me: Me) -> Node:
        self._adopt_identity()
        settings = NodeSettings(
            seeds=self._seeds,
            links_max=self.settings.links_max,
            introductions_bytes=Allowance(self.home.path).bytes,
        )
        marks = [Mark(log, mark.epoch, mark.size, mark.root) for log, mark in self.home.marks().items()]
        return Node(me, self.store.ledger, settings, self._random, marks)

    def _perform(self, effects: Sequence[Outward]) -> None:
        seen = (self.store.ledger.written(), self.turns.sight.may_sign)
        if seen != self._seen:  # a file that arrives is thousands of turns that wrote nothing
            self._seen = seen
            self.opener.poke()
            self.noter.poke()
            self.feeder.poke()  # whatever the turn was about, there may be something new to find
            self.keeper.poke()
        self._perform_outside(self.office.desk.couriers.take(self.porter.take(effects)))


def _file_allowance(settings: Settings) -> FileAllowance:
    """What the settings say of files."""
    return FileAllowance(
        file_bytes_max=settings.fetch_file_mb * 1_000_000,
        total_bytes_max=settings.fetch_total_mb * 1_000_000,
        promised_bytes_max=settings.keep_promised_mb * 1_000_000,
        everything_of=frozenset(ids.parse(org, "org") for org in settings.fetch_everything_of),
    )
