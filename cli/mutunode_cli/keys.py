"""The organisation's keys: `key show`, `key passphrase`, `key rotate`, and `epoch open`.

The recovery phrase opens an epoch: a new operating key, and the register goes on from where a person says.
"""

from __future__ import annotations

import time
from typing import Any

import click

from mutunode_cli import exits, failure, screen, secret, words
from mutunode_cli.entrust import entrust_command, hand_back, request_command, root_command
from mutunode_cli.options import Family, both, dry_run_option, with_session
from mutunode_cli.secret import PHRASE_FILE
from mutunode_cli.session import Session


@click.group(
    cls=Family,
    help=both(
        "Les clés de l’organisation : les voir, les protéger, les changer.",
        "The organisation's keys: see, guard and change them.",
    ),
)
def key_command() -> None:
    """Family of verbs on keys."""


@key_command.command(
    "show",
    help=both(
        "Identifiant, mots de contrôle, clés en vigueur ; rien de secret.",
        "Id, check words, keys in force; nothing secret.",
    ),
)
@with_session
def show_command(session: Session) -> None:
    """Public facts of the identity and of its keys."""
    shown = session.call("key_show")
    shown["check_words"] = _check_words(shown["org"])
    session.show(shown, lambda: _show_keys(session, shown), [shown["org"]])


def _check_words(org: str) -> dict[str, str]:
    """Computed here: they follow from the id alone, and no node may tell us others."""
    from mutunode.protocol import ids, phrase

    raw = ids.parse(org, "org")
    return {language: " ".join(phrase.check_words(raw, language)) for language in words.LANGUAGES}


def _show_keys(session: Session, shown: dict[str, Any]) -> None:
    tr, language = session.tr, session.language
    guarded = tr("par un mot de passe", "by a passphrase") if shown["wrapped"] else ""
    plain = tr("par les droits du fichier seulement", "by the file's permissions only")
    screen.facts(
        [
            (tr("organisation", "organisation"), shown["name"]),
            (tr("identifiant", "id"), shown["org"]),
            (tr("mots de contrôle", "check words"), words.pick(shown["check_words"], language)),
            (tr("registre", "register"), shown["log"]),
            (tr("reprises du registre", "new starts of the register"), str(shown["epoch"])),
            (tr("clé qui signe", "signing key"), shown["operating"]),
            (tr("mots de cette clé", "words of this key"), words.pick(shown["key_words"], language)),
            *_of_this_computer(session, shown),
            *(
                (tr(f"clé de secours n° {root['place']}", f"root key no. {root['place']}"), root["key"])
                for root in shown["roots"]
            ),
            (tr("clé protégée", "key guarded"), guarded or plain),
        ]
    )
    for epoch in shown["epochs"]:
        screen.line(screen.clean(f"{epoch['epoch']:>3}. {_epoch(session, epoch)}"))
    for rival in shown["rivals"]:
        standing = words.both(words.STANDINGS, rival["standing"], language)
        screen.line(screen.clean(f"{rival['epoch']:>3}. ≠ {_epoch(session, rival)} ({standing})"))
    if shown["disputed"]:
        session.note(
            "Deux clés se disputent votre organisation : rien n’est signé tant que vous n’avez pas choisi, "
            f"avec « mutunode peer follow {shown['org'][:14]} key_… ».",
            "Two keys claim your organisation: nothing is signed until you have chosen, with "
            f"`mutunode peer follow {shown['org'][:14]} key_…`.",
        )
    elif not shown["current"]:
        session.note(
            "La clé de cet ordinateur n’est pas celle qui signe pour l’organisation : « mutunode doctor ».",
            "The key of this computer is not the one that signs for the organisation: `mutunode doctor`.",
        )


def _of_this_computer(session: Session, shown: dict[str, Any]) -> list[tuple[str, str]]:
    if shown["operating_here"] == shown["operating"]:
        return []
    return [
        (session.tr("clé de cet ordinateur", "key of this computer"), shown["operating_here"]),
        (session.tr("ses mots", "its words"), words.pick(shown["words_here"], session.language)),
    ]


