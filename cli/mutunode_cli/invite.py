"""Invitations: `peer invite`, `peer invitations`, `peer revoke`, and the link given to `peer accept`.

A link holds a secret that is good for one use: it is printed once and kept nowhere. ``peer accept -`` reads
it from standard input, so that it stands in no list of processes.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import click

from mutunode_cli import exits, screen, words
from mutunode_cli.failure import Failure, usage
from mutunode_cli.options import Verb, both, stream_option, with_session
from mutunode_cli.session import Session

LINK = "mutunode://invite/"
LINK_LENGTH_MAX = 8_000
WAIT_SECONDS = 15.0
STATES = {
    "open": ("à utiliser", "to be used"),
    "used": ("utilisée", "used"),
    "expired": ("expirée", "expired"),
    "revoked": ("annulée", "cancelled"),
}


@click.command(
    cls=Verb,
    help=both(
        "Inviter une organisation. Sans --to : un lien et un code QR à lui remettre, valables une fois. Avec "
        "--to org_… : une invitation scellée, portée à une organisation dont la clé est connue ici.",
        "Invite an organisation. Without --to: a link and a QR code to hand over, good for one use. With "
        "--to org_…: a sealed invitation, brought to an organisation whose key is known here.",
    ),
)
@click.option("--to", metavar="ORG", help=both("l’organisation, si sa clé est connue", "the organisation"))
@click.option("--link", is_flag=True, help=both("un lien (c’est l’usage)", "a link (the default)"))
@click.option(
    "--expires",
    "days",
    type=click.IntRange(1, 90),
    default=7,
    show_default=True,
    metavar="DAYS",
    help=both("jours de validité", "days it is good for"),
)
@click.option("--address", multiple=True, metavar="A", help=both("où vous joindre", "where you are reached"))
@click.option(
    "--ask",
    is_flag=True,
    help=both("demander avant de suivre qui viendra avec", "ask before following whoever comes with it"),
)
@click.option("--note", metavar="T", help=both("pour qui, ou un mot d’accueil", "for whom, or a word"))
@with_session
def invite_command(
    session: Session,
    to: str | None,
    link: bool,
    days: int,
    address: tuple[str, ...],
    ask: bool,
    note: str | None,
) -> None:
    """Invite an organisation."""
    if to and link:
        raise click.UsageError("--to / --link")
    params = {"to": to, "address": list(address), "days": days, "follows": not ask, "note": note}
    answer = session.call("peer_invite", params)
    if to:
        told = ("Invitation scellée : elle part vers elle.", "Invitation sealed: it is on its way.")
        session.show(answer, lambda: session.note(*told), [answer["id"]])
        return
    session.show(answer, lambda: _show_link(session, answer), [answer["link"]])


def _show_link(session: Session, made: dict[str, Any]) -> None:
    until = time.strftime("%Y-%m-%d %H:%M", time.localtime(made["expires_at"]))
    session.note(
        f"À remettre à une seule organisation, avant le {until}. Ce lien ne sera plus affiché.",
        f"Hand it to one organisation, before {until}. This link will not be shown again.",
    )
    if not made["follows"]:
        session.note("Vous déciderez quand elle viendra (« todo »).", "You decide when it comes (`todo`).")
    if sys.stderr.isatty():
        import segno

        segno.make(made["link"], error="m", boost_error=False).terminal(out=sys.stderr, compact=True)
    screen.line(made["link"])


@click.command(
    cls=Verb, help=both("Vos invitations, sans leur secret.", "Your invitations, without their secret.")
)
@stream_option
@with_session
def invitations_command(session: Session) -> None:
    """List invitations."""
    found = session.call("peer_invitations")
    session.show_list(found, found, lambda: _show_invitations(session, found), [one["id"] for one in found])


def _show_invitations(session: Session, found: list[dict[str, Any]]) -> None:
    if not found:
        session.note("Aucune invitation. Voir « mutunode peer invite ».", "None. See `mutunode peer invite`.")
        return
    columns = session.tr("état|pour|faite|utilisée par|identifiant", "state|for|made|used by|id").split("|")
    now = time.time()
    rows = [
        (
            session.tr(*STATES[one["state"]]),
            one["note"],
            words.age(one["made_at"], now, session.language),
            one["used_by_name"],
            one["id"],
        )
        for one in found
    ]
    screen.table(columns, rows)


@click.command(cls=Verb, help=both("Annuler une invitation.", "Cancel an invitation."))
@click.argument("invitation")
@with_session
def revoke_command(session: Session, invitation: str) -> None:
    """Cancel an invitation."""
    answer = session.call("peer_revoke", {"id": invitation})
    session.show(answer, lambda: session.note("Annulée.", "Cancelled."), [answer["id"]])


def given_link(text: str) -> str | None:
    """The link meant by an argument: itself, or what standard input holds for ``-``; None for an id."""
    if text == "-":
        read = sys.stdin.read(LINK_LENGTH_MAX).strip()
        if not read:
            raise usage(
                "L’entrée standard est vide : un lien d’invitation y était attendu.",
                "Standard input is empty: an invitation link was expected there.",
            )
        return read
    return text if text.strip().startswith(LINK) else None


def take_up(session: Session, link: str, yes: bool) -> int | None:
    """Show who invites, and meet them."""
    read = session.call("peer_read_invitation", {"link": link})
    check = words.pick(read["check_words"], session.language)
    session.note(
        f"{read['name'] or read['org']} vous invite — mots de contrôle : {check}",
        f"{read['name'] or read['org']} invites you — check words: {check}",
    )
    if read["similar_to"]:
        session.note(
            f"Attention : ce nom ressemble à « {read['similar_to']} ».",
            f"Careful: this name looks like `{read['similar_to']}`.",
        )
    question = session.tr("Suivre cette organisation ?", "Follow this organisation?")
    if sys.stdin.isatty() and not yes and not click.confirm(question, default=True, err=True):
        session.note("Rien n’a été décidé.", "Nothing was decided.")
        return None
    answer = session.call("peer_take_up", {"link": link, "wait": WAIT_SECONDS})
    org = answer["organisation"]["org"]
    if answer["state"] != "taken":
        session.show(answer, lambda: None, [org])
        raise Failure(
            "not_replicated",
            exits.NOT_REPLICATED,
            "Vous la suivez. Elle n’est pas joignable pour l’instant : votre réponse lui sera portée.",
            "You follow it. It cannot be reached for now: your answer will be brought to it.",
        )
    session.show(answer, lambda: session.note("Vous avez fait connaissance.", "You have met."), [org])
    return None
