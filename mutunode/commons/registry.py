"""All kinds this node understands, as a value that is passed around.

A kind is found because its file lies in ``commons/kinds/`` (or in an extra folder) and holds a ``KIND``.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mutunode.commons import kinds
from mutunode.commons.kind import NATURE, Field, Kind, Problem, Words


class Registry(Mapping[str, Kind]):
    """Kinds by name, in alphabetical order."""

    def __init__(self, known: Sequence[Kind]) -> None:
        self._kinds: dict[str, Kind] = {}
        for kind in sorted(known, key=lambda kind: kind.name):
            if kind.name in self._kinds:
                raise ValueError(f"two kinds are named {kind.name!r}: rename one of them")
            self._kinds[kind.name] = kind

    def __getitem__(self, name: str) -> Kind:
        return self._kinds[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._kinds)

    def __len__(self) -> int:
        return len(self._kinds)

    @property
    def listed(self) -> tuple[Kind, ...]:
        """Kinds whose records are hits of their own in search."""
        return tuple(kind for kind in self.values() if kind.listed)

    def by_verb(self, verb: str) -> Kind | None:
        """The kind that a command of its own writes."""
        return next((kind for kind in self.values() if kind.verb and kind.verb == verb), None)

    def check(self, name: str, body: Any) -> list[Problem] | None:
        """What keeps a body from being understood; None for a kind unknown here."""
        kind = self.get(name)
        return None if kind is None else kind.check(body)

    def facet_text(self, name: str, code: str, language: str) -> str:
        """A facet's code in words, whichever kind it comes from; the code itself as a last resort."""
        if name == NATURE and code in self:
            return self[code].label.text(language)
        for declared in self._faceted(name):
            told = declared.type.facet_text(name, code, language)
            if told != code:
                return told
        return code

    def facet_labels(self) -> dict[str, Words]:
        """Facet → its heading, of all facets that records may give."""
        labels = {NATURE: Words("Nature", "Kind")}
        for kind in self.values():
            for declared in kind.all_fields:
                if declared.facet:
                    labels[declared.facet] = declared.facet_label
                    labels.update(declared.type.more_facets())
        return labels

    def _faceted(self, name: str) -> Iterator[Field]:
        """Fields that may give this facet; a field may give more than the one it is declared with."""
        for kind in self.values():
            for declared in kind.all_fields:
                if declared.facet and name in (declared.facet, *declared.type.more_facets()):
                    yield declared


def load(extra: Sequence[Path] = ()) -> Registry:
    """Every kind of ``commons/kinds/`` and of the extra folders."""
    found = [
        importlib.import_module(f"{kinds.__name__}.{module.name}").KIND
        for module in pkgutil.iter_modules(kinds.__path__)
    ]
    found += [_from_file(path) for folder in extra for path in sorted(folder.glob("[!_]*.py"))]
    return Registry(found)


def _from_file(path: Path) -> Kind:
    spec = importlib.util.spec_from_file_location(f"mutunode_extra_kind_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ValueError(f"{path} cannot be read as a Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    kind = getattr(module, "KIND", None)
    if not isinstance(kind, Kind):
        raise ValueError(f"{path} declares no KIND = Kind(…)")
    return kind
