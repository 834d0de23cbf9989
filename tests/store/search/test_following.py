"""How the index follows its store: soon, in bounded steps, and never knowing more or less than it."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest
import tantivy

from mutunode.store.interface import Stored
from mutunode.store.search import analyser, feed
from mutunode.store.search.document import Document
from mutunode.store.search.feed import (
    COMMIT_SECONDS_MAX,
    COMMIT_SECONDS_MIN,
    IDLE_SECONDS_MAX,
    STEP_CHANGES_MAX,
)
from mutunode.store.search.index import SearchIndex, SearchUnavailable
from mutunode.store.search.query import SearchQuery
from tests.store.search.catalogues import (
    Clock,
    FakeStore,
    all_documents,
    ask,
    catch_up,
    document,
    filled,
    keys,
    opened,
)


def note(key: str, title: str = "une note") -> Document:
    return document("x", key, [("fr", title)], [])


def test_a_published_record_is_found_after_one_step(tmp_path: Path) -> None:
    store = FakeStore(all_documents()[:50])
    index = filled(tmp_path, store)
    store.put(note("new", "épinards à la crème"))
    assert ask(index, "epinard").total == 0
    assert index.follow(store) is False
    assert keys(store, ask(index, "epinard")) == ["x:new"]
    index.close()


def test_a_revised_record_is_found_by_its_new_words_only(tmp_path: Path) -> None:
    store = FakeStore([note("1", "ancien titre"), note("2", "voisin")])
    index = filled(tmp_path, store)
    store.put(note("1", "nouvelle version"))
    catch_up(index, store)
    assert ask(index, "ancien").total == 0
    assert ask(index, "nouvelle").total == 1
    assert ask(index, "").total == 2
    index.close()


@pytest.mark.parametrize(
    "state",
    [
        {"superseded_by": 3},
        {"withdrawn_by": 3},
        {"state": "erased", "body": None},
        {"state": "missing", "body": None},
        {"state": "retracted"},
    ],
)
def test_what_no_longer_counts_is_not_found(tmp_path: Path, state: dict[str, object]) -> None:
    store = FakeStore([note("1"), note("2")])
    index = filled(tmp_path, store)
    store.put(note("1"), **state)
    catch_up(index, store)
    assert keys(store, ask(index, "note")) == ["x:2"]
    assert ask(index, "").facets["sense"] == {"aval": 1}
    index.close()


def test_what_counts_again_is_found_again(tmp_path: Path) -> None:
    store = FakeStore([note("1")])
    index = filled(tmp_path, store)
    store.put(note("1"), withdrawn_by=2)
    catch_up(index, store)
    store.put(note("1"))
    catch_up(index, store)
    assert ask(index, "note").total == 1
    index.close()


def test_several_changes_of_one_record_in_one_step_leave_the_last(tmp_path: Path) -> None:
    class Repeating(FakeStore):
        def changes(self, after: int, limit: int) -> list[tuple[int, Stored]]:
            found = super().changes(after, limit)
            return [*found, *found, *found][:limit]

    store = Repeating([note("1"), note("2")])
    index = filled(tmp_path, store)
    assert ask(index, "note").total == 2
    assert index.place.records == 2
    index.close()
    again = opened(tmp_path, store)
    assert again.place.records == 2
    again.close()


def test_a_step_is_bounded_and_a_long_way_is_searchable_while_it_lasts(tmp_path: Path) -> None:
    clock = Clock()
    store = FakeStore([note(str(number)) for number in range(3 * STEP_CHANGES_MAX)])
    index = opened(tmp_path, store, clock)
    assert index.follow(store) is True
    assert ask(index, "").total == 0
    clock.now += COMMIT_SECONDS_MIN
    assert index.follow(store) is True
    assert ask(index, "").total == 2 * STEP_CHANGES_MAX
    catch_up(index, store)
    assert ask(index, "").total == 3 * STEP_CHANGES_MAX
    index.close()


def test_what_was_not_committed_is_read_again(tmp_path: Path) -> None:
    store = FakeStore([note(str(number)) for number in range(STEP_CHANGES_MAX + 1)])
    index = opened(tmp_path, store)
    assert index.follow(store) is True
    index.close()
    again = filled(tmp_path, store)
    assert again.place.records == STEP_CHANGES_MAX + 1
    again.close()


def is_being_written(path: Path) -> bool:
    """Does somebody hold the folder's lock? A second writer is refused then."""
    try:
        tantivy.Index.open(str(path / "n1")).writer(15_000_000, 1)
    except ValueError as refused:
        return "Lock" in str(refused)
    return False


