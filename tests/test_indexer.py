"""The process that indexes beside a node: what it leaves is what the node would have made, or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mutunode import engine
from mutunode.indexer import (
    LET_GO_SECONDS,
    MERGING_BYTES_MAX,
    MERGING_LOOK_SECONDS,
    MERGING_WAITS_SECONDS_MAX,
    Indexer,
    Merging,
)
from mutunode.store import open_store
from mutunode.store.search.index import SearchIndex
from mutunode.store.search.query import SearchQuery
from tests.service.offices import Cables, Node
from tests.store.authors import Author, publish


class Counting(Indexer):
    """Counts how often it was run."""

    runs = 0

    def run(self, folder: Path, committed: object) -> bool:
        self.runs += 1
        return super().run(folder, committed)  # type: ignore[arg-type]


@pytest.fixture
def jardin(tmp_path: Path) -> Iterator[Node]:
    node = Node(tmp_path, "Jardin", Cables(), store=f"sqlite:{tmp_path / 'jardin.sqlite'}")
    yield node
    node.stop()


def indexer(node: Node) -> Indexer:
    return Indexer(node.engine.settings.store, "fr", linger_seconds=0.0)


def beside(node: Node, path: Path) -> SearchIndex:
    """Another index after the same store."""
    made = SearchIndex(path, node.engine.index._maker, node.clock)
    made.open()
    return made


def found(index: SearchIndex, text: str) -> int:
    return index.search(SearchQuery(text=text)).total


def test_what_another_process_indexed_is_found_here(jardin: Node, tmp_path: Path) -> None:
    jardin.publish("Tailler les pommiers")
    index = beside(jardin, tmp_path / "beside")
    folder = index.lend()
    assert folder is not None
    assert indexer(jardin).run(folder, lambda: index.reread(jardin.engine.reader))
    index.take_back(in_doubt=False)
    assert found(index, "pommier") == 1
    assert found(index, "jardin") == 1  # who publishes is known by name there, too
    assert index.place.change == jardin.engine.reader.newest_change()
    jardin.publish("Greffer un pommier")
    while index.follow(jardin.engine.reader):
        pass
    assert found(index, "pommier") == 2
    index.close()


def test_a_node_leaves_much_to_a_process_and_little_to_itself(
    jardin: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    jardin.until_indexed()
    counting = Counting(jardin.engine.settings.store, "fr", linger_seconds=0.0)
    jardin.engine.feeder._indexer = counting
    jardin.publish("Une fiche seule")
    jardin.until_indexed()
    assert counting.runs == 0
    monkeypatch.setattr(engine, "WORTH_CHANGES", 0)
    jardin.publish("Des milliers de fiches")
    jardin.until_indexed()
    assert counting.runs > 0
    assert found(jardin.engine.index, "milliers") == 1


def test_what_waits_to_be_shown_is_left_to_a_process_before_the_first_of_it_is(
    jardin: Node, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    jardin.until_indexed()
    url = f"sqlite:{tmp_path / 'taken.sqlite'}"
    store = open_store(url)
    publish(store, Author("alice"), *[("resource", {"title": {"fr": str(n)}}) for n in range(300)])
    assert store.reader().newest_change() == 0
    counting = Counting(url, "fr", linger_seconds=0.0)
    busy = [True]
    feeder = engine.Feeder(beside(jardin, tmp_path / "beside"), store.reader(), counting, lambda: busy[0])
    monkeypatch.setattr(engine, "WORTH_CHANGES", 299)
    monkeypatch.setattr(engine, "FEED_WAITS_SECONDS_MAX", 60.0)
    assert feeder.step()  # who brings it goes first…
    assert counting.runs == 0
    busy[0] = False
    feeder.step()
    assert counting.runs == 1
    busy[0] = True
    monkeypatch.setattr(engine, "FEED_WAITS_SECONDS_MAX", 0.0)
    feeder.step()  # …but not for ever
    assert counting.runs == 2
    feeder._index.close()
    store.close()


def test_a_few_changes_do_not_wait_for_who_brings_much(
    jardin: Node, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    jardin.publish("Greffer un pommier")
    counting = Counting(jardin.engine.settings.store, "fr", linger_seconds=0.0)
    index = beside(jardin, tmp_path / "beside")
    feeder = engine.Feeder(index, jardin.engine.reader, counting, lambda: True)
    monkeypatch.setattr(engine, "FEED_WAITS_SECONDS_MAX", 60.0)
    while feeder.step():
        assert index.place.change, "nothing was done"
    assert found(index, "pommier") == 1
    index.close()


def test_what_another_version_wrote_answers_and_follows_while_a_process_builds_its_successor(
    jardin: Node, tmp_path: Path
) -> None:
    jardin.publish("Tailler les pommiers")
    path = tmp_path / "beside"
    old = SearchIndex(path, jardin.engine.index._maker, jardin.clock, edition="an older one")
    old.open()
    while old.follow(jardin.engine.reader):
        pass
    old.close()
    index, reader = beside(jardin, path), jardin.engine.reader
    folder = index.lend()
    assert folder is not None
    jardin.publish("Greffer un pommier")
    seen = list[tuple[bool, int]]()

    def committed() -> None:
        index.reread(reader)
        seen.append((index.behind(reader.newest_change()) > 0, found(index, "pommier")))

    lingering = Indexer(jardin.engine.settings.store, "fr", linger_seconds=0.5)
    assert lingering.run(folder, committed)
    assert set(seen) == {(True, 2)}, "the old one answers, with what was published meanwhile"
    index.take_back(in_doubt=False)
    assert index.behind(reader.newest_change()) == 0
    while index.follow(reader):
        pass
    assert found(index, "pommier") == 2
    assert [each.name for each in path.iterdir() if each.is_dir()] == [folder.name]
    index.close()


def test_a_node_goes_on_by_itself_when_the_process_fails(
    jardin: Node, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    jardin.until_indexed()
    counting = Counting(f"sqlite:{tmp_path / 'nowhere.sqlite'}", "fr")
    jardin.engine.feeder._indexer = counting
    monkeypatch.setattr(engine, "WORTH_CHANGES", 0)
    for title in ("Premier essai", "Second essai"):
        jardin.publish(title)
        jardin.until_indexed()
    assert found(jardin.engine.index, "essai") == 2
    assert counting.runs == 1  # it is not tried again and again


def test_a_process_that_is_ended_leaves_an_index_that_can_be_gone_on_with(
    jardin: Node, tmp_path: Path
) -> None:
    jardin.publish("Tailler les pommiers")
    index = beside(jardin, tmp_path / "beside")
    folder = index.lend()
    assert folder is not None
    lingering = Indexer(jardin.engine.settings.store, "fr", linger_seconds=60.0)
    assert not lingering.run(folder, lingering.stop)  # after its first commit
    assert not lingering.is_possible
    assert not lingering.run(folder, lingering.stop)  # a node that stops begins no other
    index.take_back(in_doubt=True)
    while index.follow(jardin.engine.reader):
        pass
    assert found(index, "pommier") == 1
    index.close()


def test_the_process_ends_with_its_node(jardin: Node, tmp_path: Path) -> None:
    jardin.publish("Tailler les pommiers")
    index = beside(jardin, tmp_path / "beside")
    folder = index.lend()
    assert folder is not None
    lingering = Indexer(jardin.engine.settings.store, "fr", linger_seconds=60.0)
    ended = list[int]()

    def left_alone() -> None:
        process = lingering._process
        assert process is not None
        assert process.stdin is not None
        process.stdin.close()  # as the system does when the node is killed
        ended.append(process.wait(60.0))

    lingering.run(folder, left_alone)
    assert ended == [1]
    index.close()


def test_a_store_in_memory_has_no_process() -> None:
    assert not Indexer("memory:", "fr").is_possible


class Clock:
    """Time that passes while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Letting:
    """A folder that is asked to let go of what was merged."""

    times = 0

    def let_go(self) -> None:
        self.times += 1


