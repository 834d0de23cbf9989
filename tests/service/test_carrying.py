"""News by USB key: offices that never share a network converge, and no file harms anybody."""

from __future__ import annotations

import contextlib
import random
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mutunode.protocol import messages, rows
from mutunode.protocol.entry import make_entry
from mutunode.protocol.errors import Code
from mutunode.protocol.messages import Entries, Heads, Identity
from mutunode.service import carrying, receiving
from mutunode.service import parcel as parcels
from mutunode.service.errors import Exit, Refusal
from mutunode.service.framefile import MAGIC, Damage, FrameWriter, scan
from mutunode.service.parcel import Parcel
from tests.service.conftest import Make
from tests.service.offices import Node, refused, until


def carries(node: Node, path: Path) -> carrying.Written:
    answer = node.office.call("sync_to", {"path": str(path)}, lambda event: None)
    assert isinstance(answer, carrying.Written)
    return answer


def takes(node: Node, path: Path, emit: Any = lambda event: None) -> receiving.Read:
    answer = node.office.call("sync_from", {"path": str(path)}, emit)
    assert isinstance(answer, receiving.Read)
    return answer


@pytest.fixture
def apart(make: Make) -> tuple[Node, Node]:
    """Two that follow each other and never share a network."""
    jardin, atelier = make("Jardin"), make("Atelier")
    jardin.office.accept(atelier.org)
    atelier.office.accept(jardin.org)
    return jardin, atelier


def test_two_offices_that_never_share_a_network_converge(apart: tuple[Node, Node], tmp_path: Path) -> None:
    jardin, atelier = apart
    one, other = jardin.publish("Guide du compost"), atelier.publish("Réparer une pompe")
    written = carries(jardin, tmp_path / "aller")
    assert (written.registers, written.entries) == (1, 1)
    assert takes(atelier, tmp_path / "aller").taken == 1
    assert atelier.knows(one)
    assert carries(atelier, tmp_path / "retour").registers == 2
    read = takes(jardin, tmp_path / "retour")
    assert (read.registers, read.taken, read.known) == (2, 1, 1)
    assert jardin.knows(other)
    assert sorted(jardin.titles()) == sorted(atelier.titles()) == ["Guide du compost", "Réparer une pompe"]


def test_what_grew_since_the_last_trip_is_taken_and_nothing_twice(
    apart: tuple[Node, Node], tmp_path: Path
) -> None:
    jardin, atelier = apart
    for number in range(3):
        jardin.publish(f"Fiche {number}")
        carries(jardin, tmp_path / "clé")
        assert takes(atelier, tmp_path / "clé").taken == 1
    read = takes(atelier, tmp_path / "clé")
    assert (read.taken, read.known) == (0, 1)
    assert len(atelier.titles()) == 3


def test_a_third_office_gets_by_hand_what_the_second_got_by_hand(make: Make, tmp_path: Path) -> None:
    """The author is followed because somebody vouches for it: what is wanted grows while the file is read."""
    jardin, atelier, fablab = (make(name) for name in ("Jardin", "Atelier", "Fablab"))
    atelier.office.accept(jardin.org, vouch=True)
    fablab.office.accept(atelier.org)
    rec = jardin.publish("Guide du compost")
    carries(jardin, tmp_path / "un")
    takes(atelier, tmp_path / "un")
    carries(atelier, tmp_path / "deux")
    read = takes(fablab, tmp_path / "deux")
    assert (read.taken, read.not_followed) == (2, 0)
    assert fablab.knows(rec)


def test_organisations_nobody_here_follows_are_left_out_and_counted(make: Make, tmp_path: Path) -> None:
    jardin, atelier = make("Jardin"), make("Atelier")
    rec = jardin.publish("Guide du compost")
    carries(jardin, tmp_path / "clé")
    read = takes(atelier, tmp_path / "clé")
    assert (read.registers, read.taken, read.not_followed) == (1, 0, 1)
    assert not atelier.knows(rec)


