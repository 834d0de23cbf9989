"""Registers as they stand: entry by entry, recomputed from disk, exported."""

from __future__ import annotations

import itertools
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import msgspec

from mutunode.commons.kind import Kind
from mutunode.interop.export import csv_lines, jsonl_lines
from mutunode.protocol.entry import Entry, Header, parse_header, rec_id
from mutunode.protocol.errors import Broken
from mutunode.protocol.ids import log_text, org_text, rec_text
from mutunode.service import lookup
from mutunode.service.desk import Desk
from mutunode.service.errors import Exit, Refusal
from mutunode.service.params import Emit
from mutunode.store.interface import Organisation, Stored

LINES_MAX = 1_000
FORMATS = ("jsonl", "csv")


class Line(msgspec.Struct, frozen=True):
    """One entry of a register, as ``log show`` prints it."""

    index: int
    id: str
    kind: str
    time: int
    bytes: int
    held: bool  # its content is here
    state: str = ""  # ok | opaque | missing | erased; "" for a leaf without a record


class Register(msgspec.Struct, frozen=True):
    """Part of a register."""

    log: str
    org: str
    size: int
    root: str
    entries: tuple[Line, ...]


class Verified(msgspec.Struct, frozen=True):
    """Answer of ``log verify`` when all is well."""

    registers: int
    entries: int


def show(desk: Desk, text: str, start: int, limit: int) -> Register:
    """Entries of a register from ``start``; ours when none is named."""
    found = find(desk, text)
    head = found.head
    limit = min(max(limit, 0), LINES_MAX)
    walk = itertools.islice(desk.reader.log_walk(found.log), max(start, 0), max(start, 0) + limit)
    lines = [_line(desk, found.log, index, entry) for index, entry in enumerate(walk, max(start, 0))]
    return Register(
        log_text(found.log),
        org_text(found.org),
        found.size,
        b64encode(head.root).decode("ascii") if head else "",
        tuple(lines),
    )


def find(desk: Desk, text: str) -> Organisation:
    """Whose register is meant; ours when none is named."""
    for each in desk.reader.organisations():
        names = (log_text(each.log), org_text(each.org))
        if (
            each.org == desk.org
            if not text
            else any(name.startswith(text) and len(text) >= 12 for name in names)
        ):
            return each
    raise lookup.not_found(text)


def _line(desk: Desk, log: bytes, index: int, entry: Entry) -> Line:
    header, stored = _header(entry), desk.reader.at(log, index)
    return Line(
        index,
        rec_text(rec_id(log, entry.leaf)),
        header.kind if header is not None else "",
        header.time if header is not None else 0,
        len(entry.header) + len(entry.salt) + len(entry.body),
        bool(entry.body),
        stored.state if stored is not None else "",
    )


def _header(entry: Entry) -> Header | None:
    """What an entry is; None for a leaf without a record."""
    try:
        header = parse_header(entry.header)
    except Broken:
        return None
    return header if isinstance(header, Header) else None


def verify(desk: Desk, emit: Emit) -> Verified:
    """Recompute leaves, bodies, trees and signatures of every register from what is on disk.

    Raises:
        Refusal: ``NOT_VERIFIED``, naming register, entry and what differs.
    """
    registers = [each for each in desk.reader.organisations() if each.size]
    entries = 0
    problems: list[str] = []
    for done, register in enumerate(registers):
        emit({"progress": {"done": done, "total": len(registers)}})
        for problem in desk.store.verify(register.log):
            where = "" if problem.index is None else f" [{problem.index}]"
            problems.append(f"{log_text(register.log)}{where}: {problem.what}")
        entries += register.size
    if problems:
        shown = "; ".join(problems[:5])
        raise Refusal(
            "not_verified",
            Exit.NOT_VERIFIED,
            f"{len(problems)} écart(s) entre le disque et ce qui a été signé : {shown}",
            f"{len(problems)} difference(s) between the disk and what was signed: {shown}",
        )
    return Verified(len(registers), entries)


def export(desk: Desk, format: str, kind: str, emit: Emit) -> dict[str, int]:
    """Our current records of a kind, as lines that ``import`` reads back to the same content."""
    declared = lookup.kind(desk, kind)
    if format not in FORMATS:
        raise Refusal(
            "usage",
            Exit.USAGE,
            f"Format inconnu : « {format} ». Formats : {', '.join(FORMATS)}.",
            f"Unknown format `{format}`; known: {', '.join(FORMATS)}.",
        )
    records = (_row(declared, stored) for stored in _ours(desk, declared.name))
    count = 0
    # A CSV file begins with every column that some row has: all of them are needed before its first line.
    for line in jsonl_lines(records) if format == "jsonl" else csv_lines(list(records)):
        emit({"line": line})
        count += 1
    return {"records": count - (format == "csv")}


def _row(kind: Kind, stored: Stored) -> dict[str, Any]:
    fields = kind.to_json(stored.fields())
    fields.pop("supersedes", None)  # of this register only: whoever imports it begins anew
    return {"kind": kind.name, **fields, "@id": rec_text(stored.rec)}


def _ours(desk: Desk, kind: str) -> Iterator[Stored]:
    """Our current records of a kind, in the order of our register."""
    for index, entry in enumerate(desk.reader.log_walk(desk.own_log)):
        header = _header(entry)
        if header is None or header.kind != kind:
            continue
        stored = desk.reader.at(desk.own_log, index)
        if stored is not None and stored.superseded_by is None and stored.withdrawn_by is None:
            yield stored
