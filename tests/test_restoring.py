"""A backup may come from anybody's hands: what is not ours to the letter is refused, and runs nothing."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from mutunode.alone import call
from mutunode.home import Home
from mutunode.protocol.blobs import blob_of
from mutunode.protocol.ids import blob_text
from mutunode.protocol.limits import CHUNK_BYTES
from mutunode.restoring import restore
from mutunode.service.backup import measure
from mutunode.service.errors import Refusal
from mutunode.store.sqlite import SqliteStore

RECORDS = "records.sqlite"
SHARED = bytes(range(256)) * 2_000  # two chunks: its leaves are kept, too
_ID = blob_text(blob_of([SHARED[:CHUNK_BYTES], SHARED[CHUNK_BYTES:]])[0]).removeprefix("blob_")
FILE = f"blobs/{_ID}"


def silent(event: dict[str, Any]) -> None:
    """Nobody watches."""


@pytest.fixture(scope="module")
def backup(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of a node with one record and one file."""
    folder = tmp_path_factory.mktemp("backed-up")
    home = folder / "home"
    Home.create(home, name="Jardin", language="fr", entropy=bytes(32), now=1)
    shared = folder / "film.bin"
    shared.write_bytes(SHARED)
    fields = {"title": "Un", "files": [str(shared)]}
    call(home, "publish", {"kind": "resource", "fields": fields}, silent)
    (home / "mutunode.toml").write_text('log_level = "warning"\n')
    call(home, "backup", {"path": str(folder / "backup")}, silent)
    return folder / "backup"


