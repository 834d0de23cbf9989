"""What codes are called: kinds, types, licences, languages, facets — all from the kinds' declarations."""

from __future__ import annotations

from collections.abc import Mapping

from mutunode.commons import languages, licences
from mutunode.commons.kind import NATURE, Choice, Field, Kind, Option
from mutunode.commons.registry import Registry
from mutunode.web.visit import Visit


class Labels:
    """The labels of one visit."""

    def __init__(self, visit: Visit) -> None:
        self._words = visit.speech
        self.registry: Registry = visit.clerk.registry()
        self.language = visit.language

    def kind(self, name: str) -> str:
        """The name of a kind; its code when this node does not know it."""
        kind = self.registry.get(name)
        return kind.label.text(self.language) if kind else name

    def nature(self, name: str, code: str) -> str:
        """« Logiciel » rather than « Ressource », where the record says so."""
        kind = self.registry.get(name)
        return kind.nature({kind.nature_field: code}).text(self.language) if kind else name

    def options(self, kind: str, field: str) -> tuple[Option, ...]:
        """The options of a field; none when this node does not know it."""
        found = self.field(kind, field)
        return found.type.options if found is not None and isinstance(found.type, Choice) else ()

    def option(self, kind: str, field: str, code: str) -> str:
        """One option as pages tell it; the code when it is unknown."""
        told = (
            option.shown.text(self.language) for option in self.options(kind, field) if option.code == code
        )
        return next(told, code)

    def field(self, kind: str, name: str) -> Field | None:
        """A field's declaration."""
        known = self.registry.get(kind)
        return known.by_name.get(name) if known else None

    def permission(self, license: str) -> str:
        """What a licence allows, in a few words that go on a sentence."""
        if not license:
            return ""
        words = licences.explain(license).text(self.language)
        return words[:1].lower() + words[1:]

    def facet(self, name: str, value: str, org_names: Mapping[str, str]) -> str:
        """A facet's value in words."""
        if name == "org":
            return org_names.get(value) or value
        if name == "kind":
            return self.registry.facet_text(NATURE, value, self.language)
        if name == "language":
            return languages.display_name(value, self.language)
        if name == "license" and value in list(licences.Permission):
            return licences.PERMISSIONS[licences.Permission(value)].text(self.language)
        return self.registry.facet_text(name, value, self.language)

    def facet_name(self, name: str) -> str:
        """The question a facet answers."""
        known = {
            "kind": self._words.gettext("Nature"),
            "license": self._words.gettext("What the licence allows"),
            "language": self._words.gettext("Language"),
            "org": self._words.gettext("Organisation"),
        }
        return known[name]


def has_field(kind: Kind | None, name: str) -> bool:
    """Whether records of a kind may have a field."""
    return kind is not None and name in kind.by_name
