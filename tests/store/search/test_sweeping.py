"""Words of an erased record leave the index's files, also those that Tantivy keeps of what was deleted."""

from __future__ import annotations

import math
import random
import shutil
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest
import tantivy

from mutunode.store.search import damage, schema, sweeping
from mutunode.store.search.damage import Damaged
from mutunode.store.search.document import Document
from mutunode.store.search.feed import STEP_CHANGES_MAX
from mutunode.store.search.folder import Folder, count
from mutunode.store.search.index import SWEPT_SECONDS_MAX, SearchIndex, SearchUnavailable
from tests.store.search.catalogues import Clock, FakeStore, ask, catch_up, document, filled, opened

CANARY = "Zyzomysé"
FORMS = ("zyzomyse", "zyzomys")  # folded, and stemmed as well
SECRET = "zyxomatique"
ERASED = {"state": "erased", "body": None}


def note(key: str, title: str = "une note") -> Document:
    return document("x", key, [("fr", title)], [])


def words_kept(folder: Path) -> int:
    """How many documents hold the canary by the dictionaries on the disk, deleted ones included."""
    kept = 0
    for path in folder.iterdir():
        if path.is_dir():
            searcher = Folder(path)._index.searcher()
            for field in (*schema.STEM_FIELDS, *schema.WORD_FIELDS):
                kept += sum(searcher.doc_freq(field, form) for form in FORMS)
    return kept


def test_what_was_erased_is_in_no_dictionary(tmp_path: Path) -> None:
    store = FakeStore([note("1", CANARY), note("2"), note("3")])
    index = filled(tmp_path, store)
    assert words_kept(tmp_path) > 0
    store.put(note("1", CANARY), **ERASED)
    catch_up(index, store)
    assert words_kept(tmp_path) == 0
    assert ask(index, "note").total == 2
    assert len([folder for folder in tmp_path.iterdir() if folder.is_dir()]) == 1
    assert index.place.unswept is False
    index.close()


def test_what_was_only_withdrawn_or_revised_is_swept_once_it_is_erased(tmp_path: Path) -> None:
    store = FakeStore([note("1", CANARY), note("2")])
    index = filled(tmp_path, store)
    store.put(note("1", CANARY), withdrawn_by=7)
    catch_up(index, store)
    assert ask(index, "zyzomyse").total == 0
    assert words_kept(tmp_path) > 0, "Tantivy keeps the words of what it deleted"
    store.put(note("1", CANARY), withdrawn_by=7, **ERASED)
    catch_up(index, store)
    assert words_kept(tmp_path) == 0
    index.close()


def test_what_was_put_and_erased_between_two_commits_is_swept_too(tmp_path: Path) -> None:
    store = FakeStore([note(str(number)) for number in range(STEP_CHANGES_MAX)])
    index = opened(tmp_path, store)
    store.put(note("0", CANARY))
    index.follow(store)
    store.put(note("0", CANARY), **ERASED)
    catch_up(index, store)
    assert words_kept(tmp_path) == 0
    index.close()


def test_a_name_that_stood_in_an_erased_profile_is_swept_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What organisations are called is indexed apart from their records, and not by the record's id."""
    store = FakeStore([note("1"), note("2")])
    monkeypatch.setattr(
        store, "document", lambda one: None if one.kind == "profile" else store.documents[one.rec]
    )
    profile = document("x", "profile", [("fr", "profil")], [], kind="profile")
    store.names[profile.org] = CANARY
    store.put(profile)
    index = filled(tmp_path, store)
    assert words_kept(tmp_path) > 0
    store.names[profile.org] = "Sans nom"
    store.put(profile, **ERASED)
    catch_up(index, store)
    assert words_kept(tmp_path) == 0
    assert index.place.unswept is False, "the new folder is not taken for one that has to be swept"
    index.close()


def test_a_crash_before_the_sweep_leaves_it_to_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FakeStore([note("1", CANARY), note("2")])
    index = filled(tmp_path, store)
    store.put(note("1", CANARY), **ERASED)
    with monkeypatch.context() as dying:
        dying.setattr(SearchIndex, "_sweep", _no_room)
        with pytest.raises(SearchUnavailable):
            catch_up(index, store)
    index.close()
    assert words_kept(tmp_path) > 0
    again = opened(tmp_path, store)
    assert ask(again, "zyzomyse").total == 0
    catch_up(again, store)
    assert words_kept(tmp_path) == 0
    again.close()


