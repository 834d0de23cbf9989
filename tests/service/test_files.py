"""Files of records, between whole nodes: attached, had, kept, promised, let go."""

from __future__ import annotations

import itertools
import os
import random
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mutunode.protocol.ids import parse
from mutunode.protocol.limits import CHUNK_BYTES
from mutunode.service.files import having, keeping
from mutunode.service.files.allowance import FileAllowance
from mutunode.service.files.having import Got
from mutunode.service.shapes import FileLine
from tests.service.offices import Node, refused, until

BIG = random.Random(1).randbytes(3 * CHUNK_BYTES + 5)
PDF = b"%PDF-1.7\n" + bytes(range(10, 200))
Make = Callable[..., Node]


def call(node: Node, verb: str, emit: Any = lambda event: None, **params: Any) -> Any:
    return node.office.call(verb, params, emit)


def publish(node: Node, *files: Any, title: str = "Avec un fichier", **more: Any) -> str:
    """A record with files from paths; its id."""
    fields = {"title": title, "files": list(files), **more}
    return str(call(node, "publish", kind="resource", fields=fields).id)


def path_of(folder: Path, name: str, content: bytes) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    return str(folder / name)


def lines(node: Node, rec: str) -> tuple[FileLine, ...]:
    return node.office.archive.lines(rec)


def forbid_fetching(node: Node) -> None:
    """From now on nothing is fetched that nobody asked for."""
    node.office.desk.allowance = FileAllowance(file_bytes_max=0)


# --- attaching -------------------------------------------------------------------------------------
def test_a_file_is_attached_with_what_it_is(jardin: Node, tmp_path: Path) -> None:
    path = path_of(tmp_path, "affiche.pdf", PDF)
    rec = publish(jardin, {"path": path, "alt": {"fr": "L’affiche"}, "lang": "fr"})
    (line,) = lines(jardin, rec)
    assert (line.name, line.size, line.media_type) == ("affiche.pdf", len(PDF), "application/pdf")
    assert (line.language, line.alt) == ("fr", {"fr": "L’affiche"})
    assert (line.held, line.reason) == (True, "added")
    assert jardin.office.show(rec).files == (line,)


def test_a_profile_bears_a_logo(jardin: Node, tmp_path: Path) -> None:
    fields = {
        "name": "Jardin",
        "logo": {"path": path_of(tmp_path, "arbre.png", b"\x89PNG\r\n\x1a\n" + bytes(40)), "alt": "Un arbre"},
        "posture": {"wants_usage": "welcome"},
    }
    rec = call(jardin, "publish", kind="profile", fields=fields).id
    (line,) = lines(jardin, rec)
    assert (line.name, line.media_type, line.held) == ("arbre.png", "image/png", True)
    assert jardin.office.organisation(jardin.org, "fr").profile["logo"]["blob"] == line.blob


def test_the_content_says_what_a_file_is_whatever_its_name(jardin: Node, tmp_path: Path) -> None:
    rec = publish(jardin, path_of(tmp_path, "photo.png", PDF))
    assert lines(jardin, rec)[0].media_type == "application/pdf"
    with refused("invalid", 2) as found:
        publish(jardin, {"path": path_of(tmp_path, "a", PDF), "media_type": "image/png"})
    assert "application/pdf" in found.value.en
    assert not list(jardin.engine.library._staging.adding.iterdir())


def test_what_cannot_be_read_is_named(jardin: Node, tmp_path: Path) -> None:
    for path in (str(tmp_path / "nothing"), str(tmp_path)):
        with refused("unreadable", 3) as found:
            publish(jardin, path)
        assert path in found.value.fr
    with refused("invalid", 2):
        publish(jardin, {"path": path_of(tmp_path, "a", PDF), "blob": "blob_…"})


def test_a_trial_run_keeps_nothing(jardin: Node, tmp_path: Path) -> None:
    fields = {"title": "Essai", "files": [path_of(tmp_path, "a.pdf", PDF)]}
    seen = call(jardin, "publish", kind="resource", fields=fields, dry_run=True)
    assert seen.body["files"][0]["size"] == len(PDF)
    assert not list(jardin.engine.library.each())
    assert not jardin.engine.reader.files()


