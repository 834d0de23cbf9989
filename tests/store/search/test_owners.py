"""Who publishes is found by its name, under the name it has now."""

from __future__ import annotations

from pathlib import Path

from tests.store.search.catalogues import FakeStore, ask, catch_up, digest, document, filled, opened


def test_an_organisations_new_name_reaches_what_is_indexed_already(tmp_path: Path) -> None:
    store = FakeStore([document("notes", str(number), [("fr", f"Note {number}")], []) for number in range(5)])
    store.names[digest("notes")] = "Amicale des Tilleuls"
    index = filled(tmp_path, store)
    assert ask(index, "tilleuls note").total == 5
    store.names[digest("notes")] = "Amicale des Érables"
    store.put(document("notes", "6", [("fr", "Note 6")], []), kind="profile")
    catch_up(index, store)
    assert ask(index, "tilleuls note").total == 0
    assert ask(index, "erable note").total == ask(index, "érab").total == 6
    assert ask(index, '"amicale des érables" note').total == 6
    index.close()
    again = opened(tmp_path, store)
    assert ask(again, "erables").total == 6
    again.close()
