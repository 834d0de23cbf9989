"""From a page's context to its HTML: one Jinja environment a language, everything escaped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, lru_cache, partial
from typing import Any

import aiohttp_jinja2
import jinja2
import msgspec
from aiohttp import web
from markupsafe import Markup

from mutunode.commons import languages, licences
from mutunode.commons.senses import LABELS, SHORT_LABELS, Sense
from mutunode.commons.values import times
from mutunode.service.shapes import Status
from mutunode.web import static_files, text
from mutunode.web import visit as visits
from mutunode.web.clerk import ask
from mutunode.web.i18n import Speech, speech
from mutunode.web.settings import LANGUAGES, Language

ENVIRONMENTS: dict[Language, web.AppKey[jinja2.Environment]] = {
    language: web.AppKey(f"templates_{language}", jinja2.Environment) for language in LANGUAGES
}

TEXTS_REMEMBERED = 2_048  # all of our templates' a language; a page of results shows forty
WARM = ("macros.html", "base.html", "card.html", "search.html", "values.html", "form.html", "record.html")


class Badge(msgspec.Struct, frozen=True):
    """The words of a sense in one language; ``about`` is empty where the name says all."""

    name: str
    about: str


class Standing(msgspec.Struct, frozen=True):
    """How the node does, and how much waits for who is in a session."""

    status: Status
    todo: int


class Frame(msgspec.Struct, frozen=True):
    """What stands around every page."""

    organisation: str
    language: str  # of the organisation's name
    todo: int
    notices: tuple[str, ...]
    read_only: bool
    read_only_reason: str


def set_up(app: web.Application) -> None:
    """Give the application its environments."""
    for language, key in ENVIRONMENTS.items():
        app[key] = _environment(language)


class _Compiled(jinja2.BytecodeCache):
    """Templates compiled once for all languages: what differs between these is asked while a page is made."""

    def __init__(self) -> None:
        self._held: dict[str, bytes] = {}

    def load_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
        """What was compiled for another language."""
        if bucket.key in self._held:
            bucket.bytecode_from_string(self._held[bucket.key])

    def dump_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
        """Remember it."""
        self._held[bucket.key] = bucket.bytecode_to_string()


_compiled = _Compiled()


def warm(name: str) -> None:
    """Compile one of ``WARM``, what everybody opens first; in a thread, before somebody waits for it."""
    for language in LANGUAGES:
        _environment(language).get_template(name)


@cache
def _environment(language: Language) -> jinja2.Environment:
    """One a process: templates are compiled once, whoever shows them."""
    environment = jinja2.Environment(
        autoescape=True,
        loader=jinja2.PackageLoader("mutunode.web", "templates"),
        extensions=["jinja2.ext.i18n"],
        undefined=jinja2.StrictUndefined,
        auto_reload=False,  # templates are part of the program
        bytecode_cache=_compiled,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    _teach(environment, speech(language))
    return environment


def _teach(environment: jinja2.Environment, words: Speech) -> None:
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        words.gettext, words.counted, newstyle=True, pgettext=words.pgettext, npgettext=words.npgettext
    )
    said = _remembering(words)
    environment.globals.update(gettext=said, _=said)
    environment.globals.update(
        speech=words,
        creators=creators,
        marked=text.marked,
        visible=text.visible,
        pick=partial(pick, words.language),
        senses=badges(words.language),
        static={name: file.address for name, file in static_files.files().items()},
    )
    environment.filters.update(
        line=text.one_line,
        markdown=text.markdown,
        number=words.number,
        date=words.date,
        moment=words.moment,
        size=words.size,
        code=code,
        licence=licences.short,
        names=words.names,
        language_name=words.language_name,
        slot=partial(slot_said, words.language),
        direction=languages.direction,
    )
    environment.tests["web_address"] = text.is_web_address


def _remembering(words: Speech) -> Callable[..., Markup]:
    """What Jinja makes of ``gettext`` for templates that escape, each text without variables made once."""

    @lru_cache(TEXTS_REMEMBERED)
    def plain(text: str) -> Markup:
        return _filled(text, {})

    def _filled(text: str, variables: Mapping[str, Any]) -> Markup:
        return Markup(words.gettext(text)) % variables  # noqa: S704 - of our templates; variables are escaped

    def said(text: str, /, **variables: Any) -> Markup:
        return _filled(text, variables) if variables else plain(text)

    return said


class Said(msgspec.Struct, frozen=True):
    """A text in the language it is in."""

    text: str
    language: str


def pick(reader: Language, texts: Mapping[str, str]) -> Said:
    """A text for a reader: in the reader's language if there is one."""
    return Said(*languages.pick(texts, reader, ()))


def slot_said(reader: Language, slot: Any) -> str:
    """From when to when, as people say it in the zone of the place."""
    start, end = times.seconds(slot.start), times.seconds(slot.end)
    return times.span_said(start or 0, end or 0, slot.tz, reader)


def creators(given: Any) -> str:
    """Who made a work, as it was written."""
    return ", ".join(str(each) for each in given) if isinstance(given, list) else str(given)


def code(literal: str) -> Markup:
    """Something to type as it stands."""
    return Markup("<code>{}</code>").format(literal)


def badges(language: Language) -> dict[str, Badge]:
    """The badge of every sense that has one."""
    return {
        sense.value: Badge(
            SHORT_LABELS[sense].text(language), LABELS[sense].text(language).partition(" · ")[2]
        )
        for sense in Sense
        if sense is not Sense.NONE
    }


async def page(
    request: web.Request,
    template: str,
    context: Mapping[str, Any],
    *,
    status: int = 200,
    standing: Standing | None = None,
) -> web.Response:
    """A whole page of the node; ``standing`` where it was asked together with what the page shows."""
    visit = visits.of(request)
    if standing is None:
        standing = await ask(standing_of, visit)
    frame = _frame(visit, standing)
    return plain_page(request, template, {**context, "frame": frame}, status=status)


def plain_page(
    request: web.Request, template: str, context: Mapping[str, Any], *, status: int = 200
) -> web.Response:
    """A page whose frame the caller knows (the first run has no organisation yet)."""
    visit = visits.of(request)
    other, address = visit.other_language(_query(request))
    response = aiohttp_jinja2.render_template(
        template,
        request,
        {"visit": visit, "other_language": other, "other_address": address, **context},
        app_key=ENVIRONMENTS[visit.language],
        status=status,
    )
    response.headers["Content-Language"] = visit.language
    response.headers["Cache-Control"] = "private, no-cache"  # back must find what was typed
    return response


def _query(request: web.Request) -> dict[str, list[str]]:
    return {name: request.query.getall(name) for name in request.query}


def standing_of(visit: visits.Visit) -> Standing:
    """What the frame tells of the node; to be asked in a thread."""
    waiting = visit.clerk.todo(visit.language).waiting if visit.session is not None else ()
    return Standing(visit.clerk.status(), len(waiting))


def _frame(visit: visits.Visit, standing: Standing) -> Frame:
    notices: tuple[str, ...] = ()
    if visit.session is not None:
        notices = tuple(visit.session.notices)
        visit.session.notices.clear()
    status = standing.status
    return Frame(
        organisation=status.name,
        language=status.language,
        todo=standing.todo,
        notices=notices,
        read_only=status.read_only,
        read_only_reason=status.read_only_reason.get(visit.language, ""),
    )