def test_the_same_file_is_kept_once_however_often_attached(jardin: Node, tmp_path: Path) -> None:
    for number in range(3):
        publish(jardin, path_of(tmp_path, f"{number}.bin", BIG), title=f"Fiche {number}")
    assert len(list(jardin.engine.library.each())) == 1


def test_pages_and_programs_cannot_name_a_path(jardin: Node, tmp_path: Path) -> None:
    path = path_of(tmp_path, "secret", b"of this machine")
    with refused("invalid", 2):
        jardin.office.publish("resource", {"title": "T", "files": [{"path": path}]})
    with refused("invalid", 2):
        jardin.office.publish("resource", {"title": "T", "files": [path]})


def test_a_catalogue_names_the_files_of_its_rows(jardin: Node, tmp_path: Path) -> None:
    path_of(tmp_path, "a.pdf", PDF)
    path_of(tmp_path / "plus", "b.bin", BIG)
    catalogue = path_of(tmp_path, "cat.csv", b"title,doc\nUn,a.pdf\nDeux,plus/b.bin;a.pdf\nTrois,rien.pdf\n")
    done = call(jardin, "import", path=catalogue, map={"title": "title", "files": "doc"})
    assert (done.created, done.refused) == (2, 1)
    assert "rien.pdf" in done.bad[0].fr
    assert [each.name for each in lines(jardin, done.ids[1])] == ["b.bin", "a.pdf"]


def test_a_file_in_pieces_is_the_same_file(jardin: Node, tmp_path: Path) -> None:
    upload = jardin.office.archive.upload("morceaux.bin")
    for at in range(0, len(BIG), 1_000):
        upload.write(BIG[at : at + 1_000])
    described = upload.keep()
    rec = jardin.office.publish("resource", {"title": "T", "files": [described]}).id
    got = call(jardin, "get", rec=rec, path=str(tmp_path / "out"))
    assert Path(got.files[0].path).read_bytes() == BIG


# --- having ----------------------------------------------------------------------------------------
def test_a_file_is_had_from_another_organisation(
    two: tuple[Node, Node], arrives: Any, tmp_path: Path
) -> None:
    jardin, atelier = two
    forbid_fetching(atelier)
    rec = publish(jardin, path_of(tmp_path, "gros.bin", BIG), path_of(tmp_path, "a.pdf", PDF))
    arrives(atelier, rec)
    told: list[Any] = []
    got = call(atelier, "get", told.append, rec=rec, path=str(tmp_path / "out"))
    assert isinstance(got, Got)
    assert [each.name for each in got.files] == ["gros.bin", "a.pdf"]
    assert (tmp_path / "out" / "gros.bin").read_bytes() == BIG
    assert (tmp_path / "out" / "a.pdf").read_bytes() == PDF
    assert told[-1]["progress"]["done"] == len(PDF)
    again = call(atelier, "get", rec=rec, path=str(tmp_path / "out"))
    assert [each.written for each in again.files] == [False, False]
    assert sorted(os.listdir(tmp_path / "out")) == ["a.pdf", "gros.bin"]


def test_it_is_had_from_who_fetched_it_when_the_author_is_off(
    make: Make, arrives: Any, tmp_path: Path
) -> None:
    jardin, atelier, mairie = make("Jardin"), make("Atelier"), make("Mairie")
    jardin.meets(atelier)
    mairie.meets(atelier)
    mairie.office.accept(jardin.org)
    forbid_fetching(mairie)
    rec = publish(jardin, path_of(tmp_path, "gros.bin", BIG))
    arrives(atelier, rec)
    arrives(mairie, rec)
    until(lambda: lines(atelier, rec)[0].held, "fetched by rule")
    jardin._cables.unplug(jardin)
    got = call(mairie, "get", rec=rec, path=str(tmp_path / "out"))
    assert Path(got.files[0].path).read_bytes() == BIG
    jardin._cables.plug(jardin)