def merging(monkeypatch: pytest.MonkeyPatch, mapped: list[int]) -> tuple[Merging, Clock, Letting]:
    """``mapped`` by files, one look after the other; the last for ever."""
    clock, folder = Clock(), Letting()
    monkeypatch.setattr("mutunode.indexer.time", clock)
    looks = [*mapped[::-1]]
    monkeypatch.setattr(
        "mutunode.indexer.memory.mapped_bytes", lambda: looks.pop() if len(looks) > 1 else looks[0]
    )
    return Merging(folder), clock, folder  # type: ignore[arg-type]


def test_no_more_is_added_while_too_much_is_merged_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    much = MERGING_BYTES_MAX + 1_001
    waiting, clock, folder = merging(monkeypatch, [1_000, 1_000 + MERGING_BYTES_MAX, much, much, 1_000])
    waiting.look()
    assert (clock.now, folder.times) == (0.0, 0)
    waiting.look()
    assert clock.now == pytest.approx(2 * MERGING_LOOK_SECONDS)
    assert folder.times == 2  # or what was merged would stay in memory


def test_a_large_merge_is_not_waited_for_long_nor_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting, clock, _ = merging(monkeypatch, [0, MERGING_BYTES_MAX + 1])
    waiting.look()
    waited = clock.now
    assert waited == pytest.approx(MERGING_WAITS_SECONDS_MAX, abs=MERGING_LOOK_SECONDS)
    waiting.look()
    assert clock.now == waited
    clock.sleep(MERGING_WAITS_SECONDS_MAX + 0.1)
    before = clock.now
    waiting.look()
    assert clock.now > before


def test_what_was_merged_is_let_go_of_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting, clock, folder = merging(monkeypatch, [0])
    for _ in range(30):
        clock.sleep(LET_GO_SECONDS / 10)
        waiting.look()
    assert folder.times == 2
