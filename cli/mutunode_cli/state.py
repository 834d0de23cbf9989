"""How this node stands: `status`, `sync`, `login-link`, `doctor`."""

from __future__ import annotations

import sys
import time
from typing import Any

import click

from mutunode_cli import exits, screen, words
from mutunode_cli.failure import Failure
from mutunode_cli.options import Verb, both, with_session
from mutunode_cli.session import Session

LONG_SECONDS = 600.0  # everything on the disk is recomputed
SETTLE_SECONDS = 60.0  # after its own timeout, the node still has to say so


@click.command(cls=Verb, help=both("Où en est ce nœud, et à qui il est relié.", "How this node stands."))
@with_session
def status_command(session: Session) -> None:
    """Status."""
    status = session.call("status")
    session.show(status, lambda: _show_status(session, status), [status["org"]])


def _show_status(session: Session, status: dict[str, Any]) -> None:
    tr, language = session.tr, session.language
    public = status["logs"].get("public", {})
    signed = words.age(public.get("signed_at", 0), time.time(), language)
    peers = status["peers"]
    connected = sum(peer["state"] == "connected" for peer in peers)
    screen.heading(status["name"], status["org"])
    screen.facts(
        [
            (tr("entrées de votre registre", "entries of your register"), str(public.get("size", 0))),
            (tr("dernière page signée", "latest signed page"), signed),
            (tr("organisations qui en ont tout", "organisations that hold it all"), str(status["holders"])),
            (tr("organisations connues", "organisations known"), str(status["organisations"])),
            (tr("fiches", "records"), str(status["records"])),
            (tr("voisines reliées", "neighbours connected"), f"{connected}/{len(peers)}"),
            (tr("pages", "pages"), status["web"]),
            (tr("adresse du nœud", "the node's address"), status["peer"]),
            ("version", status["version"]),
        ]
    )
    if status["read_only"]:
        reason = status.get("read_only_reason", {})
        session.note(
            f"Lecture seule : {words.pick(reason, 'fr') or 'voir « mutunode doctor »'}",
            f"Read-only: {words.pick(reason, 'en') or 'see `mutunode doctor`'}",
        )


@click.command(
    cls=Verb,
    help=both(
        "Demander des nouvelles ; avec --wait N, attendre que N organisations détiennent tout ce que vous "
        "avez publié. Sans réseau : --to FICHIER sur une clé USB chez l’un, --from FICHIER chez l’autre.",
        "Ask for news; with --wait N, until N organisations hold all you published. Without a network: "
        "--to FILE on a USB key here, --from FILE there.",
    ),
)
@click.option(
    "--wait",
    type=click.IntRange(0),
    default=0,
    metavar="N",
    help=both("combien d’organisations", "how many organisations"),
)
@click.option(
    "--timeout",
    type=click.FloatRange(0),
    default=60.0,
    show_default=True,
    metavar="S",
    help=both("secondes au plus", "seconds at most"),
)
@click.option(
    "--to", metavar="FILE", help=both("écrire tout ce qui se partage dans un fichier", "write all to a file")
)
@click.option(
    "--from",
    "from_",
    metavar="FILE",
    help=both("lire un tel fichier, et vérifier", "read such a file, and verify"),
)
@click.option("--files", is_flag=True, help=both("avec --to : les fichiers aussi", "with --to: files too"))
@with_session
def sync_command(
    session: Session, wait: int, timeout: float, to: str | None, from_: str | None, files: bool
) -> int:
    """Ask for news and wait, or carry it by hand."""
    if to or from_:
        from mutunode_cli.carry import carry

        return carry(session, to, from_, waits=bool(wait), files=files)
    label = session.tr("Organisations à jour", "Organisations up to date")
    answer = session.call_with_progress(
        "sync", {"wait": wait, "timeout": timeout}, label, silence_seconds_max=timeout + SETTLE_SECONDS
    )
    held = answer["holders"]
    if held < wait:
        raise Failure(
            "not_replicated",
            exits.NOT_REPLICATED,
            f"Publié ici ; {held} organisation(s) sur {wait} le détiennent pour l’instant. Le reste suivra.",
            f"Published here; {held} of {wait} organisation(s) hold it so far. The others will follow.",
        )
    session.show(answer, lambda: session.note("À jour.", "Up to date."))
    return exits.DONE