def test_small_files_of_accepted_organisations_come_by_themselves(
    two: tuple[Node, Node], arrives: Any, tmp_path: Path
) -> None:
    jardin, atelier = two
    atelier.office.desk.allowance = FileAllowance(file_bytes_max=len(PDF), total_bytes_max=len(PDF))
    small = publish(jardin, path_of(tmp_path, "a.pdf", PDF), title="Petit")
    large = publish(jardin, path_of(tmp_path, "gros.bin", BIG), title="Gros")
    until(lambda: atelier.knows(small) and lines(atelier, small)[0].held, "the small one")
    arrives(atelier, large)
    until(lambda: atelier.engine.reader.cites(parse(lines(atelier, large)[0].blob, "blob")), "it was read")
    assert not lines(atelier, large)[0].wanted
    assert lines(atelier, small)[0].reason == "automatic"


def test_what_is_new_takes_the_room_of_what_a_rule_fetched_longest_ago(
    two: tuple[Node, Node], arrives: Any, tmp_path: Path
) -> None:
    jardin, atelier = two
    desk, seconds = atelier.office.desk, itertools.count(int(time.time()))
    desk.allowance = FileAllowance(file_bytes_max=len(PDF), total_bytes_max=2 * len(PDF))
    desk.clock = lambda: next(seconds)  # each file is wanted later than the one before
    recs = []
    for number in range(4):
        path = path_of(tmp_path, f"{number}.pdf", PDF[: len(PDF) - number])
        recs.append(publish(jardin, path, title=f"Fiche {number}"))
        arrives(atelier, recs[-1])
        until(lambda: lines(atelier, recs[-1])[0].held, "the newest is fetched")
        if number == 1:
            call(atelier, "get", rec=recs[0], path=str(tmp_path / "out"))
    until(lambda: not lines(atelier, recs[1])[0].held, "the oldest that nobody asked for")
    assert [lines(atelier, rec)[0].held for rec in recs] == [True, False, True, True]
    keeping.look_at_all(desk)
    assert not lines(atelier, recs[1])[0].wanted, "it does not come back by itself, to push out another"
    large = publish(jardin, path_of(tmp_path, "gros.bin", BIG), title="Gros")
    arrives(atelier, large)
    until(lambda: desk.reader.cites(parse(lines(atelier, large)[0].blob, "blob")), "it was read")
    assert [lines(atelier, rec)[0].held for rec in (*recs, large)] == [True, False, True, True, False]


def test_everything_of_chosen_organisations_comes_too(
    two: tuple[Node, Node], arrives: Any, tmp_path: Path
) -> None:
    jardin, atelier = two
    chosen = frozenset([parse(jardin.org, "org")])
    atelier.office.desk.allowance = FileAllowance(file_bytes_max=0, everything_of=chosen)
    rec = publish(jardin, path_of(tmp_path, "gros.bin", BIG))
    arrives(atelier, rec)
    until(lambda: lines(atelier, rec)[0].held, "fetched")


def test_nobody_has_it(two: tuple[Node, Node], arrives: Any, tmp_path: Path) -> None:
    jardin, atelier = two
    forbid_fetching(atelier)
    rec = publish(jardin, path_of(tmp_path, "gros.bin", BIG))
    arrives(atelier, rec)
    jardin._cables.unplug(jardin)
    with refused("not_here_yet", 6):
        call(atelier, "get", rec=rec, path=str(tmp_path / "out"), timeout=0.3)
    assert os.listdir(tmp_path / "out") == []
    assert lines(atelier, rec)[0].wanted  # it stays asked for
    jardin._cables.plug(jardin)


def test_a_record_without_files_says_so(jardin: Node, tmp_path: Path) -> None:
    with refused("no_files", 3):
        call(jardin, "get", rec=jardin.publish("Sans fichier"), path=str(tmp_path))
    with refused("not_found", 3):
        call(jardin, "get", rec="rec_" + "a" * 52, path=str(tmp_path))


def test_a_folder_that_cannot_be_written_to_is_named(jardin: Node, tmp_path: Path) -> None:
    rec = publish(jardin, path_of(tmp_path, "a.pdf", PDF))
    with refused("unwritable", 8) as found:
        call(jardin, "get", rec=rec, path=path_of(tmp_path, "file", b""))
    assert "file" in found.value.en


def test_what_lies_there_is_never_overwritten(jardin: Node, tmp_path: Path) -> None:
    out = tmp_path / "out"
    path_of(out, "a.pdf", b"somebody's own")
    (out / "A (2).pdf").symlink_to("/etc/hostname")
    rec = publish(jardin, path_of(tmp_path / "in", "a.pdf", PDF))
    got = call(jardin, "get", rec=rec, path=str(out))
    assert (out / "a.pdf").read_bytes() == b"somebody's own"
    assert Path(got.files[0].path).read_bytes() == PDF
    assert Path(got.files[0].path).parent == out


