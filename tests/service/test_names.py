"""The names that are remembered are those the store would give."""

from __future__ import annotations

from typing import Any

import pytest

from mutunode.service import names
from mutunode.service.names import Names
from mutunode.store import Reader, Store, open_store
from tests.store.authors import Author, publish


def profile(name: str, **more: Any) -> tuple[str, dict[str, Any]]:
    return "profile", {"name": {"fr": name}, **more}


def resource(title: str) -> tuple[str, dict[str, Any]]:
    return "resource", {"title": {"fr": title}}


@pytest.fixture
def store() -> Store:
    return open_store("memory:")


def test_a_name_is_asked_for_once_and_again_when_it_changes(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob = Author("alice"), Author("bob")
    publish(store, alice, profile("Jardin"))
    publish(store, bob, resource("Une fiche"))
    asked, told = list[bytes](), Names()
    of_one = names.names_of

    def counted(reader: Reader, org: bytes) -> dict[str, str]:
        asked.append(org)
        return of_one(reader, org)

    monkeypatch.setattr(names, "names_of", counted)
    both, expected = [alice.org, bob.org], {alice.org: {"fr": "Jardin"}, bob.org: {}}
    for _ in range(3):
        assert told.of_all(store.reader(), both) == expected
    publish(store, bob, resource("Une autre"))
    assert told.of_all(store.reader(), both) == expected
    assert asked == both
    publish(store, alice, profile("Potager", supersedes=alice.ref(0)))
    assert told.of_all(store.reader(), both)[alice.org] == {"fr": "Potager"}
    assert asked == [*both, alice.org]


def test_what_is_far_behind_asks_for_all_anew(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "LOOKED_AT", 1)
    monkeypatch.setattr(names, "LOOKS_MAX", 2)
    alice, told = Author("alice"), Names()
    publish(store, alice, profile("Jardin"))
    assert told.of_all(store.reader(), [alice.org]) == {alice.org: {"fr": "Jardin"}}
    publish(store, alice, *(resource(str(number)) for number in range(5)), profile("Potager"))
    assert told.of_all(store.reader(), [alice.org]) == {alice.org: {"fr": "Potager"}}


def test_few_are_remembered_where_many_are_named(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "NAMES_MAX", 1)
    told, authors = Names(), [Author(name) for name in ("alice", "bob", "carol")]
    for author in authors:
        publish(store, author, profile(author.org.hex()[:4]))
    for _ in range(2):
        found = told.of_all(store.reader(), [author.org for author in authors])
        assert [found[author.org]["fr"] for author in authors] == [a.org.hex()[:4] for a in authors]
