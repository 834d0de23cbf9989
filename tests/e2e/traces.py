"""Looking for what should be gone: every byte of every file of a home, and the dictionaries of its search."""

from __future__ import annotations

import contextlib
import stat
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

import apsw
import tantivy

from mutunode.protocol.entry import encode_body
from mutunode.store.places import key64
from mutunode.store.search import schema

CANARY = "Zyzomysé"
FORMS = ("zyzomyse", "zyzomys")  # as the search folds it, and its stem
SAYS = f"Numéro de la présidente : 06 12 34 56 78 ({CANARY})"


def needles(*more: bytes) -> list[bytes]:
    """The canary as it was written, and in the forms in which an index or a page may keep it."""
    words = [CANARY, CANARY.lower(), *FORMS, "06 12 34 56 78"]
    encodings = [word.encode(coding) for word in words for coding in ("utf-8", "utf-16-le")]
    return [*encodings, *more]


def traces(home: Path, wanted: Iterable[bytes]) -> list[str]:
    """Files below a folder, whichever they are, that hold any of these."""
    found = []
    for path in sorted(home.rglob("*")):
        with contextlib.suppress(FileNotFoundError):  # files come and go while the node runs
            if stat.S_ISREG(path.stat().st_mode):
                content = path.read_bytes()
                found += [f"{path.relative_to(home)}: {needle!r}" for needle in wanted if needle in content]
    return found


def dictionaries(home: Path) -> int:
    """How many documents of the search index, deleted ones included, hold the canary.

    Its dictionaries are packed so that a search over bytes would not see a word: they are asked. The node may
    run: of a folder that goes meanwhile, nothing is left.
    """
    kept = 0
    for folder in (home / "search").iterdir():
        with contextlib.suppress(ValueError, OSError):
            searcher = tantivy.Index.open(str(folder)).searcher()
            for field in (*schema.STEM_FIELDS, *schema.WORD_FIELDS):
                kept += sum(searcher.doc_freq(field, form) for form in FORMS)
    return kept


def salts(home: Path, *indices: int) -> list[bytes]:
    """The salts of entries of our own register: sixteen bytes that stand nowhere else."""
    db = apsw.Connection(str(home / "records.sqlite"), apsw.SQLITE_OPEN_READONLY)
    try:
        asked = (
            "SELECT salt FROM entry JOIN log ON log_no = place >> 32 JOIN org USING (org_no)"
            " JOIN store ON org = own WHERE place & 0xffffffff = ?"
        )
        return [bytes(db.execute(asked, (index,)).get) for index in indices]
    finally:
        db.close()


def guesses(home: Path, numbers: Iterable[str]) -> set[str]:
    """The low-entropy texts of which some file of a home keeps a fingerprint that needs no salt.

    Every eight bytes that stand somewhere are compared with the beginnings of what a store could have kept of
    a text: hashes of it, of its record without salt, and the number by which authors' own keys are found.
    """
    wanted: dict[bytes, str] = {}
    for number in numbers:
        body = encode_body({"external_ref": number, "title": {"fr": number}})
        for told in (number.encode(), f"resource\0{number}".encode(), body, b"mutunode/body/1\0" + body):
            wanted[sha256(told).digest()[:8]] = number
        wanted[key64("resource", number).to_bytes(8, "big", signed=True)] = number
    found = set()
    for path in sorted(home.rglob("*")):
        if path.is_file() and not path.is_socket():
            content = path.read_bytes()
            for at in range(0, len(content), 65_536):
                window = content[at : at + 65_536 + 7]
                if window.count(0) < len(window):
                    eights = {window[i : i + 8] for i in range(len(window) - 7)}
                    found |= {wanted[each] for each in eights & wanted.keys()}
    return found