NAMES = [
    "../../dehors.txt",
    "/etc/passwd",
    "..",
    ".",
    "con.txt",
    "NUL",
    "a\u202ecod.exe",
    "été.txt",
    "e\u0301te\u0301.txt",
    "ÉTÉ.TXT",
    "C:\\temp\\x.txt",
    "x" * 255,
    "point. ",
    "a/b/../../c",
    ".bashrc",
    "retour\nligne",
]


@pytest.mark.parametrize("name", NAMES)
def test_no_name_leaves_its_folder(name: str) -> None:
    from mutunode.service.files.names import safe

    given = safe(name)
    assert given
    assert "/" not in given
    assert "\\" not in given
    assert given not in (".", "..")
    assert given.isprintable()
    assert len(given.encode()) <= 200
    assert given.partition(".")[0].casefold() not in ("con", "nul")
    assert (Path("/somewhere") / given).resolve().parent == Path("/somewhere")


def test_names_that_a_system_takes_for_the_same_lie_side_by_side(jardin: Node, tmp_path: Path) -> None:
    described = []
    for number, name in enumerate(("été.txt", "ÉTÉ.TXT", "e\u0301te\u0301.txt", "ÉTÉ (2).TXT")):
        upload = jardin.office.archive.upload(name)
        upload.write(b"%d" % number)
        described.append(upload.keep())
    rec = jardin.office.publish("resource", {"title": "T", "files": described}).id
    got = call(jardin, "get", rec=rec, path=str(tmp_path / "out"))
    from mutunode.service.files.names import twin

    assert len({twin(each.name) for each in got.files}) == 4
    assert [Path(each.path).read_bytes() for each in got.files] == [b"0", b"1", b"2", b"3"]


# --- what the disk does ----------------------------------------------------------------------------
@pytest.fixture
def pair(make: Make, arrives: Any, tmp_path: Path) -> tuple[Node, Node, str]:
    """A file that two organisations hold."""
    one, other = make("Jardin"), make("Atelier")
    one.meets(other)
    rec = publish(one, path_of(tmp_path, "gros.bin", BIG))
    arrives(other, rec)
    until(lambda: lines(other, rec)[0].held, "fetched by rule")
    return one, other, rec


def flip(node: Node, at: int) -> None:
    (path,) = [each for each in (node.home.path / "blobs").iterdir() if not each.name.endswith(".leaves")]
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 1]))


def test_a_flipped_byte_is_given_to_nobody_and_mended_from_others(
    pair: tuple[Node, Node, str], tmp_path: Path
) -> None:
    jardin, _, rec = pair
    flip(jardin, CHUNK_BYTES + 3)
    with refused("damaged", 7):
        call(jardin, "get", rec=rec, path=str(tmp_path / "out"))
    assert os.listdir(tmp_path / "out") == []
    until(lambda: not lines(jardin, rec)[0].held or having_whole(jardin, rec), "noticed")
    until(lambda: having_whole(jardin, rec), "mended")
    got = call(jardin, "get", rec=rec, path=str(tmp_path / "out"))
    assert Path(got.files[0].path).read_bytes() == BIG


def having_whole(node: Node, rec: str) -> bool:
    (line,) = lines(node, rec)
    try:
        node.engine.library.check(parse(line.blob, "blob"))
    except Exception:
        return False
    return line.held


def test_a_flipped_byte_is_not_served_to_a_peer(make: Make, arrives: Any, tmp_path: Path) -> None:
    jardin, atelier = make("Jardin"), make("Atelier")
    jardin.meets(atelier)
    forbid_fetching(atelier)
    rec = publish(jardin, path_of(tmp_path, "gros.bin", BIG))
    arrives(atelier, rec)
    flip(jardin, 5)
    with refused("not_here_yet", 6):
        call(atelier, "get", rec=rec, path=str(tmp_path / "out"), timeout=1)
    until(lambda: not lines(jardin, rec)[0].held, "the author noticed")