@click.command(
    "login-link",
    cls=Verb,
    help=both(
        "Une adresse qui ouvre une session dans les pages, une seule fois.",
        "An address that opens a session in the pages, once.",
    ),
)
@with_session
def login_link_command(session: Session) -> None:
    """Make a one-time link."""
    said = session.language if session.is_language_said else ""  # else the pages speak the organisation's
    answer = session.call("login_link", {"language": said})
    link = answer["url"]
    session.note("À ouvrir une fois, sur cet ordinateur :", "Open it once, on this computer:")
    session.show(answer, lambda: screen.line(link), [link])


@click.command(
    cls=Verb,
    help=both(
        "Examiner ce nœud : disque, registre, pages signées, liens ; dire ce qu’il faut faire.",
        "Examine this node: disk, register, signed pages, links; and say what to do.",
    ),
)
@click.option(
    "--allow-signing",
    is_flag=True,
    help=both(
        "signer à nouveau bien qu’aucune organisation n’ait pu dire ce qu’elle détient de votre registre",
        "sign again although no organisation could tell what it holds of your register",
    ),
)
@click.option(
    "--repair",
    is_flag=True,
    help=both(
        "remettre les registres tels qu’ils ont été signés, avec ce qui est ici et ce qu’ont les voisines",
        "make registers what was signed again, with what is here and what neighbours hold",
    ),
)
@click.option("--yes", is_flag=True, help=both("sans demander confirmation", "without asking"))
@with_session
def doctor_command(session: Session, allow_signing: bool, repair: bool, yes: bool) -> int | None:
    """Examine the node, mend it, or let it sign again."""
    if allow_signing:
        return _allow_signing(session, yes)
    if repair:
        return _repair(session)
    label = session.tr("Registres examinés", "Registers examined")
    answer = session.call_with_progress("doctor", {}, label, silence_seconds_max=LONG_SECONDS)
    session.show_list(answer, answer, lambda: _show_checks(session, answer))
    is_exact = all(check["well"] for check in answer if check["name"] == "registers")
    return exits.DONE if is_exact else exits.NOT_VERIFIED  # as `log verify`; the rest is advice


def _show_checks(session: Session, checks: list[dict[str, Any]]) -> None:
    for check in checks:
        mark = session.tr("bien", "fine") if check["well"] else session.tr("À VOIR", "LOOK")
        screen.line(screen.clean(f"{mark:<6} {check[session.language]}"))


def _repair(session: Session) -> int:
    label = session.tr("Réparation", "Repairing")
    answer = session.call_with_progress("repair", {}, label, silence_seconds_max=LONG_SECONDS)
    session.show(answer, lambda: _show_repaired(session, answer))
    return exits.DONE


def _show_repaired(session: Session, answer: dict[str, Any]) -> None:
    if answer["salvaged"]:
        session.note(
            "Le fichier des fiches ne se lisait plus : ce qui a pu l’être est repris, l’ancien est gardé "
            f"dans {answer['salvaged']}.",
            "The file of records could not be read any more: what could be was taken over, the old one is "
            f"kept at {answer['salvaged']}.",
        )
    damaged, headers, bodies = answer["damaged"], answer["headers"], answer["bodies"]
    registers = words.some(answer["registers"], "registre", "register")
    header = words.some(headers, "en-tête", "header")
    content = words.some(bodies, "contenu", "content")
    session.note(
        f"{registers[0]}, dont {damaged} à réparer : {header[0]} et {content[0]} rendus par d’autres. Tout "
        "est comme signé ; listes et recherche sont refaites.",
        f"{registers[1]}, {damaged} of them repaired: {header[1]} and {content[1]} handed back by others. "
        "All is as it was signed; lists and search are made anew.",
    )


def _allow_signing(session: Session, yes: bool) -> int:
    session.note(
        "Attention : si ce dossier est une ancienne copie, ou si un autre ordinateur tient la même identité, "
        "signer maintenant crée deux registres contradictoires, que tous verront et que rien n’efface.",
        "Careful: if this folder is an old copy, or if another computer holds the same identity, signing now "
        "makes two contradicting registers, which everybody will see and nothing undoes.",
    )
    question = session.tr("Signer tout de même ?", "Sign nevertheless?")
    if sys.stdin.isatty() and not yes and not click.confirm(question, default=False, err=True):
        session.note("Rien n’a changé.", "Nothing changed.")
        return exits.DONE
    answer = session.call("allow_signing")
    session.show(answer, lambda: session.note("Ce nœud peut signer.", "This node may sign."))
    return exits.DONE
