"""Find and read: `search`, `show`."""

from __future__ import annotations

import re
import time
from typing import Any

import click

from mutunode_cli import kinds, screen, words
from mutunode_cli.failure import Failure
from mutunode_cli.options import Verb, both, stream_option, with_session
from mutunode_cli.session import Session

_EXCLUDED = re.compile(r"-[^-\s].+", re.DOTALL)  # no option of ours has one hyphen and several letters


class _Search(Verb):
    """A verb to which ``-dimanche`` is a word that must not be found, as on the page."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take such words out of what click would read as options."""
        end = args.index("--") if "--" in args else len(args)
        without = [word for word in args[:end] if _EXCLUDED.fullmatch(word)]
        if without:
            kept = [word for word in args[:end] if word not in without]
            args = [*kept, "--", *without, *args[end + 1 :]]
        return super().parse_args(ctx, args)


@click.command(
    cls=_Search,
    own_language=True,
    help=both(
        "Chercher dans tout ce que les organisations partagent. Sans mots : tout, le plus récent d’abord. "
        "« -mot » : sans ce mot.",
        "Search everything the organisations share. Without words: everything, newest first. "
        "`-word`: without that word.",
    ),
)
@click.argument("query", nargs=-1)
@click.option("--sense", multiple=True, metavar="S", help="aval, amont, meta")
@click.option("--kind", multiple=True, metavar="K", help=both("nature de fiche", "kind of record"))
@click.option("--org", multiple=True, metavar="O", help=both("organisation (org_…)", "organisation (org_…)"))
@click.option(
    "--language", multiple=True, metavar="L", help=both("langue du contenu", "language of the content")
)
@click.option("--license", "license_", multiple=True, metavar="X", help=both("licence", "licence"))
@click.option("--circle", metavar="C", help=both("cercle", "circle"))
@click.option(
    "--sort",
    type=click.Choice(["relevance", "date", "usage"]),
    help=both("ordre : le plus proche, le plus récent, le plus utilisé", "order: closest, newest, most used"),
)
@click.option("--limit", type=click.IntRange(0, 100), default=20, show_default=True, metavar="N")
@click.option("--offset", type=click.IntRange(0), default=0, metavar="N")
@stream_option
@with_session
def search_command(
    session: Session,
    query: tuple[str, ...],
    sense: tuple[str, ...],
    kind: tuple[str, ...],
    org: tuple[str, ...],
    language: tuple[str, ...],
    license_: tuple[str, ...],
    circle: str | None,
    sort: str | None,
    limit: int,
    offset: int,
) -> None:
    """Search."""
    chosen = {"sense": sense, "kind": kind, "org": org, "language": language, "license": license_}
    params: dict[str, Any] = {name: _one_or_list(values) for name, values in chosen.items() if values}
    params |= {"q": " ".join(query), "circle": circle, "sort": sort, "limit": limit, "offset": offset}
    answer = session.call("search", params | {"reader_language": session.language})
    hits = answer["hits"]
    session.show_list(answer, hits, lambda: _show_hits(session, answer, offset), [hit["id"] for hit in hits])


def _one_or_list(values: tuple[str, ...]) -> str | list[str]:
    return values[0] if len(values) == 1 else list(values)


def _show_hits(session: Session, answer: dict[str, Any], offset: int) -> None:
    hits, total = answer["hits"], answer["total"]
    if not hits:
        session.note("Aucune réponse.", "Nothing found.")
        _show_tries(session, answer)
    for hit in hits:
        _show_hit(session, hit)
    if total > offset + len(hits) and hits:
        first, last = offset + 1, answer.get("next") or offset + len(hits)
        session.note(
            f"{first} à {last} sur {total} ; la suite : --offset {last}",
            f"{first} to {last} of {total}; more: --offset {last}",
        )
    if answer.get("rebuilding"):
        session.note(
            "La recherche n’a pas encore tout lu : il peut manquer des réponses.",
            "The search has not read everything yet: answers may be missing.",
        )


_TRIES = {  # why a search is proposed → how it is said
    "spelling": ("Avec une autre orthographe : {q} ({n})", "With another spelling: {q} ({n})"),
    "looser": ("Moins strictement : {q} ({n})", "Less strictly: {q} ({n})"),
    "word": ("Ce mot seul : {q} ({n})", "This word alone: {q} ({n})"),
    "filters": ("Sans aucun filtre : {q} ({n})", "Without any filter: {q} ({n})"),
    "senses": ("Sans --sense : {q} ({n})", "Without --sense: {q} ({n})"),
    "kinds": ("Sans --kind : {q} ({n})", "Without --kind: {q} ({n})"),
    "orgs": ("Sans --org : {q} ({n})", "Without --org: {q} ({n})"),
    "languages": ("Sans --language : {q} ({n})", "Without --language: {q} ({n})"),
    "licenses": ("Sans --license : {q} ({n})", "Without --license: {q} ({n})"),
}