# --- keeping ---------------------------------------------------------------------------------------
def test_a_promise_has_the_files_fetched_and_is_counted(
    two: tuple[Node, Node], arrives: Any, tmp_path: Path
) -> None:
    jardin, atelier = two
    forbid_fetching(atelier)
    rec = publish(jardin, path_of(tmp_path, "gros.bin", BIG))
    arrives(atelier, rec)
    assert lines(jardin, rec)[0].sole
    promise = atelier.office.publish("preserve", {"record": rec}).id
    until(lambda: lines(atelier, rec)[0].held, "fetched because promised")
    assert lines(atelier, rec)[0].reason == "promised"
    having.ask_holders(jardin.office.desk, jardin.stored(rec))
    jardin.clock.ahead_seconds += 700  # it was asked before, when it had nothing

    def is_counted() -> bool:
        having.ask_holders(jardin.office.desk, jardin.stored(rec))
        return lines(jardin, rec)[0].holders == 2

    until(is_counted, "the author heard that it is held")
    assert not lines(jardin, rec)[0].sole
    atelier.office.withdraw(promise, "author")
    until(lambda: lines(atelier, rec)[0].reason == "automatic", "the promise is taken back")


def test_a_promise_may_cover_all_of_an_organisation(
    two: tuple[Node, Node], arrives: Any, tmp_path: Path
) -> None:
    jardin, atelier = two
    forbid_fetching(atelier)
    atelier.office.publish("preserve", {"org": jardin.org})
    recs = [publish(jardin, path_of(tmp_path, f"{n}.bin", BIG[n:]), title=f"Fiche {n}") for n in range(3)]
    for rec in recs:
        arrives(atelier, rec)
        until(lambda rec=rec: lines(atelier, rec)[0].held, "fetched because promised")  # type: ignore[misc]


def test_what_was_asked_for_and_promised_is_kept_no_longer(
    two: tuple[Node, Node], arrives: Any, tmp_path: Path
) -> None:
    jardin, atelier = two
    forbid_fetching(atelier)
    rec = publish(jardin, path_of(tmp_path, "gros.bin", BIG))
    arrives(atelier, rec)
    call(atelier, "get", rec=rec, path=str(tmp_path / "out"), timeout=20)
    assert lines(atelier, rec)[0].reason == "asked"
    promise = atelier.office.publish("preserve", {"record": rec}).id
    assert (lines(atelier, rec)[0].held, lines(atelier, rec)[0].reason) == (True, "promised")
    answer = call(atelier, "release", target=rec)
    assert (answer.withdrawn, answer.dropped, answer.kept) == ((promise,), 1, 0)
    assert not lines(atelier, rec)[0].held
    assert list(atelier.engine.library.each()) == []
    assert (tmp_path / "out" / "gros.bin").read_bytes() == BIG, "what was written out is the person's"
    assert atelier.stored(promise).withdrawn_by is not None


def test_what_something_else_keeps_is_not_let_go(
    two: tuple[Node, Node], arrives: Any, tmp_path: Path
) -> None:
    jardin, atelier = two
    forbid_fetching(atelier)
    rec = publish(jardin, path_of(tmp_path, "gros.bin", BIG))
    arrives(atelier, rec)
    atelier.office.publish("preserve", {"org": jardin.org})
    call(atelier, "get", rec=rec, path=str(tmp_path / "out"), timeout=20)
    answer = call(atelier, "release", target=rec)
    assert (answer.withdrawn, answer.dropped, answer.kept) == ((), 0, 1)
    assert lines(atelier, rec)[0].reason == "promised"
    answer = call(atelier, "release", target=jardin.org)
    assert (len(answer.withdrawn), answer.dropped, answer.kept) == (1, 1, 0)
    assert not lines(atelier, rec)[0].held


def test_a_promise_names_one_thing(jardin: Node) -> None:
    with refused("invalid", 2):
        jardin.office.publish("preserve", {})
    with refused("invalid", 2):
        jardin.office.publish("preserve", {"org": jardin.org, "record": jardin.publish("Une fiche")})