def test_more_registers_than_fit_one_answer_follow_page_by_page(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (carrying, receiving, parcels):
        monkeypatch.setattr(module, "HEADS_PER_FRAME_MAX", 1)
    jardin, atelier, fablab, lointain = (make(name) for name in ("Jardin", "Atelier", "Fablab", "Lointain"))
    recs = [node.publish(f"Fiche de {node.office.name()}") for node in (jardin, atelier, fablab)]
    for other in (atelier, fablab):
        jardin.meets(other)
    until(lambda: all(jardin.knows(rec) for rec in recs))
    for other in (jardin, atelier, fablab):
        lointain.office.accept(other.org)
    carries(jardin, tmp_path / "clé")
    assert takes(lointain, tmp_path / "clé").taken == 3
    assert all(lointain.knows(rec) for rec in recs)


def test_a_file_that_repeats_our_register_does_not_count_as_a_holder(
    apart: tuple[Node, Node], tmp_path: Path
) -> None:
    jardin, _ = apart
    jardin.publish("Guide du compost")
    carries(jardin, tmp_path / "clé")
    seen: list[int] = []
    takes(jardin, tmp_path / "clé", lambda event: seen.append(jardin.office.status().holders))
    assert set(seen) == {0}


def test_a_large_register_travels_in_many_frames(apart: tuple[Node, Node], tmp_path: Path) -> None:
    jardin, atelier = apart
    long = "x" * 20_000
    lines = "".join(f'{{"title": "Fiche {n}", "abstract": "{long}{n}"}}\n' for n in range(150))
    jardin.import_text(lines, format="jsonl")
    carries(jardin, tmp_path / "clé")
    with (tmp_path / "clé").open("rb") as file:
        frames = [messages.decode(each.frame) for each in scan(file) if not isinstance(each, Damage)]
    assert [type(each) for each in frames[:2]] == [Identity, Heads]
    starts = [each.start for each in frames if isinstance(each, Entries)]
    assert len(starts) > 1
    assert starts == sorted(starts)
    told: list[dict[str, int]] = []
    takes(atelier, tmp_path / "clé", lambda event: told.append(event["progress"]))
    assert len(list(atelier.all_records())) == 150
    done = [each["done"] for each in told]
    assert done == sorted(done)
    assert done[-1] <= told[-1]["total"]


def test_a_file_answers_as_a_peer_would(apart: tuple[Node, Node], tmp_path: Path) -> None:
    """Also for our own register, so that a store put back from a backup gets back what it lacks."""
    jardin, _ = apart
    for number in range(5):
        jardin.publish(f"Fiche {number}")
    carries(jardin, tmp_path / "clé")
    with (tmp_path / "clé").open("rb") as file:
        parcel = Parcel(file, b"8 bytes.", lambda at: None)
        (head,) = parcel.heads.values()
        newest = parcel.answer(messages.AskHead(1, head.log))
        assert isinstance(newest, Heads)
        assert (newest.id, newest.heads) == (1, (head,))
        assert parcel.answer(messages.AskHead(1, bytes(32))) == Heads(1, b"8 bytes.", 0, False, ())
        since = parcel.answer(messages.Since(3, bytes(8), 0))
        assert since == Heads(3, b"8 bytes.", 1, False, (head,))
        assert parcel.answer(messages.Since(3, b"8 bytes.", 1)) == Heads(3, b"8 bytes.", 1, False, ())
        part = parcel.answer(messages.Get(5, head.log, head.epoch, 2, 4, True))
        assert isinstance(part, Entries)
        assert len(rows.unpack(part.enc, part.payload)) == 2
        bare = parcel.answer(messages.Get(5, head.log, head.epoch, 2, 4, False))
        assert isinstance(bare, Entries)
        assert all(not body for _, _, body in rows.unpack(bare.enc, bare.payload))
        for unknown in (
            messages.Get(7, head.log, head.epoch + 1, 0, 5, True),
            messages.Get(7, head.log, head.epoch, 9, 12, True),
            messages.Get(7, bytes(32), 0, 0, 5, True),
            messages.Ident(7, bytes(32), 1),
            messages.Prove(7, head.log, head.epoch, 0, 0),
        ):
            refusal = parcel.answer(unknown)
            assert isinstance(refusal, messages.Err)
            assert (refusal.id, refusal.code) == (7, Code.UNKNOWN)


def test_a_file_that_replaces_another_does_so_whole(apart: tuple[Node, Node], tmp_path: Path) -> None:
    jardin, _ = apart
    jardin.publish("Une")
    carries(jardin, tmp_path / "clé")
    before = (tmp_path / "clé").read_bytes()
    (tmp_path / "dossier").mkdir()
    with pytest.raises(Refusal, match="it is a folder"):
        carries(jardin, tmp_path / "dossier")
    assert (tmp_path / "clé").read_bytes() == before
    assert not list(tmp_path.glob("**/*.part"))


# --- files that are not well ------------------------------------------------------------------------
def test_a_damaged_passage_costs_what_stands_in_it(make: Make, tmp_path: Path) -> None:
    jardin, atelier, fablab = (make(name) for name in ("Jardin", "Atelier", "Fablab"))
    jardin.meets(atelier)
    recs = [jardin.publish("Guide"), atelier.publish("Pompe")]
    until(lambda: jardin.knows(recs[1]))
    for other in (jardin, atelier):
        fablab.office.accept(other.org)
    carries(jardin, tmp_path / "clé")
    raw = bytearray((tmp_path / "clé").read_bytes())
    raw[-40] ^= 1  # in the last register
    (tmp_path / "clé").write_bytes(raw)
    with refused("not_verified", Exit.NOT_VERIFIED) as found:
        takes(fablab, tmp_path / "clé")
    fields = [trouble.field for trouble in found.value.troubles]
    assert fields[0] == "file"
    assert fields[1] in (jardin.org, atelier.org)
    assert sum(fablab.knows(rec) for rec in recs) == 1


def test_a_copy_that_was_cut_short_is_said_to_be_and_what_is_whole_is_taken(
    apart: tuple[Node, Node], tmp_path: Path
) -> None:
    jardin, atelier = apart
    rec = jardin.publish("Guide")
    carries(jardin, tmp_path / "clé")
    raw = (tmp_path / "clé").read_bytes()
    (tmp_path / "clé").write_bytes(raw[:-1])
    with refused("not_verified", Exit.NOT_VERIFIED) as found:
        takes(atelier, tmp_path / "clé")
    assert "stops before its end" in found.value.troubles[0].en
    assert atelier.knows(rec)


def rewrite(path: Path, change: Any) -> None:
    """Write the frames of a file again, well-formed, as somebody changed them."""
    with path.open("rb") as file:
        frames = [messages.decode(each.frame) for each in scan(file) if not isinstance(each, Damage)]
    with path.open("wb") as file:
        writer = FrameWriter(file)
        for message in change(frames):
            writer.write(message)
        writer.end()


def test_a_liar_is_found_out_and_nothing_of_it_is_kept(apart: tuple[Node, Node], tmp_path: Path) -> None:
    jardin, atelier = apart
    rec = jardin.publish("Guide")
    carries(jardin, tmp_path / "clé")
    before = atelier.office.status().records

    def other_entries(frames: list[Any]) -> list[Any]:
        entry = make_entry("resource", {"title": {"fr": "Faux"}}, 1, bytes(16))
        _, payload = rows.pack([(entry.header, entry.salt, entry.body)], compressed=False)
        return [Entries(0, each.log, 0, 0, payload) if isinstance(each, Entries) else each for each in frames]

    rewrite(tmp_path / "clé", other_entries)
    with refused("not_verified", Exit.NOT_VERIFIED) as found:
        takes(atelier, tmp_path / "clé")
    assert [trouble.field for trouble in found.value.troubles] == [jardin.org]
    assert not atelier.knows(rec)
    assert atelier.office.status().records == before
    atelier.office.log_verify(lambda event: None)
    carries(jardin, tmp_path / "clé")
    assert takes(atelier, tmp_path / "clé").taken == 1  # nobody is punished for what a file said


def test_a_signature_that_was_changed_is_found_out(apart: tuple[Node, Node], tmp_path: Path) -> None:
    jardin, atelier = apart
    rec = jardin.publish("Guide")
    carries(jardin, tmp_path / "clé")

    def other_heads(frames: list[Any]) -> list[Any]:
        return [later(each) if isinstance(each, Heads) else each for each in frames]

    def later(page: Heads) -> Heads:
        heads = tuple(msgspec.structs.replace(head, time=head.time + 1) for head in page.heads)
        return msgspec.structs.replace(page, heads=heads)

    rewrite(tmp_path / "clé", other_heads)
    with refused("not_verified", Exit.NOT_VERIFIED):
        takes(atelier, tmp_path / "clé")
    assert not atelier.knows(rec)


def test_frames_that_have_no_place_in_a_file_are_named(apart: tuple[Node, Node], tmp_path: Path) -> None:
    jardin, atelier = apart
    rec = jardin.publish("Guide")
    carries(jardin, tmp_path / "clé")
    rewrite(tmp_path / "clé", lambda frames: [messages.Taken(0), *frames])
    with refused("not_verified", Exit.NOT_VERIFIED) as found:
        takes(atelier, tmp_path / "clé")
    assert [trouble.en for trouble in found.value.troubles] == [
        f"byte {len(MAGIC)}: a passage makes no sense."
    ]
    assert atelier.knows(rec)


@pytest.mark.parametrize("seed", range(6))
def test_whatever_happens_to_a_file_nothing_false_is_taken(
    apart: tuple[Node, Node], tmp_path: Path, seed: int
) -> None:
    jardin, atelier = apart
    for number in range(4):
        jardin.publish(f"Fiche {number}")
    carries(jardin, tmp_path / "clé")
    raw = bytearray((tmp_path / "clé").read_bytes())
    dice = random.Random(seed)
    for _ in range(dice.choice((1, 3, 40))):
        raw[dice.randrange(len(MAGIC), len(raw))] = dice.randrange(256)
    (tmp_path / "clé").write_bytes(raw[: dice.choice((len(raw), len(raw) - dice.randrange(len(raw))))])
    with contextlib.suppress(Refusal):
        takes(atelier, tmp_path / "clé")
    assert atelier.titles() in ([], [f"Fiche {number}" for number in (3, 2, 1, 0)])
    atelier.office.log_verify(lambda event: None)


def test_what_is_no_file_of_frames_is_said(apart: tuple[Node, Node], tmp_path: Path) -> None:
    _, atelier = apart
    (tmp_path / "texte").write_text("bonjour")
    with refused("not_frames", Exit.NOT_VERIFIED):
        takes(atelier, tmp_path / "texte")
    with pytest.raises(Refusal) as missing:
        takes(atelier, tmp_path / "rien")
    assert missing.value.exit == Exit.NOT_FOUND
    with pytest.raises(Refusal, match="it is a folder"):
        takes(atelier, tmp_path)
    with refused("usage", Exit.USAGE):
        takes(atelier, Path("relatif"))
