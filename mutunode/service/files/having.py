"""Having the files of a record: here, or fetched from whoever has them; and who has them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import msgspec

from mutunode import system
from mutunode.protocol.blobs import blob_of
from mutunode.protocol.downloads import Progress
from mutunode.protocol.ids import blob_text, org_text, parse, rec_text
from mutunode.protocol.limits import CHUNK_BYTES
from mutunode.service import lookup, naming
from mutunode.service.desk import Desk
from mutunode.service.errors import Exit, Refusal
from mutunode.service.files import keeping, names
from mutunode.service.params import Emit
from mutunode.service.readonly import files_fail
from mutunode.service.shapes import FileLine
from mutunode.store.blobs import BlobDamaged, BlobError, BlobGone
from mutunode.store.interface import File, Stored

STEP_SECONDS = 0.1
ANSWER_SECONDS_MAX = 5.0  # for the core to say how far it is
HEARD_DAYS = 7  # what somebody said longer ago that they hold is not counted


class Fetched(msgspec.Struct, frozen=True):
    """One file that ``get`` wrote."""

    name: str
    blob: str
    size: int
    media_type: str
    path: str
    written: bool  # False: it lay there already, as it should


class Got(msgspec.Struct, frozen=True):
    """Answer of ``get``."""

    id: str
    files: tuple[Fetched, ...]
    bytes: int


class Whose(msgspec.Struct, frozen=True):
    """A record that carries a file."""

    id: str
    title: str
    org: str
    org_name: str
    name: str  # of the file in it
    current: bool


def described(stored: Stored) -> list[tuple[bytes, dict[str, Any]]]:
    """(id, description) of the files of a record, in its order, each content once."""
    found: dict[bytes, dict[str, Any]] = {}
    for item in _descriptions(stored.fields()):
        found.setdefault(item["blob"], item)
    return list(found.items())


def _descriptions(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if list(keeping.files_in({"blob": value.get("blob"), "size": value.get("size")})):
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _descriptions(item)


def lines(desk: Desk, stored: Stored) -> tuple[FileLine, ...]:
    """The files of a record, what is here of them, and how many organisations hold them."""
    if stored.state in ("erased", "missing", "opaque"):
        return ()
    files = described(stored)
    with desk.reader.at_once():
        promised = bool(files) and stored.org != desk.org and keeping.is_promised(desk, stored)
        return tuple(
            _line(desk, stored, index, blob, item, promised=promised)
            for index, (blob, item) in enumerate(files)
        )


def _line(
    desk: Desk, stored: Stored, index: int, blob: bytes, item: dict[str, Any], *, promised: bool
) -> FileLine:
    """``promised``: so it stays, whatever brought it here first."""
    file = desk.reader.file(blob)
    held = file is not None and file.held
    others = holders(desk, blob)
    alt = item.get("alt")
    return FileLine(
        index=index,
        blob=blob_text(blob),
        name=str(item.get("name") or ""),
        size=item["size"],
        media_type=str(item.get("media_type") or ""),
        language=str(item.get("lang") or ""),
        alt=dict(alt) if isinstance(alt, dict) else {},
        held=held,
        wanted=file is not None and not file.held,
        reason="promised" if promised else file.reason if file is not None else "",
        holders=len(others) + held,
        sole=held and stored.org == desk.org and not others,
    )


def holders(desk: Desk, blob: bytes) -> list[bytes]:
    """Other organisations that said lately that they hold a file."""
    since = desk.now() - HEARD_DAYS * 86_400
    return [org for org, at in desk.reader.file_holders(blob) if at >= since and org != desk.org]


def ask_holders(desk: Desk, stored: Stored) -> None:
    """Ask peers whether they hold the files of a record; the answers are there a moment later."""
    blobs = [blob for blob, _ in described(stored)]
    if blobs:
        desk.turns.post(lambda node, now: node.ask_holders(blobs, now))


# --- wanting --------------------------------------------------------------------------------------
def fetch(desk: Desk, stored: Stored, only: bytes | None = None) -> list[bytes]:
    """Have the files of a record fetched that are not here; those that are wanted now."""
    wanted, asked = [], []
    files = described(stored)
    with desk.reader.at_once():
        here = {blob: desk.reader.file(blob) for blob, _ in files}
    for blob, item in files:
        file = here[blob]
        if (only is None or blob == only) and (file is None or not file.held or file.reason == "automatic"):
            is_here = file is not None and file.held
            if not is_here:
                wanted.append(blob)
            size = file.size if is_here and file is not None else item["size"]
            asked.append(File(blob, size, is_here, "asked", desk.now()))
    if asked:
        keeping.put(desk, asked)
    return wanted


def progress(desk: Desk, blob: bytes) -> Progress | None:
    """How far the core is with a file; None when nothing is under way."""
    answer: Future[Progress | None] = Future()

    def look(node: Any, now: float) -> list[Any]:
        answer.set_result(node.download(blob))
        return []

    desk.turns.post(look)
    try:
        return answer.result(ANSWER_SECONDS_MAX)
    except TimeoutError:
        return None


def get(desk: Desk, text: str, folder: str, timeout: float, emit: Emit) -> Got:
    """Write the files of a record into a folder, fetched first where they are not here.

    Raises:
        Refusal: 3 no such record, or one without files; 6 nobody in reach has them; 7 what came was not them;
            8 no room.
    """
    stored = lookup.record(desk, text)
    files = described(stored)
    if not files:
        raise Refusal(
            "no_files",
            Exit.NOT_FOUND,
            "Cette fiche ne porte aucun fichier.",
            "This record carries no file.",
        )
    target = Path(folder)
    with _writing(target):
        target.mkdir(parents=True, exist_ok=True)
    fetch(desk, stored)
    for blob, item in files:
        _wait(desk, blob, item, timeout, emit)
    taken: set[str] = set()
    written = tuple(_write(desk, blob, item, target, taken) for blob, item in files)
    return Got(rec_text(stored.rec), written, sum(each.size for each in written))


def _wait(desk: Desk, blob: bytes, item: dict[str, Any], timeout: float, emit: Emit) -> None:
    """Until a file is here; not longer than ``timeout`` without any of it coming."""
    name = str(item.get("name") or blob_text(blob))
    came, since = -1, time.monotonic()
    while True:
        file = desk.reader.file(blob)
        if file is not None and file.held:
            emit({"progress": {"done": file.size, "total": file.size, "name": name, "unit": "bytes"}})
            return
        told = progress(desk, blob)
        if told is not None:
            if told.done > came:
                came, since = told.done, time.monotonic()
            done = min(item["size"], told.done * CHUNK_BYTES)
            emit({"progress": {"done": done, "total": item["size"], "name": name, "unit": "bytes"}})
            _refuse_hopeless(name, told)
        if time.monotonic() >= since + timeout or desk.is_stopping.is_set():
            raise _nobody(name, told)
        time.sleep(STEP_SECONDS)


def _refuse_hopeless(name: str, told: Progress) -> None:
    if told.trouble == "size":
        raise Refusal(
            "wrong_size",
            Exit.NOT_VERIFIED,
            f"« {name} » : la fiche annonce une autre taille que celle du fichier. Signalez-le à son auteur.",
            f"`{name}`: the record states another size than the file has. Tell its author.",
        )
    if told.trouble == "full":
        raise Refusal(
            "full",
            Exit.READ_ONLY,
            f"« {name} » : le disque est presque plein. Libérez de la place : la suite reprend d’elle-même.",
            f"`{name}`: the disk is nearly full. Free some room: the rest follows by itself.",
        )
    if told.waiting and told.liars and not told.sources:
        raise Refusal(
            "not_verified",
            Exit.NOT_VERIFIED,
            f"« {name} » : ce qui est arrivé n’est pas ce fichier ; rien n’en a été gardé.",
            f"`{name}`: what came is not this file; nothing of it was kept.",
        )


def _nobody(name: str, told: Progress | None) -> Refusal:
    share = f" ({told.done}/{told.count})" if told is not None and told.done else ""
    return Refusal(
        "not_here_yet",
        Exit.NOT_REPLICATED,
        f"« {name} » n’est pas encore arrivé{share} : personne de joignable ne le donne pour l’instant. "
        "Il reste demandé, et arrivera dès que quelqu’un l’aura.",
        f"`{name}` has not arrived yet{share}: nobody in reach gives it now. "
        "It stays asked for, and comes as soon as somebody has it.",
    )


# --- writing --------------------------------------------------------------------------------------
def _write(desk: Desk, blob: bytes, item: dict[str, Any], folder: Path, taken: set[str]) -> Fetched:
    """Write one file under a name of its own; what lies there stays, and is enough when it is the same."""
    wished = names.safe(str(item.get("name") or ""), blob_text(blob)[:16])
    name = names.free(wished, taken)
    while True:
        taken.add(names.twin(name))
        path = folder / name
        if _is_same(path, blob, item["size"]):
            return _fetched(blob, item, path, written=False)
        if not os.path.lexists(path):
            break
        name = names.free(wished, taken)
    with _writing(path):
        part = folder / f".{name}.part"
        part.unlink(missing_ok=True)
        file = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        try:
            with open(file, "wb") as out:
                for piece in read(desk, blob):
                    out.write(piece)
                out.flush()
                os.fsync(out.fileno())
            os.link(part, path)  # never over anything that came meanwhile
        finally:
            part.unlink(missing_ok=True)
    return _fetched(blob, item, path, written=True)


def _fetched(blob: bytes, item: dict[str, Any], path: Path, *, written: bool) -> Fetched:
    media_type = str(item.get("media_type") or "")
    return Fetched(path.name, blob_text(blob), item["size"], media_type, str(path), written)


def _is_same(path: Path, blob: bytes, size: int) -> bool:
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size != size:
            return False
        return blob_of_file(path)[0] == blob
    except OSError:
        return False


def blob_of_file(path: Path) -> tuple[bytes, int]:
    """(id, size) of a file on the disk."""
    with path.open("rb") as file:
        blob, size, _ = blob_of(iter(lambda: file.read(CHUNK_BYTES), b""))
    return blob, size


class _writing:  # noqa: N801 — read as a word
    """What a folder of a person's refuses."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            fr, en = system.why(error)
            raise Refusal(
                "unwritable",
                Exit.READ_ONLY,
                f"{self._path} : impossible d’y écrire ({fr}).",
                f"{self._path}: cannot be written to ({en}).",
            ) from error