def test_only_what_a_rule_fetched_makes_room(pair: tuple[Node, Node, str], tmp_path: Path) -> None:
    jardin, atelier, rec = pair
    desk = atelier.office.desk
    desk.allowance = FileAllowance(file_bytes_max=5_000_000, total_bytes_max=0)
    asked = lines(atelier, rec)
    keeping.put(
        desk, [msgspec.structs.replace(file, reason="asked") for file in atelier.engine.reader.files()]
    )
    keeping.make_room(desk)
    assert lines(atelier, rec)[0].held == asked[0].held
    keeping.put(
        desk, [msgspec.structs.replace(file, reason="automatic") for file in atelier.engine.reader.files()]
    )
    keeping.make_room(desk)
    assert not lines(atelier, rec)[0].held
    assert not list(atelier.engine.library.each())
    assert lines(jardin, rec)[0].held


def test_what_nothing_cites_is_swept_and_nothing_else(jardin: Node, tmp_path: Path) -> None:
    rec = publish(jardin, path_of(tmp_path, "gros.bin", BIG))
    upload = jardin.office.archive.upload("oublié.bin")
    upload.write(b"never published")
    upload.keep()
    jardin.engine.keeper.catch_up()
    assert keeping.sweep(jardin.office.desk) == 0  # it may be published yet
    jardin.office.desk.uploads.clear()  # as after a restart
    assert keeping.sweep(jardin.office.desk) == 0  # since an hour ago: not yet
    jardin.clock.ahead_seconds += 90_000
    assert keeping.sweep(jardin.office.desk) == 1
    assert [size for _, size in jardin.engine.library.each()] == [len(BIG)]
    assert lines(jardin, rec)[0].held


def test_a_draft_holds_its_files(jardin: Node) -> None:
    upload = jardin.office.archive.upload("brouillon.bin")
    upload.write(b"drafted")
    described = upload.keep()
    jardin.office.draft_save("", "resource", {"title": "T", "files": [described]})
    jardin.office.desk.uploads.clear()
    jardin.clock.ahead_seconds += 90_000
    assert keeping.sweep(jardin.office.desk) == 0


# --- whose -----------------------------------------------------------------------------------------
def test_a_file_on_the_disk_is_found_to_be_of_a_record(jardin: Node, tmp_path: Path) -> None:
    rec = publish(jardin, path_of(tmp_path, "a.pdf", PDF))
    jardin.engine.keeper.catch_up()
    (line,) = lines(jardin, rec)
    (found,) = call(jardin, "whose", blob=line.blob)
    assert (found.id, found.org, found.name, found.current) == (rec, jardin.org, "a.pdf", True)
    assert call(jardin, "whose", blob="blob_" + "a" * 52) == ()


def test_the_shape_of_names_is_that_of_a_folder(tmp_path: Path) -> None:
    """What is written under a safe name is really there under it."""
    from mutunode.service.files.names import safe

    for name in NAMES:
        (tmp_path / safe(name)).write_bytes(b"x")
    assert not subprocess.run(
        ["find", str(tmp_path), "-mindepth", "2"], capture_output=True, check=True
    ).stdout


# --- by hand, and after a stop ---------------------------------------------------------------------
def test_files_travel_on_a_usb_key(make: Make, tmp_path: Path) -> None:
    jardin, atelier = make("Jardin"), make("Atelier")
    atelier.office.accept(jardin.org)
    rec = publish(jardin, path_of(tmp_path, "gros.bin", BIG), path_of(tmp_path, "a.pdf", PDF))
    key = tmp_path / "clé"
    without = call(jardin, "sync_to", path=str(key))
    assert without.files == 0
    written = call(jardin, "sync_to", path=str(key), files=True)
    assert (written.files, written.bytes > without.bytes + len(BIG)) == (2, True)
    read = call(atelier, "sync_from", path=str(key))
    assert read.files == 2
    assert [line.held for line in lines(atelier, rec)] == [True, True]
    got = call(atelier, "get", rec=rec, path=str(tmp_path / "out"))
    assert Path(got.files[0].path).read_bytes() == BIG
    assert call(atelier, "sync_from", path=str(key)).files == 0