def _epoch(session: Session, epoch: dict[str, Any]) -> str:
    seen = words.age(epoch["seen_at"], time.time(), session.language)
    reason = epoch["reason"] or session.tr("sans raison donnée", "no reason given")
    return session.tr(
        f"{reason} ; {epoch['base']} entrées gardées ; clé de secours n° {epoch['place']} ; vue {seen}",
        f"{reason}; {epoch['base']} entries kept; root key no. {epoch['place']}; seen {seen}",
    )


# --- the passphrase -----------------------------------------------------------------------------
@key_command.command(
    "passphrase",
    help=both(
        "Mettre, changer ou retirer le mot de passe qui protège les clés sur ce disque.",
        "Set, change or remove the passphrase that guards the keys on this disk.",
    ),
)
@click.option(
    "--passphrase-file",
    metavar="FILE",
    envvar="MUTUNODE_PASSPHRASE_FILE",
    help=both("le mot de passe actuel", "the passphrase there is now"),
)
@click.option(
    "--new-passphrase-file",
    "new_file",
    metavar="FILE",
    help=both("le nouveau ; « - » : l’entrée standard", "the new one; `-`: standard input"),
)
@click.option("--remove", is_flag=True, help=both("n’en plus avoir", "have none any more"))
@with_session
def passphrase_command(
    session: Session, passphrase_file: str | None, new_file: str | None, remove: bool
) -> None:
    """Guard the key file otherwise."""
    if remove == bool(new_file) and not (secret.is_somebody_there() and not remove):
        raise failure.usage(
            "Le nouveau mot de passe : --new-passphrase-file FICHIER, ou --remove pour n’en plus avoir.",
            "The new passphrase: --new-passphrase-file FILE, or --remove to have none.",
        )
    old = secret.read_passphrase(passphrase_file) if passphrase_file else secret.known_passphrase(session)
    new = "" if remove else secret.read_passphrase(new_file) if new_file else secret.new_passphrase(session)
    session.passphrase = old
    answer = session.call("key_passphrase", {"old": old, "new": new})
    session.show(answer, lambda: _show_guard(session, answer))


def _show_guard(session: Session, answer: dict[str, Any]) -> None:
    if answer["wrapped"]:
        session.note(
            "Un mot de passe protège les clés ; le nœud le demandera à chaque démarrage.",
            "A passphrase guards the keys; the node will ask for it at every start.",
        )
    else:
        session.note(
            "Les clés ne sont plus protégées que par les droits de leur fichier (0600).",
            "The keys are guarded by the permissions of their file only (0600).",
        )


# --- epochs -------------------------------------------------------------------------------------
for _command in (root_command, entrust_command, request_command):
    key_command.add_command(_command)


@key_command.command(
    "rotate",
    help=both(
        "Changer la clé qui signe, avec la phrase de secours ; tout le registre reste.",
        "Change the signing key, with the recovery phrase; all of the register stays.",
    ),
)
@PHRASE_FILE
@click.option("--reason", default="", help=both("pourquoi (public)", "why (public)"))
@dry_run_option
@with_session
def rotate_command(session: Session, phrase_file: str | None, reason: str, dry_run: bool) -> None:
    """A new operating key as a precaution."""
    _open(session, secret.read_phrase(session, phrase_file), reason=reason, base=None, dry_run=dry_run)


@click.group(
    cls=Family,
    help=both(
        "Reprendre le registre avec une clé neuve, après un vol ou une copie.",
        "Start the register again with a new key, after a theft or a copy.",
    ),
)
def epoch_command() -> None:
    """Family of verbs on epochs."""