def read(desk: Desk, blob: bytes, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """The content of a file that is held, each piece checked; a disk that lies is mended behind it.

    Raises:
        Refusal: 3 not here, 7 damaged.
    """
    file = desk.reader.file(blob)
    if file is None or not file.held:
        raise _not_here()
    try:
        yield from desk.library.pieces(blob, start, end)
    except (BlobDamaged, BlobGone):
        desk.mend(blob, file.size)
        raise Refusal(
            "damaged",
            Exit.NOT_VERIFIED,
            "Ce fichier est abîmé sur le disque ; il n’est pas donné, et redemandé à ceux qui l’ont.",
            "This file is damaged on the disk; it is not given, and asked for again from those who have it.",
        ) from None
    except BlobError as error:
        raise files_fail(error, "Ce fichier ne peut pas être lu", "This file cannot be read") from None


def _not_here() -> Refusal:
    return Refusal(
        "not_here",
        Exit.NOT_FOUND,
        "Ce fichier n’est pas ici ; demandez-le d’abord.",
        "This file is not here; have it fetched first.",
    )


# --- whose is it ----------------------------------------------------------------------------------
def whose(desk: Desk, text: str) -> tuple[Whose, ...]:
    """The records that carry a file, current ones first."""
    found = []
    for cite in desk.reader.cites(parse(text, "blob")):
        stored = desk.reader.record(cite.rec)
        if stored is not None:
            name = next(
                (str(item.get("name") or "") for blob, item in described(stored) if blob == cite.blob), ""
            )
            title, _ = naming.title_of(desk, stored, desk.language)
            found.append(
                Whose(
                    rec_text(stored.rec),
                    title,
                    org_text(stored.org),
                    desk.name_of(stored.org),
                    name,
                    cite.current,
                )
            )
    return tuple(found)