def test_of_a_damaged_key_what_is_whole_is_taken(make: Make, tmp_path: Path) -> None:
    jardin, atelier = make("Jardin"), make("Atelier")
    atelier.office.accept(jardin.org)
    forbid_fetching(atelier)
    rec = publish(jardin, path_of(tmp_path, "gros.bin", BIG), path_of(tmp_path, "a.pdf", PDF))
    key = tmp_path / "clé"
    call(jardin, "sync_to", path=str(key), files=True)
    raw = bytearray(key.read_bytes())
    place = raw.index(BIG[CHUNK_BYTES : CHUNK_BYTES + 100])
    raw[place + 50] ^= 1
    key.write_bytes(raw)
    with refused("not_verified", 7):
        call(atelier, "sync_from", path=str(key))
    big, small = sorted(lines(atelier, rec), key=lambda line: -line.size)
    assert small.held
    assert not big.held
    assert len(atelier.engine.library.fetch(parse(big.blob, "blob"), big.size).held) == 3


def test_doctor_removes_what_a_stop_left_and_asks_again_for_what_is_missing(
    pair: tuple[Node, Node, str],
) -> None:
    _, atelier, rec = pair
    upload = atelier.office.archive.upload("interrompu.bin")
    upload.write(b"whole, and never published")
    upload.keep()
    atelier.office.desk.uploads.clear()  # as after a restart
    (atelier.home.path / "staging" / "incoming" / lines(atelier, rec)[0].blob).write_bytes(b"part")
    finding = {each.name: each for each in atelier.office.doctor()}["files"]
    assert finding.well
    assert "2 leftover" in finding.en
    assert [size for _, size in atelier.engine.library.each()] == [len(BIG)]
    for path in (atelier.home.path / "blobs").iterdir():
        path.unlink()
    finding = {each.name: each for each in atelier.office.doctor()}["files"]
    assert not finding.well
    until(lambda: having_whole(atelier, rec), "had again from the author")


def test_erasing_a_record_erases_its_files_unless_another_record_needs_them(
    two: tuple[Node, Node], arrives: Any, tmp_path: Path
) -> None:
    jardin, atelier = two
    only, both = path_of(tmp_path, "seul.pdf", PDF), path_of(tmp_path, "deux.bin", BIG)
    rec = publish(jardin, only, both, title="À effacer")
    kept = publish(jardin, both, title="Gardée")
    for each in (rec, kept):
        arrives(atelier, each)
        until(lambda each=each: all(line.held for line in lines(atelier, each)), "fetched by rule")  # type: ignore[misc]
    jardin.office.withdraw(rec, "author", erase=True)
    for node in (jardin, atelier):
        until(lambda node=node: len(list(node.engine.library.each())) == 1, "one file is gone")  # type: ignore[misc]
        assert lines(node, kept)[0].held
        assert lines(node, rec) == ()


def test_a_picture_is_made_anew_and_goes_with_its_file(jardin: Node, tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (1_200, 800), (200, 30, 30)).save(tmp_path / "p.jpg", exif=b"Exif\0\0secret place")
    rec = publish(jardin, str(tmp_path / "p.jpg"))
    file = jardin.office.archive.opened(rec, 0)
    drawn = jardin.office.archive.picture_of(file)
    assert drawn is not None
    assert drawn.startswith(b"\x89PNG")
    assert b"secret" not in drawn
    kept = list((jardin.home.path / "pictures").glob("*.png"))
    assert len(kept) == 1
    keeping.let_go(jardin.office.desk, [parse(file.blob, "blob")])
    assert not list((jardin.home.path / "pictures").glob("*.png"))


@pytest.mark.parametrize(
    "content", [b"\x89PNG\r\n\x1a\n garbage", b"GIF89a" + bytes(100), b"\xff\xd8\xff" * 50]
)
def test_what_is_no_picture_is_shown_as_none(jardin: Node, tmp_path: Path, content: bytes) -> None:
    rec = publish(jardin, path_of(tmp_path, "p.png", content))
    assert jardin.office.archive.picture_of(jardin.office.archive.opened(rec, 0)) is None


def test_a_bomb_of_pixels_takes_no_memory_of_ours(jardin: Node, tmp_path: Path) -> None:
    import struct
    import zlib

    def part(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + part(b"IHDR", header) + part(b"IDAT", zlib.compress(bytes(10**6)))
    rec = publish(jardin, path_of(tmp_path, "bombe.png", bomb + part(b"IEND", b"")))
    assert jardin.office.archive.picture_of(jardin.office.archive.opened(rec, 0)) is None
