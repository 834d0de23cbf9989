"""Acknowledge and answer: `use`, `usage`, `todo`, `answer`, `flag`."""

from __future__ import annotations

import time
from datetime import date
from typing import Any

import click

from mutunode_cli import screen, words
from mutunode_cli.options import Verb, both, dry_run_option, stream_option, with_session
from mutunode_cli.publish import show_written
from mutunode_cli.session import Session

DECISIONS = ("accept", "ignore", "block")  # about a stranger


@click.command(
    cls=Verb,
    help=both(
        "Dire, au nom de votre organisation, que vous utilisez une ressource.",
        "Declare, for your organisation, that you use a resource.",
    ),
)
@click.argument("rec")
@click.option("--as", "as_", required=True, metavar="KIND", help=", ".join(words.USAGES))
@click.option("--purpose", metavar="T", help=both("pour quoi faire", "what for"))
@click.option("--period", metavar="P", help=both("quand ; aujourd’hui sinon", "when; else today"))
@click.option("--can-help", is_flag=True, help=both("vous pouvez aider d’autres", "you can help others"))
@click.option("--visibility", metavar="V", help="public, author_only")
@click.option("--experience", metavar="T", help=both("ce que vous en retenez", "what you learned"))
@click.option("--scale", metavar="S", help=both("à quelle échelle", "at which scale"))
@dry_run_option
@with_session
def use_command(
    session: Session, /, rec: str, as_: str, period: str | None, dry_run: bool, **more: Any
) -> None:
    """Declare a usage."""
    day = period or date.today().isoformat()  # the person's own day is meant
    params = {"rec": rec, "as": as_, "period": day, "dry_run": dry_run, **more}
    show_written(session, session.call("use", params), dry_run)


@click.command(
    cls=Verb,
    help=both(
        "Publier combien d’organisations vous ont confié utiliser une ressource (trois au moins), sans dire "
        "lesquelles.",
        "Publish how many organisations told you in confidence that they use a resource (three at least), "
        "never which.",
    ),
)
@click.argument("rec")
@with_session
def usage_count_command(session: Session, rec: str) -> None:
    """Publish figures of what was told in confidence."""
    answer = session.call("count_told", {"rec": rec})
    ids = [one["id"] for one in answer]
    session.show(answer, lambda: session.note("Publié.", "Published."), ids)


@click.command(
    cls=Verb,
    help=both(
        "Qui déclare utiliser une ressource : déclaré (un côté), confirmé (les deux), contesté (non compté).",
        "Who declares using a resource: declared (one side), confirmed (both), contested (not counted).",
    ),
)
@click.argument("rec")
@stream_option
@with_session
def usage_command(session: Session, rec: str) -> None:
    """Who uses a resource."""
    answer = session.call("usage", {"rec": rec})
    lines = answer["organisations"]
    session.show_list(answer, lines, lambda: _show_usage(session, answer), [one["id"] for one in lines])


def _show_usage(session: Session, answer: dict[str, Any]) -> None:
    language = session.language
    session.note(words.usage_count(answer, "fr"), words.usage_count(answer, "en"))
    if answer.get("pending"):
        session.note(
            "Données attendues : d’autres usages peuvent exister.",
            "Awaiting data: there may be other usages.",
        )
    for told in answer.get("told", ()):
        way = {each: words.both(words.USAGES, told["type"], each) for each in words.LANGUAGES}
        session.note(
            f"L’auteur dit que {told['n']} organisations le lui ont confié ({way['fr']}).",
            f"The author says that {told['n']} organisations told it so in confidence ({way['en']}).",
        )
    columns = session.tr(
        "organisation|usage|quand|état|peut aider|but", "organisation|usage|when|state|can help|purpose"
    )
    alone = session.tr(" (pour vous seul)", " (for you alone)")
    rows = [
        (
            (one["org_name"] or one["org"]) + (alone if one.get("private") else ""),
            words.both(words.USAGES, one["type"], language),
            one["period"],
            words.both(words.STATES, one.get("state", ""), language),
            session.tr("oui", "yes") if one["can_help"] else "",
            words.pick(one["purpose"], language),
        )
        for one in answer["organisations"]
    ]
    if rows:
        screen.table(columns.split("|"), rows)


@click.command(
    cls=Verb, help=both("Ce qui attend une réponse de votre part.", "What waits for an answer of yours.")
)
@stream_option
@with_session
def todo_command(session: Session) -> None:
    """List what waits for an answer."""
    answer = session.call("todo", {"reader_language": session.language})
    waiting = answer["waiting"]
    session.show_list(answer, waiting, lambda: _show_todo(session, waiting), [one["id"] for one in waiting])


