"""Une fiche: may I use it, who does, who helps, is it true; then the details."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import parse_qs, urlsplit

import msgspec
from aiohttp import web

from mutunode.commons import licences
from mutunode.commons.kind import ListOf, Ref, Show
from mutunode.commons.kind import Record as Members
from mutunode.commons.markup import leads_outside, plain
from mutunode.service.shapes import Parent, Record, UsageAnswer
from mutunode.web import controls, plots, render, shown, text
from mutunode.web import visit as visits
from mutunode.web.clerk import ask, read
from mutunode.web.labels import Labels, has_field
from mutunode.web.pages import acts, files
from mutunode.web.visit import Visit

USAGE = acts.DECLARE.kind
LEDE_LENGTH_MAX = 300  # characters that may stand below a title
OWN_PAGES = {"means": "means_page", "booking": "booking"}  # kinds that have a page of their own
PLAIN_STATES = frozenset({"ok", "superseded", "withdrawn"})  # those whose content can be shown


Lines = tuple[shown.Line, ...]


class Help(msgspec.Struct, frozen=True):
    """What a licence allows."""

    permission: str
    short: str
    given: str
    stated: bool


class FamilyTree(msgspec.Struct, frozen=True):
    """Where a record comes from and what became of it: a picture, and the same as a list."""

    links: tuple[plots.Link, ...]
    relatives: tuple[Relative, ...]


class Relative(msgspec.Struct, frozen=True):
    """One line of the list."""

    line: plots.Relative
    id: str = ""
    web: str = ""
    language: str = ""
    relation: str = ""
    parent: Parent | None = None


class RecordPage(msgspec.Struct, frozen=True):
    """The page's context."""

    record: Record
    nature: str
    lede: shown.Value | None
    prose: tuple[shown.Line, ...]
    facts: tuple[shown.Line, ...]
    links: tuple[shown.Line, ...]
    licence: Help | None
    usage: UsageAnswer | None
    types: dict[str, str]
    family: FamilyTree | None
    reasons: dict[str, str]
    declaring: tuple[controls.Control, ...]  # the form « Nous l'utilisons »
    can_revise: bool
    can_derive: bool
    back: tuple[str, str] | None  # (address, what was searched)
    files: tuple[files.Shown, ...] = ()

    @property
    def readable(self) -> bool:
        """Whether the content is there, and to be shown."""
        return self.record.state in PLAIN_STATES and bool(self.record.body)


async def show(request: web.Request) -> web.StreamResponse:
    """``/fr/fiche/rec_…``"""
    visit = visits.of(request)
    page, standing = await read(_asked, visit, request.match_info["rec"])
    record = page.record
    if record.id != request.match_info["rec"]:  # a shortened id has one permanent address, like any other
        raise web.HTTPSeeOther(visit.to("record", rec=record.id))
    if record.kind in OWN_PAGES and record.state in PLAIN_STATES and not record.newest:
        raise web.HTTPSeeOther(visit.to(OWN_PAGES[record.kind], rec=record.id))
    if record.can_declare and visit.session is not None:
        declaring = acts.form_of(visit, acts.DECLARE, standing.status.language, {})
        page = msgspec.structs.replace(page, declaring=declaring)
    page = msgspec.structs.replace(
        page, back=_came_from(request, visit), files=await files.shown(visit, record) if page.readable else ()
    )
    if record.files and visit.session is not None:
        await ask(visit.clerk.archive.ask_holders, record.id)
    return await render.page(request, "record.html", {"page": page}, standing=standing)


def _asked(visit: Visit, rec: str) -> tuple[RecordPage, render.Standing]:
    """All that is asked for the page, in one thread: going there and back costs more than most questions.

    What others wrote is laid out there, too: 64 kB of brackets take Markdown a second.
    """
    record, labels = visit.clerk.show(rec, visit.language), Labels(visit)
    usage = visit.clerk.usage(record.id) if record.kind in _used_kinds(labels) else None
    return _context(visit, labels, record, usage), render.standing_of(visit)


def _context(visit: Visit, labels: Labels, record: Record, usage: UsageAnswer | None) -> RecordPage:
    kind = labels.registry.get(record.kind)
    body = record.body
    lede: shown.Value | None = None
    prose: Lines = ()
    facts: Lines = ()
    links: Lines = ()
    if kind is not None:
        lede, prose = _texts(shown.lines(kind, body, visit.language, (Show.LEAD, Show.PROSE)), record.title)
        facts = shown.lines(kind, body, visit.language, (Show.FACT,))
        links = shown.lines(kind, body, visit.language, (Show.LINK,))
    options = labels.options(USAGE, "type")
    told_elsewhere = {"license", "based_on", "ack", kind.nature_field if kind else ""}
    return RecordPage(
        record=record,
        nature=labels.nature(record.kind, str(body.get(kind.nature_field, "")) if kind else ""),
        lede=lede,
        prose=prose,
        facts=tuple(line for line in facts if line.name not in told_elsewhere),
        links=tuple(line for line in links if line.name not in told_elsewhere),
        licence=_licence(visit, labels, record),
        usage=usage,
        types={option.code: option.shown.text(visit.language) for option in options},
        family=_family(labels, record),
        reasons=_reasons(labels, record),
        declaring=(),
        can_revise=record.mine and kind is not None and kind.revisable and record.state == "ok",
        can_derive=has_field(kind, "based_on") and record.state == "ok",
        back=None,
    )


