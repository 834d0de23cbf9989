"""Proofs for outsiders, made by real nodes: who can be proved, by whom it was seen, what is refused."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mutunode.protocol import proof
from mutunode.service import proving, tlog
from mutunode.service.errors import Exit, Refusal
from mutunode.service.verifying import DOUBTS, verify
from tests.service.conftest import Make
from tests.service.offices import Node, refused, until
from tests.tlog_reader import TiledLog, path_element


def proved(node: Node, rec: str, **asked: Any) -> proving.Proved:
    answer = node.office.call("prove", {"rec": rec, **asked}, lambda event: None)
    assert isinstance(answer, proving.Proved)
    return answer


# --- proving ----------------------------------------------------------------------------------------
def test_alone_a_proof_says_who_and_what_and_not_yet_since_when(jardin: Node) -> None:
    rec = jardin.publish("Guide du compost")
    told = verify(proved(jardin, rec).proof.encode())
    assert (told.id, told.org, told.org_name) == (rec, jardin.org, "Jardin")
    assert (told.kind, told.title, told.body["title"]) == (
        "resource",
        "Guide du compost",
        {"fr": "Guide du compost"},
    )
    assert (told.seen_by, told.seen_at, told.witnesses) == (0, 0, ())


def test_whoever_holds_the_register_witnesses_it(two: tuple[Node, Node]) -> None:
    jardin, atelier = two
    rec = jardin.publish("Guide du compost")
    answer = proved(jardin, rec, witnesses=1)
    assert (answer.seen_by, answer.id, answer.org) == (1, rec, jardin.org)
    told = verify(answer.proof.encode())
    assert [(each.org, each.name) for each in told.witnesses] == [(atelier.org, "Atelier")]
    assert told.seen_at == answer.seen_at == told.witnesses[0].time
    assert abs(told.seen_at - jardin.clock()) < 60


def test_a_neighbour_proves_what_another_published_and_is_a_witness_itself(two: tuple[Node, Node]) -> None:
    jardin, atelier = two
    rec = jardin.publish("Guide du compost")
    until(lambda: atelier.knows(rec))
    told = verify(proved(atelier, rec).proof.encode(), org=jardin.org)
    assert told.org == jardin.org
    assert [each.org for each in told.witnesses] == [atelier.org]


def test_every_neighbour_in_reach_is_asked(make: Make) -> None:
    jardin, *others = (make(name) for name in ("Jardin", "Atelier", "Fablab"))
    for other in others:
        jardin.meets(other)
    rec = jardin.publish("Guide du compost")
    told = verify(proved(jardin, rec, witnesses=2).proof.encode())
    assert {each.org for each in told.witnesses} == {other.org for other in others}


def test_too_few_witnesses_in_time_is_said_and_nothing_is_handed_out(two: tuple[Node, Node]) -> None:
    jardin, _ = two
    rec = jardin.publish("Guide du compost")
    with refused("not_replicated", Exit.NOT_REPLICATED):
        proved(jardin, rec, witnesses=2, timeout=0)


def test_a_witness_whose_clock_is_wrong_by_days_is_none(two: tuple[Node, Node]) -> None:
    jardin, atelier = two
    rec = jardin.publish("Guide du compost")
    until(lambda: atelier.knows(rec))
    atelier.clock.ahead_seconds = 3 * 86_400
    assert proved(jardin, rec).seen_by == 0


def test_an_older_version_is_proved_as_it_was(jardin: Node) -> None:
    old = jardin.publish("Guide du compost")
    jardin.office.revise(old, {"title": "Guide du paillage"})
    assert verify(proved(jardin, old).proof.encode()).title == "Guide du compost"


def test_what_is_not_here_cannot_be_proved(jardin: Node) -> None:
    with refused("not_found", Exit.NOT_FOUND):
        proved(jardin, "rec_" + "a" * 52)
    with refused("usage", Exit.USAGE):
        proved(jardin, jardin.publish("Guide"), witnesses=-1)


@pytest.mark.parametrize(
    ("fields", "code", "exit"),
    [
        ({"space": b"\1" * 32}, "not_public", Exit.REFUSED),
        ({"body": None, "state": "missing"}, "no_content", Exit.NOT_FOUND),
        ({"body": None, "state": "erased"}, "erased", Exit.NOT_FOUND),
        ({"retracted_by": 1, "state": "retracted"}, "retracted", Exit.REFUSED),
        ({"contested": True}, "contested", Exit.CONFLICT),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_must_not_be_proved_is_refused_with_the_reason(
    jardin: Node, monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any], code: str, exit: Exit
) -> None:
    rec = jardin.publish("Guide du compost")
    stored = msgspec.structs.replace(jardin.stored(rec), **fields)
    monkeypatch.setattr("mutunode.service.lookup.record", lambda desk, text: stored)
    with refused(code, exit):
        proved(jardin, rec)


# --- verifying --------------------------------------------------------------------------------------
def test_each_claim_that_can_fall_is_said_in_both_languages() -> None:
    assert DOUBTS.keys() == set(proof.PARTS)
    assert all(words.fr and words.en and words.fr != words.en for words in DOUBTS.values())


def test_a_changed_word_is_not_verified(jardin: Node) -> None:
    text = proved(jardin, jardin.publish("Guide du compost")).proof
    with refused("not_verified_place", Exit.NOT_VERIFIED):
        verify(text.replace("index 0", "index 1").encode())


def test_a_reader_who_expects_another_author_is_told(two: tuple[Node, Node]) -> None:
    jardin, atelier = two
    raw = proved(jardin, jardin.publish("Guide")).proof.encode()
    assert verify(raw, org=jardin.org[:14]).org == jardin.org
    with refused("another_author", Exit.NOT_VERIFIED):
        verify(raw, org=atelier.org)
    with refused("bad_id", Exit.USAGE):
        verify(raw, org="Jardin")


def test_the_answer_gives_the_check_words_of_the_author(jardin: Node) -> None:
    raw = proved(jardin, jardin.publish("Guide")).proof.encode()
    assert verify(raw).check_words == jardin.office.check_words(jardin.org)


# --- the register for C2SP tools ----------------------------------------------------------------------
def exported(node: Node, folder: Path, log: str = "") -> Any:
    return node.office.call("log_export", {"path": str(folder), "log": log}, lambda event: None)


def check(folder: Path) -> TiledLog:
    log = TiledLog(folder)
    log.check_tree()
    log.check_signatures((folder / "verifier-keys").read_text().splitlines())
    return log


@pytest.mark.parametrize("size", [1, 255, 256, 257, 600])
def test_a_register_is_exported_as_tiles(jardin: Node, tmp_path: Path, size: int) -> None:
    jardin.import_text("".join(f'{{"title": "Fiche {n}"}}\n' for n in range(size)), format="jsonl")
    answer = exported(jardin, tmp_path / "tlog")
    log = check(tmp_path / "tlog")
    assert (log.size, log.origin) == (size, answer.origin)
    files = {str(path.relative_to(log.folder)) for path in log.folder.rglob("*") if path.is_file()}
    assert files == log.resources() | {"checkpoint", "verifier-keys", "identity"}


def test_the_example_of_the_specification_with_little_memory() -> None:
    """70,000 entries: 273 full tiles and one of 112, one full and one of 17 above, one of 1 on top."""
    written: Counter[str] = Counter()
    tiles = tlog.Tiles(lambda name, content: written.update([name]))
    tracemalloc.start()
    for number in range(70_000):
        tiles.add(number.to_bytes(100, "big"))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    tiles.finish()
    assert set(written.values()) == {1}
    assert len([name for name in written if name.startswith("tile/0/")]) == 274
    assert {"tile/0/273.p/112", "tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1"} <= written.keys()
    assert "tile/entries/273.p/112" in written
    assert peak < 500_000 + sum(len(name) + 100 for name in written)
    assert tlog.tile_number(1_234_067) == path_element(1_234_067) == "x001/x234/067"


def test_exporting_again_brings_it_up_to_date(jardin: Node, tmp_path: Path) -> None:
    jardin.publish("Une")
    exported(jardin, tmp_path / "tlog")
    jardin.publish("Deux")
    exported(jardin, tmp_path / "tlog")
    assert check(tmp_path / "tlog").size == 2


def test_one_that_did_not_come_to_its_end_is_begun_again(jardin: Node, tmp_path: Path) -> None:
    jardin.publish("Une")
    exported(jardin, tmp_path / "tlog")
    (tmp_path / "tlog" / "checkpoint").unlink()
    exported(jardin, tmp_path / "tlog")
    check(tmp_path / "tlog")


def test_a_register_of_somebody_else_bears_only_their_signature(
    two: tuple[Node, Node], tmp_path: Path
) -> None:
    jardin, atelier = two
    rec = jardin.publish("Guide")
    until(lambda: atelier.knows(rec))
    exported(atelier, tmp_path / "tlog", jardin.org)
    log = check(tmp_path / "tlog")
    assert log.origin.split("/")[2] == jardin.office.status().logs["public"]["log"].removeprefix("log_")
    assert len((tmp_path / "tlog" / "verifier-keys").read_text().splitlines()) == 1


def test_a_folder_with_something_else_in_it_is_left_alone(two: tuple[Node, Node], tmp_path: Path) -> None:
    jardin, atelier = two
    jardin.publish("Une")
    atelier.publish("Autre")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("garder")
    with refused("not_empty", Exit.CONFLICT):
        exported(jardin, tmp_path / "mine")
    exported(jardin, tmp_path / "tlog")
    with refused("not_empty", Exit.CONFLICT):
        exported(atelier, tmp_path / "tlog")
    with refused("usage", Exit.USAGE):
        exported(jardin, Path("relative"))


def test_where_nothing_can_be_written_the_reason_is_said(jardin: Node, tmp_path: Path) -> None:
    jardin.publish("Une")
    (tmp_path / "file").write_text("")
    with pytest.raises(Refusal, match="it is not a folder"):
        exported(jardin, tmp_path / "file" / "tlog")