@pytest.fixture
def copy(backup: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    return Path(shutil.copytree(backup, tmp_path / "copy"))


def rewrite_manifest(folder: Path, change: Callable[[dict[str, Any]], None] = lambda manifest: None) -> None:
    """What somebody does who wants a changed backup to be believed."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_bytes())
    for name in manifest["files"]:
        kept = measure(folder / name)
        manifest["files"][name] = {"bytes": kept.bytes, "sha256": kept.sha256}
    change(manifest)
    path.write_text(json.dumps(manifest))


def is_refused(folder: Path, tmp_path: Path, because: str) -> None:
    """It is not put back, and nothing is left of the attempt."""
    with pytest.raises(Refusal) as refused:
        restore(folder, tmp_path / "new", silent)
    assert int(refused.value.exit) == 7, refused.value
    assert because in refused.value.en
    assert refused.value.fr != refused.value.en
    assert {path.name for path in (tmp_path / "new").glob("*")} <= {"lock"}


def test_what_was_backed_up_is_put_back_to_the_byte(backup: Path, tmp_path: Path) -> None:
    told: list[Any] = []
    done = restore(backup, tmp_path / "new", told.append)
    assert (done.name, done.size, done.registers, done.entries, done.damaged) == ("Jardin", 1, 1, 1, ())
    assert told
    new = tmp_path / "new"
    assert {path.name for path in new.iterdir()} == {"lock", "identity", RECORDS, "mutunode.toml", "blobs"}
    for name in ("identity", "mutunode.toml", FILE, f"{FILE}.leaves"):
        assert (new / name).read_bytes() == (backup / name).read_bytes()
    assert call(new, "search", {"q": "Un"}, silent).total == 1
    (hit,) = call(new, "search", {"q": "Un"}, silent).hits
    call(new, "get", {"rec": hit.id, "path": str(tmp_path / "had")}, silent)
    assert (tmp_path / "had" / "film.bin").read_bytes() == SHARED


def test_a_backup_of_before_files_stood_in_one_folder_is_put_back(copy: Path, tmp_path: Path) -> None:
    deep = f"blobs/{_ID[0]}/{_ID[1]}"
    (copy / deep).mkdir(parents=True)

    def change(manifest: dict[str, Any]) -> None:
        for ending in ("", ".leaves"):
            (copy / f"{FILE}{ending}").rename(copy / f"{deep}/{_ID}{ending}")
            manifest["files"][f"{deep}/{_ID}{ending}"] = manifest["files"].pop(f"{FILE}{ending}")

    rewrite_manifest(copy, change)
    new = tmp_path / "new"
    restore(copy, new, silent)
    (hit,) = call(new, "search", {"q": "Un"}, silent).hits
    call(new, "get", {"rec": hit.id, "path": str(tmp_path / "had")}, silent)
    assert (tmp_path / "had" / "film.bin").read_bytes() == SHARED


def test_cursors_that_others_hold_of_the_lost_store_are_not_of_this_one(backup: Path, tmp_path: Path) -> None:
    restore(backup, tmp_path / "new", silent)
    ids = set()
    for path in (backup / RECORDS, tmp_path / "new" / RECORDS):
        db = apsw.Connection(str(path))
        ids.add(db.execute("SELECT store_id FROM store").get)
        db.close()
    assert len(ids) == 2


def test_a_restored_store_has_no_mark_and_so_signs_nothing_by_itself(backup: Path, tmp_path: Path) -> None:
    restore(backup, tmp_path / "new", silent)
    assert not (tmp_path / "new" / "mark").exists()
    with pytest.raises(Refusal) as refused:
        call(tmp_path / "new", "publish", {"kind": "resource", "fields": {"title": "Deux"}}, silent)
    assert refused.value.code == "read_only"


@pytest.mark.parametrize(
    "script",
    [
        "CREATE TRIGGER trap AFTER INSERT ON entry BEGIN DELETE FROM log; END",
        "CREATE TRIGGER trap AFTER UPDATE ON store BEGIN UPDATE store SET own = x'00'; END",
        "CREATE VIEW extra AS SELECT load_extension('/tmp/evil.so')",
        "CREATE TABLE extra (a TEXT DEFAULT (hex(randomblob(9))))",
        "CREATE VIRTUAL TABLE extra USING fts5(text)",
        "CREATE INDEX extra ON log (abs(size))",
        "DROP TABLE draft; CREATE VIEW draft AS SELECT 1 AS id",
    ],
)
def test_a_database_with_anything_that_is_not_ours_is_refused(
    copy: Path, tmp_path: Path, script: str
) -> None:
    db = apsw.Connection(str(copy / RECORDS))
    db.execute(script)
    db.close()
    rewrite_manifest(copy)
    is_refused(copy, tmp_path, "is none that mutunode made")


def test_a_database_whose_declarations_were_rewritten_is_refused(copy: Path, tmp_path: Path) -> None:
    """With ``writable_schema``, a table of ours can be made to compute what it pretends to hold."""
    db = apsw.Connection(str(copy / RECORDS))
    db.execute("PRAGMA writable_schema = ON")
    db.execute(
        "UPDATE sqlite_schema SET sql = replace(sql, 'updated INTEGER NOT NULL',"
        " 'updated INTEGER NOT NULL CHECK (abs(updated) >= 0)') WHERE name = 'draft'"
    )
    db.close()
    rewrite_manifest(copy)
    is_refused(copy, tmp_path, "is none that mutunode made")


@pytest.mark.parametrize("name", [RECORDS, "identity", "mutunode.toml", FILE])
def test_one_changed_byte_is_refused(copy: Path, tmp_path: Path, name: str) -> None:
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    is_refused(copy, tmp_path, name)


@pytest.mark.parametrize(
    "name",
    [
        "../outside",
        "/etc/passwd",
        "blobs/../../outside",
        "blobs/a/b/evil.sh",
        "blobs/a/b/" + "a" * 51 + "/",
        "blobs/a/" + "a" * 52,
        "mark",
        "control.sock",
        "search/x",
        "records.sqlite-wal",
        "identity\0",
        "",
    ],
)
def test_a_name_that_no_backup_has_is_refused(copy: Path, tmp_path: Path, name: str) -> None:
    def change(manifest: dict[str, Any]) -> None:
        manifest["files"][name] = manifest["files"]["mutunode.toml"]

    rewrite_manifest(copy, change)
    is_refused(copy, tmp_path, "no backup has a file of this name")
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize("name", ["mutunode.toml", "identity", "blobs"])
def test_links_are_not_followed(copy: Path, tmp_path: Path, name: str) -> None:
    secret = tmp_path / "elsewhere"
    (copy / name).rename(secret)
    (copy / name).symlink_to(secret)
    is_refused(copy, tmp_path, "is not a file")


def test_a_pipe_is_not_waited_for(copy: Path, tmp_path: Path) -> None:
    (copy / "mutunode.toml").unlink()
    os.mkfifo(copy / "mutunode.toml")
    is_refused(copy, tmp_path, "is not a file")


@pytest.mark.parametrize(
    ("content", "because"),
    [
        (b"", "cannot be read"),
        (b"{", "cannot be read"),
        (b"[]", "cannot be read"),
        (b"\xff\xfe", "cannot be read"),
        (b"[" * 100_000, "cannot be read"),
        (b'{"format":"mutunode-backup/1"}', "cannot be read"),
    ],
)
def test_a_manifest_of_anything_else_is_refused(
    copy: Path, tmp_path: Path, content: bytes, because: str
) -> None:
    (copy / "manifest.json").write_bytes(content)
    is_refused(copy, tmp_path, because)


@pytest.mark.parametrize(
    ("change", "because"),
    [
        (lambda m: m.update(format="mutunode-backup/9"), "unknown format"),
        (lambda m: m.update(org="org_" + "a" * 52), "of another organisation"),
        (lambda m: m.update(keys="none"), "a file is missing"),
        (lambda m: m["files"].pop(RECORDS), "a file is missing"),
        (lambda m: m["files"].pop("identity"), "a file is missing"),
        (lambda m: m["files"][RECORDS].update(bytes=10**15), "length"),
    ],
)
def test_a_manifest_that_contradicts_its_files_is_refused(
    copy: Path, tmp_path: Path, change: Callable[[dict[str, Any]], None], because: str
) -> None:
    rewrite_manifest(copy, change)
    is_refused(copy, tmp_path, because)


def test_an_identity_that_was_changed_is_refused(copy: Path, tmp_path: Path) -> None:
    raw = bytearray((copy / "identity").read_bytes())
    raw[40] ^= 1
    (copy / "identity").write_bytes(raw)
    rewrite_manifest(copy)
    is_refused(copy, tmp_path, "identity: damaged")


def test_registers_that_were_damaged_before_are_put_back_and_named(copy: Path, tmp_path: Path) -> None:
    """Half a register is more than none; `doctor --repair` fetches the rest."""
    db = apsw.Connection(str(copy / RECORDS))
    db.execute("UPDATE entry SET body = x'00'")
    db.close()
    rewrite_manifest(copy)
    done = restore(copy, tmp_path / "new", silent)
    assert len(done.damaged) == 1
    store = SqliteStore(tmp_path / "new" / RECORDS)
    assert store.reader().counts().records == 1
    store.close()
