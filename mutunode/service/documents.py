"""What the search index takes of a record: its kind says which texts and facets, the store what shows."""

from __future__ import annotations

from mutunode.commons import licences
from mutunode.commons.kind import NATURE
from mutunode.commons.languages import canonical
from mutunode.commons.registry import Registry
from mutunode.protocol.ids import org_text
from mutunode.service.things import things
from mutunode.store.interface import Reader, Stored
from mutunode.store.search.document import Document


class Documents:
    """Makes documents, and knows the names of organisations."""

    def __init__(self, registry: Registry, reader: Reader, language: str) -> None:
        self._registry = registry
        self._reader = reader
        self._language = language

    def document(self, stored: Stored) -> Document | None:
        """The document of a record, or None when a search must not find it."""
        kind = self._registry.get(stored.kind)
        hidden = stored.state != "ok" or stored.superseded_by is not None or stored.withdrawn_by is not None
        if kind is None or not kind.listed or hidden:
            return None
        body = stored.fields()
        if kind.check(body):
            return None
        title = kind.title(body)
        titles = list(title.items())
        texts = [each for each in kind.search_texts(body) if title.get(each[0]) != each[1]]
        facets = kind.facets(body)
        given = body.get("license")
        licence = given if isinstance(given, str) else ""
        return Document(
            rec=stored.rec,
            log=stored.log,
            index=stored.index,
            org=stored.org,
            space=stored.space,
            kind=stored.kind,
            nature=facets[NATURE][0],
            sense=str(kind.sense),
            time=stored.time,
            titles=titles,
            texts=texts,
            languages=_languages(facets, titles),
            license_class=str(licences.permission(licence)),
            license=licence,
            external=_external(body),
            things=things(body, title),
        )

    def name(self, org: bytes) -> str:
        """What an organisation is called, in all languages it says so."""
        profile = self._reader.current(org, "profile")
        names = profile.fields().get("name") if profile is not None else None
        found = self._reader.organisation(org)
        texts = [text for text in names.values() if isinstance(text, str)] if isinstance(names, dict) else []
        return " ".join(texts) or (found.name if found else "") or org_text(org)


def _languages(facets: dict[str, list[str]], titles: list[tuple[str, str]]) -> list[str]:
    """The languages a record is in: as its author says, else those of its title."""
    given = facets.get("language") or [language for language, _ in titles]
    return list(dict.fromkeys(tag for language in given if (tag := canonical(language).partition("-")[0])))


def _external(body: dict[str, object]) -> str | None:
    for name in ("external_ref", "url"):
        value = body.get(name)
        if isinstance(value, str) and value:
            return value
    return None
