"""The process that indexes beside a node: what it leaves is what the node would have made, or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mutunode import engine
from mutunode.indexer import Indexer
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
    assert indexer(jardin).run(folder, index.reread)
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