def _show_todo(session: Session, waiting: list[dict[str, Any]]) -> None:
    if not waiting:
        session.note("Rien n’attend de réponse.", "Nothing waits for an answer.")
        return
    now, language = time.time(), session.language
    unknown = session.tr("inconnue ici", "unknown here")
    columns = session.tr("de|fiche|ce qui est dit|depuis|identifiant", "from|record|what|since|id").split("|")
    rows = [
        (
            (one["org_name"] or one["org"]) + (f" ({unknown})" if one.get("stranger") else ""),
            one["title"],
            _said(session, one),
            words.age(one["time"], now, language),
            one["id"],
        )
        for one in waiting
    ]
    screen.table(columns, rows)
    if any(one.get("about") == "booking" for one in waiting):
        session.note(
            "Réservations : « mutunode book show ID » dit ce qui est à vous (accept, refuse --reason…).",
            "Bookings: `mutunode book show ID` tells what is yours to say (accept, refuse --reason…).",
        )
    for one in waiting:
        if one.get("about") == "dispute":
            text, org = words.pick(one["text"], language), one["org"][:14]
            session.note(
                f"{one['org_name']} — {text} Voir « mutunode peer show {org} ».",
                f"{one['org_name']} — {text} See `mutunode peer show {org}`.",
            )
    if all(one.get("about") in ("booking", "dispute") for one in waiting):
        return
    session.note(
        "Répondre : « mutunode answer ID thanks », noted ou contest --reason.",
        "Answer: `mutunode answer ID thanks`, noted, or contest --reason.",
    )
    if any(one.get("stranger") for one in waiting):
        session.note(
            "D’une organisation inconnue ici : aussi « accept » (la suivre), « ignore » ou « block ».",
            "By an organisation unknown here: also `accept` (follow it), `ignore` or `block`.",
        )


_OWED = {
    "answer": {"fr": "demande de réservation", "en": "booking request"},
    "overbooked": {"fr": "promis deux fois", "en": "overbooked"},
    "blocked": {"fr": "réservé, mais indisponible", "en": "booked, but not available"},
    "checkout": {"fr": "remis ?", "en": "handed over?"},
    "pickup": {"fr": "emporté ?", "en": "picked up?"},
    "return": {"fr": "revenu ?", "en": "come back?"},
    "give_back": {"fr": "rendu ?", "en": "given back?"},
}


def _said(session: Session, one: dict[str, Any]) -> str:
    if one.get("about") == "booking":
        return words.both(_OWED, one["type"], session.language)
    alone = session.tr(", pour vous seul", ", for you alone") if one.get("private") else ""
    return _what(session, one) + alone


def _what(session: Session, one: dict[str, Any]) -> str:
    if one.get("about") == "dispute":
        return session.tr("deux clés se la disputent", "two keys claim it")
    if one.get("about") in ("invite", "message"):
        return words.pick(one["text"], session.language) or session.tr("à voir", "to be seen")
    if one.get("about") == "derivation":
        return session.tr("une version", "a version")
    if one.get("about") == "flag":
        return session.tr(f"signalée : {one['type']}", f"reported: {one['type']}")
    return words.both(words.USAGES, one["type"], session.language)


@click.command(
    cls=Verb,
    help=both(
        "Répondre à un usage déclaré d’une de vos ressources : thanks, noted, ou contest avec --reason. À ce "
        "qu’une organisation inconnue ici a laissé : aussi accept (la suivre), ignore, block.",
        "Answer a declared usage of a resource of yours: thanks, noted, or contest with --reason. To what an "
        "organisation unknown here left: also accept (follow it), ignore, block.",
    ),
)
@click.argument("rec")
@click.argument("answer", type=click.Choice(["thanks", "noted", "contest", *DECISIONS]))
@click.option("--reason", metavar="T", help=both("pourquoi (pour contest)", "why (for contest)"))
@with_session
def answer_command(session: Session, rec: str, answer: str, reason: str | None) -> None:
    """Answer a usage."""
    given = session.call("answer", {"rec": rec, "answer": answer, "reason": reason})
    if answer in DECISIONS:
        session.show(given, lambda: session.note("Décidé.", "Decided."), [given["org"]])
    else:
        show_written(session, given)


@click.command(
    cls=Verb,
    help=both(
        "Signaler une fiche, en public et au nom de votre organisation. Personne n’efface chez les autres.",
        "Flag a record, in public and for your organisation. Nobody deletes anything elsewhere.",
    ),
)
@click.argument("rec")
@click.option(
    "--reason", required=True, metavar="R", help="illegal, licence, privacy, spam, inaccurate, charter"
)
@click.option("--note", metavar="T", help=both("ce qui ne va pas", "what is wrong"))
@with_session
def flag_command(session: Session, rec: str, reason: str, note: str | None) -> None:
    """Flag a record."""
    show_written(session, session.call("flag", {"rec": rec, "reason": reason, "note": note}))