def test_the_writer_is_given_back_when_nothing_changes(tmp_path: Path) -> None:
    clock = Clock()
    store = FakeStore([note("1")])
    index = opened(tmp_path, store, clock)
    assert not is_being_written(tmp_path)
    catch_up(index, store)
    assert is_being_written(tmp_path)
    clock.now += IDLE_SECONDS_MAX
    assert index.follow(store) is False
    assert not is_being_written(tmp_path)
    store.put(note("2"))
    catch_up(index, store)
    assert ask(index, "note").total == 2
    index.close()


def test_a_record_no_document_can_be_made_of_hides_itself_only(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Choking(FakeStore):
        def document(self, record: Stored) -> Document | None:
            if record.rec == note("2").rec:
                raise ValueError("a kind with a mistake")
            return super().document(record)

    store = Choking([note("1"), note("2"), note("3")])
    index = filled(tmp_path, store)
    assert sorted(keys(store, ask(index, "note"))) == ["x:1", "x:3"]
    assert "will not be found" in caplog.text
    index.close()


def choke_on(unreadable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the analyser fail on one text."""
    spelling = analyser.spell

    def choking(text: str, language: str) -> analyser.Spelled:
        if text == unreadable:
            raise RecursionError("a script the analyser knows nothing of")
        return spelling(text, language)

    monkeypatch.setattr(analyser, "spell", choking)


def test_a_record_whose_text_cannot_be_read_hides_itself_only(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    choke_on("note deux", monkeypatch)
    store = FakeStore([note("1"), note("2"), note("3")])
    index = filled(tmp_path, store)
    store.put(document("x", "2", [("fr", "note deux")], []))
    catch_up(index, store)
    assert sorted(keys(store, ask(index, "note"))) == ["x:1", "x:3"]
    assert "will not be found" in caplog.text
    index.close()
    again = filled(tmp_path, store)
    assert ask(again, "note").total == 2, "and after a start"
    again.close()


def test_an_organisation_whose_name_cannot_be_read_is_not_found_by_it_and_stops_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    choke_on("Les Vergers", monkeypatch)
    store = FakeStore([note("1"), note("2")])
    store.names[note("1").org] = "Les Vergers"
    index = filled(tmp_path, store)
    assert sorted(keys(store, ask(index, "note"))) == ["x:1", "x:2"]
    assert "will not be found" in caplog.text
    index.close()


def test_records_that_are_not_for_searching_are_read_over(tmp_path: Path) -> None:
    class Silent(FakeStore):
        def document(self, record: Stored) -> Document | None:
            return None

    store = Silent([note("1")])
    index = filled(tmp_path, store)
    assert (index.place.change, index.place.records) == (1, 0)
    assert ask(index, "").total == 0
    index.close()


def test_the_old_index_answers_while_it_is_rebuilt(tmp_path: Path) -> None:
    store = FakeStore([note(str(number)) for number in range(2 * STEP_CHANGES_MAX)])
    index = filled(tmp_path, store)
    index.rebuild()
    store.put(note("new", "toute neuve"))
    assert index.follow(store) is True
    assert ask(index, "note").total == 2 * STEP_CHANGES_MAX
    assert ask(index, "neuve").total == 1, "and what is new meanwhile is found at once"
    catch_up(index, store)
    assert ask(index, "neuve").total == 1
    assert [folder.name for folder in tmp_path.iterdir() if folder.is_dir()] == ["n2"]
    index.close()
    again = opened(tmp_path, store)
    assert again.place.records == 2 * STEP_CHANGES_MAX + 1
    again.close()


def test_a_rebuild_asked_for_twice_is_one(tmp_path: Path) -> None:
    store = FakeStore([note("1")])
    index = filled(tmp_path, store)
    index.rebuild()
    index.rebuild()
    catch_up(index, store)
    assert ask(index, "note").total == 1
    assert len([folder for folder in tmp_path.iterdir() if folder.is_dir()]) == 1
    index.close()


def test_damage_found_while_running_is_mended_by_the_next_steps(tmp_path: Path) -> None:
    store = FakeStore([note(str(number)) for number in range(40)])
    index = filled(tmp_path, store)
    # what is open stays readable: the writer is what fails, for lack of the files it merges or lists
    (tmp_path / "n1" / "meta.json").unlink()
    index._doubtful = True
    catch_up(index, store)
    assert ask(index, "note").total == 40
    assert [folder.name for folder in tmp_path.iterdir() if folder.is_dir()] == ["n2"]
    index.close()


def test_an_index_whose_whole_folder_is_removed_while_it_runs_is_built_anew(tmp_path: Path) -> None:
    clock = Clock()
    store = FakeStore([note("1")])
    index = filled(tmp_path / "search", store, clock=clock)
    clock.now += IDLE_SECONDS_MAX
    index.follow(store)
    shutil.rmtree(tmp_path / "search")
    assert ask(index, "note").total == 1, "what is open is read on"
    store.put(note("2"))
    with pytest.raises(SearchUnavailable):
        index.follow(store)
    catch_up(index, store)
    assert ask(index, "note").total == 2
    index.close()
    again = opened(tmp_path / "search", store)
    assert ask(again, "note").total == 2, "and it is on the disk"
    again.close()


def test_a_failing_disk_is_said_and_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FakeStore([note("1")])
    index = filled(tmp_path, store)
    store.put(note("2"))
    assert index._feed is not None
    with monkeypatch.context() as broken:
        broken.setattr(index._feed.folder, "_writing", _no_space)
        with pytest.raises(SearchUnavailable, match="No space left"):
            index.follow(store)
    assert ask(index, "note").total == 1
    catch_up(index, store)
    assert ask(index, "note").total == 2
    assert [folder.name for folder in tmp_path.iterdir() if folder.is_dir()] == ["n1"]
    index.close()


def _no_space() -> None:
    raise OSError(28, "No space left on device")


def test_an_index_that_is_not_open_says_so(tmp_path: Path) -> None:
    store = FakeStore()
    index = SearchIndex(tmp_path, store, Clock())
    with pytest.raises(SearchUnavailable, match="not open"):
        index.search(SearchQuery())
    index.close()


def test_following_opens_an_index_that_is_not_open(tmp_path: Path) -> None:
    store = FakeStore([note("1")])
    index = SearchIndex(tmp_path, store, Clock())
    catch_up(index, store)
    assert ask(index, "note").total == 1
    index.close()


def test_many_threads_search_while_one_feeds(tmp_path: Path) -> None:
    store = FakeStore([note(str(number)) for number in range(50)])
    index = filled(tmp_path, store)
    failures: list[BaseException] = []
    done = threading.Event()

    def search() -> None:
        seen = 50
        try:
            while not done.is_set():
                found = ask(index, "note", limit=100)
                assert found.total >= seen
                assert found.total == found.facets["sense"]["aval"]
                seen = found.total
        except BaseException as failure:
            failures.append(failure)

    readers = [threading.Thread(target=search) for _ in range(4)]
    for reader in readers:
        reader.start()
    for number in range(50, 80):
        store.put(note(str(number)))
        catch_up(index, store)
        if number == 65:
            index.rebuild()
    done.set()
    for reader in readers:
        reader.join(10)
    assert failures == []
    assert ask(index, "note").total == 80
    index.close()


def test_a_long_way_is_committed_soon_at_first_and_then_at_growing_distances(tmp_path: Path) -> None:
    clock = Clock()
    store = FakeStore([note(str(number)) for number in range(60 * STEP_CHANGES_MAX // 10)])
    index = opened(tmp_path, store, clock)
    assert index._feed is not None
    seen, waits, last = 0, [], clock.now
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feed, "STEP_CHANGES_MAX", STEP_CHANGES_MAX // 10)
        while index.follow(store):
            clock.now += 1.0
            if index.place.records > seen:
                seen = index.place.records
                waits.append(clock.now - last)
                last = clock.now
    assert waits[0] <= 3.0
    assert waits[1:-1] == sorted(waits[1:-1]), "no hurry later on; the last comes when there is no more"
    assert max(waits) <= COMMIT_SECONDS_MAX + 1.0
    assert len(waits) <= 15
    assert index.place.records == len(store.documents)
    index.close()