def test_without_room_for_two_the_old_folder_goes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FakeStore([note(str(number), CANARY if not number else "une note") for number in range(30)])
    index = filled(tmp_path, store)
    store.put(note("0", CANARY), **ERASED)
    new_folder = SearchIndex._new_folder

    def full(self: SearchIndex) -> Folder:
        folder = new_folder(self)
        monkeypatch.setattr(folder, "commit", _no_space)
        monkeypatch.setattr(SearchIndex, "_new_folder", new_folder)
        return folder

    monkeypatch.setattr(SearchIndex, "_new_folder", full)
    monkeypatch.setattr(sweeping, "_merge", _no_space)
    with pytest.raises(SearchUnavailable):
        catch_up(index, store)
    catch_up(index, store)
    assert words_kept(tmp_path) == 0
    assert ask(index, "note").total == 29
    index.close()


def test_who_erases_again_and_again_does_not_keep_the_node_busy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, made = Clock(), sweeping.Merge.made

    def slow(merge: sweeping.Merge) -> Folder:
        clock.now += 1.0
        return made(merge)

    monkeypatch.setattr(sweeping.Merge, "made", slow)
    store = FakeStore([note(str(number), CANARY) for number in range(4)])
    index = filled(tmp_path, store, clock=clock)
    for number in range(3):
        store.put(note(str(number)), **ERASED)
        catch_up(index, store)
    assert ask(index, "zyzomyse").total == 1, "found no more at once, all the same"
    assert (tmp_path / "n2").exists(), "one of three was swept at once, the others wait"
    assert words_kept(tmp_path) > len(FORMS)
    assert 0 < index.idle_seconds <= SWEPT_SECONDS_MAX
    clock.now -= 3_000_000.0  # a clock that is set back does not make them wait for a month
    store.put(note("3"), **ERASED)
    catch_up(index, store)
    assert words_kept(tmp_path) == 0
    assert index.idle_seconds == math.inf
    index.close()


