"""Whatever happens to the folder, the same is found afterwards."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from mutunode.store.search import feed
from mutunode.store.search.damage import Damaged
from mutunode.store.search.folder import Folder
from mutunode.store.search.index import CURRENT, SearchIndex, SearchUnavailable
from tests.store.search.catalogues import (
    EXAMPLES,
    FakeStore,
    all_documents,
    ask,
    catch_up,
    filled,
    keys,
    opened,
)

QUESTIONS = ("", "logiciel libre", "données", "serveur -web", "libreofice", '"base de données"')
MANY = 60


@pytest.fixture(scope="module")
def store() -> FakeStore:
    return FakeStore(all_documents()[:MANY])


@pytest.fixture(scope="module")
def sound(store: FakeStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of several segments, with deleted documents in them."""
    path = tmp_path_factory.mktemp("sound")
    index = filled(path, store)
    for made in all_documents()[:MANY:9]:
        store.put(made)
    catch_up(index, store)
    index.close()
    return path


def answers(index: SearchIndex, store: FakeStore) -> list[tuple[int, set[str], dict[str, dict[str, int]]]]:
    found = [ask(index, question, limit=100) for question in QUESTIONS]
    return [(each.total, set(keys(store, each)), each.facets) for each in found]


@pytest.fixture(scope="module")
def expected(
    sound: Path, store: FakeStore, tmp_path_factory: pytest.TempPathFactory
) -> list[tuple[int, set[str], dict[str, dict[str, int]]]]:
    index = filled(tmp_path_factory.mktemp("expected"), store)
    found = answers(index, store)
    index.close()
    assert all(total for total, _, _ in found)
    return found


def names(sound: Path) -> list[str]:
    return sorted(str(path.relative_to(sound)) for path in sound.rglob("*") if path.is_file())


def test_what_was_committed_is_there_again(sound: Path, store: FakeStore, tmp_path: Path) -> None:
    shutil.copytree(sound, tmp_path / "copy")
    index = opened(tmp_path / "copy", store)
    assert index.place.change == store.newest_change()
    assert ask(index, "").total == MANY
    assert any(".del" in name for name in names(sound))
    index.close()


@pytest.mark.parametrize("harm", ["cut", "empty", "flip", "flip the end", "remove", "lengthen"])
def test_every_file_may_be_damaged(
    sound: Path, store: FakeStore, tmp_path: Path, expected: list[object], harm: str
) -> None:
    for number, name in enumerate(names(sound)):
        path = tmp_path / str(number)
        shutil.copytree(sound, path)
        damage(path / name, harm)
        index = filled(path, store)
        assert answers(index, store) == expected, name
        index.close()
        shutil.rmtree(path)


def damage(file: Path, harm: str) -> None:
    content = file.read_bytes()
    middle = len(content) // 2
    if harm == "remove":
        file.unlink()
        return
    file.write_bytes(
        {
            "cut": content[:middle],
            "empty": b"",
            "flip": flipped(content, middle),
            "flip the end": flipped(content, len(content) - 2),
            "lengthen": content + b"\x00",
        }[harm]
    )


def flipped(content: bytes, at: int) -> bytes:
    """One bit of one byte turned."""
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :] if content else content


def test_the_list_of_segments_may_be_damaged_anywhere(
    sound: Path, store: FakeStore, tmp_path: Path, expected: list[object]
) -> None:
    (meta,) = [name for name in names(sound) if name.endswith("/meta.json")]
    content = (sound / meta).read_bytes()
    segments = content.index(b'"schema"')  # behind it: what is compared with our own schema as a whole
    for at in [*range(0, segments, 11), *range(segments, len(content), 397)]:
        path = tmp_path / str(at)
        shutil.copytree(sound, path)
        (path / meta).write_bytes(flipped(content, at))
        index = filled(path, store)
        assert answers(index, store) == expected, content[at - 20 : at + 20]
        index.close()
        shutil.rmtree(path)


def test_a_list_that_forgets_deletions_or_a_segment_is_found_out(
    sound: Path, store: FakeStore, tmp_path: Path, expected: list[object]
) -> None:
    (meta,) = [name for name in names(sound) if name.endswith("/meta.json")]
    listed = json.loads((sound / meta).read_bytes())
    assert len(listed["segments"]) > 1
    without_deletions = [{**segment, "deletes": None} for segment in listed["segments"]]
    for number, segments in enumerate([without_deletions, listed["segments"][1:], []]):
        path = tmp_path / str(number)
        shutil.copytree(sound, path)
        (path / meta).write_text(json.dumps({**listed, "segments": segments}))
        index = filled(path, store)
        assert answers(index, store) == expected
        index.close()


def of_another_version(sound: Path, path: Path) -> Path:
    """A copy that an older version of this program wrote."""
    shutil.copytree(sound, path)
    current = json.loads((path / CURRENT).read_bytes())
    (path / CURRENT).write_text(json.dumps({**current, "edition": "0/older"}))
    return path


def folders(path: Path) -> list[str]:
    return sorted(folder.name for folder in path.iterdir() if folder.is_dir())


def test_an_index_of_another_version_answers_and_follows_until_a_new_one_is_built(
    sound: Path, store: FakeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "STEP_CHANGES_MAX", 20)
    path = of_another_version(sound, tmp_path / "copy")
    larger = FakeStore(all_documents()[:MANY], newest=store.newest_change())
    index = opened(path, larger)
    assert ask(index, "").total == MANY
    assert folders(path) == ["n1", "n2"]
    larger.put(all_documents()[MANY])
    assert index.behind(larger.newest_change()) == larger.newest_change()
    while index.place.change < larger.newest_change():
        assert index.follow(larger)
    assert folders(path) == ["n1", "n2"]
    assert ask(index, "").total == MANY + 1, "found before the new one is built"
    catch_up(index, larger)
    assert folders(path) == ["n2"]
    assert ask(index, "").total == MANY + 1
    index.close()
    again = opened(path, larger)
    assert folders(path) == ["n2"], "it is of this version now"
    again.close()