def _texts(found: Sequence[shown.Line], title: str) -> tuple[shown.Value | None, tuple[shown.Line, ...]]:
    """(the lede, the rest): a short first paragraph stands below the title."""
    texts = [line for line in found if line.values and line.values[0].text != title]
    if not texts or not texts[0].values[0].text:
        return None, tuple(texts)
    first = texts[0].values[0]
    opening, rest = text.first_paragraph(first.text)
    if len(opening) > LEDE_LENGTH_MAX or leads_outside(opening):
        return None, tuple(texts)
    lede = shown.Value(text=plain(opening), language=first.language)
    if not rest:
        return lede, tuple(texts[1:])
    body = shown.Value(text=rest, language=first.language, prose=text.markdown(rest))
    return lede, (shown.Line(texts[0].name, "", (body,)), *texts[1:])


def _licence(visit: Visit, labels: Labels, record: Record) -> Help | None:
    if not has_field(labels.registry.get(record.kind), "license") or record.state not in PLAIN_STATES:
        return None
    given = str(record.body.get("license", ""))
    return Help(
        permission=licences.explain(given).text(visit.language),
        short=licences.short(given) if given else "",
        given=given,
        stated=licences.permission(given) != licences.Permission.NOT_STATED,
    )


def _used_kinds(labels: Labels) -> frozenset[str]:
    """Kinds whose records can be used: those that a declared usage may name."""
    field = labels.field(USAGE, "resource")
    return frozenset(field.type.kinds) if field is not None and isinstance(field.type, Ref) else frozenset()


def _reasons(labels: Labels, record: Record) -> dict[str, str]:
    """Codes of reasons that stand on this page, in words."""
    words = {flag.reason: labels.option("flag", "reason", flag.reason) for flag in record.flags}
    if record.withdrawn_reason:
        words[record.withdrawn_reason] = labels.option("withdrawal", "reason", record.withdrawn_reason)
    return words


def _family(labels: Labels, record: Record) -> FamilyTree | None:
    if not record.based_on and not record.derived:
        return None
    relatives = [_relative(labels, record.kind, parent, 0, 0) for parent in record.based_on]
    here = plots.Relative(record.title, record.org_name, min(1, len(relatives)), True, here=True)
    first = record.based_on[0] if record.based_on else None
    here = msgspec.structs.replace(here, parent=1 if first else 0, recognised=_recognised(first))
    relatives.append(Relative(here, language=record.title_language))
    place = len(relatives)
    relatives += [_relative(labels, record.kind, child, here.depth + 1, place) for child in record.derived]
    links = plots.tree([each.line for each in relatives])
    return FamilyTree(tuple(links), tuple(relatives))


def _recognised(parent: Parent | None) -> bool:
    return parent is None or parent.state == "recognised"


def _relative(labels: Labels, kind: str, parent: Parent, depth: int, hangs_from: int) -> Relative:
    relation = _relation(labels, kind, parent.relation)
    line = plots.Relative(
        title=text.one_line(parent.title or parent.uri),
        subtitle=text.one_line(parent.org_name or parent.uri),
        depth=depth,
        recognised=parent.state == "recognised",
        parent=hangs_from,
    )
    web_address = parent.uri if text.is_web_address(parent.uri) else ""
    return Relative(line, parent.id, web_address, parent.title_language, relation, parent)


def _relation(labels: Labels, kind: str, code: str) -> str:
    field = labels.field(kind, "based_on")
    if field is None or not isinstance(field.type, ListOf) or not isinstance(field.type.item, Members):
        return code
    relation = field.type.item.by_name.get("relation")
    return relation.type.text(code, labels.language) if relation is not None and code else code


def _came_from(request: web.Request, visit: Visit) -> tuple[str, str] | None:
    """The search this reader comes from, to go back to it."""
    try:
        parts = urlsplit(request.headers.get("Referer", ""))
    except ValueError:
        return None
    if parts.netloc != request.headers.get("Host") or parts.path != visit.to("search"):
        return None
    return f"{parts.path}?{parts.query}", parse_qs(parts.query).get("q", [""])[0][:80]


async def proof(request: web.Request) -> web.StreamResponse:
    """``/fr/fiche/rec_…/preuve``: the one page that speaks the words of the protocol."""
    visit = visits.of(request)
    record = await ask(visit.clerk.show, request.match_info["rec"], visit.language)
    return await render.page(request, "proof.html", {"page": record})


async def proof_file(request: web.Request) -> web.StreamResponse:
    """``/fr/fiche/rec_…/preuve/fichier``: the proof to take along; it asks neighbours, so for members."""
    visit = visits.of(request)
    visit.writer()
    proved = await ask(visit.clerk.prove, request.match_info["rec"])
    headers = {
        "Content-Disposition": f'attachment; filename="{proved.id}.tlog-proof"',
        "Cache-Control": "private, no-cache",
    }
    return web.Response(body=proved.proof.encode(), content_type="application/octet-stream", headers=headers)
