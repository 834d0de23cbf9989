"""Take a record back: `withdraw`, with or without its content.

Erasing cannot be undone, so that on a terminal it is shown first what will be gone, and asked.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Any

import click

from mutunode_cli import failure, screen, words
from mutunode_cli.options import Verb, both, dry_run_option, with_session
from mutunode_cli.publish import show_written
from mutunode_cli.session import Session

_WORD = {"fr": "effacer", "en": "erase"}  # to be typed, so that nobody erases by pressing a key


@click.command(
    cls=Verb,
    help=both(
        "Retirer une de vos fiches : elle reste lisible, marquée comme retirée, avec la raison. Avec "
        "--erase, son contenu est effacé pour toujours, ici et chez toutes les organisations qui coopèrent, "
        "dès qu’elles se connectent ; qui en a fait une copie la garde. Il reste la preuve qu’une fiche "
        "était là.",
        "Withdraw a record of yours: it stays readable, marked as withdrawn, with the reason. With --erase "
        "its content is erased for good, here and at every cooperating organisation as soon as it connects; "
        "who made a copy keeps it. What remains is the proof that a record stood there.",
    ),
)
@click.argument("rec")
@click.option(
    "--reason",
    required=True,
    metavar="R",
    help="author, licence, legal, error, duplicate",
)
@click.option("--replaced-by", metavar="REC", help=both("celle qui la remplace", "what replaces it"))
@click.option(
    "--erase", is_flag=True, help=both("effacer le contenu, sans retour", "erase the content, for good")
)
@click.option(
    "--versions",
    type=click.Choice(["all", "earlier", "this"]),
    default="all",
    show_default=True,
    help=both(
        "avec --erase : toutes les versions, les anciennes seulement (la fiche reste), ou celle-ci seulement",
        "with --erase: all versions, the earlier ones only (the record stays), or this one only",
    ),
)
@click.option("--yes", is_flag=True, help=both("ne pas demander confirmation", "do not ask for confirmation"))
@dry_run_option
@with_session
def withdraw_command(
    session: Session,
    rec: str,
    reason: str,
    replaced_by: str | None,
    erase: bool,
    versions: str,
    yes: bool,
    dry_run: bool,
) -> None:
    """Withdraw one record."""
    params: dict[str, Any] = {"rec": rec, "reason": reason, "replaced_by": replaced_by}
    if erase:
        params |= {"erase": True, "versions": versions}
    elif versions != "all":
        raise failure.usage(
            "--versions dit ce que --erase efface : donnez les deux.",
            "--versions says what --erase erases: give both.",
        )
    if dry_run:
        preview = session.call("withdraw", params | _dry(session))
        if not (session.quiet or session.json):
            _tell_plan(session, preview)
        show_written(session, preview, dry_run=True)
        return
    if erase and not yes and sys.stdin.isatty():
        _ask(session, session.call("withdraw", params | _dry(session)))
    answer = session.call("withdraw", params)
    show_written(session, answer)
    if erase and not (session.quiet or session.json):
        _tell_done(session, answer)


def _dry(session: Session) -> dict[str, Any]:
    return {"dry_run": True, "reader_language": session.language}


def _ask(session: Session, preview: dict[str, Any]) -> None:
    """Have the person type a word; anything else ends it with nothing done."""
    _tell_plan(session, preview)
    word = _WORD[session.language]
    screen.say(session.tr(f"Pour effacer, tapez « {word} » : ", f"To erase, type `{word}`: "))
    try:
        typed = input()
    except EOFError:
        typed = ""
    if typed.strip().lower() != word:
        raise failure.usage("Rien n’a été effacé.", "Nothing was erased.")


def _tell_plan(session: Session, preview: dict[str, Any]) -> None:
    """What will be gone, what stays, and what nobody can promise."""
    if "erases" not in preview:
        return
    session.note("Seront effacés pour toujours :", "Will be erased for good:")
    _tell_versions(session, preview["erases"])
    if preview["withdraws"]:
        session.note(
            "Restent lisibles, marqués comme retirés (sinon ils reparaîtraient) :",
            "Stay readable, marked as withdrawn (else they would show again):",
        )
        _tell_versions(session, preview["withdraws"])
    if preview["keeps"]:
        session.note("Ne changent pas, et gardent leur contenu :", "Stay as they are, with their content:")
        _tell_versions(session, preview["keeps"])
    session.note(
        "Ce qui a été publié l’a été pour tous : les nœuds qui coopèrent l’effacent quand ils se "
        "connectent ; qui l’a copié le garde. Personne ne peut revenir en arrière.",
        "What you published is public: cooperating nodes drop it when they next connect; who copied it keeps "
        "it. Nobody can undo this.",
    )


def _tell_versions(session: Session, versions: Sequence[dict[str, Any]]) -> None:
    for each in versions:
        age = words.age(each["time"], time.time(), session.language)
        screen.say(screen.clean(f"  {each['title']} · {age} · {each['id'][:16]}…"))


def _tell_done(session: Session, answer: dict[str, Any]) -> None:
    erased, withdrawn, drafts = len(answer["erased"]), len(answer["withdrawn"]), answer["drafts"]
    session.note(
        f"Effacé ici : {erased} version(s). Les autres nœuds effacent quand ils se connectent "
        "(« mutunode sync --wait N » attend N d’entre eux).",
        f"Erased here: {erased} version(s). Other nodes erase when they connect "
        "(`mutunode sync --wait N` waits for N of them).",
    )
    if withdrawn:
        session.note(
            f"{withdrawn} version(s) antérieure(s) restent lisibles, marquées comme retirées.",
            f"{withdrawn} earlier version(s) stay readable, marked as withdrawn.",
        )
    if drafts:
        session.note(
            f"{drafts} brouillon(s) qui disaient la même chose sont effacés aussi.",
            f"{drafts} draft(s) that said the same are gone too.",
        )
