"""Whole catalogues: `import` a CSV or JSONL file, `export` everything."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from mutunode_cli import exits, failure, fields, screen
from mutunode_cli.options import Verb, both, dry_run_option, with_session
from mutunode_cli.session import Session

FORMATS = {".csv": "csv", ".tsv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
BATCH_SILENCE_SECONDS_MAX = 600.0  # one signature a batch: the last step of a large one says nothing for long
MAPPING_BYTES_MAX = 65_536


@click.command(
    cls=Verb,
    help=both(
        "Verser un catalogue. Les bonnes lignes sont prises, les autres sont dites avec leur numéro et la "
        "raison ; recommencer ne publie rien deux fois. FILE peut être - (entrée standard).",
        "Publish a catalogue. Good lines are taken, bad ones are reported with number and reason; doing it "
        "again publishes nothing twice. FILE may be - (standard input).",
    ),
)
@click.argument("file")
@click.option(
    "--format",
    "format_",
    metavar="F",
    help=both("csv, jsonl… ; sinon d’après le nom", "csv, jsonl…; else by name"),
)
@click.option(
    "--map",
    "maps",
    multiple=True,
    metavar="FIELD=COLUMN",
    help=both("champ=colonne ; se répète", "field=column; repeatable"),
)
@click.option("--mapping", metavar="FILE", help=both("correspondance en TOML", "mapping as TOML"))
@click.option(
    "--kind",
    metavar="K",
    help=both("nature des fiches ; resource sinon", "kind of the records; else resource"),
)
@click.option("--strict", is_flag=True, help=both("tout ou rien", "all or nothing"))
@dry_run_option
@with_session
def import_command(
    session: Session,
    file: str,
    format_: str | None,
    maps: tuple[str, ...],
    mapping: str | None,
    kind: str | None,
    strict: bool,
    dry_run: bool,
) -> int:
    """Import a file."""
    with _readable(session, file) as path:
        params = {
            "path": str(path),
            "format": format_ or _guess_format(file, path),
            "map": dict(_pair(text) for text in maps),
            "mapping": _mapping_text(mapping),
            "kind": kind,
            "strict": strict,
            "dry_run": dry_run,
        }
        label = session.tr("Lecture du catalogue", "Reading the catalogue")
        answer = session.call_with_progress(
            "import", params, label, silence_seconds_max=BATCH_SILENCE_SECONDS_MAX
        )
    _report_bad(session, answer)
    session.show(answer, lambda: _show_imported(session, answer, dry_run), answer.get("ids", ()))
    taken = answer["created"] + answer["revised"] + answer["unchanged"]
    return exits.REFUSED if answer["refused"] and not taken else exits.DONE


@contextmanager
def _readable(session: Session, file: str) -> Iterator[Path]:
    """A path the daemon can open. The standard input becomes a file in the home, for as long as it takes."""
    if file != "-":
        path = Path(file).absolute()
        try:
            path.open("rb").close()
        except OSError as error:
            raise fields.cannot_read(file, error) from error
        yield path
        return
    if not session.home.is_dir():
        raise session.no_node()
    with tempfile.NamedTemporaryFile(prefix=".import-", dir=session.home) as kept:
        shutil.copyfileobj(sys.stdin.buffer, kept)
        kept.flush()
        yield Path(kept.name)


def _guess_format(file: str, path: Path) -> str:
    """By the name's ending; else a first ``{`` means one JSON object a line."""
    by_name = FORMATS.get(os.path.splitext(file)[1].lower())
    if by_name:
        return by_name
    with path.open("rb") as opened:
        return "jsonl" if opened.read(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") else "csv"


def _pair(text: str) -> tuple[str, str]:
    field, equals, column = text.partition("=")
    if not (field and equals and column):
        raise failure.usage(
            f"--map {text} : écrivez --map CHAMP=COLONNE.", f"--map {text}: write --map FIELD=COLUMN."
        )
    return field, column


def _mapping_text(name: str | None) -> str | None:
    if name is None:
        return None
    try:
        raw = Path(name).read_bytes()
    except OSError as error:
        raise fields.cannot_read(name, error) from error
    if len(raw) > MAPPING_BYTES_MAX:
        raise failure.usage(
            f"{name} : trop grand pour une correspondance.", f"{name}: too large for a mapping."
        )
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise failure.usage(f"{name} : pas en UTF-8.", f"{name}: not UTF-8.") from error


def _report_bad(session: Session, answer: dict[str, Any]) -> None:
    for bad in answer.get("bad", ()):
        field = bad.get("field", "")
        session.note(
            f"ligne {bad['line']} : {field and field + ' : '}{bad['fr']}",
            f"line {bad['line']}: {field and field + ': '}{bad['en']}",
        )
    unsaid = answer["refused"] - len({bad["line"] for bad in answer.get("bad", ())})
    if unsaid > 0:
        session.note(f"… et {unsaid} autres lignes.", f"… and {unsaid} more lines.")


def _show_imported(session: Session, answer: dict[str, Any], dry_run: bool) -> None:
    if dry_run:
        session.note("À blanc : rien n’a été signé.", "Dry run: nothing was signed.")
    tr = session.tr
    screen.facts(
        [
            (tr("lignes lues", "lines read"), str(answer["read"])),
            (tr("nouvelles fiches", "new records"), str(answer["created"])),
            (tr("nouvelles versions", "new versions"), str(answer["revised"])),
            (tr("déjà publiées", "published already"), str(answer["unchanged"])),
            (tr("refusées", "refused"), str(answer["refused"])),
        ]
    )


@click.command(
    cls=Verb,
    help=both(
        "Sortir vos fiches d’une nature, une par ligne : jsonl ou csv, que « import » relit.",
        "Print your records of one kind, one a line: jsonl or csv, which `import` reads back.",
    ),
)
@click.argument("format_", metavar="FORMAT")
@click.option(
    "--kind",
    metavar="K",
    help=both("nature des fiches ; resource sinon", "kind of the records; else resource"),
)
@click.option(
    "-o", "--output", metavar="FILE", help=both("fichier au lieu de la sortie", "a file instead of stdout")
)
@with_session
def export_command(session: Session, format_: str, kind: str | None, output: str | None) -> None:
    """Export all records."""
    params = {"format": format_, "kind": kind}
    if output is None:
        session.call("export", params, _print_line, silence_seconds_max=BATCH_SILENCE_SECONDS_MAX)
        return
    try:
        _export_to(session, params, Path(output))
    except OSError as error:
        raise fields.refused(output, error) from error


def _print_line(event: dict[str, Any]) -> None:
    if isinstance(event.get("line"), str):
        sys.stdout.write(event["line"].rstrip("\n") + "\n")


def _export_to(session: Session, params: dict[str, Any], target: Path) -> None:
    """Write beside, then rename: a broken export never stands where a good one was."""
    beside = target.with_name(f".{target.name}.part")
    count = 0
    try:
        with beside.open("w", encoding="utf-8", newline="") as file:

            def write(event: dict[str, Any]) -> None:
                nonlocal count
                if isinstance(event.get("line"), str):
                    file.write(event["line"].rstrip("\n") + "\n")
                    count += 1

            session.call("export", params, write, silence_seconds_max=BATCH_SILENCE_SECONDS_MAX)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
    session.note(f"{count} lignes dans {target}.", f"{count} lines in {target}.")
