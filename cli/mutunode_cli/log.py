"""The signed register: `log show`, `log verify`, `log export`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from mutunode_cli import screen, words
from mutunode_cli.options import Family, both, stream_option, with_session
from mutunode_cli.session import Session


@click.group(
    cls=Family, help=both("Le registre signé de chaque organisation.", "Each organisation's signed register.")
)
def log_command() -> None:
    """Family of verbs on registers."""


@log_command.command(
    "show",
    help=both("Les entrées d’un registre ; le vôtre sinon.", "Entries of a register; yours by default."),
)
@click.argument("log", required=False)
@click.option(
    "--from",
    "start",
    type=click.IntRange(0),
    default=0,
    metavar="N",
    help=both("première place", "first place"),
)
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, metavar="N")
@stream_option
@with_session
def show_command(session: Session, log: str | None, start: int, limit: int) -> None:
    """Show entries."""
    answer = session.call("log_show", {"log": log, "from": start, "limit": limit})
    entries = answer["entries"]
    ids = [entry["id"] for entry in entries]
    session.show_list(answer, entries, lambda: _show_entries(session, entries), ids)


def _show_entries(session: Session, entries: list[dict[str, Any]]) -> None:
    now, language = time.time(), session.language
    columns = session.tr(
        "place|nature|âge|octets|contenu|identifiant", "place|kind|age|bytes|content|id"
    ).split("|")
    rows = [
        (
            entry["index"],
            entry["kind"],
            words.age(entry["time"], now, language),
            entry["bytes"],
            session.tr("ici", "here") if entry["held"] else _absent(entry, language),
            entry["id"],
        )
        for entry in entries
    ]
    screen.table(columns, rows)


def _absent(entry: dict[str, Any], language: str) -> str:
    """Why the content is not here; a leaf without a record has none."""
    state = entry.get("state", "missing")
    return words.both(words.STATES, state, language) if state else ""


@log_command.command(
    "verify",
    help=both(
        "Tout recalculer depuis le disque : contenus, arbres, signatures. Code 7 si quelque chose ne va pas.",
        "Recompute everything from disk: contents, trees, signatures. Exit code 7 if anything is wrong.",
    ),
)
@with_session
def verify_command(session: Session) -> None:
    """Verify everything held."""
    label = session.tr("Vérification", "Verifying")
    answer = session.call_with_progress("log_verify", {}, label, silence_seconds_max=600.0)
    session.show(answer, lambda: session.note("Tout est exact.", "Everything is exact."))


@log_command.command(
    "export",
    help=both(
        "Écrire un registre public (le vôtre sinon) comme un journal de transparence C2SP : tuiles, entrées, "
        "page signée, clés. Un nouvel export au même endroit le complète.",
        "Write a public register (yours by default) as a C2SP transparency log: tiles, entries, checkpoint, "
        "keys. Exporting to the same place again brings it up to date.",
    ),
)
@click.argument("log", required=False)
@click.option("--tlog", "folder", required=True, metavar="DIR", help=both("le dossier", "the folder"))
@with_session
def export_command(session: Session, log: str | None, folder: str) -> None:
    """Export a register as tlog-tiles."""
    label = session.tr("Entrées", "Entries")
    path = str(Path(folder).absolute())
    answer = session.call_with_progress(
        "log_export", {"log": log, "path": path}, label, silence_seconds_max=600.0
    )
    entries = words.some(answer["size"], "entrée", "entry", "entries")
    written = (
        f"{entries[0]} dans {folder}, registre {answer['origin']}.",
        f"{entries[1]} in {folder}, log {answer['origin']}.",
    )
    session.show(answer, lambda: session.note(*written), [answer["log"]])
