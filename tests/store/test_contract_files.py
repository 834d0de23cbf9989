"""What every store remembers of files: who cites them, what is held, who else holds it."""

from __future__ import annotations

from mutunode.protocol.ledger import WantedFile
from mutunode.store.interface import Cite, File, Store

BLOB, OTHER, THIRD = (bytes([n]) * 32 for n in (1, 2, 3))
REC, REVISION = (bytes([n]) * 32 for n in (11, 12))
AUTHOR, PEER = (bytes([n]) * 32 for n in (21, 22))


def cite(blob: bytes = BLOB, rec: bytes = REC, *, public: bool = True, current: bool = True) -> Cite:
    return Cite(blob, rec, AUTHOR, 1_000, public, current)


def file(blob: bytes = BLOB, *, held: bool = True, reason: str = "added", since: int = 5) -> File:
    return File(blob, 1_000, held, reason, since)  # type: ignore[arg-type]


def test_what_a_record_cites_takes_the_place_of_what_it_did(store: Store) -> None:
    ledger, reader = store.ledger, store.reader()
    with ledger.transaction():
        ledger.put_cites([REC], [cite(BLOB), cite(OTHER)], 7)
    assert reader.cites(BLOB) == [cite(BLOB)]
    with ledger.transaction():
        ledger.put_cites([REC, REVISION], [cite(BLOB, REVISION)], 9)
    assert reader.cites(BLOB) == [cite(BLOB, REVISION)]
    assert reader.cites(OTHER) == []
    assert reader.cited_until() == 9


def test_current_records_are_named_first(store: Store) -> None:
    with store.ledger.transaction():
        store.ledger.put_cites(
            [REC, REVISION], [cite(BLOB, REC, current=False), cite(BLOB, REVISION), cite(BLOB, REVISION)], 1
        )
    assert [each.rec for each in store.reader().cites(BLOB)] == [REVISION, REC]


def test_a_file_is_served_when_it_is_whole_and_cited_in_public(store: Store) -> None:
    ledger = store.ledger
    with ledger.transaction():
        assert ledger.file_to_serve(BLOB) is None
        ledger.put_file(file(BLOB))
        assert ledger.file_to_serve(BLOB) is None
        ledger.put_cites([REC], [cite(BLOB, public=False)], 1)
        assert ledger.file_to_serve(BLOB) is None
        ledger.put_cites([REC], [cite(BLOB)], 2)
        assert ledger.file_to_serve(BLOB) == 1_000
        ledger.file_lost(BLOB)
        assert ledger.file_to_serve(BLOB) is None
        ledger.file_arrived(BLOB)
        assert ledger.file_to_serve(BLOB) == 1_000


def test_what_a_person_waits_for_is_fetched_first(store: Store) -> None:
    ledger = store.ledger
    with ledger.transaction():
        ledger.put_file(file(BLOB, held=False, reason="automatic", since=3))
        ledger.put_file(file(OTHER, held=False, reason="asked", since=4))
        ledger.put_file(file(THIRD, held=False, reason="automatic", since=2))
        ledger.put_file(file(bytes(32), held=True, reason="asked", since=1))
        ledger.put_cites([REC], [cite(OTHER)], 1)
        ledger.put_holder(OTHER, PEER, True, 50)
        wanted = ledger.files_wanted(10)
        assert [each.blob for each in wanted] == [OTHER, THIRD, BLOB]
        assert wanted[0] == WantedFile(OTHER, 1_000, (AUTHOR, PEER), True)
        assert ledger.files_wanted(1) == wanted[:1]


def test_who_holds_a_file_is_what_they_last_said(store: Store) -> None:
    with store.ledger.transaction():
        store.ledger.put_holder(BLOB, AUTHOR, True, 50)
        store.ledger.put_holder(BLOB, PEER, True, 60)
        store.ledger.put_holder(OTHER, PEER, False, 60)
    assert store.reader().file_holders(BLOB) == [(PEER, 60), (AUTHOR, 50)]
    with store.ledger.transaction():
        store.ledger.put_holder(BLOB, PEER, False, 70)
    assert store.reader().file_holders(BLOB) == [(AUTHOR, 50)]


def test_files_are_found_by_id_and_by_who_cites_them(store: Store) -> None:
    ledger, reader = store.ledger, store.reader()
    with ledger.transaction():
        ledger.put_file(file(BLOB))
        ledger.put_file(file(OTHER, held=False, reason="asked"))
        ledger.put_cites([REC], [cite(OTHER), cite(THIRD)], 1)
    assert reader.file(BLOB) == file(BLOB)
    assert reader.file(THIRD) is None
    assert [each.blob for each in reader.files()] == [BLOB, OTHER]
    assert [each.blob for each in reader.uncited()] == [BLOB]
    assert reader.files_like(BLOB, THIRD) == [BLOB, OTHER, THIRD]
    assert reader.files_like(OTHER, OTHER) == [OTHER]
    with ledger.transaction():
        ledger.drop_file(BLOB)
    assert reader.file(BLOB) is None
