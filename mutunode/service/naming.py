"""What a record is called and what it allows, for a reader."""

from __future__ import annotations

from mutunode.commons import licences
from mutunode.commons.languages import pick
from mutunode.commons.words import Words
from mutunode.protocol.sealed import KIND as SEALED
from mutunode.service.desk import Desk
from mutunode.store.interface import Stored

SEALED_LABEL = Words("Fiche scellée", "Sealed record")
ERASED = Words("%(kind)s : contenu effacé par son auteur", "%(kind)s: content erased by its author")


def title_of(desk: Desk, stored: Stored, reader_language: str) -> tuple[str, str]:
    """(title, its language): the record's own in the reader's language, else what kind of record it is."""
    kind = desk.registry.get(stored.kind)
    if kind is None:
        label = SEALED_LABEL.text(reader_language) if stored.kind == SEALED else stored.kind
    else:
        label = kind.label.text(reader_language)
    if stored.state == "erased":
        return ERASED.text(reader_language) % {"kind": label}, reader_language
    if kind is None:
        return label, reader_language if stored.kind == SEALED else ""
    body = stored.fields()
    if not body or kind.check(body):
        return kind.label.text(reader_language), reader_language
    languages = body.get("languages")
    authors = [tag for tag in languages if isinstance(tag, str)] if isinstance(languages, list) else []
    return pick(kind.title(body), reader_language, authors)


def licence_of(stored: Stored) -> str:
    """The licence of a record as its author gave it, in its standard spelling where there is one."""
    given = stored.fields().get("license")
    return licences.normalise(given) if isinstance(given, str) else ""
