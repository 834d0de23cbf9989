"""What organisations lend to each other: `means add`, `block`, `ls`, `show`, `hours`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mutunode_cli import failure, fields, screen, words
from mutunode_cli.options import Family, both, dry_run_option, stream_option, with_session
from mutunode_cli.publish import FieldsVerb, manifest_option, publish_kind, show_written
from mutunode_cli.session import Session

ICS_BYTES_MAX = 4_000_000
STATES = {
    "free": {"fr": "libre", "en": "free"},
    "partly": {"fr": "en partie libre", "en": "partly free"},
    "taken": {"fr": "réservé", "en": "booked"},
    "occupied": {"fr": "occupé", "en": "occupied"},
    "closed": {"fr": "fermé", "en": "closed"},
    "repair": {"fr": "en réparation", "en": "under repair"},
    "past": {"fr": "passé", "en": "past"},
    "hint": {"fr": "à savoir", "en": "good to know"},
}


@click.group(
    cls=Family,
    help=both(
        "Moyens partagés : une salle, un véhicule, une machine, une compétence, une place.",
        "Shared means: a room, a vehicle, a machine, a skill, a seat.",
    ),
)
def means_command() -> None:
    """Family of verbs on means."""


@means_command.command(
    "add",
    cls=FieldsVerb,
    help=both(
        'Prêter un moyen : « mutunode means add --name "Pressoir" --type equipment --place Savenay ». '
        "Tous les champs : « mutunode kinds means ». Un catalogue CSV : « mutunode import --kind means ».",
        'Lend a means: `mutunode means add --name "Press" --type equipment --place Savenay`. '
        "All fields: `mutunode kinds means`. A CSV catalogue: `mutunode import --kind means`.",
    ),
)
@manifest_option
@dry_run_option
@click.pass_context
def add_command(ctx: click.Context, manifest: str | None, dry_run: bool) -> None:
    """Offer a means."""
    publish_kind(ctx, "means", manifest, dry_run)


@means_command.command(
    "block",
    help=both(
        "Dire quand un de vos moyens n’est pas disponible. Une réparation annule, avec son motif, ce qui "
        "était réservé à ce moment-là.",
        "Say when a means of yours is not available. A repair releases, with its reason, what was booked "
        "then.",
    ),
)
@click.argument("means", required=False, default="")
@click.option("--from", "start", metavar="T", help="2026-12-12 08:00")
@click.option("--to", "end", metavar="T", help="2026-12-12 12:00")
@click.option("--what", metavar="W", help="closed, repair, hint, occupied")
@click.option(
    "--units", type=click.IntRange(1), metavar="N", help=both("combien ; tous sinon", "how many; else all")
)
@click.option("--note", metavar="T", help=both("ce qu’il faut en savoir", "what to know about it"))
@manifest_option
@dry_run_option
@with_session
def block_command(
    session: Session,
    /,
    means: str,
    start: str | None,
    end: str | None,
    what: str | None,
    units: int | None,
    note: str | None,
    manifest: str | None,
    dry_run: bool,
) -> None:
    """Block a means."""
    _, given = fields.read_manifest(manifest) if manifest else ("", {})
    slot = given.get("slot") if isinstance(given.get("slot"), dict) else {}
    if start or end:
        given["slot"] = {
            **(slot or {}),
            **({"start": start} if start else {}),
            **({"end": end} if end else {}),
        }
    told = {"means": means, "what": what, "units": units, "note": note}
    given |= {name: value for name, value in told.items() if value}
    given.setdefault("what", "closed")
    if not given.get("means"):
        raise failure.usage(
            "Quel moyen ? Donnez son identifiant (rec_…).", "Which means? Give its id (rec_…)."
        )
    answer = session.call("means_block", {"fields": given, "dry_run": dry_run})
    show_written(session, answer, dry_run)
    for rec in answer.get("released", ()):
        session.note(
            f"Réservation annulée, avec le motif : {rec}", f"Booking released, with the reason: {rec}"
        )


@means_command.command(
    "ls",
    help=both(
        "Trouver un moyen chez toutes les organisations : « mutunode means ls camionnette --near Rennes "
        "--on 2026-12-12 », ou en une phrase : « mutunode means ls camionnette près de Rennes le 12 ».",
        "Find a means, of all organisations: `mutunode means ls van --near Rennes --on 2026-12-12`, or in "
        "one sentence: `mutunode means ls van near Rennes on the 12th`.",
    ),
)
@click.argument("query", nargs=-1)
@click.option(
    "--near",
    metavar="P",
    help=both("commune, code INSEE, ou 48.11,-1.67", "town, INSEE code, or 48.11,-1.67"),
)
@click.option("--within", type=click.FloatRange(0, 20_100), default=50.0, metavar="KM", show_default=True)
@click.option("--on", metavar="DAY", help="2026-12-12")
@click.option("--from", "start", metavar="T", help="2026-12-12 08:00")
@click.option("--to", "end", metavar="T", help="2026-12-12 12:00")
@click.option("--units", type=click.IntRange(1), default=1, metavar="N")
@click.option("--type", "kind", metavar="K", help="equipment, room, vehicle, skill, seat")
@click.option("--org", metavar="O", help="org_…")
@click.option("--limit", type=click.IntRange(0, 1_000), default=20, show_default=True, metavar="N")
@click.option("--offset", type=click.IntRange(0), default=0, metavar="N")
@stream_option
@with_session
def ls_command(
    session: Session, /, query: tuple[str, ...], within: float, kind: str | None, **more: Any
) -> None:
    """Find means."""
    params = {
        "q": " ".join(query),
        "within_km": within,
        "type": kind,
        **more,
        "reader_language": session.language,
    }
    params = {
        {"start": "from", "end": "to"}.get(name, name): value
        for name, value in params.items()
        if value not in (None, "")
    }
    answer = session.call("means_ls", params)
    hits = answer["hits"]
    session.show_list(answer, hits, lambda: _show_found(session, answer), [hit["id"] for hit in hits])


def _show_found(session: Session, answer: dict[str, Any]) -> None:
    hits, near = answer["hits"], answer["near"]
    if near and "lat" not in near:
        session.note(
            f"On ne sait pas ici où est « {near['label']} » : seuls les lieux de ce nom sont cherchés. "
            "Donnez des coordonnées : --near 48.11,-1.67.",
            f"It is not known here where “{near['label']}” is: only places of that name are searched. "
            "Give coordinates: --near 48.11,-1.67.",
        )
    if not hits:
        session.note("Aucun moyen ne convient.", "No means fits.")
        return
    columns = session.tr("moyen|chez|où|km|libre|identifiant", "means|of|where|km|free|id").split("|")
    rows = [
        (
            hit["name"],
            hit["org_name"],
            hit["place"].get("label", ""),
            "" if hit["distance_km"] is None else hit["distance_km"],
            _free(session, hit),
            hit["id"],
        )
        for hit in hits
    ]
    screen.table(columns, rows)
    if answer["unplaced"]:
        session.note(
            f"{answer['unplaced']} autre(s) ne disent pas où ils sont.",
            f"{answer['unplaced']} more do not say where they are.",
        )


def _free(session: Session, hit: dict[str, Any]) -> str:
    if hit["free"] is None:
        return ""
    if hit["next_free"]:
        start = str(hit["next_free"]["start"])[:16].replace("T", " ")
        return session.tr(f"non ; dès le {start}", f"no; from {start}")
    return f"{hit['free']}/{hit['units']}"


@means_command.command(
    "show", help=both("Un moyen, sa semaine et ses réservations.", "A means, its week and bookings.")
)
@click.argument("means")
@click.option("--day", metavar="DAY", help=both("un jour de la semaine voulue", "a day of the week wanted"))
@with_session
def show_command(session: Session, means: str, day: str | None) -> None:
    """Show a means."""
    params = {"rec": means, "day": day or "", "reader_language": session.language}
    answer = session.call("means_show", params)
    session.show(answer, lambda: _show_means(session, answer), [answer["card"]["id"]])


def _show_means(session: Session, answer: dict[str, Any]) -> None:
    card, language = answer["card"], session.language
    screen.heading(card["name"], card["org_name"])
    if answer["pending"]:
        session.note(
            "Données attendues : il peut manquer des réservations.", "Pending data: bookings may be missing."
        )
    columns = session.tr("jour|matin|après-midi|soir", "day|morning|afternoon|evening").split("|")
    screen.table(
        columns, [(day["date"], *(_part(part, language) for part in day["parts"])) for day in answer["week"]]
    )
    show_bookings(session, answer["bookings"])


def _part(part: dict[str, Any], language: str) -> str:
    told = words.both(STATES, part["state"], language)
    who = ", ".join(one["org_name"] for one in part["bookings"] if one["org_name"])
    return f"{told} {who}".strip() + (f" (+{len(part['asked'])} ?)" if part["asked"] else "")


def show_bookings(session: Session, bookings: list[dict[str, Any]]) -> None:
    """Bookings as a table: when, what, who, how it stands."""
    if not bookings:
        return
    columns = session.tr("quand|moyen|qui|état|à faire|identifiant", "when|means|who|state|to do|id").split(
        "|"
    )
    rows = [
        (
            when(one),
            one["means_name"],
            one["org_name"],
            words.pick(one["word"], session.language),
            ", ".join(one["acts"]),
            one["id"],
        )
        for one in bookings
    ]
    screen.table(columns, rows)


def when(one: dict[str, Any]) -> str:
    """The time of a booking, short."""
    slot = one["slot"]
    if not slot:
        return "?"
    start, end = slot["start"][:16].replace("T", " "), slot["end"][:16].replace("T", " ")
    return f"{start} – {end[11:] if start[:10] == end[:10] else end}"


@means_command.command(
    "hours",
    help=both(
        "Reprendre les heures d’ouverture et les absences d’un agenda (fichier iCalendar).",
        "Take opening hours and absences from a calendar (an iCalendar file).",
    ),
)
@click.argument("means")
@click.argument("file")
@dry_run_option
@with_session
def hours_command(session: Session, means: str, file: str, dry_run: bool) -> None:
    """Import availability."""
    params = {"rec": means, "text": _text(file), "dry_run": dry_run}
    answer = session.call("means_hours", params)
    session.show(answer, lambda: _show_hours(session, answer), answer["blocks"])


def _text(file: str) -> str:
    try:
        with Path(file).open("rb") as opened:
            raw = opened.read(ICS_BYTES_MAX + 1)
        if len(raw) > ICS_BYTES_MAX:
            raise failure.usage(f"{file} est trop gros.", f"{file} is too large.")
        return raw.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise failure.usage(f"{file} ne se lit pas : {error}", f"{file} cannot be read: {error}") from None


def _show_hours(session: Session, answer: dict[str, Any]) -> None:
    for hours in answer["availability"]:
        screen.line(f"{','.join(hours['days'])} {hours['from']}-{hours['to']}")
    session.note(
        f"{len(answer['availability'])} plage(s) d’ouverture, {answer['closed']} absence(s), "
        f"{answer['left_out']} ligne(s) laissée(s).",
        f"{len(answer['availability'])} opening(s), {answer['closed']} absence(s), "
        f"{answer['left_out']} left out.",
    )