def _show_tries(session: Session, answer: dict[str, Any]) -> None:
    """Other searches that find something."""
    for other in answer.get("tries", ()):
        fr, en = _TRIES.get(other["why"], ("{q} ({n})", "{q} ({n})"))
        q = screen.clean(other["q"])
        session.note(fr.format(q=q, n=other["total"]), en.format(q=q, n=other["total"]))


def _show_hit(session: Session, hit: dict[str, Any]) -> None:
    language = session.language
    sense = words.both(words.SENSES, hit["sense"], language)
    screen.heading(hit["title"] or hit["id"], sense)
    by = [hit["org_name"] or hit["org"]]
    if hit["sense"] == "aval":  # what is lent or done together is under no licence
        by.append(hit["license"] or session.tr("licence non précisée", "licence not stated"))
    if any(hit["usage"].values()):
        by.append(words.usage_count(hit["usage"], language))
    screen.line("  " + screen.clean(" · ".join(by)))
    if hit["snippet"]:
        screen.line("  " + screen.clean(hit["snippet"]))
    for other in hit.get("others", ()):
        name = screen.clean(other["org_name"] or other["org"])
        also = session.tr(f"aussi chez {name}", f"also from {name}")
        screen.line(f"  {also} : {other['id']}" if language == "fr" else f"  {also}: {other['id']}")
    screen.line("  " + screen.clean(hit["id"]))


@click.command(cls=Verb, help=both("Lire une fiche, son auteur, ses versions, ses usages.", "Read a record."))
@click.argument("rec")
@with_session
def show_command(session: Session, rec: str) -> None:
    """Show one record."""
    record = session.call("show", {"rec": rec, "reader_language": session.language})
    session.show(record, lambda: _show_record(session, record), [record["id"]])


def _show_record(session: Session, record: dict[str, Any]) -> None:
    tr, language = session.tr, session.language
    kind = _declared(session, record["kind"])
    name = words.pick(kind.label, language) if kind else record["kind"]
    screen.heading(record["title"] or record["id"], words.both(words.SENSES, record["sense"], language))
    state = record.get("state", "ok")
    revisions = record.get("revisions", ())
    screen.facts(
        [
            (tr("nature", "kind"), name),
            (tr("de", "by"), record["org_name"] or record["org"]),
            (tr("publié", "published"), words.age(record["time"], time.time(), language)),
            (tr("état", "state"), words.both(words.STATES, state, language) if state != "ok" else ""),
            (tr("qui peut lire", "who can read it"), _reader(session, record)),
            (tr("raison", "reason"), record.get("withdrawn_reason", "")),
            (tr("version actuelle", "current version"), record.get("newest", "")),
            (tr("versions", "versions"), len(revisions) if len(revisions) > 1 else ""),
            (tr("au sujet de", "about"), record.get("target_title", "")),
            *kinds.body_in_words(kind, record["body"], language),
            (tr("usages", "usages"), _usages(session, record["usage"])),
            (tr("identifiant", "id"), record["id"]),
        ]
    )


def _reader(session: Session, record: dict[str, Any]) -> str:
    """Who can read what was told in confidence, and whether it has it; nothing for what all can read."""
    if not record.get("private"):
        return ""
    if not record.get("sealed_for"):
        return session.tr("vous seul", "you alone")
    told = {
        "waiting": (", en chemin", ", on its way"),
        "taken": (", reçue", ", received"),
        "refused": (", refusée", ", refused"),
        "given_up": (", pas joignable d’ici en un mois", ", not reached from here within a month"),
    }.get(record.get("delivery", ""), ("", ""))
    return str(record["sealed_for_name"]) + session.tr(*told)


def _declared(session: Session, kind: str) -> kinds.Kind | None:
    """The kind's labels; a record is readable without them."""
    try:
        return kinds.kinds(session).get(kind)
    except Failure:
        return None


def _usages(session: Session, count: dict[str, int]) -> str:
    return words.usage_count(count, session.language) if any(count.values()) else ""