def test_an_index_of_other_documents_is_rebuilt(sound: Path, store: FakeStore, tmp_path: Path) -> None:
    path = tmp_path / "copy"
    shutil.copytree(sound, path)
    index = opened(path, store, edition="kinds 2")
    assert folders(path) == ["n1", "n2"]
    catch_up(index, store)
    index.close()
    again = opened(path, store, edition="kinds 2")
    assert (again.place.records, folders(path)) == (MANY, ["n2"])
    again.close()


def test_an_index_of_another_version_whose_fields_are_others_is_built_from_nothing(
    sound: Path, store: FakeStore, tmp_path: Path, expected: object
) -> None:
    path = of_another_version(sound, tmp_path / "copy")
    listed = json.loads((path / "n1" / "meta.json").read_bytes())
    listed["schema"][0]["name"] = "rule"
    (path / "n1" / "meta.json").write_text(json.dumps(listed))
    index = opened(path, store)
    assert (index.place.change, folders(path)) == (0, ["n2"])
    catch_up(index, store)
    assert answers(index, store) == expected
    index.close()


def test_where_a_new_index_has_no_room_beside_one_of_another_version_the_old_one_goes(
    sound: Path, store: FakeStore, tmp_path: Path, expected: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = of_another_version(sound, tmp_path / "copy")
    index = opened(path, store)
    really = Folder.put

    def full(folder: Folder, *given: Any) -> None:
        if len(folders(path)) > 1:
            raise Damaged("no space left on the disk")
        really(folder, *given)

    monkeypatch.setattr(Folder, "put", full)
    with pytest.raises(SearchUnavailable):
        catch_up(index, store)
    assert ask(index, "").total == MANY
    catch_up(index, store)
    assert (folders(path), answers(index, store)) == (["n2"], expected)
    index.close()


def test_what_a_killed_node_had_built_to_replace_another_version_is_built_again(
    sound: Path, store: FakeStore, tmp_path: Path, expected: object
) -> None:
    path = of_another_version(sound, tmp_path / "copy")
    opened(path, store)  # and no more: it is killed
    index = opened(path, store)
    assert ask(index, "").total == MANY
    catch_up(index, store)
    assert (len(folders(path)), answers(index, store)) == (1, expected)
    index.close()


def test_an_index_ahead_of_its_store_is_rebuilt(sound: Path, tmp_path: Path) -> None:
    path = tmp_path / "copy"
    shutil.copytree(sound, path)
    older = FakeStore(all_documents()[:20])
    index = filled(path, older)
    assert ask(index, "").total == 20
    assert [folder.name for folder in path.iterdir() if folder.is_dir()] == ["n2"]
    index.close()


def test_what_a_killed_rebuild_left_is_removed(sound: Path, store: FakeStore, tmp_path: Path) -> None:
    path = tmp_path / "copy"
    shutil.copytree(sound, path)
    (path / "n7").mkdir()
    (path / "n7" / "meta.json").write_text("{")
    index = opened(path, store)
    assert [folder.name for folder in path.iterdir() if folder.is_dir()] == ["n1"]
    assert ask(index, "").total == MANY
    index.close()


WRITE_FOR_EVER = """
import sys
from pathlib import Path
from tests.store.search.catalogues import Clock, FakeStore, all_documents, opened
import mutunode.store.search.feed as feed
feed.STEP_CHANGES_MAX = 20
documents = all_documents()[:200]
store = FakeStore(documents, newest=int(sys.argv[2]))
index = opened(Path(sys.argv[1]), store, Clock())
print("ready", flush=True)
while True:
    while index.follow(store):
        pass
    for made in documents[::3]:
        store.put(made)
"""


def test_killed_while_writing_it_opens_and_catches_up(tmp_path: Path) -> None:
    chance = random.Random(7)
    for life in range(6):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITE_FOR_EVER, str(tmp_path), str(life * 1_000_000)],
            cwd=EXAMPLES.parent,
            stdout=subprocess.PIPE,
        )
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
        time.sleep(chance.random() * 0.4)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
    store = FakeStore(all_documents()[:200], newest=6_000_000)
    index = opened(tmp_path, store)
    assert index.place.records == ask(index, "", limit=0).total
    catch_up(index, store)
    assert [folder.name for folder in tmp_path.iterdir() if folder.is_dir()] == ["n1"]  # never rebuilt
    assert ask(index, "").total == 200
    assert set(keys(store, ask(index, "libreoffice "))) == {"sill:78", "sill:79", "sill:56"}
    index.close()


def test_a_file_that_a_crash_left_beside_the_list_does_not_stop_the_next_commit(
    sound: Path, store: FakeStore, tmp_path: Path
) -> None:
    path = tmp_path / "copy"
    shutil.copytree(sound, path)
    managed = json.loads((path / "n1" / ".managed.json").read_text())
    left = f"{managed[0].split('.')[0]}.99.del"
    (path / "n1" / left).write_bytes(b"half")
    (path / "n1" / ".managed.json").write_text(json.dumps([*managed, left]))
    index = opened(path, store)
    store.put(all_documents()[0])
    catch_up(index, store)
    assert not (path / "n1" / left).exists()
    assert ask(index, "").total == MANY
    index.close()
