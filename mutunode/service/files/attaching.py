"""Taking files in: from a path of this machine or a stream, hashed as they come, kept once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from mutunode import system
from mutunode.protocol.ids import blob_text
from mutunode.protocol.limits import FILE_BYTES_MAX, LIST_ITEMS_MAX
from mutunode.service.desk import Desk
from mutunode.service.errors import Exit, Refusal, Trouble
from mutunode.service.files import sniffing
from mutunode.service.params import Emit
from mutunode.service.readonly import files_fail
from mutunode.store.blobs import Adding, BlobError
from mutunode.store.interface import File
from mutunode.turns import Turn

READ_BYTES = 1_024 * 1_024
TOLD_BYTES = 16 * 1_024 * 1_024  # between two words on progress
FILES = "files"  # the field
LOGO = "logo"  # the one that holds a single file
_FIELDS = ("media_type", "name", "lang", "alt")


class Upload:
    """A file that comes in pieces: give them, then ``keep``, or ``abandon``."""

    def __init__(self, desk: Desk, name: str, given_type: str = "") -> None:
        """Raises ``Refusal`` when there is no room."""
        self._desk = desk
        self.name = name
        self._given_type = given_type
        self._head = b""
        with _room():
            self._adding: Adding = desk.library.add()

    @property
    def size(self) -> int:
        """Bytes so far."""
        return self._adding.size

    def write(self, piece: bytes | memoryview) -> None:
        """The next bytes."""
        if len(self._head) < sniffing.HEAD_BYTES:
            self._head += bytes(piece[: sniffing.HEAD_BYTES - len(self._head)])
        if self.size + len(piece) > FILE_BYTES_MAX:
            raise _refused(self.name, "il dépasse 1 Tio.", "it is larger than 1 TiB.", "too_large")
        with _room():
            self._adding.write(piece)

    def keep(self) -> dict[str, Any]:
        """Keep it; what a record says of it."""
        found = self._describe()
        with _room():
            blob, size = self._desk.library.keep(self._adding)
        self._desk.uploads.add(blob)
        self._desk.act(lambda turn: _note(turn, blob, size))
        return {"blob": blob_text(blob), "size": size, **found}

    def measure(self) -> dict[str, Any]:
        """What a record would say of it, with nothing kept."""
        found = self._describe()
        try:
            with _room():
                blob, _ = self._adding.end()
            return {"blob": blob_text(blob), "size": self._adding.size, **found}
        finally:
            self._adding.abandon()

    def _describe(self) -> dict[str, Any]:
        told, seen = self._given_type, sniffing.seen(self._head)
        if told and not sniffing.fits(seen, told):
            self.abandon()
            raise _refused(
                self.name,
                f"son contenu est « {seen} », pas « {told} » comme indiqué.",
                f"its content is `{seen}`, not `{told}` as stated.",
                "media_type",
            )
        return {"media_type": told or sniffing.media_type(self._head, self.name), "name": self.name}

    def abandon(self) -> None:
        """Throw it away."""
        self._adding.abandon()


def _note(turn: Turn, blob: bytes, size: int) -> None:
    turn.ledger.put_file(File(blob, size, held=True, reason="added", since=int(turn.now)))


class _room:  # noqa: N801 — read as a word
    """What the place for files refuses, as a refusal of ours."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, BlobError):
            raise files_fail(error, "Le fichier n’a pas été gardé", "The file was not kept") from error


# --- paths, for commands of this machine ----------------------------------------------------------
def take_in(
    desk: Desk, fields: Mapping[str, Any], emit: Emit, *, folder: Path | None = None, dry_run: bool = False
) -> dict[str, Any]:
    """Fields in which files named by a path are taken in; ``folder`` is what relative paths start from.

    Raises:
        Refusal: a file cannot be read (3), is not what it is said to be (2), or there is no room (8).
    """
    taken = dict(fields)
    if taken.get(LOGO) not in (None, "", {}):
        taken[LOGO] = _taken(desk, taken[LOGO], emit, folder, dry_run=dry_run)
    given = fields.get(FILES)
    if given in (None, "", []):
        return taken
    items = list(_items(given))
    if len(items) > LIST_ITEMS_MAX:
        raise _refused(
            FILES, f"{LIST_ITEMS_MAX} fichiers au plus.", f"{LIST_ITEMS_MAX} files at most.", FILES
        )
    return {**taken, FILES: [_taken(desk, item, emit, folder, dry_run=dry_run) for item in items]}


def _items(given: Any) -> Iterable[Any]:
    """One path or several: a text of lines or with semicolons between, a list, a description."""
    if isinstance(given, str):
        return [part.strip() for part in given.replace(";", "\n").splitlines() if part.strip()]
    return given if isinstance(given, list) else [given]


def _taken(desk: Desk, item: Any, emit: Emit, folder: Path | None, *, dry_run: bool) -> Any:
    if isinstance(item, str):
        item = {"path": item}
    if not isinstance(item, dict) or "path" not in item:
        return item  # described already; the kind checks it
    more = {name: value for name, value in item.items() if name != "path"}
    wrong = [name for name in more if name not in _FIELDS]
    if wrong:
        raise _refused(
            str(item["path"]),
            f"« {wrong[0]} » ne se donne pas avec un chemin.",
            f"`{wrong[0]}` is not given with a path.",
            wrong[0],
        )
    path = (folder or Path("/")) / str(item["path"])
    name = str(more.get("name") or path.name)
    described = _read(desk, path, name, str(more.get("media_type") or ""), emit, dry_run=dry_run)
    return {**described, **{key: value for key, value in more.items() if value not in (None, "")}}


def _read(desk: Desk, path: Path, name: str, given_type: str, emit: Emit, *, dry_run: bool) -> dict[str, Any]:
    try:
        if not path.is_file():
            raise FileNotFoundError(2, "is no file")
        with path.open("rb", buffering=0) as file:
            upload = Upload(desk, name, given_type)
            try:
                _pour(file, upload, path.stat().st_size, emit)
            except BaseException:
                upload.abandon()
                raise
            return upload.measure() if dry_run else upload.keep()
    except OSError as error:
        fr, en = system.why(error)
        raise Refusal(
            "unreadable",
            Exit.NOT_FOUND,
            f"Le fichier « {path} » ne peut pas être lu : {fr}.",
            f"The file `{path}` cannot be read: {en}.",
        ) from None


def _pour(file: BinaryIO, upload: Upload, total: int, emit: Emit) -> None:
    buffer = bytearray(READ_BYTES)
    view, told = memoryview(buffer), 0
    read: Callable[[Any], int] = file.readinto  # type: ignore[attr-defined]
    while count := read(view):
        upload.write(view[:count])
        if upload.size - told >= TOLD_BYTES:
            told = upload.size
            emit({"progress": {"done": told, "total": total, "name": upload.name, "unit": "bytes"}})


def _refused(what: str, fr: str, en: str, field: str) -> Refusal:
    trouble = Trouble(field, f"{what} : {fr}", f"{what}: {en}")
    return Refusal("invalid", Exit.USAGE, trouble.fr, trouble.en, (trouble,))
