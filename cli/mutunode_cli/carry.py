"""`sync --to FILE` and `--from FILE`: news by USB key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mutunode_cli import exits, words
from mutunode_cli.failure import usage
from mutunode_cli.session import Session

SILENCE_SECONDS_MAX = 600.0  # a slow key, and a large register to recompute


def carry(session: Session, to: str | None, from_: str | None, *, waits: bool, files: bool = False) -> int:
    """Write to a file, or read from one."""
    if (to and from_) or waits:
        raise usage(
            "--to, --from et --wait s’excluent : une commande pour chacun.",
            "--to, --from and --wait exclude each other: one command for each.",
        )
    if to:
        _to(session, to, files=files)
    else:
        _from(session, str(from_))
    return exits.DONE


def _to(session: Session, name: str, *, files: bool) -> None:
    label = session.tr("Registres écrits", "Registers written")
    answer = _call(session, "sync_to", name, label, **({"files": True} if files else {}))
    megabytes = answer["bytes"] / 1_000_000
    size = f"{megabytes:.1f}" if megabytes >= 0.1 else "< 0.1"
    registers = words.some(answer["registers"], "registre", "register")
    entries = words.some(answer["entries"], "entrée", "entry", "entries")
    carried = words.some(answer["files"], "fichier", "file") if answer.get("files") else ("", "")
    fr, en = (
        ", ".join(each for each in told if each) for told in zip(registers, entries, carried, strict=True)
    )
    session.show(
        answer,
        lambda: session.note(
            f"{fr}, {size} Mo dans {name}. Sur l’autre machine : mutunode sync --from FICHIER",
            f"{en}, {size} MB in {name}. On the other machine: mutunode sync --from FILE",
        ),
        [answer["path"]],
    )


def _from(session: Session, name: str) -> None:
    answer = _call(session, "sync_from", name, session.tr("Lecture", "Reading"))
    taken, known, others = answer["taken"], answer["known"], answer["not_followed"]
    fr, en = words.some(taken, "registre", "register")
    fr, en = f"{fr} {'reçus' if taken > 1 else 'reçu'}, {known} déjà ici", f"{en} taken, {known} here already"
    if others:
        fr += f", {others} d’organisations que vous ne suivez pas"
        en += f", {others} of organisations you do not follow"
    if answer.get("files"):
        more = words.some(answer["files"], "fichier", "file")
        fr, en = f"{fr}, {more[0]} de leurs fiches", f"{en}, {more[1]} of their records"
    session.show(answer, lambda: session.note(f"{fr}.", f"{en}."))


def _call(session: Session, verb: str, name: str, label: str, **more: Any) -> Any:
    path = {"path": str(Path(name).absolute()), **more}
    return session.call_with_progress(verb, path, label, silence_seconds_max=SILENCE_SECONDS_MAX)
