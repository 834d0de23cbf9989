"""`backup` and `restore`: everything that makes a node, in one folder."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from mutunode_cli import failure, words
from mutunode_cli.options import Verb, both, with_session
from mutunode_cli.progress import Progress
from mutunode_cli.session import Session

SILENCE_SECONDS_MAX = 600.0  # a slow disk


@click.command(
    cls=Verb,
    help=both(
        "Sauvegarder le nœud dans un dossier neuf, sans l’arrêter : fiches, fichiers, identité, réglages. La "
        "copie est vérifiable, et garde ce qui y était : ce qui sera effacé plus tard reste dans les "
        "anciennes sauvegardes.",
        "Back the node up into a new folder, while it works: records, files, identity, settings. The copy "
        "can be verified, and keeps what was there: what is erased later remains in old backups.",
    ),
)
@click.argument("folder", metavar="DIR")
@click.option(
    "--no-keys",
    is_flag=True,
    help=both(
        "sans l’identité : il faudra la phrase de secours pour s’en servir",
        "without the identity: the recovery phrase will be needed to use it",
    ),
)
@with_session
def backup_command(session: Session, folder: str, no_keys: bool) -> None:
    """Back up."""
    answer = session.call_with_progress(
        "backup",
        {"path": str(Path(folder).absolute()), "keys": not no_keys},
        session.tr("Octets copiés", "Bytes copied"),
        silence_seconds_max=SILENCE_SECONDS_MAX,
    )
    session.show(answer, lambda: _told(session, folder, answer), [answer["path"]])


def _told(session: Session, folder: str, answer: dict[str, Any]) -> None:
    megabytes = f"{answer['bytes'] / 1_000_000:.1f}"
    fr, en = words.some(answer["registers"], "registre", "register")
    session.note(
        f"{fr}, {megabytes} Mo dans {folder}. Pour s’en servir, sur une machine vide : "
        f"mutunode restore {folder}",
        f"{en}, {megabytes} MB in {folder}. To use it, on an empty machine: mutunode restore {folder}",
    )
    if answer["files_elsewhere"]:
        fr, en = words.some(answer["files_elsewhere"], "fichier", "file")
        size = f"{answer['bytes_elsewhere'] / 1_000_000:.1f}"
        session.note(
            f"Attention, il y manque {fr} de fiches, {size} Mo, gardés hors du dossier du nœud (réglage "
            "« blobs », un dépôt S3 par exemple). Sauvegardez aussi cet endroit : le nœud remis en place les "
            "y cherchera, et demandera aux autres ce qui y manque.",
            f"Careful, it lacks {en} of records, {size} MB, kept outside the node's folder (setting `blobs`, "
            "an S3 store for example). Back that place up as well: the restored node looks for them there, "
            "and asks others for what is missing.",
        )
    if answer["keys"] == "clear":
        session.note(
            "Attention : la clé de signature y est, sans mot de passe. Qui lit ce dossier peut signer en "
            "votre nom : rangez-le comme une clé, ou refaites-le avec --no-keys.",
            "Careful: the signing key is in it, without a passphrase. Whoever reads this folder can sign in "
            "your name: keep it like a key, or make it again with --no-keys.",
        )


@click.command(
    cls=Verb,
    help=both(
        "Remettre une sauvegarde dans un dossier de nœud vide (--home). Tout y est vérifié. Le nœud demande "
        "ensuite à ses voisines ce qui a été publié depuis, avant de signer.",
        "Put a backup back into an empty node folder (--home). All of it is verified. The node then asks its "
        "neighbours what was published since, before it signs.",
    ),
)
@click.argument("folder", metavar="DIR")
@with_session
def restore_command(session: Session, folder: str) -> None:
    """Restore."""
    import msgspec

    from mutunode.restoring import restore
    from mutunode.service.errors import Refusal

    with Progress(session.tr("Remise en place", "Restoring"), session.quiet) as progress:
        try:
            restored = restore(
                Path(folder).absolute(), session.home, lambda event: progress.show(event.get("progress"))
            )
        except Refusal as refusal:
            raise failure.from_json(refusal.to_json()) from refusal
    answer = msgspec.to_builtins(restored)
    session.show(answer, lambda: _told_restored(session, answer), [answer["org"]])


def _told_restored(session: Session, answer: dict[str, Any]) -> None:
    age = words.age(answer["made"], time.time(), session.language)
    registers = words.some(answer["registers"], "registre", "register")
    entries = words.some(answer["entries"], "entrée", "entry", "entries")
    session.note(
        f"{answer['name']} : {registers[0]}, {entries[0]}, copiés {age}. "
        "Au démarrage, le nœud demande à ses voisines ce qui a été publié depuis ; seul, il reste en lecture "
        "jusqu’à « mutunode doctor --allow-signing ».",
        f"{answer['name']}: {registers[1]}, {entries[1]}, copied {age}. When "
        "it starts, the node asks its neighbours what was published since; alone, it stays read-only until "
        "`mutunode doctor --allow-signing`.",
    )
    if answer["keys"] == "none":
        session.note(
            "Sans identité : retrouvez-la avec la phrase de secours (« mutunode recover »).",
            "Without an identity: recover it with the recovery phrase (`mutunode recover`).",
        )
    if answer["damaged"]:
        count = len(answer["damaged"])
        session.note(
            f"{count} registre(s) étaient déjà abîmés dans la sauvegarde : « mutunode doctor --repair ».",
            f"{count} register(s) were damaged in the backup already: `mutunode doctor --repair`.",
        )
