"""Bookings: `book request`, and what either side says of one afterwards."""

from __future__ import annotations

from typing import Any

import click

from mutunode_cli import screen, words
from mutunode_cli.means import show_bookings, when
from mutunode_cli.options import Family, both, dry_run_option, stream_option, with_session
from mutunode_cli.publish import show_written
from mutunode_cli.session import Session


@click.group(
    cls=Family,
    help=both(
        "Réserver un moyen d’une autre organisation, répondre aux demandes, remettre et rendre.",
        "Book a means of another organisation, answer requests, hand over and give back.",
    ),
)
def book_command() -> None:
    """Family of verbs on bookings."""


@book_command.command(
    "request",
    help=both(
        "Demander un moyen. Le créneau reste libre jusqu’à la réponse de qui le prête.",
        "Ask for a means. The time stays free until its owner answers.",
    ),
)
@click.argument("means")
@click.option("--from", "start", required=True, metavar="T", help="2026-12-12 08:00")
@click.option("--to", "end", required=True, metavar="T", help="2026-12-12 12:00")
@click.option("--units", type=click.IntRange(1), default=1, metavar="N", show_default=True)
@click.option("--purpose", metavar="T", help=both("pour quoi faire", "what for"))
@click.option(
    "--expires",
    metavar="T",
    help=both("répondre avant ; trois jours sinon", "answer before; else three days"),
)
@dry_run_option
@with_session
def request_command(
    session: Session, /, means: str, start: str, end: str, dry_run: bool, **more: Any
) -> None:
    """Ask."""
    given = {name: value for name, value in more.items() if value is not None}
    params = {"rec": means, "from": start, "to": end, "dry_run": dry_run, **given}
    show_written(session, session.call("book_request", params), dry_run)


def _act(session: Session, act: str, rec: str, dry_run: bool, **more: Any) -> None:
    given = {name: value for name, value in more.items() if value is not None}
    show_written(
        session, session.call("book_act", {"rec": rec, "act": act, "dry_run": dry_run, **given}), dry_run
    )


def _plain(act: str, fr: str, en: str) -> None:
    """A verb that needs no more than the booking."""

    @book_command.command(act, help=both(fr, en))
    @click.argument("rec")
    @dry_run_option
    @with_session
    def command(session: Session, rec: str, dry_run: bool) -> None:
        _act(session, act, rec, dry_run)


def _with_reason(act: str, fr: str, en: str) -> None:
    @book_command.command(act, help=both(fr, en))
    @click.argument("rec")
    @click.option("--reason", required=True, metavar="T", help=both("pourquoi", "why"))
    @dry_run_option
    @with_session
    def command(session: Session, rec: str, reason: str, dry_run: bool) -> None:
        _act(session, act, rec, dry_run, reason=reason)


def _with_condition(act: str, fr: str, en: str) -> None:
    @book_command.command(act.replace("_", "-"), help=both(fr, en))
    @click.argument("rec")
    @click.option("--condition", type=click.Choice(["ok", "damaged"]), metavar="C", help="ok, damaged")
    @click.option(
        "--damaged",
        is_flag=True,
        help=both("c’est abîmé (dites quoi : --note)", "it is damaged (say what: --note)"),
    )
    @click.option("--note", metavar="T", help=both("remarque", "note"))
    @dry_run_option
    @with_session
    def command(
        session: Session, rec: str, condition: str | None, damaged: bool, note: str | None, dry_run: bool
    ) -> None:
        said = condition or ("damaged" if damaged else "ok")
        _act(session, act, rec, dry_run, condition=said, note=note)


_plain("accept", "Accepter une demande.", "Accept a request.")
_with_reason("refuse", "Refuser une demande, en disant pourquoi.", "Refuse a request, saying why.")
_plain("checkout", "Noter que vous avez remis le moyen.", "Note that you handed the means over.")
_plain("pickup", "Noter que vous avez emporté le moyen.", "Note that you picked the means up.")
_with_condition(
    "return", "Noter que le moyen vous est revenu, et son état.", "Note that it came back, and its condition."
)
_with_condition(
    "give_back",
    "Noter que vous avez rendu le moyen, et son état.",
    "Note that you gave it back, and its condition.",
)
_plain("withdraw", "Vous retirer, avant la remise.", "Withdraw, before it is handed over.")
_with_reason(
    "release",
    "Annuler ce que vous avez accordé, en disant pourquoi.",
    "Release what you granted, saying why.",
)


@book_command.command(
    "show",
    help=both("Une réservation : où elle en est, qui l’a dit.", "A booking: how it stands, who said so."),
)
@click.argument("rec")
@with_session
def show_command(session: Session, rec: str) -> None:
    """Show a booking."""
    answer = session.call("book_show", {"rec": rec, "reader_language": session.language})
    session.show(answer, lambda: _show(session, answer), [answer["id"]])


def _side(session: Session, side: str) -> str:
    return (
        session.tr("au retour", "on return") if side == "return" else session.tr("en rendant", "giving back")
    )


def _show(session: Session, one: dict[str, Any]) -> None:
    screen.heading(one["means_name"], words.pick(one["word"], session.language))
    facts = [
        (session.tr("quand", "when"), when(one)),
        (session.tr("demandé par", "asked by"), one["org_name"]),
        (session.tr("prêté par", "lent by"), one["owner_name"]),
        (session.tr("état", "state"), words.pick(one["told"], session.language)),
        (session.tr("pour", "for"), words.pick(one["purpose"], session.language)),
        (session.tr("motif", "reason"), words.pick(one["reason"], session.language)),
        *((_side(session, side), words.pick(note, session.language)) for side, note in one["notes"].items()),
        (session.tr("à vous de dire", "yours to say"), ", ".join(one["acts"])),
        (session.tr("identifiant", "id"), one["id"]),
    ]
    screen.facts([(name, value) for name, value in facts if value])


@book_command.command(
    "ls", help=both("Vos demandes, et celles que vous recevez.", "What you asked, and what is asked of you.")
)
@click.option("--mine", is_flag=True, help=both("vos demandes seulement", "what you asked only"))
@click.option(
    "--ours", is_flag=True, help=both("ce qu’on vous demande seulement", "what is asked of you only")
)
@stream_option
@with_session
def ls_command(session: Session, mine: bool, ours: bool) -> None:
    """List bookings."""
    answer = session.call("book_ls", {"reader_language": session.language})
    chosen = ["mine"] * (mine or not ours) + ["ours"] * (ours or not mine)
    lines = list({one["id"]: one for side in chosen for one in answer[side]}.values())

    def human() -> None:
        if not lines:
            session.note("Aucune réservation.", "No booking.")
        show_bookings(session, lines)

    session.show_list(answer, lines, human, [one["id"] for one in lines])