@epoch_command.command(
    "open",
    help=both(
        "Reprendre le registre avec une clé neuve, et dire ce qui en reste. Tout reste, sauf si deux "
        "registres ont été signés : alors, ce qu’ils ont en commun.",
        "Start the register again with a new key, and say how much of it stays. All of it does, unless two "
        "registers were signed: then what they have in common.",
    ),
)
@PHRASE_FILE
@click.option("--reason", default="", help=both("pourquoi (public)", "why (public)"))
@click.option(
    "--base",
    type=click.IntRange(0),
    metavar="N",
    help=both("n’en garder que les N premières entrées", "keep only its first N entries"),
)
@click.option(
    "--with-entrusted",
    "request",
    metavar="FILE",
    help=both(
        "rendre à une organisation amie ce qu’elle a perdu, d’après sa demande (« key request »)",
        "hand a friendly organisation back what it lost, by its request (`key request`)",
    ),
)
@click.option(
    "--undo",
    is_flag=True,
    help=both(
        "défaire ce qu’une clé confiée a ouvert depuis moins de trente jours",
        "undo what an entrusted key opened less than thirty days ago",
    ),
)
@dry_run_option
@click.option("--yes", is_flag=True, help=both("sans demander confirmation", "without asking"))
@with_session
def open_command(
    session: Session,
    phrase_file: str | None,
    reason: str,
    base: int | None,
    request: str | None,
    undo: bool,
    dry_run: bool,
    yes: bool,
) -> int:
    """A new start of the register."""
    if request is not None:
        return hand_back(session, request, phrase_file, reason, yes)
    phrase = secret.read_phrase(session, phrase_file)
    if not dry_run and not yes and secret.is_somebody_there():
        asked = {"phrase": phrase, "base": base, "undo": undo, "dry_run": True}
        seen = session.call("epoch_open", asked)
        if seen["dropped"]:
            _show_dropped(session, seen)
            question = session.tr("Reprendre ainsi ?", "Start again like this?")
            if not click.confirm(question, default=False, err=True):
                session.note("Rien n’a changé.", "Nothing changed.")
                return exits.DONE
    _open(session, phrase, reason=reason, base=base, undo=undo, dry_run=dry_run)
    return exits.DONE


def _open(
    session: Session, phrase: str, *, reason: str, base: int | None, dry_run: bool, undo: bool = False
) -> None:
    asked = {"phrase": phrase, "reason": reason, "base": base, "undo": undo, "dry_run": dry_run}
    answer = session.call("epoch_open", asked)
    session.show(answer, lambda: _show_epoch(session, answer), [str(answer["epoch"])])


def _show_epoch(session: Session, answer: dict[str, Any]) -> None:
    epoch, base, size = answer["epoch"], answer["base"], answer["size"]
    _show_dropped(session, answer)
    if not answer["opened"]:
        session.note(
            f"La reprise n° {epoch} garderait {base} entrées sur {size}. Rien n’a été signé.",
            f"New start no. {epoch} would keep {base} of {size} entries. Nothing was signed.",
        )
        return
    session.note(
        f"Reprise n° {epoch} ouverte : {base} entrées sur {size} restent, une clé neuve signe. Les autres "
        "organisations l’apprennent aussitôt si elles sont reliées, sinon en se reliant ; l’ancienne clé ne "
        "leur fait plus rien accepter.",
        f"New start no. {epoch} is open: {base} of {size} entries stay, a new key signs. Other organisations "
        "learn of it at once if they are linked, else when they connect; the old key makes them accept "
        "nothing any more.",
    )
    screen.line(answer["operating"])


def _show_dropped(session: Session, answer: dict[str, Any]) -> None:
    if not answer["dropped"]:
        return
    session.note(
        f"{answer['dropped']} entrée(s) sortent du registre (lisibles là où on les cite) :",
        f"{answer['dropped']} entries leave the register (readable where they are cited):",
    )
    for record in answer["dropped_records"]:
        session.note(f"  [{record['index']}] {record['title']}", f"  [{record['index']}] {record['title']}")