def big(path: Path, records: int) -> Folder:
    """A folder with one large segment, the canary in its middle, and a small one."""
    folder = Folder(path)
    writer = folder._writing()
    for number in range(records):
        made = tantivy.Document()
        made.add_text("role", schema.RECORD)
        made.add_text("rec", note(str(number)).rec.hex())
        made.add_text("words", FORMS[0] if number == records // 2 else f"w{number % 100}")
        writer.add_document(made)
    folder._reached = msgspec.structs.replace(folder._reached, records=records)
    folder.commit(records)
    folder.put([(note("small").rec, note("small"))])
    folder.commit(records + 1)
    return folder


def test_a_large_segment_is_merged_for_one_deletion(tmp_path: Path) -> None:
    """Tantivy by itself would merge it with seven others as large, that is after as many records again."""
    records = 40_000
    source = big(tmp_path / "source", records)
    assert max(segment["max_doc"] for segment in damage.segments(source.path)) > records // 2
    source.put([(note(str(records // 2)).rec, None)])
    source.commit(records + 2)
    assert words_kept(tmp_path) == 1
    merge = sweeping.Merge(source, tmp_path / "made")
    merge.start()
    merge.join()
    made = merge.made()
    assert words_kept(made.path.parent) == 1, "in the source, which stays as it is"
    source.close()
    shutil.rmtree(source.path)
    assert words_kept(tmp_path) == 0
    assert made.committed == msgspec.structs.replace(source.committed, unswept=False)
    assert count(made._index.searcher(), made._role(schema.RECORD)) == records
    made.close()
    listed = {name for segment in damage.segments(made.path) for name in damage.files(segment)}
    assert {path.name for path in made.path.iterdir() if path.name[0] != "."} == listed | {damage.LIST}
    assert Folder(made.path).committed == made.committed


def test_while_it_is_swept_what_is_published_is_found_and_nobody_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Merging a large index takes many seconds."""
    merging, wait = sweeping._merge, threading.Event()
    monkeypatch.setattr(sweeping, "_merge", lambda *given: wait.wait(20.0) and merging(*given))
    store = FakeStore([note("1", CANARY), note("2")])
    index = filled(tmp_path, store)
    store.put(note("1", CANARY), **ERASED)
    assert index.follow(store) is True
    store.put(note("3", "épinards"))
    assert index.follow(store) is True
    assert ask(index, "epinard").total == 1
    index.rebuild()  # somebody asks for it meanwhile: the copy is given up
    wait.set()
    for merge in index._dropped:
        merge.join()
    catch_up(index, store)
    catch_up(index, store)
    assert words_kept(tmp_path) == 0
    assert ask(index, "epinard").total == 1
    assert len([folder for folder in tmp_path.iterdir() if folder.is_dir()]) == 1
    index.close()


def test_should_tantivy_merge_by_other_rules_the_index_is_built_from_the_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sweeping, "LEVEL_SEGMENTS", 1)
    store = FakeStore([note("1", CANARY), note("2"), note("3")])
    index = filled(tmp_path, store)
    store.put(note("1", CANARY), **ERASED)
    catch_up(index, store)
    assert "were not merged" in caplog.text
    assert words_kept(tmp_path) == 0
    assert ask(index, "note").total == 2
    index.close()


def pieces(index: SearchIndex) -> list[int]:
    """Of the folder that answers, how many documents each segment holds."""
    assert index._answering is not None
    return [segment["max_doc"] for segment in damage.segments(index._answering.path)]


def scattered(path: Path, store: FakeStore, monkeypatch: pytest.MonkeyPatch) -> SearchIndex:
    """An index in four segments, fewer than Tantivy merges by itself; from now on that is too many."""
    index = opened(path, store, Clock())
    for number in range(4):
        store.put(note(str(number), f"note {number}"))
        if number == 3:
            store.put(note("0", "corrigée"))  # one segment with a deletion
        catch_up(index, store)
    assert len(pieces(index)) == 4
    monkeypatch.setattr(sweeping, "SCATTERED_RECORDS_MIN", 1)
    store.put(note("4", "note 4"))
    return index


def test_many_pieces_become_one_and_answer_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FakeStore()
    index = scattered(tmp_path, store, monkeypatch)
    before = ask(index, "note", limit=100)
    catch_up(index, store)
    assert len(pieces(index)) == 2, "everything, and the place"
    after = ask(index, "note", limit=100)
    assert {hit.rec for hit in after.hits} == {hit.rec for hit in before.hits} | {note("4").rec}
    assert after.facets["kind"] == {"resource": 4}
    assert ask(index, "corrigee").total == 1
    made = index._answering
    assert made is not None
    catch_up(index, store)
    assert index._answering is made, "once"
    index.close()
    assert Folder(made.path).committed.records == 5


def test_where_gathering_fails_the_pieces_stay_and_go_on_answering(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = FakeStore()
    index = scattered(tmp_path, store, monkeypatch)
    monkeypatch.setattr(sweeping, "_merge", _no_space)
    before = index._answering
    catch_up(index, store)
    store.put(note("7", "note 7"))
    catch_up(index, store)
    assert index._answering is before
    assert caplog.text.count("stays in several pieces") == 1
    assert ask(index, "note").total == 5
    assert index.idle_seconds == math.inf
    index.close()


def test_a_copy_in_one_piece_that_missed_too_much_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a first replication streams in, catching up would take the node from its readers."""
    store = FakeStore()
    index = scattered(tmp_path, store, monkeypatch)
    monkeypatch.setattr("mutunode.store.search.index.CATCH_UP_MAX", 0)
    merging = sweeping._merge

    def meanwhile(*given: Any) -> None:
        store.put(note("7", "note 7"))
        merging(*given)

    before = index._answering
    with monkeypatch.context() as arriving:
        arriving.setattr(sweeping, "_merge", meanwhile)
        catch_up(index, store)
    assert index._answering is before
    assert len([folder for folder in tmp_path.iterdir() if folder.is_dir()]) == 1
    catch_up(index, store)  # nothing arrives any more
    assert len(pieces(index)) == 2
    assert ask(index, "note").total == 5
    index.close()


@pytest.mark.parametrize("seed", range(3))
def test_any_order_of_publishing_revising_and_erasing_leaves_what_stands_and_nothing_else(
    tmp_path: Path, seed: int
) -> None:
    class Passing(Clock):
        def __call__(self) -> float:
            self.now += 0.1
            return self.now

    chance, store, clock = random.Random(seed), FakeStore(), Passing()
    index = opened(tmp_path, store, clock)
    standing: set[int] = set()
    gone: set[int] = set()
    for _ in range(120):
        number = chance.randrange(30)
        if number in gone:
            continue
        deed = chance.choice(["publish", "publish", "withdraw", "erase"])
        made = note(str(number), f"note {SECRET}{number}x")
        if deed == "publish":
            store.put(made)
            standing.add(number)
        elif deed == "withdraw" and number in standing:
            store.put(made, withdrawn_by=1)
            standing.discard(number)
        elif deed == "erase":
            store.put(made, state="erased", body=None)
            standing.discard(number)
            gone.add(number)
        if chance.random() < 0.4:
            catch_up(index, store)
    clock.now += SWEPT_SECONDS_MAX
    catch_up(index, store)
    assert index._answering is not None
    words = dict(index._answering._index.searcher().terms_with_prefix("words", SECRET))
    assert not {f"{SECRET}{number}x" for number in gone} & set(words)
    assert {hit.rec for hit in ask(index, "", limit=100).hits} == {
        note(str(number)).rec for number in standing
    }
    index.close()


def _no_space(*_: object) -> None:
    raise Damaged("No space left on device")


def _no_room(*_: object) -> None:
    raise SearchUnavailable("no room")
